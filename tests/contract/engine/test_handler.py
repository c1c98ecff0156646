"""The function as Lambda calls it."""

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from cluster_engine.contract import CallMalformedError, MisdirectedCallError
from cluster_engine.handler import handler, logger
from tests.contract.engine.conftest import VERSION, validator
from tests.support.cloudformation_api import Refusal

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("api")]

OURS = {"parallelcluster:version": VERSION}
FAR = "2999-01-01T00:00:00.000Z"


@dataclass
class Context:
    """What the engine reads of Lambda's context."""

    remaining_s: float = 600.0
    aws_request_id: str = "invocation-1"

    def get_remaining_time_in_millis(self):
        return int(self.remaining_s * 1000)


class Broken(Context):
    """A context that cannot say how much time there is."""

    def get_remaining_time_in_millis(self):
        raise RuntimeError("no time")


@pytest.fixture
def log():
    """What the function writes to its log, one JSON object a line."""
    written = io.StringIO()
    before = logger.registered_handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logger.registered_handler.setStream(before)


def test_it_returns_a_result_of_the_contract(engine, api):
    stack = api.add("hpc", tags=OURS)
    result = handler(engine.event("delete", stack_id=stack.stack_id, not_after=FAR), Context())
    validator("result").validate(result)
    assert (result["call_id"], result["status"], stack.status) == ("call-1", "succeeded", "DELETE_COMPLETE")


def test_the_fence_is_judged_by_the_clock_of_the_function(engine, api):
    stack = api.add("hpc", tags=OURS)
    event = engine.event("delete", stack_id=stack.stack_id, not_after="2000-01-01T00:00:00.000Z")
    assert handler(event, Context())["error"]["code"] == "Fenced"


def test_throttling_is_not_waited_for_when_the_invocation_is_about_to_end(engine, api):
    api.arrange("DescribeStacks", Refusal("Throttling", "Rate exceeded"))
    result = handler(engine.event("describe", stack_id="arn:any"), Context(remaining_s=15))
    assert result["error"]["code"] == "Throttled"


def test_a_call_that_aws_denied_names_what_was_denied(engine, api):
    stack = api.add("hpc", tags=OURS)
    api.arrange("DeleteStack", Refusal("AccessDenied", "User is not authorized", 403))
    result = handler(engine.event("delete", stack_id=stack.stack_id, not_after=FAR), Context())
    validator("result").validate(result)
    assert result["error"]["denied"] == ["cloudformation:DeleteStack"]


def test_an_event_that_is_no_call_leaves_the_handler():
    with pytest.raises(CallMalformedError):
        handler({"RequestType": "Create"}, Context())


def test_a_call_for_an_engine_of_another_version_leaves_the_handler_and_does_nothing(engine, api):
    stack = api.add("hpc", tags=OURS)
    event = engine.event("delete", stack_id=stack.stack_id, not_after=FAR, version="3.5.0")
    with pytest.raises(MisdirectedCallError, match=f"this engine is {VERSION}, and the call is for 3.5.0"):
        handler(event, Context())
    assert api.requests == []
    handler(event | {"version": VERSION}, Context())
    assert stack.status == "DELETE_COMPLETE"


def test_every_line_of_the_log_names_the_call_and_none_repeats_configuration_or_tags(
    engine, configuration, log
):
    needle = "needle-in-a-haystack"
    configuration["Tags"] = [{"Key": "project", "Value": needle}]
    tags = {"configuration_tags": {"other": needle}, "stack_tags": {"owner": needle}}
    assert handler(engine.event("create", configuration, not_after=FAR, **tags), Context())["sent"]
    assert {line["name"] for line in log()} >= {"engine", "pcluster.models.cluster"}
    names = ("request_id", "call_id", "operation", "cluster_name", "logical_id", "invocation_id")
    assert {tuple(line[name] for name in names) for line in log()} == {
        ("request-1", "call-1", "create", "hpc", "Cluster", "invocation-1")
    }
    assert needle not in json.dumps(log())


def test_a_call_that_ends_in_an_exception_names_itself_once_more(engine, log):
    with pytest.raises(RuntimeError, match="no time"):
        handler(engine.event("describe", stack_id="arn:any"), Broken())
    (failed,) = [line for line in log() if line["level"] == "ERROR"]
    assert failed["exception_name"] == "RuntimeError"
    assert (failed["request_id"], failed["call_id"]) == ("request-1", "call-1")


def test_a_second_call_logs_nothing_of_the_first(engine, log):
    handler(engine.event("describe", cluster_name="first", stack_id="arn:any"), Context())
    lines_of_the_first = len(log())
    handler(engine.event("describe", cluster_name="second", call_id="call-2", stack_id="arn:any"), Context())
    second = json.dumps(log()[lines_of_the_first:])
    assert "second" in second
    assert "first" not in second


def test_on_lambda_libraries_write_into_the_same_log_and_nothing_is_said_twice():
    says = """
import logging, warnings
from cluster_engine.handler import logger
logger.append_keys(request_id="request-1")
for name in ("engine", "pcluster.models", "cluster_engine.gate", "botocore.retries"):
    logging.getLogger(name).warning(name)
warnings.warn("old")
"""
    environment = {
        **os.environ,
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    run = subprocess.run(
        [sys.executable, "-c", says], capture_output=True, text=True, check=True, env=environment
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    said = [line["message"] for line in lines]
    assert said[:4] == ["engine", "pcluster.models", "cluster_engine.gate", "botocore.retries"]
    assert len(said) == 5
    assert {line["request_id"] for line in lines} == {"request-1"}
