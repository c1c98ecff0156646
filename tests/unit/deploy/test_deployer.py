"""An operation has ended when CloudFormation says so of that operation, and not of the one before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from types import SimpleNamespace

import pytest

from pcluster_cfn.deploy.change_set import Deployment
from pcluster_cfn.deploy.deployer import Deployer
from pcluster_cfn.deploy.outcome import Operation, Outcome
from pcluster_cfn.errors import CommandError
from pcluster_cfn.template import Template
from tests.unit.deploy.cloudformation import refused

ARN = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hpc/1"
TEMPLATE = Template.parse("Resources: {T: {Type: AWS::SNS::Topic}}", "t")
START = datetime(2026, 1, 1, tzinfo=UTC)
#: How many requests CloudFormation may take to show, in its status and in its events, what has happened.
LAGS = list(product(range(5), repeat=2))


@dataclass
class Slow:
    """CloudFormation with one stack, whose statuses change one request after the other once it is asked to.

    Args:
        before: The stack's own statuses up to now.
        after: Those that follow a request.
        status_lag: Requests for which the status stays behind.
        events_lag: Requests for which the events stay behind.
    """

    before: list[str]
    after: list[str]
    status_lag: int = 0
    events_lag: int = 0
    requests_since: int | None = None

    def __post_init__(self):
        self.meta = SimpleNamespace(region_name="eu-west-1")

    def client(self, _):
        return self

    def describe_stacks(self, **_):
        return {
            "Stacks": [
                {"StackName": "hpc", "StackId": ARN, "StackStatus": self._statuses(self.status_lag)[-1]}
            ]
        }

    def get_paginator(self, _):
        def paginate(**_):
            statuses = self._statuses(self.events_lag)
            return [{"StackEvents": [self._event(*each) for each in enumerate(statuses)][::-1]}]

        return SimpleNamespace(paginate=paginate)

    def create_change_set(self, **_):
        return {"Id": "arn:change-set", "StackId": ARN}

    def describe_change_set(self, **_):
        return {"Status": "CREATE_COMPLETE"}

    def execute_change_set(self, **_):
        self.requests_since = 0

    def delete_stack(self, **_):
        self.requests_since = 0

    def _statuses(self, lag):
        if self.requests_since is None:
            return self.before
        self.requests_since += 1
        return self.before + self.after[: max(self.requests_since - lag, 0)]

    @staticmethod
    def _event(number, status):
        return {
            "StackId": ARN,
            "EventId": str(number),
            "LogicalResourceId": "hpc",
            "PhysicalResourceId": ARN,
            "ResourceType": "AWS::CloudFormation::Stack",
            "ResourceStatus": status,
            "Timestamp": START + timedelta(seconds=number),
        }


class Silent:
    """Shows nothing."""

    def show(self, _):
        pass


def ended(cloudformation, *, delete=False):
    deployer = Deployer(cloudformation, poll_s=0, timeout_s=5)
    return (
        deployer.delete("hpc", Silent()) if delete else deployer.deploy(Deployment("hpc", TEMPLATE), Silent())
    )


CREATED = ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
UPDATED = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
ROLLED_BACK = ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
DELETED = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
KEPT = ["DELETE_IN_PROGRESS", "DELETE_FAILED"]


@pytest.mark.parametrize("lags", LAGS)
@pytest.mark.parametrize("before", [CREATED, CREATED + UPDATED, CREATED + ROLLED_BACK])
@pytest.mark.parametrize("after", [UPDATED, ROLLED_BACK])
def test_an_update_ends_with_its_own_last_status_whenever_cloudformation_starts(before, after, lags):
    outcome = ended(Slow(before, after, *lags))
    assert [event.status for event in outcome.events] == after
    assert (outcome.status, outcome.succeeded) == (after[-1], after is UPDATED)


@pytest.mark.parametrize("lags", LAGS)
@pytest.mark.parametrize("before", [CREATED, CREATED + UPDATED, CREATED + KEPT])
@pytest.mark.parametrize("after", [DELETED, KEPT])
def test_a_deletion_ends_with_its_own_last_status_whenever_cloudformation_starts(before, after, lags):
    outcome = ended(Slow(before, after, *lags), delete=True)
    assert [event.status for event in outcome.events] == after
    assert (outcome.status, outcome.succeeded) == (after[-1], after is DELETED)


@pytest.mark.parametrize("lags", LAGS)
def test_a_deletion_does_not_end_with_the_creation_that_it_breaks_off(lags):
    outcome = ended(Slow(["CREATE_IN_PROGRESS"], ["CREATE_COMPLETE", *DELETED], *lags), delete=True)
    assert (outcome.status, outcome.succeeded) == ("DELETE_COMPLETE", True)


def test_a_deletion_that_does_not_start_is_no_success():
    deployer = Deployer(Slow(CREATED, []), poll_s=0, timeout_s=0)
    with pytest.raises(CommandError, match="stack hpc is CREATE_COMPLETE after 0 s"):
        deployer.delete("hpc", Silent())


def test_a_change_set_that_is_never_computed_is_given_up():
    class Computing(Slow):
        def describe_change_set(self, **_):
            return {"Status": "CREATE_IN_PROGRESS"}

    deployer = Deployer(Computing(CREATED, UPDATED), poll_s=0, timeout_s=0)
    with pytest.raises(CommandError, match="change set arn:change-set is CREATE_IN_PROGRESS after 0 s"):
        deployer.deploy(Deployment("hpc", TEMPLATE), Silent())


def test_what_another_update_did_while_the_change_was_computed_is_not_the_end():
    class Shared(Slow):
        def describe_change_set(self, **asked):
            self.before = CREATED + UPDATED
            return super().describe_change_set(**asked)

    outcome = ended(Shared(CREATED, ROLLED_BACK, 4, 4))
    assert [event.status for event in outcome.events] == ROLLED_BACK


def test_a_stack_that_somebody_deletes_meanwhile_is_not_deployed():
    outcome = ended(Slow(CREATED, [*UPDATED, *DELETED], events_lag=1))
    assert (outcome.status, outcome.succeeded) == ("DELETE_COMPLETE", False)


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_FAILED"])
def test_only_a_stack_that_is_gone_is_a_success_of_a_deletion(status):
    assert not Outcome("hpc", ARN, status, "", {}, operation=Operation.DELETE).succeeded


@pytest.mark.parametrize("delete", [True, False])
def test_throttled_requests_do_not_end_the_watching(delete):
    class Throttled(Slow):
        asked = 0

        def describe_stacks(self, **asked):
            if self.requests_since is not None:
                self.asked += 1
            if self.asked % 3 == 1:
                raise refused("Throttling", "DescribeStacks")
            return super().describe_stacks(**asked)

    outcome = ended(Throttled(CREATED, DELETED if delete else UPDATED), delete=delete)
    assert outcome.succeeded
