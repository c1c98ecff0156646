"""Observes a run from outside: its requests, the ends of clusters, and the answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from tools.scale.parents import PREFIX
from tools.scale.plan import Action
from tools.scale.world import World

#: The index by which the sweep finds due operations. Its other calls read stacks in progress, failed passes
#: and unhandled events.
_DUE_INDEX = "due"
_SWEEP_ONLY = frozenset({"ListStacks", "BatchGetItem", "ReceiveMessage", "DeleteMessage"})


@dataclass(frozen=True)
class Operation:
    """One request, as seen from outside.

    Args:
        name: The cluster's name.
        status: How the parent stack ended.
        requested_at: When CloudFormation started the resource.
        cluster_ended_at: When the cluster's stack ended; None if there was none.
        answered_at: When CloudFormation accepted an answer; None if it accepted none.
        answers: How many answers S3 stored, late ones included.
        succeeded: Whether the answer was SUCCESS.
        reason: The answer's reason.
    """

    name: str
    status: str
    requested_at: datetime
    cluster_ended_at: datetime | None
    answered_at: datetime | None
    answers: int
    succeeded: bool
    reason: str


@dataclass(frozen=True)
class Work:
    """The work of functions.

    Args:
        own: Invocations of the provider for single operations.
        sweeps: Invocations of the provider by its schedule.
        engine: Invocations of the engine.
        failed: Invocations of either that did not succeed.
        calls: AWS calls of the provider by service and operation, without the sweep's own.
        sweep_calls: The sweep's own AWS calls.
        library_calls: AWS calls of the engine by service.
        peaks_mb: Peak memory of the provider's process at each of its invocations, oldest first.
    """

    own: int
    sweeps: int
    engine: int
    failed: int
    calls: Counter[str]
    sweep_calls: int
    library_calls: Counter[str]
    peaks_mb: tuple[int, ...]

    def __sub__(self, before: "Work") -> "Work":
        """Returns the work since an earlier observation."""
        return Work(
            own=self.own - before.own,
            sweeps=self.sweeps - before.sweeps,
            engine=self.engine - before.engine,
            failed=self.failed - before.failed,
            calls=self.calls - before.calls,
            sweep_calls=self.sweep_calls - before.sweep_calls,
            library_calls=self.library_calls - before.library_calls,
            peaks_mb=self.peaks_mb[len(before.peaks_mb) :],
        )


@dataclass(frozen=True)
class Kept:
    """The contents of the operations table and the dead-letter queue."""

    items: int
    size_bytes: int
    open: int
    lasting: int
    dead_letters: int


def work(world: World) -> Work:
    """Returns the functions' work so far."""
    invocations = world.cloud.invocations()
    provider = [call for call in invocations if call["function"] == world.provider]
    engine = [call for call in invocations if call["function"] == world.engine]
    swept = [call for call in provider if call["source"].endswith(f"/{world.sweep}")]
    calls: Counter[str] = Counter()
    library: Counter[str] = Counter()
    sweep_calls = 0
    for call in world.cloud.calls():
        if call["function"] == world.engine:
            library[call["service"]] += call["count"]
        elif call["parameters"].get("IndexName") == _DUE_INDEX or call["operation"] in _SWEEP_ONLY:
            sweep_calls += call["count"]
        elif call["function"] == world.provider:
            calls[f"{call['service']} {call['operation']}"] += call["count"]
    return Work(
        own=len(provider) - len(swept),
        sweeps=len(swept),
        engine=len(engine),
        failed=sum(call["outcome"] != "success" for call in (*provider, *engine)),
        calls=calls,
        sweep_calls=sweep_calls,
        library_calls=library,
        peaks_mb=tuple(call["max_rss_mb"] for call in provider if call["max_rss_mb"] is not None),
    )


def kept(world: World) -> Kept:
    """Returns the provider's records, and the events that it could not handle."""
    pages = world.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=world.table)
    items = [item for page in pages for item in page["Items"]]
    queue = world.cloud.client("sqs").get_queue_attributes(
        QueueUrl=world.dead_letters, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return Kept(
        items=len(items),
        size_bytes=sum(map(_size_bytes, items)),
        open=sum("due" in item for item in items),
        lasting=sum("expires_at" not in item for item in items),
        dead_letters=int(queue["Attributes"]["ApproximateNumberOfMessages"]),
    )


class Watch:
    """Observes operations through CloudFormation and the responses.

    Args:
        world: The embedded cloud with the provider.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._cloudformation = world.cloud.client("cloudformation")
        self._cluster_ids: dict[str, str] = {}

    def operations(self, action: Action, parents: Mapping[str, str], since: datetime) -> list[Operation]:
        """Returns the outcomes of one action on parent stacks.

        Args:
            action: The action.
            parents: Stack ids by name.
            since: The simulated time at which the action started.
        """
        answers: dict[str, list[Mapping[str, Any]]] = {}
        for answer in self._world.cloud.responses():
            if datetime.fromisoformat(answer["at"]) >= since:
                answers.setdefault(answer["StackId"], []).append(answer)
        return [
            self._operation(action, name, stack_id, since, answers.get(stack_id, ()))
            for name, stack_id in parents.items()
        ]

    def _operation(
        self,
        action: Action,
        name: str,
        stack_id: str,
        since: datetime,
        answers: Sequence[Mapping[str, Any]],
    ) -> Operation:
        events = [event for event in self._events(stack_id) if event["Timestamp"] >= since]
        begun = [event for event in events if event["ResourceStatus"] == f"{action}_IN_PROGRESS"]
        requested = [event for event in begun if event["LogicalResourceId"] == "Cluster"]
        taken = [answer for answer in answers if answer["outcome"] == "accepted"]
        return Operation(
            name=name.removeprefix(PREFIX),
            status=self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"],
            requested_at=requested[-1]["Timestamp"],
            cluster_ended_at=self._ended_at(f"c-{name}"),
            answered_at=datetime.fromisoformat(taken[0]["at"]) if taken else None,
            answers=sum(answer["http_status"] == 200 for answer in answers),  # noqa: PLR2004 - HTTP
            succeeded=bool(taken) and taken[0]["Status"] == "SUCCESS",
            reason=str(taken[0]["Reason"] or "") if taken else "",
        )

    def _ended_at(self, cluster: str) -> datetime | None:
        """Returns the time of a stack's newest event about itself, which is its end."""
        if cluster not in self._cluster_ids:
            try:
                found = self._cloudformation.describe_stacks(StackName=cluster)["Stacks"][0]
            except ClientError:
                return None
            self._cluster_ids[cluster] = found["StackId"]
        stack_id = self._cluster_ids[cluster]
        own = [event for event in self._events(stack_id) if event["PhysicalResourceId"] == stack_id]
        ended: datetime = own[0]["Timestamp"]
        return ended

    def _events(self, stack_id: str) -> list[Any]:
        """The newest events of a stack, newest first."""
        found: list[Any] = self._cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
        return found


def _size_bytes(item: Mapping[str, Mapping[str, Any]]) -> int:
    """An item's size: its names and its texts. Source: DynamoDB developer guide, "Item sizes and formats"."""
    texts = [str(content) for value in item.values() for content in value.values()]
    return sum(len(text.encode()) for text in (*item, *texts))
