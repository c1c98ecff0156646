"""Ctrl-C says what was begun by then, and never advises what would do harm."""

import os
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from pcluster_cfn.deploy.change_set import Deployment
from pcluster_cfn.deploy.deployer import Deployer
from pcluster_cfn.errors import CommandError
from pcluster_cfn.template import Template

REGION = "eu-west-1"
ARN = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hpc/1"
TEMPLATE = "Resources: {T: {Type: AWS::SNS::Topic}}"
VIEW = SimpleNamespace(show=lambda _: None)


class Interrupted:
    """CloudFormation with one stack or none; Ctrl-C comes in one of its calls, before or after it is made."""

    def __init__(self, at, status=None):
        self.meta = SimpleNamespace(region_name=REGION)
        self.asked = []
        self._at = at
        self._stacks = [{"StackName": "hpc", "StackId": ARN, "StackStatus": status}] if status else []

    def client(self, service):
        assert service == "cloudformation"
        return self

    def describe_stacks(self, **_):
        self._ask("describe_stacks" if self.asked else "look")
        if not self._stacks:
            error = {"Code": "ValidationError", "Message": "Stack with id hpc does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        return {"Stacks": self._stacks}

    def get_paginator(self, _):
        return SimpleNamespace(paginate=lambda **_: [{"StackEvents": []}])

    def create_change_set(self, **asked):
        self.change_set = asked["ChangeSetName"]
        self._stacks = self._stacks or [
            {"StackName": "hpc", "StackId": ARN, "StackStatus": "REVIEW_IN_PROGRESS"}
        ]
        self._ask("create_change_set")
        return {"Id": "arn:change-set", "StackId": ARN}

    def describe_change_set(self, **_):
        self._ask("describe_change_set")
        return {"Status": "CREATE_COMPLETE"}

    def execute_change_set(self, **_):
        self._ask("execute_change_set")

    def delete_stack(self, **_):
        self._ask("delete_stack")

    def _ask(self, call):
        self.asked.append(call)
        if call == self._at:
            raise KeyboardInterrupt


def interrupted(at, status=None, *, delete=False):
    """What is said when Ctrl-C comes in a call, and the name of the change set."""
    cloudformation = Interrupted(at, status)
    deployer = Deployer(cloudformation, poll_s=0)
    deployment = Deployment("hpc", Template.parse(TEMPLATE, "t"))
    with pytest.raises(KeyboardInterrupt) as raised:
        deployer.delete("hpc", VIEW) if delete else deployer.deploy(deployment, VIEW)
    return getattr(raised.value, "advice", None), getattr(cloudformation, "change_set", None)


@pytest.mark.parametrize("delete", [True, False])
def test_before_anything_is_asked_for_there_is_nothing_to_advise(delete):
    assert interrupted("look", "CREATE_COMPLETE", delete=delete)[0] is None


@pytest.mark.parametrize("at", ["create_change_set", "describe_change_set"])
def test_before_a_new_stack_is_started_one_in_review_may_be_left(at):
    advice, _ = interrupted(at)
    assert advice == (
        "Interrupted; nothing was changed in stack hpc. The stack may be left in REVIEW_IN_PROGRESS, without "
        "resources; a deployment reuses it.\n"
        "Remove it: aws cloudformation delete-stack --stack-name hpc --region eu-west-1"
    )


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "REVIEW_IN_PROGRESS"])
@pytest.mark.parametrize("at", ["create_change_set", "describe_change_set"])
def test_before_a_stack_that_was_there_is_changed_a_change_set_may_be_left_and_nothing_else(at, status):
    advice, change_set = interrupted(at, status)
    assert advice == (
        "Interrupted; nothing was changed in stack hpc. A change set may be left.\n"
        "Remove it: aws cloudformation delete-change-set --stack-name hpc "
        f"--change-set-name {change_set} --region eu-west-1"
    )


FOLLOW = "Follow it: aws cloudformation describe-stack-events --stack-name"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("execute_change_set", "Interrupted; CloudFormation may continue"),
        ("describe_stacks", "Stopped watching; CloudFormation continues"),
    ],
)
class TestOnceItIsBegun:
    @pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS"])
    def test_a_create_is_undone_by_a_deletion(self, at, said, status):
        assert interrupted(at, status)[0] == (
            f"{said} with stack hpc.\n{FOLLOW} hpc --region eu-west-1\n"
            "Undo it:   pcluster-cfn delete hpc --region eu-west-1"
        )

    @pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
    def test_an_update_is_cancelled_and_the_stack_is_not_deleted(self, at, said, status):
        assert interrupted(at, status)[0] == (
            f"{said} with stack hpc.\n{FOLLOW} hpc --region eu-west-1\n"
            "Undo it:   aws cloudformation cancel-update-stack --stack-name hpc --region eu-west-1"
        )

    def test_a_deletion_cannot_be_undone_and_is_followed_by_the_arn_as_the_name_goes(self, at, said):
        moment = {"execute_change_set": "delete_stack"}.get(at, at)
        assert interrupted(moment, "CREATE_COMPLETE", delete=True)[0] == (
            f"{said} with stack hpc.\n{FOLLOW} {ARN} --region eu-west-1\nA deletion cannot be undone."
        )


def refused(status):
    """What is said when a stack in a status is to be deployed."""
    cloudformation = Interrupted("never", status)
    with pytest.raises(CommandError) as told:
        Deployer(cloudformation).deploy(Deployment("hpc", Template.parse(TEMPLATE, "t")), VIEW)
    assert cloudformation.asked == ["look"]
    return told.value


def test_a_stack_that_can_only_be_deleted_is_reported_with_its_region():
    told = refused("ROLLBACK_COMPLETE")
    assert told.next_step == "delete it: pcluster-cfn delete hpc --region eu-west-1"


@pytest.mark.parametrize("status", ["CREATE_FAILED", "UPDATE_FAILED"])
def test_a_stack_that_failed_without_a_rollback_is_shown_the_three_ways_on(status):
    told = refused(status)
    assert told.what == (
        f"stack hpc is {status}: it failed with rollback disabled, and updates need it disabled, too"
    )
    assert told.next_step == (
        "retry or correct it: aws cloudformation update-stack --disable-rollback with the template, "
        "its parameters and --stack-name hpc --region eu-west-1; or roll it back: aws cloudformation "
        "rollback-stack --stack-name hpc --region eu-west-1"
    )


def test_a_stack_whose_rollback_failed_shows_how_to_continue_it():
    told = refused("UPDATE_ROLLBACK_FAILED")
    assert told.what == "stack hpc is UPDATE_ROLLBACK_FAILED and cannot be updated"
    assert told.next_step == (
        "fix what the rollback failed at and continue it: "
        "aws cloudformation continue-update-rollback --stack-name hpc --region eu-west-1"
    )


@pytest.mark.parametrize("command", ["deploy", "delete"])
def test_a_command_that_waits_for_its_first_answer_has_changed_nothing_and_says_so(tmp_path, command):
    template = tmp_path / "hpc.yaml"
    template.write_text(TEMPLATE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        environment = {**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        running = subprocess.Popen(
            [sys.executable, "-m", "pcluster_cfn", command, template if command == "deploy" else "hpc"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs this in the background has told its children to ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
        )
        connection, _ = silent.accept()
        with connection:
            running.send_signal(signal.SIGINT)
            output, errors = running.communicate(timeout=60)
    assert (running.returncode, output) == (130, "")
    assert errors == "\nInterrupted; nothing was changed in stack hpc.\n"
