"""Calls of Hooks are read in the form that its user guide has; everything else is refused in one sentence."""

import pytest

from cluster_hook.events import EventError, HookEvent

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/1"


def event(target="CHANGE_SET", **more):
    return {
        "clientRequestToken": "token",
        "awsAccountId": "123456789012",
        "stackId": STACK,
        "changeSetId": None,
        "hookTypeName": "Pcluster::Clusters::Plan",
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {
            "targetName": target,
            "targetType": target,
            "targetLogicalId": "hpc",
            "payload": "https://s3.us-east-1.amazonaws.com/x",
        },
        "requestContext": {"invocation": 1, "callbackContext": None},
        **more,
    }


def test_a_call_is_read():
    call = HookEvent.parse(event(changeSetId="arn:change"))
    assert call == HookEvent(
        token="token",
        stack_id=STACK,
        change_set_id="arn:change",
        target="CHANGE_SET",
        is_deletion=False,
        payload_url="https://s3.us-east-1.amazonaws.com/x",
        call=1,
        plan_id="",
    )


def test_a_later_call_brings_what_the_first_has_kept():
    call = HookEvent.parse(event("STACK", requestContext={"invocation": 2, "callbackContext": "id"}))
    assert (call.target, call.call, call.plan_id) == ("STACK", 2, "id")


def test_a_deletion_is_told_apart():
    assert HookEvent.parse(event(actionInvocationPoint="DELETE_PRE_PROVISION")).is_deletion


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"requestData": None}, "requestData/targetType is missing"),
        ({"requestData": "text"}, "requestData must be an object"),
        ({"requestData": {"targetType": "AWS::S3::Bucket"}}, "correct the hook's TargetOperations"),
        ({"requestData": {"targetType": "STACK"}}, "requestData/payload is missing"),
        ({"stackId": ""}, "stackId is missing"),
        ({"requestContext": {"invocation": "1"}}, "requestContext/invocation is '1'"),
    ],
)
def test_an_event_of_another_form_is_refused_with_its_place(changes, said):
    with pytest.raises(EventError, match=said):
        HookEvent.parse(event(**changes))
