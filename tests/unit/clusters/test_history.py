"""The root cause of each operation is its first failure that no other failure caused."""

from datetime import UTC, datetime, timedelta

from pcluster_cfn.clusters.history import Happening, History, Watched
from pcluster_cfn.deploy.events import Event

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
STACK = "arn:aws:cloudformation:eu-west-1:1:stack/c-hpc/1"
OWNER = "arn:aws:cloudformation:eu-west-1:1:stack/hpc/1"


class Events:
    """CloudFormation's stack events, stated as (logical id, status, reason); an empty id is the stack's."""

    def __init__(self, **stacks):
        self.stacks = stacks

    def get_paginator(self, operation):
        assert operation == "describe_stack_events"
        return self

    def paginate(self, **request):
        stack_id = request["StackName"]
        raw = [
            {
                "StackId": stack_id,
                "EventId": f"{stack_id}-{number}",
                "Timestamp": START + timedelta(seconds=second),
                "LogicalResourceId": logical_id or "stack",
                "PhysicalResourceId": f"{stack_id}-{logical_id}" if logical_id else stack_id,
                "ResourceType": "AWS::EC2::Instance" if logical_id else "AWS::CloudFormation::Stack",
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
            for number, (second, logical_id, status, reason) in enumerate(self.stacks[stack_id])
        ]
        return [{"StackEvents": raw[::-1]}]


def test_each_operation_has_its_own_root_cause_and_consequences_are_none():
    history = History(
        Events(
            **{
                STACK: [
                    (0, "", "CREATE_IN_PROGRESS", ""),
                    (1, "Queue", "CREATE_FAILED", "Resource creation cancelled"),
                    (2, "HeadNode", "CREATE_FAILED", "no capacity"),
                    (3, "Bucket", "CREATE_FAILED", "name taken"),
                    (4, "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed"),
                    (5, "", "UPDATE_IN_PROGRESS", ""),
                    (6, "HeadNode", "UPDATE_FAILED", "no permission"),
                    (7, "", "UPDATE_IN_PROGRESS", ""),
                    (8, "", "UPDATE_COMPLETE", ""),
                ]
            }
        )
    )
    history.watch([Watched("c-hpc", STACK)])
    assert len(history.poll()) == 9
    assert [cause.reason for cause in history.root_causes()] == ["no capacity", "no permission"]
    assert history.poll() == []


def test_of_the_owner_s_stack_only_the_owner_is_shown_in_the_order_of_time():
    history = History(
        Events(
            **{
                OWNER: [
                    (0, "", "CREATE_IN_PROGRESS", ""),
                    (1, "Cluster", "CREATE_IN_PROGRESS", ""),
                    (2, "Bucket", "CREATE_COMPLETE", ""),
                    (9, "Cluster", "CREATE_COMPLETE", ""),
                ],
                STACK: [(3, "", "CREATE_IN_PROGRESS", ""), (8, "", "CREATE_COMPLETE", "")],
            }
        )
    )
    history.watch([Watched("hpc", OWNER, "Cluster"), Watched("c-hpc", STACK)])
    assert [each.where for each in history.poll()] == ["hpc/Cluster", "c-hpc", "c-hpc", "hpc/Cluster"]


def test_a_stack_that_comes_later_is_shown_from_its_beginning():
    history = History(Events(**{OWNER: [(0, "", "CREATE_IN_PROGRESS", "")], STACK: [(0, "", "X", "")]}))
    history.watch([Watched("hpc", OWNER)])
    assert len(history.poll()) == 1
    history.watch([Watched("hpc", OWNER), Watched("c-hpc", STACK)])
    assert [each.where for each in history.poll()] == ["c-hpc"]


def test_the_line_of_a_root_cause_is_marked():
    happening = Happening("hpc", Event(("Cluster",), "T", "CREATE_FAILED", "why", "id", START))
    assert happening.line(is_root_cause=True).startswith("> 2026-01-31 12:00:00  CREATE_FAILED ")
    assert happening.line(is_root_cause=False).startswith("  2026-01-31")
    assert happening.as_json(is_root_cause=True)["rootCause"] is True
