"""What is judged before the library is asked: bounds, and an update against the stored configuration."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from cluster_engine import adoption, configuration, library
from cluster_engine.configuration import Configuration
from cluster_engine.gate import Gate

#: The arguments of a call that ask for the comparison. The library does not know them.
ARGUMENTS = ("resemble_stored", "refuse_removals")
#: The argument with the bounds of a cluster. The library does not know it either.
BOUNDS = "budget"


@dataclass(frozen=True)
class Update:
    """An update for the library, or a create, which has the same arguments.

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
    stored = _stored(update)
    if writes_as_stored:
        wanted = adoption.write_as_stored(wanted, stored, version)
    if removes_nothing:
        adoption.refuse_removals(wanted, stored, version, partial(_try, update))
    return wanted


def refuse_beyond_bounds(wanted: Configuration, change: Update, *, makes: bool) -> None:
    """Refuses a configuration beyond the bounds of a call, if the call has any.

    Args:
        wanted: The wanted configuration.
        change: The create or the update.
        makes: Whether it is a create.

    Raises:
        EngineError: ``BudgetExceeded``, or the stored configuration cannot be read.
    """
    bounds = change.arguments.get(BOUNDS)
    if bounds is None:
        return
    from cluster_engine import budget  # noqa: PLC0415 - calls without bounds need neither prices nor arithmetic

    budget.refuse_beyond(bounds, wanted, change.region, None if makes else partial(_stored, change))


def _stored(update: Update) -> Configuration:
    text = library.stored_configuration(update.cluster_name, update.region, update.gate, dryrun=update.dryrun)
    stored: Configuration = configuration.parse(text)
    return stored


def _try(update: Update, wanted: Configuration) -> list[adoption.Detail]:
    """Asks the library for an update's changes, without force and without validators, which run later."""
    arguments = {"cluster_configuration": wanted, "suppress_validators": ["ALL"], "dryrun": True}
    answer = library.invoke("update", update.cluster_name, update.region, update.gate, **arguments)
    return list(answer.get("changeSet", []))
