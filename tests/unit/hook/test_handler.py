"""The hook's calls: the first starts the plan, each looks for its outcome, and the last one answers."""

import io
import json
from types import SimpleNamespace

import pytest

from cluster_hook import handler
from cluster_hook.payload import PayloadError
from tests.unit.hook.test_clusters import TEMPLATE, TOKEN, change, properties
from tests.unit.hook.test_events import event

CONTEXT = SimpleNamespace(
    invoked_function_arn="arn:hook", function_name="hook", aws_request_id="request", function_version="1"
)
PAYLOAD = {"template": "", "changedResources": [change(after=properties())]}


class Aws:
    """The table, and Lambda, which runs the asynchronous invocation when a test wants it."""

    def __init__(self):
        self.items, self.started, self.answer = {}, [], {}

    def get_item(self, **request):
        assert request["ConsistentRead"]
        item = self.items.get(request["Key"]["id"]["S"])
        return {"Item": item} if item else {}

    def put_item(self, **request):
        self.items[request["Item"]["id"]["S"]] = request["Item"]

    def get_function_configuration(self, **request):
        assert request == {"FunctionName": TOKEN}
        return {"FunctionName": "provider", "Environment": {"Variables": {"ENGINES": "3=arn:engine"}}}

    def invoke(self, **request):
        if request.get("InvocationType") == "Event":
            assert request["FunctionName"] == "arn:hook"
            self.started.append(json.loads(request["Payload"]))
            return {}
        return {**self.answer, "Payload": io.BytesIO(b'{"version": "3.16.1"}')}


@pytest.fixture
def aws(monkeypatch):
    found = Aws()
    for name in ("_table", "_lambda"):
        monkeypatch.setattr(handler, name, lambda: found)
    monkeypatch.setattr(handler, "_cloudformation", lambda: None)
    monkeypatch.setattr(handler, "fetch", lambda _: PAYLOAD)
    monkeypatch.setattr(handler, "WAIT_S", 0)
    settings = {
        "SERVICE_TOKEN": TOKEN,
        "TABLE": "t",
        "DRY_RUN": "arn:a:b:c:d:function:dry",
        "PCLUSTER_VERSION": "3",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return found


def again(answer, call):
    context = {"invocation": call, "callbackContext": answer["callbackContext"]}
    return handler.handler(event(requestContext=context), CONTEXT)


def test_the_outcome_is_collected_by_a_later_call(aws, monkeypatch):
    first = handler.handler(event(), CONTEXT)
    assert first["hookStatus"] == "IN_PROGRESS"
    (work,) = aws.started
    assert work == {"plan_id": first["callbackContext"], "event": event()}
    monkeypatch.setattr(handler.Judge, "plan", lambda *_: [])
    assert handler.handler(work, CONTEXT) == {}

    second = again(first, 2)
    assert (second["hookStatus"], second["message"]) == ("SUCCESS", "Plan: no cluster changes.")
    assert len(aws.started) == 1


@pytest.mark.usefixtures("aws")
def test_the_third_call_answers_in_any_case():
    first = handler.handler(event(), CONTEXT)
    assert again(first, 2)["hookStatus"] == "IN_PROGRESS"
    last = again(first, 3)
    assert (last["hookStatus"], last["errorCode"]) == ("FAILED", "InternalFailure")
    assert "the log of function hook has more" in last["message"]


@pytest.mark.parametrize(
    ("payload", "changes"),
    [
        ({"changedResources": []}, {}),
        (PAYLOAD, {"actionInvocationPoint": "DELETE_PRE_PROVISION"}),
        ({"template": '{"Resources": {}}', "previousTemplate": None}, event("STACK")),
        ({"template": TEMPLATE}, {**event("STACK"), "changeSetId": "arn:change"}),
    ],
)
def test_what_concerns_no_cluster_is_answered_at_once(aws, monkeypatch, payload, changes):
    monkeypatch.setattr(handler, "fetch", lambda _: payload)
    answer = handler.handler({**event(), **changes}, CONTEXT)
    assert (answer["hookStatus"], answer["message"]) == (
        "SUCCESS",
        "No cluster of ParallelCluster is concerned.",
    )
    assert aws.started == []


@pytest.mark.usefixtures("aws")
def test_a_removed_cluster_of_a_stack_is_a_reason_to_plan(monkeypatch):
    monkeypatch.setattr(handler, "fetch", lambda _: {"template": "{}", "previousTemplate": TEMPLATE})
    assert handler.handler(event("STACK"), CONTEXT)["hookStatus"] == "IN_PROGRESS"


@pytest.mark.usefixtures("aws")
def test_bad_input_is_one_clear_message(monkeypatch):
    answer = handler.handler(event(stackId=""), CONTEXT)
    assert answer["errorCode"] == "InternalFailure"
    assert answer["message"] == (
        "The clusters were not planned: stackId is missing; CloudFormation Hooks sends a text."
    )

    def fail(_):
        raise PayloadError("the payload is not JSON")

    monkeypatch.setattr(handler, "fetch", fail)
    answer = handler.handler(event(), CONTEXT)
    assert answer["message"] == "The clusters were not planned: the payload is not JSON."


def test_an_unexpected_error_is_logged_and_not_shown(aws, monkeypatch):
    first = handler.handler(event(), CONTEXT)

    def fail(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(handler.Judge, "plan", fail)
    handler.handler(aws.started[0], CONTEXT)
    answer = again(first, 2)
    assert answer["errorCode"] == "InternalFailure"
    assert "request request" in answer["message"]
    assert "secret" not in answer["message"]


def test_an_unexpected_error_of_a_call_is_not_shown_either(aws, monkeypatch):
    def fail(**_):
        raise RuntimeError("secret")

    monkeypatch.setattr(aws, "invoke", fail)
    answer = handler.handler(event(), CONTEXT)
    assert (answer["errorCode"], answer["clientRequestToken"]) == ("InternalFailure", "token")
    assert "secret" not in answer["message"]


def test_a_dry_run_that_dies_is_named(aws):
    aws.answer = {"FunctionError": "Unhandled"}
    with pytest.raises(handler.DryRunError) as died:
        handler.ask({"cluster_name": "hpc"})
    assert str(died.value) == (
        "the dry run of cluster hpc ended without an answer; the log of function dry has the reason"
    )
