"""An update of an adopted cluster: compared with the stored configuration if the call asks for it."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from cluster_engine import adoption, configuration, library
from cluster_engine.configuration import Configuration
from cluster_engine.gate import Gate

#: The arguments of a call that ask for the comparison. The library does not know them.
ARGUMENTS = ("resemble_stored", "refuse_removals")


@dataclass(frozen=True)
class Update:
    """An update for the library.

    Args:
        cluster_name: The cluster.
        region: Its Region.
        arguments: As in docs/reference/engine.md.
        gate: Guards the call.
        dryrun: Whether this is a dry run. It changes nothing, so the fence does not end it.
    """

    cluster_name: str
    region: str
    arguments: dict[str, Any]
    gate: Gate
    dryrun: bool = False


def prepare(wanted: Configuration, update: Update, version: str) -> Configuration:
    """Returns the configuration for the library: the wanted one, compared if the call asks for it.

    Args:
        wanted: The wanted configuration.
        update: The update.
        version: The ParallelCluster version of both configurations.

    Raises:
        EngineError: The stored configuration cannot be read, or ``UpdateRejected`` because the update would
            remove something and may not.
    """
    writes_as_stored, removes_nothing = (update.arguments.get(name) for name in ARGUMENTS)
    if not (writes_as_stored or removes_nothing):
        return wanted
    text = library.stored_configuration(update.cluster_name, update.region, update.gate, dryrun=update.dryrun)
    stored = configuration.parse(text)
    if writes_as_stored:
        wanted = adoption.write_as_stored(wanted, stored, version)
    if removes_nothing:
        adoption.refuse_removals(wanted, stored, version, partial(_try, update))
    return wanted


def _try(update: Update, wanted: Configuration) -> list[adoption.Detail]:
    """Asks the library for an update's changes, without force and without validators, which run later."""
    arguments = {"cluster_configuration": wanted, "suppress_validators": ["ALL"], "dryrun": True}
    answer = library.invoke("update", update.cluster_name, update.region, update.gate, **arguments)
    return list(answer.get("changeSet", []))
