"""Lambda Hooks on change sets and stacks: what they are given, and what their answers do."""

import json
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from localcloud import cloudformation
from localcloud.clock import clock
from localcloud.cloudformation.hooks import _includes
from tests.support import responses

ROLE = "arn:aws:iam::123456789012:role/hook"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"
ALIAS = "Private::Test::Hook"
HOOK = {
    "Alias": ALIAS,
    "ExecutionRole": ROLE,
    "FailureMode": "FAIL",
    "HookStatus": "ENABLED",
    "LambdaFunction": FUNCTION,
    "TargetOperations": ["CHANGE_SET", "STACK"],
    # Its own stack is deleted without it.
    "TargetFilters": {"Actions": ["CREATE", "UPDATE"]},
}
BLOCKED = f"The following hook(s) failed: [{ALIAS}]"


def body(**timeouts):
    return json.dumps(
        {
            "Resources": {
                name: {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": t}}
                for name, t in timeouts.items()
            }
        }
    )


@pytest.fixture
def activate(cloud):
    """Activates a hook that differs from ``HOOK`` in some properties."""

    def run(**changes):
        hook = {"Type": "AWS::CloudFormation::LambdaHook", "Properties": {**HOOK, **changes}}
        outputs = {"Arn": {"Value": {"Ref": "Hook"}}}
        cloud.created("hooks", {"Resources": {"Hook": hook}, "Outputs": outputs})
        return cloud.outputs("hooks")["Arn"]

    return run


def propose(cloud, kind="CREATE", **timeouts):
    return cloud.cfn.create_change_set(
        StackName="one", ChangeSetName="change", ChangeSetType=kind, TemplateBody=body(**timeouts)
    )["Id"]


def described(cloud, change_set):
    found = cloud.cfn.describe_change_set(ChangeSetName=change_set)
    return found["Status"], found["ExecutionStatus"], found.get("StatusReason")


def ended(cloud, until, change_set):
    until(lambda: described(cloud, change_set)[0] != "CREATE_IN_PROGRESS")
    return described(cloud, change_set)


def results(cloud, change_set):
    return cloud.cfn.list_hook_results(TargetType="CHANGE_SET", TargetId=change_set)["HookResults"]


def fetch(url):
    address, ca_file = cloudformation.responses_address(), cloudformation.names().ca_file
    return responses.get(url, address=address, ca_file=ca_file)


def fetched(url):
    status, content = fetch(url)
    assert status == 200
    return json.loads(content)


def test_a_hook_is_given_the_template_and_the_changes_of_a_change_set(cloud, functions, until, activate):
    arn = activate()
    assert arn == "arn:aws:cloudformation:us-east-1:123456789012:type/hook/Private-Test-Hook"
    change_set = propose(cloud, A=1)
    assert described(cloud, change_set)[:2] == ("CREATE_IN_PROGRESS", "UNAVAILABLE")

    event, answer = functions.next_call()

    request = event.pop("requestData")
    payload = fetched(request.pop("payload"))
    assert request == {"targetName": "CHANGE_SET", "targetType": "CHANGE_SET", "targetLogicalId": change_set}
    assert event == {
        "clientRequestToken": event["clientRequestToken"],
        "awsAccountId": "123456789012",
        "stackId": cloud.stack("one")["StackId"],
        "changeSetId": change_set,
        "hookTypeName": ALIAS,
        "hookTypeVersion": "00000001",
        "hookModel": {"LambdaFunction": FUNCTION},
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestContext": {"invocation": 1, "callbackContext": None},
    }
    assert payload["template"] == body(A=1)
    (change,) = payload["changedResources"]
    assert (change["logicalResourceId"], change["action"], change["beforeContext"]) == ("A", "CREATE", None)
    assert json.loads(change["afterContext"]) == {"Properties": {"VisibilityTimeout": "1"}}

    answer({"hookStatus": "SUCCESS", "message": "fine"})
    assert ended(cloud, until, change_set) == ("CREATE_COMPLETE", "AVAILABLE", None)
    (result,) = results(cloud, change_set)
    assert (result["Status"], result["HookStatusReason"]) == ("HOOK_COMPLETE_SUCCEEDED", "fine")
    assert cloud.cfn.get_hook_result(HookResultId=result["HookResultId"])["TypeName"] == ALIAS
    assert cloud.cfn.describe_change_set_hooks(ChangeSetName=change_set)["Hooks"] == []


def test_what_a_hook_fetches_is_signed(cloud, functions, activate, until):
    activate()
    change_set = propose(cloud, A=1)
    event, answer = functions.next_call()
    url = urlsplit(event["requestData"]["payload"])
    status, _ = fetch(url._replace(path=f"{url.path}x").geturl())
    assert status == 403
    answer({"hookStatus": "SUCCESS"})
    ended(cloud, until, change_set)


def test_a_change_set_that_a_hook_refuses_cannot_be_executed(cloud, functions, until, activate):
    activate()
    change_set = propose(cloud, A=1)
    functions.next_call()[1]({"hookStatus": "FAILED", "errorCode": "NonCompliant", "message": "x" * 5000})

    assert ended(cloud, until, change_set) == (
        "FAILED",
        "UNAVAILABLE",
        f"Change set creation failed. {BLOCKED}",
    )
    (result,) = results(cloud, change_set)
    assert result["Status"] == "HOOK_COMPLETE_FAILED"
    assert result["HookStatusReason"].startswith("Hook failed with message: xxx")
    assert len(result["HookStatusReason"]) == 1024
    with pytest.raises(ClientError, match=r"in its current status of \[FAILED\]"):
        cloud.cfn.execute_change_set(ChangeSetName=change_set)


def test_a_warning_lets_a_change_set_go_on(cloud, functions, until, activate):
    activate(FailureMode="WARN", TargetOperations=["CHANGE_SET"])
    change_set = propose(cloud, A=1)
    functions.next_call()[1]({"hookStatus": "FAILED", "errorCode": "NonCompliant", "message": "no"})

    assert ended(cloud, until, change_set) == ("CREATE_COMPLETE", "AVAILABLE", None)
    (result,) = results(cloud, change_set)
    assert (result["Status"], result["FailureMode"]) == ("HOOK_COMPLETE_FAILED", "WARN")
    cloud.cfn.execute_change_set(ChangeSetName=change_set)
    cloud.settled("one", "CREATE_COMPLETE")


def test_a_hook_may_ask_to_be_called_again_twice(cloud, functions, until, activate):
    activate()
    change_set = propose(cloud, A=1)
    later = {"hookStatus": "IN_PROGRESS", "callbackContext": {"seen": 1}, "callbackDelaySeconds": 40}
    for number in (1, 2, 3):
        event, answer = functions.next_call()
        context = None if number == 1 else {"seen": 1}
        assert event["requestContext"] == {"invocation": number, "callbackContext": context}
        answered_at = clock.now()
        answer(later)
        until(lambda number=number: number == 3 or functions.calls.qsize() or cloud.advance(5))
        assert number == 3 or (clock.now() - answered_at).total_seconds() >= 40

    assert ended(cloud, until, change_set)[0] == "FAILED"
    (result,) = results(cloud, change_set)
    assert result["Status"] == "HOOK_FAILED"
    assert functions.calls.empty()


@pytest.mark.parametrize(
    "answer",
    [None, "text", {"message": "no status"}, {"hookStatus": "FAILED", "errorCode": "InternalFailure"}],
)
def test_a_hook_that_fails_refuses(cloud, functions, until, activate, answer):
    activate()
    change_set = propose(cloud, A=1)
    functions.next_call()[1](answer)
    assert ended(cloud, until, change_set)[0] == "FAILED"
    assert results(cloud, change_set)[0]["Status"] == "HOOK_FAILED"


def test_a_hook_without_its_function_refuses(cloud, until, activate):
    activate(LambdaFunction=FUNCTION.replace("provider", "gone"))
    change_set = propose(cloud, A=1)
    assert ended(cloud, until, change_set)[0] == "FAILED"


@pytest.mark.parametrize("mode_and_status", [("FAIL", "FAILED"), ("WARN", "CREATE_COMPLETE")])
def test_a_call_lasts_30_seconds_at_most(cloud, functions, activate, until, mode_and_status):
    mode, status = mode_and_status
    activate(FailureMode=mode)
    change_set = propose(cloud, A=1)
    _, answer = functions.next_call()
    with pytest.raises(
        ClientError, match=r"cannot be deleted in its current status of \[CREATE_IN_PROGRESS\]"
    ):
        cloud.cfn.delete_change_set(ChangeSetName=change_set)
    cloud.advance(31)
    assert ended(cloud, until, change_set)[0] == status
    answer({"hookStatus": "SUCCESS"})
    assert results(cloud, change_set)[0]["Status"] == "HOOK_FAILED"


def test_an_update_that_a_hook_refuses_changes_nothing(cloud, functions, activate):
    cloud.created("one", body(A=1))
    activate()
    cloud.update("one", body(A=2))
    event, answer = functions.next_call()
    assert (event["changeSetId"], event["actionInvocationPoint"]) == (None, "UPDATE_PRE_PROVISION")
    assert event["requestData"]["targetLogicalId"] == "one"
    payload = fetched(event["requestData"]["payload"])
    assert payload == {"template": body(A=2), "previousTemplate": body(A=1)}

    answer({"hookStatus": "FAILED", "errorCode": "NonCompliant", "message": "no"})

    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    shown = [event for event in cloud.events("one") if "HookType" in event]
    assert [event["HookStatus"] for event in shown] == ["HOOK_IN_PROGRESS", "HOOK_COMPLETE_FAILED"]
    assert shown[1]["HookStatusReason"] == "Hook failed with message: no"
    assert (shown[1]["HookType"], shown[1]["HookFailureMode"]) == (ALIAS, "FAIL")
    assert not any(
        e["LogicalResourceId"] == "A" for e in cloud.events("one") if e["ResourceStatus"][:2] == "UP"
    )


def test_a_creation_that_a_hook_refuses_makes_nothing(cloud, functions, activate):
    activate()
    cloud.create("one", body(A=1))
    functions.next_call()[1]({"hookStatus": "FAILED", "errorCode": "NonCompliant", "message": "no"})
    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.cfn.list_stack_resources(StackName="one")["StackResourceSummaries"] == []


def test_a_deletion_is_judged_where_the_hook_asks_for_it(cloud, functions, activate):
    cloud.created("one", body(A=1))
    activate(TargetFilters={"Actions": ["DELETE"]}, StackFilters=_names(Exclude=["hooks"]))
    cloud.cfn.delete_stack(StackName="one")
    event, answer = functions.next_call()
    assert fetched(event["requestData"]["payload"]) == {"template": None, "previousTemplate": None}
    answer({"hookStatus": "FAILED", "errorCode": "NonCompliant"})
    cloud.settled("one", "DELETE_FAILED")


def test_a_deletion_that_supersedes_a_judged_creation_is_not_disturbed(cloud, functions, activate):
    activate()
    cloud.create("one", body(A=1))
    _, answer = functions.next_call()
    cloud.deleted("one")
    answer({"hookStatus": "SUCCESS"})
    assert "CREATE_COMPLETE" not in cloud.statuses(
        cloud.cfn.list_stacks()["StackSummaries"][-1]["StackId"], "one"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"HookStatus": "DISABLED"},
        {"TargetOperations": ["RESOURCE"]},
        {"TargetFilters": {"Actions": ["DELETE"]}},
        {"StackFilters": {"FilteringCriteria": "ALL", "StackNames": {"Include": ["other*"]}}},
    ],
)
def test_a_hook_that_is_off_or_aims_elsewhere_is_not_called(cloud, functions, activate, changes):
    activate(**changes)
    assert described(cloud, propose(cloud, A=1))[0] == "CREATE_COMPLETE"
    assert functions.calls.empty()


def _names(**limits):
    return {"FilteringCriteria": "ALL", "StackNames": limits}


class _Stack:
    def __init__(self, name, role=None):
        self.name, self.options = name, self
        self.role_arn = role


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (None, True),
        (_names(Include=["hpc-*"]), True),
        (_names(Include=["hpc-?"]), False),
        (_names(Exclude=["hpc-*"]), False),
        ({**_names(Include=["hpc-*"]), "StackRoles": {"Include": ["arn:other"]}}, False),
        ({**_names(Include=["hpc-*"]), "StackRoles": {"Include": [ROLE]}}, True),
        ({**_names(Exclude=["*"]), "FilteringCriteria": "ANY", "StackRoles": {"Include": [ROLE]}}, True),
    ],
)
def test_filters_are_by_name_and_role_of_the_stack(filters, passes):
    assert _includes(filters, _Stack("hpc-prod", ROLE)) is passes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Alias": "AWS::My::Hook"}, "#/Alias"),
        ({"FailureMode": "IGNORE"}, "#/FailureMode"),
        ({"TargetOperations": ["STACKS"]}, "#/TargetOperations"),
    ],
)
def test_a_hook_with_a_wrong_property_fails(cloud, changes, said):
    hook = {"Type": "AWS::CloudFormation::LambdaHook", "Properties": {**HOOK, **changes}}
    cloud.create("hooks", {"Resources": {"Hook": hook}})
    cloud.settled("hooks", "ROLLBACK_COMPLETE")
    assert said in cloud.reason("hooks", "Hook")


def test_another_mode_changes_a_hook_and_another_alias_replaces_it(cloud, functions, activate, until):
    arn = activate()
    cloud.update("hooks", _hook(FailureMode="WARN"))
    functions.next_call()[1]({"hookStatus": "SUCCESS"})
    cloud.settled("hooks", "UPDATE_COMPLETE")
    assert cloud.outputs("hooks")["Arn"] == arn
    cloud.update("hooks", _hook(Alias="Private::Other::Hook"))
    functions.next_call()[1]({"hookStatus": "SUCCESS"})
    cloud.settled("hooks", "UPDATE_COMPLETE")
    assert cloud.outputs("hooks")["Arn"].endswith("/Private-Other-Hook")
    change_set = propose(cloud, A=1)
    functions.next_call()[1]({"hookStatus": "SUCCESS"})
    ended(cloud, until, change_set)
    assert [result["TypeName"] for result in results(cloud, change_set)] == ["Private::Other::Hook"]


def _hook(**changes):
    hook = {"Type": "AWS::CloudFormation::LambdaHook", "Properties": {**HOOK, **changes}}
    return {"Resources": {"Hook": hook}, "Outputs": {"Arn": {"Value": {"Ref": "Hook"}}}}
