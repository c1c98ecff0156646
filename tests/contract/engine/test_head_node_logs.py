"""What the engine reads of a head node's logs, on the embedded cloud; it is bounded and fails no call."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from cluster_engine import library
from cluster_engine.gate import Gate
from cluster_engine.library.head_node_logs import EVENTS_MAX, READING_MAX_S
from localcloud.testing.waiting import eventually
from tests.contract.engine.conftest import NOW

TEMPLATE = {
    "Resources": {
        "HeadNode": {
            "Type": "AWS::EC2::Instance",
            "Properties": {"ImageId": "ami-12345678", "InstanceType": "t3.small"},
        }
    }
}
FAILED = "fetch_and_run - Failed to execute OnNodeConfigured script 1 s3://b/x.sh, return code: 1."
OUTPUT = ["2026-03-02 10:14:52,118 [DEBUG] Command runpostinstall output: begun", "x.sh: no such file"]


class HeadNode:
    """A stack with a head node, and a log group."""

    def __init__(self, cloud, name):
        self.cloud, self.log_group = cloud, f"/aws/parallelcluster/{name}"
        cloudformation = cloud.client("cloudformation")
        created = cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))
        self.stack_id = created["StackId"]
        eventually(lambda: self.status() == "CREATE_COMPLETE", "the stack is complete")
        resource = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="HeadNode")
        self.instance_id = resource["StackResourceDetail"]["PhysicalResourceId"]
        self.logs = cloud.client("logs")
        self.logs.create_log_group(logGroupName=self.log_group)

    def status(self):
        (stack,) = self.cloud.client("cloudformation").describe_stacks(StackName=self.stack_id)["Stacks"]
        return stack["StackStatus"]

    def write(self, log, *lines, instance_id=None, at=None):
        stream = f"ip-10-0-0-7.{instance_id or self.instance_id}.{log}"
        at = at or datetime.fromisoformat(self.cloud.now())
        where = {"logGroupName": self.log_group, "logStreamName": stream}
        self.logs.create_log_stream(**where)
        events = [{"timestamp": int(at.timestamp() * 1000), "message": line} for line in lines]
        self.logs.put_log_events(**where, logEvents=events)

    def read(self, log_group=None, since=None, now=lambda: NOW):
        gate = Gate("call-1", self.stack_id, {}, NOW, NOW + timedelta(minutes=5), now)
        group = self.log_group if log_group is None else log_group
        return library.read_head_node_logs(self.stack_id, self.cloud.region, gate, group, since)


@pytest.fixture
def head_node(cloud):
    node = HeadNode(cloud, f"node-{uuid.uuid4().hex[:12]}")
    yield node
    cloud.set_faults([])
    cloud.client("cloudformation").delete_stack(StackName=node.stack_id)
    node.logs.delete_log_group(logGroupName=node.log_group)


def texts(found):
    return [line["text"] for line in found["lines"]]


def test_the_decisive_lines_of_the_head_nodes_streams_are_found(head_node):
    head_node.write("chef-client", "[2026-03-02T10:14:20+00:00] INFO: Report handlers complete")
    head_node.write("cfn-init", *OUTPUT, FAILED)
    head_node.write(
        "cfn-init", "Command runpostinstall output: of a compute node", FAILED, instance_id="i-0other"
    )
    assert head_node.read() == {
        "lines": [
            {"log": "cfn-init", "text": "x.sh: no such file"},
            {"log": "cfn-init", "text": FAILED.removeprefix("fetch_and_run - ")},
        ]
    }


def test_the_head_nodes_streams_are_found_among_those_of_many_nodes(head_node):
    for number in range(120):
        head_node.write("slurmd", "up", instance_id=f"i-{number:017}")
    head_node.write("cfn-init", *OUTPUT, FAILED)
    assert texts(head_node.read())[0] == "x.sh: no such file"


def test_what_was_logged_before_an_update_is_left_out(head_node):
    now = datetime.fromisoformat(head_node.cloud.now()).astimezone(UTC)
    head_node.write("cfn-init", *OUTPUT, FAILED, at=now - timedelta(hours=1))
    head_node.write("chef-client", "[…] FATAL: RuntimeError: no such queue", at=now)
    assert texts(head_node.read(since=now - timedelta(minutes=1))) == [
        "[…] FATAL: RuntimeError: no such queue"
    ]


def test_without_an_error_the_log_that_was_written_last_is_shown(head_node):
    now = datetime.fromisoformat(head_node.cloud.now())
    head_node.write("chef-client", "INFO: Report handlers complete", at=now - timedelta(minutes=20))
    head_node.write("cfn-init", "Running command runpostinstall", at=now - timedelta(minutes=19))
    assert head_node.read()["lines"] == [{"log": "cfn-init", "text": "Running command runpostinstall"}]


def test_of_a_long_log_the_end_is_read(head_node):
    head_node.write("cfn-init", *[f"line {number}" for number in range(EVENTS_MAX + 500)], *OUTPUT, FAILED)
    assert texts(head_node.read())[0] == "x.sh: no such file"


def test_without_logging_the_console_is_read_and_says_nothing_of_log_groups(head_node):
    found = head_node.read(log_group="")
    assert found == {"lines": [], "unread": "the console output: it is empty"}


def test_a_log_group_without_lines_and_one_that_is_gone_are_reported(head_node):
    empty = head_node.read()["unread"]
    assert empty.startswith(
        f"log group {head_node.log_group}: it has no streams of the head node; the console"
    )
    gone = head_node.read(log_group="/aws/parallelcluster/gone")["unread"]
    assert gone.startswith("log group /aws/parallelcluster/gone: it does not exist; the console")


def test_what_was_read_before_a_read_failed_still_counts(head_node):
    head_node.write("chef-client", "INFO: Report handlers complete")
    head_node.write("cfn-init", *OUTPUT, FAILED)
    fault = {"service": "logs", "operation": "GetLogEvents", "kind": "deny", "skip": 1}
    head_node.cloud.set_faults([fault])
    found = head_node.read()
    assert len(found["lines"]) > 0
    assert found["unread"] == f"log group {head_node.log_group}: GetLogEvents: AccessDeniedException"


def test_an_update_that_left_no_line_is_not_explained_by_the_console_of_the_boot(head_node):
    assert head_node.read(log_group="", since=NOW) == {"lines": []}


@pytest.mark.parametrize(
    ("operation", "kind", "code"),
    [
        ("DescribeLogStreams", "deny", "AccessDeniedException"),
        ("GetLogEvents", "throttle", "ThrottlingException"),
        ("GetLogEvents", "error", ""),
        ("DescribeLogStreams", "drop", ""),
    ],
)
def test_a_read_that_fails_is_reported_with_the_operation_and_ends_no_call(head_node, operation, kind, code):
    head_node.write("cfn-init", *OUTPUT, FAILED)
    head_node.cloud.set_faults([{"service": "logs", "operation": operation, "kind": kind}])
    found = head_node.read()
    assert found["lines"] == []
    assert found["unread"].startswith(f"log group {head_node.log_group}: ")
    assert code in found["unread"]
    assert len(found["unread"]) <= 500


def test_a_console_that_may_not_be_read_is_reported(head_node):
    head_node.cloud.set_faults([{"service": "ec2", "operation": "GetConsoleOutput", "kind": "deny"}])
    assert (
        "the console output: GetConsoleOutput: UnauthorizedOperation"
        in head_node.read(log_group="")["unread"]
    )


def test_reading_ends_after_its_time_and_asks_for_nothing_more(head_node):
    head_node.write("cfn-init", *OUTPUT, FAILED)
    times = iter([NOW, NOW, *[NOW + timedelta(seconds=READING_MAX_S)] * 20])
    found = head_node.read(now=lambda: next(times))
    assert found["lines"] == []
    assert found["unread"].startswith(f"log group {head_node.log_group}: reading took more than 20 s")
