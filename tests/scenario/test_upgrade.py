"""The provider is upgraded while requests are in flight: their records are of the release before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_provider.core.document import from_document, to_document
from cluster_provider.core.engine import EngineAction
from cluster_provider.core.state import OperationRecord, OwnerRecord
from tests.support.world import OTHER_NODES, World, failed

#: What releases before the ledger of calls stored, in the middle of a request.
STORED = json.loads(
    (Path(__file__).parents[1] / "support/documents/before_the_ledger.json").read_text(encoding="utf-8")
)
#: Fields of the work that the ledger took the place of.
REPLACED = {
    "attempts",
    "call",
    "fleet_calls",
    "deleted",
    "description",
    "described_at",
    "described_by",
    "not_described",
    "describe_failures",
}


def stopping(world: World) -> str:
    """An update was refused because nodes run, and the fleet is being stopped."""
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, ComputeFleetUpdatePolicy="StopAndRestart")
    assert [world.run_engine()["operation"] for _ in range(2)] == ["update", "stop-fleet"]
    return request


def failing(world: World) -> str:
    """One call to create the cluster failed, and one was throttled."""
    request = world.create()
    world.run_engine(failed("Internal", "no"))
    world.pass_time(60)
    world.run_engine(failed("Throttled", "slow"))
    return request


def describing(world: World) -> str:
    """The cluster is made, and could not be described."""
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine(failed("Internal", "no"))
    return request


STORIES: dict[str, Callable[[World], str]] = {
    "an update whose fleet is being stopped": stopping,
    "a create whose first calls failed": failing,
    "a create whose description failed": describing,
}


def upgraded(name: str) -> tuple[World, str]:
    """The world in the middle of a story, with the records that the release before would have left."""
    world = World()
    request = STORIES[name](world)
    world.store.put_documents(world.owner(), STORED[name]["owner"], STORED[name]["operation"])
    return world, request


@pytest.mark.parametrize("name", STORIES)
def test_what_an_earlier_release_stored_means_what_this_one_stores(name: str) -> None:
    world = World()
    request = STORIES[name](world)
    read = from_document(OperationRecord, STORED[name]["operation"])
    stored = world.store.load_operation(world.owner(), request)
    assert stored is not None
    for key, history in stored.progress.calls.items():
        earlier = read.progress.calls[key]
        for what in ("tries", "is_exhausted", "error", "found"):
            assert getattr(earlier, what) == getattr(history, what), (key, what)
        assert earlier.retry_at() == history.retry_at(), key
    assert read.progress.calls.keys() == stored.progress.calls.keys()


@pytest.mark.parametrize("name", STORIES)
def test_no_field_that_an_earlier_release_stored_is_lost(name: str) -> None:
    """A field is stored under the name that it always had, so an older provider reads it too."""

    def names(document: Any, path: str = "") -> set[str]:
        if isinstance(document, dict):
            inner = {found for key, value in document.items() for found in names(value, f"{path}.{key}")}
            return inner | {f"{path}.{key}" for key in document}
        if isinstance(document, list):
            return {found for value in document for found in names(value, f"{path}[]")}
        return set()

    for kind, part in ((OwnerRecord, "owner"), (OperationRecord, "operation")):
        document = STORED[name][part]
        if part == "operation":
            kept = {key: value for key, value in document["progress"].items() if key not in REPLACED}
            document = {**document, "progress": kept}
        again = to_document(from_document(kind, STORED[name][part]))
        assert names(document) <= names(again)


def test_an_update_whose_fleet_was_being_stopped_goes_on_after_an_upgrade() -> None:
    world, request = upgraded("an update whose fleet is being stopped")
    world.fleets["hpc"] = "STOPPED"
    world.pass_time(60)
    assert [world.run_engine()["operation"] for _ in range(2)] == ["stop-fleet", "update"]
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "start-fleet"
    world.fleets["hpc"] = "RUNNING"
    world.pass_time(60)
    while world.engines.calls:
        world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_tries_that_were_made_before_an_upgrade_count_after_it() -> None:
    world, request = upgraded("a create whose first calls failed")
    for _ in range(2):
        world.pass_time(120)
        assert world.run_engine(failed("Internal", "no"))["operation"] == "create"
    assert world.sink.answer(request)["Status"] == "FAILED"


def test_a_description_is_asked_for_again_after_an_upgrade() -> None:
    world, request = upgraded("a create whose description failed")
    assert not world.engines.calls
    world.pass_time(60)
    call = world.run_engine()
    assert (call["operation"], call["call_id"]) == (EngineAction.DESCRIBE, f"{request}-3")
    assert world.sink.answer(request)["Status"] == "SUCCESS"
