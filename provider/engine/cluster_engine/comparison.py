"""An update of a cluster that was made elsewhere: compared with what is stored, as far as it asks for it."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from cluster_engine import configuration, library, takeover
from cluster_engine.configuration import Configuration
from cluster_engine.gate import Gate
from cluster_engine.resemblance import resemble

#: What asks for it among the arguments of a call; none of the library's.
ARGUMENTS = ("resemble_stored", "refuse_removals")


@dataclass(frozen=True)
class Update:
    """An update that the library is to be called with.

    Args:
        cluster_name: The cluster.
        region: Its Region.
        arguments: As in docs/engine.md.
        gate: What guards the call.
        dryrun: Whether it is asked for only: nothing will be sent, so no fence ends it.
    """

    cluster_name: str
    region: str
    arguments: dict[str, Any]
    gate: Gate
    dryrun: bool = False


def compared(wanted: Configuration, update: Update, version: str) -> Configuration:
    """Returns the configuration that the library is called with: in the stored one's words, if that is asked.

    Args:
        wanted: The configuration as it was asked for.
        update: The update.
        version: The ParallelCluster version of both.

    Raises:
        EngineError: What is stored cannot be read; or ``UpdateRejected``, if nothing is to be lost and
            something would be.
    """
    resembles, removes_nothing = (update.arguments.get(name) for name in ARGUMENTS)
    if not (resembles or removes_nothing):
        return wanted
    text = library.stored_configuration(update.cluster_name, update.region, update.gate, dryrun=update.dryrun)
    stored = configuration.parse(text)
    if resembles:
        wanted = resemble(wanted, stored, version)
    if removes_nothing:
        takeover.refuse_losses(wanted, stored, version, partial(_try, update))
    return wanted


def _try(update: Update, wanted: Configuration) -> list[takeover.Detail]:
    """Asks the library for an update's changes, without force; its validators have their say later."""
    arguments = {"cluster_configuration": wanted, "suppress_validators": ["ALL"], "dryrun": True}
    answer = library.invoke("update", update.cluster_name, update.region, update.gate, **arguments)
    return list(answer.get("changeSet", []))
