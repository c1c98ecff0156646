"""Reads a cluster's logs from CloudWatch Logs, or from the consoles of its instances."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pcluster_cfn.aws import Aws
from pcluster_cfn.clusters.log_streams import GROUP_PREFIX, Stream, newest_group
from pcluster_cfn.clusters.nodes import Node

#: Source: CloudWatch Logs API reference, FilterLogEvents, logStreamNames.
_STREAMS_MAX = 100
#: Nodes send their lines with a delay, so followers look back as far. Source: CloudWatch agent,
#: force_flush_interval, 5 s by default, and a margin.
_OVERLAP = timedelta(seconds=30)


@dataclass(frozen=True)
class Line:
    """One event of a log."""

    at: datetime
    stream: Stream
    message: str
    event_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns the line as JSON values."""
        return {
            "at": self.at.isoformat(),
            "stream": self.stream.name,
            "instanceId": self.stream.instance_id or None,
            "log": self.stream.log,
            "message": self.message,
        }

    def text(self) -> str:
        """Returns the line as text: when, where, and what."""
        return f"{self.at:%Y-%m-%dT%H:%M:%SZ} {self.stream.name}  {self.message.rstrip()}"


@dataclass(frozen=True)
class LogGroup:
    """The log group of a cluster."""

    client: Any
    name: str

    @classmethod
    def named(cls, aws: Aws, name: str) -> "LogGroup":
        """Returns a log group by name."""
        return cls(aws.client("logs"), name)

    @classmethod
    def newest(cls, aws: Aws, cluster_name: str) -> "LogGroup | None":
        """Returns the newest log group of a cluster's name, which outlives the cluster; None without one."""
        client = aws.client("logs")
        pages = client.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix=GROUP_PREFIX.format(cluster_name)
        )
        groups = [dict(group) for page in pages for group in page["logGroups"]]
        name = newest_group(groups, cluster_name)
        return cls(client, name) if name else None

    def streams(self) -> list[Stream]:
        """Returns all streams of the group, by name."""
        pages = self.client.get_paginator("describe_log_streams").paginate(logGroupName=self.name)
        return [Stream.parse(each["logStreamName"]) for page in pages for each in page["logStreams"]]

    def lines(self, streams: list[Stream], *, since: datetime | None, pattern: str | None) -> Iterator[Line]:
        """Yields the lines of some streams, oldest first.

        Args:
            streams: The streams.
            since: The earliest instant; None for all.
            pattern: A filter pattern of CloudWatch Logs; None for all lines.
        """
        wanted = {stream.name: stream for stream in streams}
        if not wanted:
            return
        request: dict[str, Any] = {"logGroupName": self.name, "interleaved": True}
        if len(wanted) <= _STREAMS_MAX:
            request["logStreamNames"] = list(wanted)
        if since:
            request["startTime"] = int(since.timestamp() * 1000)
        if pattern:
            request["filterPattern"] = pattern
        for page in self.client.get_paginator("filter_log_events").paginate(**request):
            for event in page["events"]:
                stream = wanted.get(event["logStreamName"])
                if stream:
                    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    yield Line(at, stream, event["message"], event["eventId"])

    def follow(
        self,
        choose: Callable[[list[Stream]], list[Stream]],
        *,
        since: datetime,
        pattern: str | None,
        poll_s: float,
    ) -> Iterator[Line]:
        """Yields lines as they arrive, and never ends.

        Args:
            choose: Returns the wanted ones of all streams; asked again at each look, for new nodes.
            since: The earliest instant.
            pattern: A filter pattern of CloudWatch Logs; None for all lines.
            poll_s: Seconds between two looks.
        """
        seen: dict[str, datetime] = {}
        while True:
            for line in self.lines(choose(self.streams()), since=since, pattern=pattern):
                if line.event_id not in seen:
                    seen[line.event_id] = line.at
                    yield line
            newest = max(seen.values(), default=since)
            since = max(since, newest - _OVERLAP)
            seen = {event_id: at for event_id, at in seen.items() if at >= since}
            time.sleep(poll_s)


def console_lines(aws: Aws, nodes: list[Node]) -> Iterator[Line]:
    """Yields the console output of instances, which EC2 keeps in part, and sends minutes late."""
    client = aws.client("ec2")
    for node in nodes:
        answer = client.get_console_output(InstanceId=node.instance_id)
        stream = Stream(f"{node.instance_id}.console", "", node.instance_id, "console")
        for text in (answer.get("Output") or "").splitlines():
            yield Line(answer["Timestamp"], stream, text)
