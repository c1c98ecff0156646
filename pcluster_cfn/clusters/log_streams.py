"""The log streams of a cluster: which node and which log each one is, and which of them are wanted."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Self

from pcluster_cfn.clusters.nodes import COMPUTE, HEAD, LOGIN, Node
from pcluster_cfn.errors import CommandError, suggest

#: Source: ParallelCluster user guide, "Integration with Amazon CloudWatch Logs": log groups and streams.
GROUP_PREFIX = "/aws/parallelcluster/{}-"
_GROUP = re.compile(r"/aws/parallelcluster/(?P<cluster>.+)-(?P<created>\d{12})")
_STREAM = re.compile(r"(?P<host>[^.]+)\.(?P<instance_id>i-[0-9a-f]+)\.(?P<log>.+)")
#: Logs that only nodes of one kind have. Source: aws-parallelcluster-cookbook, cloudwatch_agent_config.json.
_HEAD_LOGS = frozenset({"clustermgtd", "slurmctld", "slurm_resume", "slurm_suspend", "clusterstatusmgtd"})
_COMPUTE_LOGS = frozenset({"computemgtd", "slurmd", "bootstrap_error_msg", "slurm_health_check"})
#: A head node sends its initialisation by CloudFormation only, a login node also that by cloud-init.
_INITIALISED, _BOOTED = "cfn-init", "cloud-init-output"
KINDS = {"head": HEAD, "compute": COMPUTE, "login": LOGIN}
#: What the logs of ParallelCluster, Chef, Slurm, systemd and Python begin or mark an error with.
ERRORS = re.compile(r"\b(?:ERROR|FATAL|CRITICAL|Traceback)\b|\b(?:error|fatal):")
_SPAN = re.compile(r"(?P<count>\d+)(?P<unit>[smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Stream:
    """A log stream; a name of another form has no instance, and is its own log."""

    name: str
    host: str
    instance_id: str
    log: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """Returns the stream of a name."""
        match = _STREAM.fullmatch(name)
        return cls(name, **match.groupdict()) if match else cls(name, "", "", name)


def newest_group(groups: Iterable[Mapping[str, object]], cluster_name: str) -> str | None:
    """Returns the newest log group of a cluster's name; None if there is none.

    The prefix of ``hpc`` is also that of ``hpc-2``, whose groups are left out.

    Args:
        groups: As CloudWatch Logs describes them.
        cluster_name: Name of the cluster, which may be deleted.
    """
    names = (str(group["logGroupName"]) for group in groups)
    its = {
        match["created"]: name
        for name in names
        if (match := _GROUP.fullmatch(name)) and match["cluster"] == cluster_name
    }
    return its[max(its)] if its else None


def kinds_of(streams: Iterable[Stream], nodes: Iterable[Node]) -> dict[str, str]:
    """Returns the kind of node of each instance id: by EC2's tag, else by the logs that the node sends."""
    logs: dict[str, set[str]] = {}
    for stream in streams:
        logs.setdefault(stream.instance_id, set()).add(stream.log)
    tagged = {node.instance_id: node.kind for node in nodes}
    return {instance_id: tagged.get(instance_id) or _kind(sent) for instance_id, sent in logs.items()}


def _kind(logs: set[str]) -> str:
    if logs & _HEAD_LOGS:
        return HEAD
    if logs & _COMPUTE_LOGS or _INITIALISED not in logs:
        return COMPUTE
    return LOGIN if _BOOTED in logs else HEAD


def chosen(
    streams: Iterable[Stream], kinds: Mapping[str, str], node: str | None, log: str | None
) -> list[Stream]:
    """Returns the streams of a node or a kind of node, of one log.

    Args:
        streams: All streams of the group.
        kinds: Kind of node by instance id.
        node: ``head``, ``compute``, ``login``, an instance id or a host name; None for all nodes.
        log: Name of a log, which may have wildcards; None for all logs.
    """
    of_node = [each for each in streams if _is_of_node(each, kinds, node)]
    return [each for each in of_node if log is None or fnmatchcase(each.log, log)]


def require_some(streams: Iterable[Stream], found: list[Stream], node: str | None, log: str | None) -> None:
    """Refuses a node or a log that no stream of the group is of.

    Raises:
        CommandError: Names the nodes and the logs that there are.
    """
    everything = list(streams)
    if found or not everything:
        return
    nodes = sorted({name for each in everything for name in (each.instance_id, each.host) if name})
    logs = sorted({each.log for each in everything})
    what = " and ".join(text for text in (node and f"node {node!r}", log and f"log {log!r}") if text)
    near = suggest(log, logs, "") if log and log not in logs else suggest(node or "", nodes, "")
    there = f"nodes: {', '.join(nodes)}; logs: {', '.join(logs)}"
    raise CommandError(f"no log stream is of {what}", near or f"there are {there}")


def _is_of_node(stream: Stream, kinds: Mapping[str, str], node: str | None) -> bool:
    if node is None:
        return True
    if node in KINDS:
        return kinds.get(stream.instance_id) == KINDS[node]
    return node in {stream.instance_id, stream.host}


def instant(text: str, now: datetime) -> datetime:
    """Returns the instant that ``--since`` names: a time span before now, or a date and time.

    Args:
        text: Such as 90s, 15m, 1h, 2d, or 2026-01-31T12:00:00Z. Without a zone, it is UTC.
        now: The present instant, aware.

    Raises:
        CommandError: The text is neither.
    """
    if match := _SPAN.fullmatch(text):
        return now - timedelta(**{_UNITS[match["unit"]]: int(match["count"])})
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"--since {text!r} is not valid", "give a time span as in 15m, 1h or 2d, or a date and time"
        ) from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=now.tzinfo)
