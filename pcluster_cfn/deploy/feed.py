"""Reads the events of a stack operation: of the stack, of nested stacks, and of its clusters' own stacks."""

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pcluster_cfn.deploy.cluster_stacks import ClusterStack, find_stack_of, may_have_cluster
from pcluster_cfn.deploy.events import Event, read_event
from pcluster_cfn.deploy.requests import is_denied, is_throttled
from pcluster_cfn.template import NESTED_STACK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackEventTypeDef

#: Polls without such requests after CloudFormation throttled one, doubled up to the second number.
_PAUSE_POLLS, _PAUSE_MAX_POLLS = 2, 32


@dataclass
class _Watched:
    """A stack whose events are read.

    Attributes:
        path: Where its resources are shown.
        cluster: Name of the cluster that it belongs to; empty for the user's own stacks.
        resource: Path of the custom resource whose cluster's stack it is; None for any other stack.
        newest_id: Id of the newest event that was read.
        due: Whether events are expected.
        running: Whether it is read in every turn: its resource, or the stack itself, is in progress.
        is_gone: Whether it was deleted.
        last_turn: Number of the turn in which it was read last.
    """

    path: tuple[str, ...]
    cluster: str = ""
    resource: tuple[str, ...] | None = None
    newest_id: str | None = None
    due: bool = True
    running: bool = True
    is_gone: bool = False
    last_turn: int = 0


class EventFeed:
    """Reads the events of one operation of a stack and of the stacks nested in it.

    Create it before the operation starts: it skips the events that the stack has by then.

    Args:
        cloudformation: Client in the stack's Region.
        stack: Name or ARN of the stack; None for one that does not exist yet, or to read from the beginning.
        with_clusters: Whether to read the stacks of clusters, too, which their custom resources do not nest.
        requests_per_poll: Maximum number of requests per poll, besides that for the stack itself. What does
            not fit has its turn in a later poll.
    """

    def __init__(
        self,
        cloudformation: "CloudFormationClient",
        stack: str | None,
        *,
        with_clusters: bool = False,
        requests_per_poll: int | None = None,
    ) -> None:
        self._cloudformation = cloudformation
        self._with_clusters = with_clusters
        self._requests_per_poll = requests_per_poll
        self._watched: dict[str, _Watched] = {}
        #: Custom resources whose cluster's stack is not known yet, and when each was looked up.
        self._sought: dict[tuple[str, ...], tuple[Event, int]] = {}
        self._clusters: dict[tuple[str, ...], _Watched] = {}
        self._latest: dict[tuple[str, ...], Event] = {}
        self._new_clusters: list[tuple[tuple[str, ...], ClusterStack]] = []
        self._started_at: datetime | None = None
        self._turn = 0
        self._pause_polls = self._paused_until_turn = 0
        newest = next(self._newest_first(stack), None) if stack else None
        if newest:
            self._watched[newest["StackId"]] = _Watched((), newest_id=newest["EventId"])

    def poll(self, stack_id: str) -> list[Event]:
        """Returns the events since the last poll, oldest first.

        Raises:
            ClientError: CloudFormation refuses, but not because of too many requests.
        """
        self._turn += 1
        root = self._watched.setdefault(stack_id, _Watched(()))
        try:
            events = self._read(stack_id, root)
        except ClientError as error:
            if not is_throttled(error):
                raise
            self._pause()
            return []
        return sorted(events + self._read_others(stack_id), key=lambda event: event.at)

    def rest(self) -> list[Event]:
        """Returns the events of stacks that had no turn since their last change, when the operation ended."""
        events: list[Event] = []
        for resource in list(self._sought):
            self._seek(resource)
        while due := [item for item in self._watched.items() if item[1].due or item[1].running]:
            for stack_id, each in due:
                each.due = each.running = False
                events += self._read_if_allowed(stack_id, each)
        return sorted(events, key=lambda event: event.at)

    def take_new_clusters(self) -> list[tuple[tuple[str, ...], ClusterStack]]:
        """Returns the cluster stacks found since the last call, each with the path of its stack."""
        found, self._new_clusters = self._new_clusters, []
        return found

    def _read_others(self, root_id: str) -> list[Event]:
        """Returns the events of the stacks below, those first that were not read for longest."""
        events: list[Event] = []
        for _ in count() if self._requests_per_poll is None else range(self._requests_per_poll):
            if self._turn < self._paused_until_turn:
                break
            stacks = {
                key: each.last_turn
                for key, each in self._watched.items()
                if key != root_id and (each.due or each.running) and each.last_turn < self._turn
            }
            sought = {key: turn for key, (_, turn) in self._sought.items() if turn < self._turn}
            stack_id = min(stacks, key=stacks.__getitem__, default=None)
            resource = min(sought, key=sought.__getitem__, default=None)
            if resource is not None and (stack_id is None or sought[resource] <= stacks[stack_id]):
                self._seek(resource)
            elif stack_id is not None:
                events += self._read_if_allowed(stack_id, self._watched[stack_id])
            else:
                break
        return events

    def _read_if_allowed(self, stack_id: str, watched: _Watched) -> list[Event]:
        try:
            return self._read(stack_id, watched)
        except ClientError as error:
            if is_throttled(error):
                self._pause()
            elif watched.cluster and is_denied(error):
                watched.due = watched.running = False
            else:
                raise
            return []

    def _seek(self, resource: tuple[str, ...]) -> None:
        """Looks for the stack of a resource's cluster."""
        event, _ = self._sought[resource]
        self._sought[resource] = (event, self._turn)
        try:
            found = find_stack_of(self._cloudformation, event)
        except ClientError as error:
            if not is_throttled(error):
                raise
            self._pause()
            return
        if found is None or (found.stack_id in self._watched and self._watched[found.stack_id].is_gone):
            if not event.running:
                del self._sought[resource]
            return
        del self._sought[resource]
        if found.stack_id not in self._watched:
            path = (*resource, found.name)
            watched = _Watched(path, cluster=found.name, resource=resource, running=event.running)
            self._watched[found.stack_id] = self._clusters[resource] = watched
            self._new_clusters.append((path, found))

    def _pause(self) -> None:
        self._pause_polls = min(max(self._pause_polls * 2, _PAUSE_POLLS), _PAUSE_MAX_POLLS)
        self._paused_until_turn = self._turn + self._pause_polls

    def _read(self, stack_id: str, watched: _Watched) -> list[Event]:
        unseen = self._unseen(stack_id, watched)
        watched.last_turn, watched.due = self._turn, False
        events = []
        for raw in reversed(unseen):
            watched.newest_id = raw["EventId"]
            if self._started_at is None:
                self._started_at = raw["Timestamp"]
            own = raw.get("PhysicalResourceId", "") == stack_id
            path = watched.path if own else (*watched.path, raw["LogicalResourceId"])
            event = read_event(raw, path, watched.cluster)
            if own and watched.resource is None:
                watched.running = event.running
                if watched.path:
                    continue  # the parent has the same event about this nested stack
            elif own and event.status == "DELETE_COMPLETE":
                watched.is_gone = True
                self._seek_successor(watched.resource)
            self._expect(event, watched)
            events.append(event)
        return events

    def _seek_successor(self, resource: tuple[str, ...] | None) -> None:
        """Looks for the next cluster of a resource in progress: a retry deletes the failed one first."""
        latest = self._latest.get(resource or ())
        if latest and latest.status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
            self._sought[latest.path] = (latest, 0)

    def _expect(self, event: Event, watched: _Watched) -> None:
        """Notes which stacks will have events because of this one."""
        if event.type == NESTED_STACK and event.path and event.physical_id.startswith("arn:"):
            if event.physical_id == event.stack_id:
                return
            below = self._watched.setdefault(event.physical_id, _Watched(event.path, cluster=watched.cluster))
            below.due, below.running = True, event.running
        elif self._with_clusters and not watched.cluster and may_have_cluster(event):
            self._latest[event.path] = event
            known = self._clusters.get(event.path)
            if known:
                known.due, known.running = True, event.running
            if event.running and (known is None or event.status.startswith(("CREATE", "UPDATE"))):
                self._sought[event.path] = (event, 0)
            elif not event.running and known is None and event.path in self._sought:
                # It began and ended between two polls: its cluster's stack is looked for once.
                self._sought[event.path] = (event, 0)
            elif not event.running:
                self._sought.pop(event.path, None)

    def _unseen(self, stack_id: str, watched: _Watched) -> "list[StackEventTypeDef]":
        unseen = []
        for raw in self._newest_first(stack_id):
            earlier = self._started_at is not None and raw["Timestamp"] < self._started_at
            if raw["EventId"] == watched.newest_id or earlier:
                break
            unseen.append(raw)
        return unseen

    def _newest_first(self, stack: str) -> "Iterator[StackEventTypeDef]":
        paginator = self._cloudformation.get_paginator("describe_stack_events")
        for page in paginator.paginate(StackName=stack):
            yield from page["StackEvents"]
