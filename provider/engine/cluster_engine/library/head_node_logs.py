"""Reads the logs of a head node that did not start: its log streams, or else its console.

Reading is bounded in calls, bytes and time, and never fails the call: what could not be read is reported.

Sources: Amazon CloudWatch Logs API reference, DescribeLogStreams (50 streams in a page) and GetLogEvents (a
page has the newest events of a stream); Amazon EC2 API reference, GetConsoleOutput (64 KB; ``Latest`` for
instances on the Nitro system only; kept for about an hour after the instance's end).
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cluster_engine import bootstrap_log
from cluster_engine.bootstrap_log import LogLine
from cluster_engine.gate import Gate, GaveUpError
from cluster_engine.library.isolation import isolated

logger = logging.getLogger(__name__)

#: The head node's logical id. Source: aws-parallelcluster 3.16.1, templates/cluster_stack.py.
HEAD_NODE = "HeadNode"
#: Maximum time of the reading, in seconds; the clients' timeouts are far below it.
READING_MAX_S = 20.0
#: Maximum number of pages of log streams. A node has about 15 streams, and the head node's are the newest.
STREAM_PAGES_MAX = 4
#: Maximum number of a stream's newest events that are read, in one page of at most 1 MB.
EVENTS_MAX = 1000
#: Maximum length of a message about what could not be read, in characters.
UNREAD_MAX_CHARACTERS = 500

_CLIENT = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"})
_FAILURES = (BotoCoreError, ClientError, GaveUpError)
_NO_SUCH_GROUP = "ResourceNotFoundException"
#: Codes for an instance that has no newest console output, but may have one that was kept.
_NOT_LATEST = frozenset({"UnsupportedOperation", "IncorrectInstanceState", "InvalidParameterCombination"})


class _TooLate(Exception):  # noqa: N818 - a condition
    """The time for reading is over."""


def read_head_node_logs(
    stack_id: str, region: str, gate: Gate, log_group: str, since: datetime | None
) -> dict[str, Any]:
    """Returns the decisive lines of a head node's logs, as docs/reference/engine.md has ``head_node_logs``.

    Args:
        stack_id: ARN of the cluster's stack.
        region: The cluster's Region.
        gate: Guards this call.
        log_group: The cluster's log group; empty if logging is off.
        since: Earlier events are left out; None for all.
    """
    with isolated(region, gate):
        reading = _Reading(gate, stack_id)
        lines = reading.streams(log_group, since) if log_group else []
        if not lines and since is None:
            lines = reading.console()  # of an update, the console has nothing
    found: dict[str, Any] = {"lines": [{"log": line.log, "text": line.text} for line in lines]}
    if reading.unread:
        found["unread"] = "; ".join(reading.unread)[:UNREAD_MAX_CHARACTERS]
    return found


class _Reading:
    def __init__(self, gate: Gate, stack_id: str) -> None:
        self._now, self._until = gate.now, gate.now() + timedelta(seconds=READING_MAX_S)
        self._stack_id = stack_id
        self._instance_id: str | None = None
        #: What could not be read, and why.
        self.unread: list[str] = []

    def streams(self, log_group: str, since: datetime | None) -> list[LogLine]:
        """Returns the decisive lines of the head node's log streams; empty if there are none."""
        events: dict[str, list[Any]] = {}
        try:
            logs = boto3.client("logs", config=_CLIENT)
            names = dict(self._stream_names(logs, log_group))
            if not names:
                self.unread.append(f"log group {log_group}: it has no streams of the head node")
            for log, name in names.items():
                events[log] = self._events(logs, log_group, name, since)
        except (*_FAILURES, _TooLate) as error:
            self._note(f"log group {log_group}", error)  # what was read before still counts
        newest_first = sorted(events, key=lambda log: _written_at(events[log]), reverse=True)
        return bootstrap_log.find_decisive(
            {log: [event["message"] for event in events[log]] for log in newest_first}
        )

    def console(self) -> list[LogLine]:
        """Returns the decisive lines of the head node's console; empty if there are none."""
        try:
            instance_id = self._instance()
            output = self._output(instance_id) if instance_id else ""
            if not output:
                self.unread.append("the console output: it is empty")
            return bootstrap_log.find_decisive_on_console(output)
        except (*_FAILURES, _TooLate) as error:
            self._note("the console output", error)
            return []

    def _stream_names(self, logs: Any, log_group: str) -> Iterator[tuple[str, str]]:
        """Yields the log and the name of each stream of the head node that is read."""
        instance_id = self._instance()
        wanted = set(bootstrap_log.LOGS)
        token: dict[str, str] = {}
        for _ in range(STREAM_PAGES_MAX):
            self._check_time()
            page = logs.describe_log_streams(
                logGroupName=log_group, orderBy="LastEventTime", descending=True, **token
            )
            for stream in page["logStreams"]:
                _, _, rest = stream["logStreamName"].partition(".")
                owner, _, log = rest.rpartition(".")
                if owner == instance_id and log in wanted:
                    wanted.remove(log)
                    yield log, stream["logStreamName"]
            if not wanted or not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}

    def _events(self, logs: Any, log_group: str, stream: str, since: datetime | None) -> list[Any]:
        self._check_time()
        start = {"startTime": int(since.timestamp() * 1000)} if since is not None else {}
        page = logs.get_log_events(
            logGroupName=log_group, logStreamName=stream, limit=EVENTS_MAX, startFromHead=False, **start
        )
        events: list[Any] = page["events"]
        return events

    def _output(self, instance_id: str) -> str:
        ec2 = boto3.client("ec2", config=_CLIENT)
        self._check_time()
        try:
            answer = ec2.get_console_output(InstanceId=instance_id, Latest=True)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_LATEST:
                raise
            self._check_time()
            answer = ec2.get_console_output(InstanceId=instance_id)
        output: str = answer.get("Output", "")  # decoded by botocore
        return output

    def _instance(self) -> str:
        """Returns the head node's instance id; empty if it was never launched."""
        if self._instance_id is None:
            self._check_time()
            answer = boto3.client("cloudformation", config=_CLIENT).describe_stack_resource(
                StackName=self._stack_id, LogicalResourceId=HEAD_NODE
            )
            self._instance_id = answer["StackResourceDetail"].get("PhysicalResourceId", "")
        return self._instance_id

    def _check_time(self) -> None:
        if self._now() >= self._until:
            raise _TooLate(f"reading took more than {READING_MAX_S:.0f} s")

    def _note(self, what: str, error: Exception) -> None:
        logger.warning("%s could not be read: %s", what, error)
        why = str(error)
        if isinstance(error, ClientError):
            code = error.response["Error"]["Code"]
            why = "it does not exist" if code == _NO_SUCH_GROUP else f"{error.operation_name}: {code}"
        self.unread.append(f"{what}: {why}")


def _written_at(events: list[Any]) -> int:
    """Returns when the last of some events was written, in milliseconds since the epoch; 0 without any."""
    return int(events[-1]["timestamp"]) if events else 0
