"""A preview shows what a deployment would change, and leaves nothing behind, whatever ends it."""

import os
import signal
from types import SimpleNamespace

import pytest

from pcluster_cfn.deploy.change_set import ChangeSets, Deployment, NotRemovedError
from pcluster_cfn.deploy.ctrl_c import InterruptedOperationError, ended_as_by_ctrl_c
from pcluster_cfn.errors import CommandError
from pcluster_cfn.template import Template
from tests.unit.deploy.cloudformation import refused

ARN = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hpc/1"
DEPLOYMENT = Deployment("hpc", Template.parse("Resources: {T: {Type: AWS::SNS::Topic}}", "t"))
TOPIC = {"Action": "Add", "LogicalResourceId": "T", "ResourceType": "AWS::SNS::Topic"}
NOTHING = "The submitted information didn't contain changes."


class CloudFormation:
    """CloudFormation with one stack or none, and change sets that are there until they are deleted."""

    def __init__(self, status=None, *, failed="", busy=0, during=lambda _: None):
        self.meta = SimpleNamespace(region_name="eu-west-1")
        self.stack = {"StackName": "hpc", "StackId": ARN, "StackStatus": status} if status else None
        self.change_sets = {}
        self.asked = {}
        self._failed, self._busy, self._during = failed, busy, during

    def describe_stacks(self, **_):
        if self.stack is None:
            raise refused("ValidationError", "DescribeStacks", "Stack with id hpc does not exist")
        return {"Stacks": [self.stack]}

    def create_change_set(self, **asked):
        self.asked = asked
        self.stack = self.stack or {
            "StackName": "hpc",
            "StackId": ARN,
            "StackStatus": "REVIEW_IN_PROGRESS",
        }
        self.change_sets["arn:mine"] = asked["ChangeSetName"]
        self._during("create")
        return {"Id": "arn:mine", "StackId": ARN}

    def describe_change_set(self, **asked):
        if asked["ChangeSetName"] not in self.change_sets:
            raise refused("ChangeSetNotFound", "DescribeChangeSet")
        self._during("describe")
        if self._busy:
            self._busy -= 1
            return {"Status": "CREATE_IN_PROGRESS"}
        if self._failed:
            return {"Status": "FAILED", "StatusReason": self._failed}
        return {"Status": "CREATE_COMPLETE"}

    def get_paginator(self, _):
        return SimpleNamespace(paginate=lambda **_: [{"Changes": [{"ResourceChange": TOPIC}]}])

    def list_change_sets(self, **_):
        return {"Summaries": list(self.change_sets)}

    def delete_change_set(self, **asked):
        self._during("delete")
        if self._busy:
            raise refused("InvalidChangeSetStatus", "DeleteChangeSet")
        self.change_sets.pop(asked["ChangeSetName"])

    def delete_stack(self, **_):
        self.stack = None


def previewed(cloudformation):
    with ChangeSets(cloudformation, poll_s=0, timeout_s=5).preview(DEPLOYMENT) as change_set:
        return change_set


def ctrl_c(at, times=1):
    """Returns what raises Ctrl-C in the first call of a kind, as often as asked for."""
    pending = [at]

    def during(call):
        if call in pending:
            pending.clear()
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    return during


@pytest.fixture(autouse=True)
def _with_ctrl_c():
    """A shell that runs this in the background has told its children to ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS", "CREATE_COMPLETE"])
def test_nothing_is_left_of_a_preview_and_what_was_there_stays(status):
    cloudformation = CloudFormation(status)
    change_set = previewed(cloudformation)
    assert [each.line() for each in change_set.changes] == ["  +  T (AWS::SNS::Topic)"]
    assert cloudformation.asked["IncludeNestedStacks"] is True
    assert cloudformation.change_sets == {}
    assert (cloudformation.stack or {}).get("StackStatus") == status


@pytest.mark.parametrize("status", [None, "CREATE_COMPLETE"])
@pytest.mark.parametrize("at", ["create", "describe", "delete"])
def test_ctrl_c_leaves_nothing_either(at, status):
    cloudformation = CloudFormation(status, during=ctrl_c(at))
    with pytest.raises(KeyboardInterrupt):
        previewed(cloudformation)
    assert cloudformation.change_sets == {}
    assert (cloudformation.stack or {}).get("StackStatus") == status


def test_a_change_set_that_cannot_be_deleted_while_it_is_computed_is_deleted_then():
    cloudformation = CloudFormation(busy=3, during=ctrl_c("describe"))
    with pytest.raises(KeyboardInterrupt):
        previewed(cloudformation)
    assert (cloudformation.change_sets, cloudformation.stack) == ({}, None)


def test_a_second_ctrl_c_ends_the_removal_and_says_what_is_left():
    cloudformation = CloudFormation(during=ctrl_c("delete", times=2))
    with pytest.raises(InterruptedOperationError) as raised:
        previewed(cloudformation)
    assert "Remove it: aws cloudformation delete-stack --stack-name hpc" in raised.value.advice


def test_a_stack_that_somebody_has_begun_to_use_meanwhile_is_not_deleted():
    cloudformation = CloudFormation()
    with ChangeSets(cloudformation, poll_s=0, timeout_s=5).preview(DEPLOYMENT):
        cloudformation.change_sets["arn:other"] = "other"
    assert cloudformation.stack["StackStatus"] == "REVIEW_IN_PROGRESS"

    cloudformation = CloudFormation()
    with ChangeSets(cloudformation, poll_s=0, timeout_s=5).preview(DEPLOYMENT):
        cloudformation.stack["StackStatus"] = "CREATE_IN_PROGRESS"
    assert cloudformation.stack["StackStatus"] == "CREATE_IN_PROGRESS"


def test_a_change_set_without_changes_and_one_that_failed_are_removed():
    cloudformation = CloudFormation("CREATE_COMPLETE", failed=NOTHING)
    assert previewed(cloudformation).is_empty
    assert cloudformation.change_sets == {}

    cloudformation = CloudFormation(failed="no such role")
    with pytest.raises(CommandError, match="no such role"):
        previewed(cloudformation)
    assert (cloudformation.change_sets, cloudformation.stack) == ({}, None)


def test_a_change_set_that_cannot_be_removed_is_named_with_the_way_to_remove_it():
    cloudformation = CloudFormation("CREATE_COMPLETE")

    def denied(**_):
        raise refused("AccessDenied", "DeleteChangeSet", "no DeleteChangeSet for you")

    cloudformation.delete_change_set = denied
    with pytest.raises(NotRemovedError, match="no DeleteChangeSet for you") as raised:
        previewed(cloudformation)
    assert "delete-change-set --stack-name hpc --change-set-name arn:mine" in raised.value.next_step
    assert "Interrupted" not in str(raised.value)


def test_a_change_set_that_never_goes_is_named_with_the_stack_that_stays_and_the_way_to_remove_it():
    cloudformation = CloudFormation()
    cloudformation.delete_change_set = lambda **_: None
    change_sets = ChangeSets(cloudformation, poll_s=0, timeout_s=0.01)
    removed = "change set arn:mine is still being removed after 0 s"
    with pytest.raises(NotRemovedError, match=removed) as raised, change_sets.preview(DEPLOYMENT):
        pass
    assert cloudformation.stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert "left in REVIEW_IN_PROGRESS" in raised.value.next_step
    assert "aws cloudformation delete-stack --stack-name hpc --region eu-west-1" in raised.value.next_step


def test_sigterm_ends_a_preview_as_ctrl_c_does():
    def during(call):
        if call == "describe" and cloudformation.change_sets:
            os.kill(os.getpid(), signal.SIGTERM)

    cloudformation = CloudFormation(during=during)
    with ended_as_by_ctrl_c(), pytest.raises(KeyboardInterrupt):
        previewed(cloudformation)
    assert (cloudformation.change_sets, cloudformation.stack) == ({}, None)
