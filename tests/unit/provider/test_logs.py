"""Every line says what it is about, whatever woke the provider and whichever module writes the line."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster_provider.core.errors import DeliveryFailed, NotAccepted
from cluster_provider.logs import logger
from tests.support.world import PARENT, World, failed

Lines = Callable[[], list[dict[str, Any]]]

OWNER = {"stack_id": PARENT, "logical_id": "Cluster"}


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Takes the lines that were written since it was last asked."""
    (handler,) = logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(io.StringIO())

    def take() -> list[dict[str, Any]]:
        written = handler.setStream(io.StringIO())
        assert isinstance(written, io.StringIO)
        return [json.loads(line) for line in written.getvalue().splitlines()]

    yield take
    handler.setStream(before or io.StringIO())


def about(line: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: line.get(name) for name in names}


def test_every_way_of_waking_names_the_request_its_owner_and_the_cluster(lines: Lines) -> None:
    world = World()
    ways = {
        "request": world.create,
        "sweep": lambda: world.pass_time(60),
        "engine end": world.run_engine,
        "stack event": lambda: world.settle("hpc", "CREATE_COMPLETE"),
    }
    for way, wake in ways.items():
        wake()
        written = lines()
        assert "step" in {line["message"] for line in written}
        for line in written:
            assert about(line, "request_id", "request_type", "cluster_name", *OWNER) == {
                "request_id": "request-1",
                "request_type": "Create" if line["message"] != "engine ended" else None,
                "cluster_name": "hpc",
                **OWNER,
            }
            assert line["wake_up"] == way
            assert line["invocation_id"].startswith("invocation-")


def test_an_engines_end_names_its_call(lines: Lines) -> None:
    world = World()
    world.create()
    call = world.run_engine(failed("Throttled", "slow down"))
    (ended,) = [line for line in lines() if line["message"] == "engine ended"]
    assert about(ended, "call_id", "request_id", "status", "code") == {
        "call_id": call["call_id"],
        "request_id": "request-1",
        "status": "failed",
        "code": "Throttled",
    }


def test_a_sweep_names_each_owner_it_wakes_and_none_afterwards(lines: Lines) -> None:
    world = World()
    world.create()
    world.engines.refuse_next(NotAccepted("TooManyRequestsException", passing=True))
    world.create(logical_id="Second")
    lines()
    world.pass_time(60)
    written = lines()
    assert {line["logical_id"] for line in written if line["message"] == "step"} == {"Cluster", "Second"}
    world.sweep()
    assert [line for line in lines() if "logical_id" in line and line["message"] != "step"] == []


def test_a_failure_says_whose_it_was(lines: Lines) -> None:
    world = World()
    world.create()
    world.sink.refuse_next(DeliveryFailed("503"))
    with pytest.raises(DeliveryFailed):
        world.run_engine(failed("ClusterRejected", "refused"))
    written = lines()
    (failure,) = [line for line in written if line["message"] == "the event could not be handled"]
    assert failure["exception_name"] == "DeliveryFailed"
    assert about(failure, "request_id", "cluster_name", *OWNER) == {
        "request_id": "request-1",
        "cluster_name": "hpc",
        **OWNER,
    }


def test_the_next_invocation_inherits_no_name(lines: Lines) -> None:
    world = World()
    world.create()
    lines()
    with pytest.raises(ValueError, match="not an event"):
        world.deliver({"what": "is this"})
    (line,) = lines()
    assert {"request_id", "stack_id", "logical_id", "cluster_name", "wake_up"}.isdisjoint(line)
    assert line["invocation_id"] == "invocation-2"


def test_a_malformed_request_is_named_by_what_it_says_of_itself(lines: Lines) -> None:
    world = World()
    world.deliver(world.event("Create", ResourceProperties=["x"]))
    (answered,) = [line for line in lines() if line["message"] == "answered"]
    assert about(answered, "request_id", "code", *OWNER) == {
        "request_id": "request-1",
        "code": "MalformedRequest",
        **OWNER,
    }


def test_what_libraries_say_is_masked_and_named_like_our_own_lines_and_nothing_is_said_twice() -> None:
    says = """
import logging, warnings
from cluster_provider.logs import begin_invocation, logger, route_library_logs
route_library_logs()
begin_invocation("invocation-1")
logging.getLogger("botocore.retries").warning("https://u?X-Amz-Signature=s3cr3t")
logging.getLogger("cluster_provider.reconciler").warning("our own")
warnings.warn("old")
"""
    run = subprocess.run(
        [sys.executable, "-c", says], capture_output=True, text=True, check=True, env=_environment()
    )
    written = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["message"] for line in written][:2] == ["https://u?X-Amz-Signature=***", "our own"]
    assert "UserWarning: old" in written[2]["message"]
    assert [line["invocation_id"] for line in written] == ["invocation-1"] * 3
    assert run.stderr == ""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
