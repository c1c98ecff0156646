"""Lambda stops a chain of invocations that it takes for a loop; provider and engine stay below its limit.

Lambda counts how often a function is invoked in one chain and stops the chain at about sixteen. The provider
starts the engine, whose end invokes the provider: both are in one chain until a request, a stack's event or
the sweep begins another. Every end that an engine call can have is tried here, in every order.
"""

import logging
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from cluster_provider.core.consent import ALLOW
from tests.support.world import (
    CONFIGURATION,
    FLEET_RUNS,
    IMAGE_TYPE,
    OTHER_NODES,
    World,
    failed,
    image_properties,
    properties,
)

#: Source: AWS Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite loops".
LAMBDA_STOPS_AT = 16

#: The longest chain, in invocations of the provider: an update whose fleet is stopped three times, because
#: a user starts it each time; then the fleet's start, and the description for the answer.
LONGEST = 10

#: Longer than the pause between two tries of a call, so that a try never waits for the sweep.
CALL_S = 31

INFORMATION_TYPE = "Custom::PclusterClusterInfo"
STOP = {"ComputeFleetUpdatePolicy": "StopAndRestart"}
NEW = {**CONFIGURATION, "Tags": []}

#: What stacks and fleets come to before the engine reports, where no event says so.
GOOD = {
    "CREATE_IN_PROGRESS": "CREATE_COMPLETE",
    "UPDATE_IN_PROGRESS": "UPDATE_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_COMPLETE",
}
BAD = {
    "CREATE_IN_PROGRESS": "ROLLBACK_COMPLETE",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}
ARRIVED = {"STOP_REQUESTED": "STOPPED", "START_REQUESTED": "RUNNING"}


class QuickWorld(World):
    """A world whose stacks and fleets may arrive before the engine reports."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[str, str] = {}

    def copied(self) -> "QuickWorld":
        """Another world in the same state; the counters of names are shared, so no two names are alike."""
        rebuilt = {"ports", "provider"}
        state = {name: value for name, value in vars(self).items() if name not in rebuilt}
        counters = {name: state.pop(name) for name in list(state) if isinstance(state[name], count)}
        copy = QuickWorld()
        vars(copy).update(deepcopy(state) | counters)
        copy.choose(ALLOW)
        return copy

    def _work(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        outcome = super()._work(version, call)
        for fact in list(self.stacks.facts.values()):
            if end := self.ends.get(fact.stack.status):
                self.stacks.declare(replace(fact.stack, status=end), at=self.clock.now())
        if self.ends and "fleet_status" in outcome:
            outcome["fleet_status"] = ARRIVED.get(outcome["fleet_status"], outcome["fleet_status"])
            self.fleets[call["cluster_name"]] = outcome["fleet_status"]
        return outcome


@dataclass(frozen=True)
class End:
    """How an engine call ends.

    Args:
        name: As a report shows it.
        result: The result in place of the work's own, if there is one.
        ends: What statuses of stacks have become by then.
    """

    name: str
    result: dict[str, Any] | None
    ends: dict[str, str]

    def __call__(self, world: QuickWorld) -> None:
        """Brings the oldest call to this end."""
        world.clock.advance(CALL_S)
        world.ends = self.ends
        world.run_engine(self.result)


WORKS = (
    End("works", None, {}),
    End("works, and its stack is done", None, GOOD),
    End("works, and its stack has failed", None, BAD),
)
#: The errors of docs/reference/engine.md, one for each way in which the provider takes them.
ERRORS = tuple(
    End(code, failed(code, "because"), {})
    for code in (
        "ClusterRejected",
        "UpdateRejected",
        "NoChanges",
        "AlreadyExists",
        "NotFound",
        "VersionMismatch",
        "OtherOwner",
        "Throttled",
        "Internal",
    )
)
RUNS = End(
    "is refused as the fleet runs",
    failed("UpdateRejected", "because", details=[FLEET_RUNS]) | {"fleet_status": "RUNNING"},
    {},
)


def create(world: World) -> None:
    world.create()


def update(world: World) -> None:
    world.made()
    world.update(ClusterConfiguration=NEW)


def replace_cluster(world: World) -> None:
    world.made()
    world.update(ClusterName="other", ClusterNameUpdatePolicy="Replace")


def delete(world: World) -> None:
    world.made()
    world.delete()


def delete_at_once(world: World) -> None:
    world.create()
    world.delete()


def create_after_a_failure(world: World) -> None:
    world.create()
    world.run_engine()
    world.settle("hpc", "ROLLBACK_COMPLETE")
    world.create()


def build_image(world: World) -> None:
    world.create(ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())


def delete_image(world: World) -> None:
    build_image(world)
    world.run_engine()
    world.amis["image"] = dict(world.cluster("image").tags)
    world.settle("image", "DELETE_COMPLETE")
    world.run_engine()
    world.delete("image", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())


def ask(world: World) -> None:
    world.create(ResourceType=INFORMATION_TYPE, ResourceProperties={"ServiceToken": "token"})


def adopt_with_a_stop(world: World) -> None:
    world.foreign()
    wanted = {"AdoptExisting": "true", "ClusterConfiguration": OTHER_NODES, "DeletionPolicy": "Delete"}
    world.create(ResourceProperties=properties(**wanted, **STOP))


def update_with_a_stop(world: World) -> None:
    world.made()
    world.update(ClusterConfiguration=OTHER_NODES, **STOP)


Begin = Callable[[World], None]


def chains(begin: Begin, possible: tuple[End, ...]) -> Iterator[tuple[int, str]]:
    """Yields how often each chain that a request begins invokes the provider, and how its calls end."""
    world = QuickWorld()
    begin(world)
    yield from _continued(world, possible, ())


def _continued(
    world: QuickWorld, possible: tuple[End, ...], taken: tuple[End, ...]
) -> Iterator[tuple[int, str]]:
    invocations = 1 + len(taken)
    if invocations > LAMBDA_STOPS_AT or not world.engines.calls:
        yield invocations, ", ".join(end.name for end in taken)
        return
    for end in possible:
        branch = world.copied()
        end(branch)
        yield from _continued(branch, possible, (*taken, end))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    "begin",
    [
        create,
        update,
        replace_cluster,
        delete,
        delete_at_once,
        create_after_a_failure,
        build_image,
        delete_image,
        ask,
    ],
    ids=lambda begin: begin.__name__,
)
def test_a_request_about_no_fleet_is_answered_or_waits_after_few_invocations(begin: Begin) -> None:
    longest, ends = max(chains(begin, (*WORKS, *ERRORS, RUNS)))
    assert 2 <= longest <= LONGEST // 2, ends


@pytest.mark.parametrize("begin", [adopt_with_a_stop, update_with_a_stop], ids=lambda begin: begin.__name__)
def test_no_chain_reaches_what_lambda_takes_for_a_loop(begin: Begin) -> None:
    # The other errors end the request, and so the chain, or are tried again as Internal is; a fleet that has
    # not arrived is waited for.
    longest, ends = max(chains(begin, (*WORKS[1:], ERRORS[-1], RUNS)))
    assert longest == LONGEST, ends
    assert longest < LAMBDA_STOPS_AT
