"""What a head node does while it boots, as its logs in CloudWatch say."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from pcluster_cfn.deploy.cluster_stacks import ClusterStack
from pcluster_cfn.deploy.events import WAIT_CONDITION, Activity, Event
from pcluster_cfn.deploy.requests import is_denied, is_throttled

#: Source: aws-parallelcluster 3.16.1, templates/cluster_stack.py, _add_head_node and _add_wait_condition.
_HEAD_NODE, _WAITS = "HeadNode", "HeadNodeWaitCondition"
#: Streams are named ``{hostname}.{instance id}.{log}``. Source: ParallelCluster user guide, "Integration with
#: Amazon CloudWatch Logs".
_CFN_INIT, _CHEF = "cfn-init", "chef-client"
#: A cluster's logs are read this seldom, and those of one cluster per poll. CloudWatch Logs allows some
#: requests per second and account. Source: CloudWatch Logs quotas, GetLogEvents.
_EVERY_POLLS = 8
#: Newest lines that are read of each log.
_LINES = 100
#: The steps of cfn-init, in words.
#: Source: aws-parallelcluster 3.16.1, templates/cluster_stack.py, configSets.
_STEPS = {
    "deployConfigFiles": "writes its configuration files",
    "chefPrepEnv": "prepares its environment",
    "shellRunPreInstall": "runs OnNodeStart",
    "chefConfig": "configures itself",
    "shellRunPostInstall": "runs OnNodeConfigured",
    "chefFinalize": "starts its services",
    "chefUpdate": "applies the update",
}
#: Source: aws-cfn-bootstrap, cfnbootstrap/construction.py: "Running config chefConfig".
_STEP = re.compile(r"Running config (\w+)")
#: Source: Chef Infra Client's log: "Processing … action run (cookbook::recipe line 12)" and "Recipe: …".
_RECIPE = re.compile(r"\(([\w-]+::[\w-]+) line \d+\)|Recipe: ([\w-]+::[\w-]+)")


def describe_boot(cfn_init: Iterable[str], chef: Iterable[str]) -> str:
    """Returns what a head node does, in a few words; empty if its logs do not say.

    Args:
        cfn_init: Lines of cfn-init's log, oldest first.
        chef: Lines of the log of Chef's client, oldest first.
    """
    steps = [found[1] for line in cfn_init if (found := _STEP.search(line))]
    recipes = [found[1] or found[2] for line in chef if (found := _RECIPE.search(line))]
    words = _STEPS.get(steps[-1], f"runs {steps[-1]}") if steps else ""
    if not recipes or (steps and "chef" not in steps[-1]):
        return words
    return f"{words or 'configures itself'} ({recipes[-1]})"


def is_head_node_s(event: Event) -> bool:
    """Whether an event is about the wait condition that a cluster's head node signals after its boot."""
    return event.type == WAIT_CONDITION and bool(event.cluster) and event.path[-1].startswith(_WAITS)


@dataclass
class _Boot:
    """The boot of one head node.

    Attributes:
        path: Its wait condition, which is shown.
        log_group: Log group of the cluster.
        instance_id: Its instance.
        streams: Names of its logs' streams, by log.
        last_poll: Number of the poll after which the logs were read last.
        text: What was shown last.
    """

    path: tuple[str, ...]
    log_group: str
    instance_id: str
    streams: dict[str, str] = field(default_factory=dict)
    last_poll: int = -_EVERY_POLLS
    text: str = ""


class BootWatch:
    """Follows the boots of the head nodes of an operation's clusters.

    It shows nothing where logging is disabled, the logs are not there yet or may not be read.

    Args:
        connect: Returns a client of CloudWatch Logs in the stack's Region.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._groups: dict[tuple[str, ...], str] = {}
        self._instances: dict[tuple[str, ...], str] = {}
        self._waits: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._boots: dict[tuple[str, ...], _Boot] = {}
        self._polls = 0

    def expect(self, stack_path: tuple[str, ...], cluster: ClusterStack) -> None:
        """Notes where the logs of a cluster are."""
        if cluster.log_group:
            self._groups[stack_path] = cluster.log_group

    def observe(self, events: Iterable[Event]) -> None:
        """Notes which head nodes boot, and which have ended."""
        for event in events:
            stack, logical_id = event.path[:-1], (event.path or ("",))[-1]
            if stack not in self._groups:
                continue
            if logical_id == _HEAD_NODE and event.physical_id.startswith("i-"):
                self._instances[stack] = event.physical_id
            if stack in self._boots and event.running:
                continue  # CloudFormation reports a start twice
            if is_head_node_s(event):
                self._boots.pop(stack, None)
                self._waits.pop(stack, None)
                if event.running:
                    self._waits[stack] = event.path
            if stack in self._waits and stack in self._instances:
                boot = _Boot(self._waits.pop(stack), self._groups[stack], self._instances[stack])
                self._boots[stack] = boot

    def poll(self) -> Activity | None:
        """Returns what one head node does, if its logs say something new."""
        self._polls += 1
        key = min(self._boots, key=lambda each: self._boots[each].last_poll, default=None)
        if key is None or self._polls - self._boots[key].last_poll < _EVERY_POLLS:
            return None
        boot = self._boots[key]
        boot.last_poll = self._polls
        try:
            text, at = self._read(boot)
        except ClientError as error:
            if is_denied(error):
                del self._boots[key]
            elif not is_throttled(error) and not _is_missing(error):
                raise
            return None
        if not text or text == boot.text:
            return None
        boot.text = text
        return Activity(boot.path, f"head node {text}", at)

    def _read(self, boot: _Boot) -> tuple[str, datetime]:
        logs = self._connect()
        if _CHEF not in boot.streams:
            boot.streams = _find_streams(logs, boot)
        lines: dict[str, list[str]] = {}
        newest_ms = 0
        for log, stream in boot.streams.items():
            # filter_log_events begins at the oldest line; only this call has the newest ones at once.
            answer = logs.get_log_events(
                logGroupName=boot.log_group, logStreamName=stream, limit=_LINES, startFromHead=False
            )
            lines[log] = [each["message"] for each in answer["events"]]
            newest_ms = max([newest_ms, *(each["timestamp"] for each in answer["events"])])
        text = describe_boot(lines.get(_CFN_INIT, ()), lines.get(_CHEF, ()))
        return text, datetime.fromtimestamp(newest_ms / 1000, UTC)


def _find_streams(logs: Any, boot: _Boot) -> dict[str, str]:
    """Returns the names of the streams of a head node's logs, by log, as far as they exist."""
    answer = logs.describe_log_streams(logGroupName=boot.log_group, orderBy="LastEventTime", descending=True)
    names = [each["logStreamName"] for each in answer["logStreams"]]
    wanted = {log: f".{boot.instance_id}.{log}" for log in (_CFN_INIT, _CHEF)}
    return {log: name for log, end in wanted.items() for name in names if name.endswith(end)}


def _is_missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") == "ResourceNotFoundException"
