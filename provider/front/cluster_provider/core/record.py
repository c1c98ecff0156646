"""What the table keeps: of each owner, and of each request and the work on it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cluster_provider.core import deadline
from cluster_provider.core.engine_call import EngineCall
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import Cluster, ClusterStack
from cluster_provider.core.progress import Phase, Progress
from cluster_provider.core.request import Request, RequestType


@dataclass(frozen=True)
class OperationRecord:
    """A request and the work on it, as the table keeps them."""

    request: Request
    progress: Progress

    @property
    def names(self) -> dict[str, str]:
        """What a log line is told apart by."""
        return {
            "request_id": self.request.request_id,
            "request_type": self.request.type.value,
            "stack_id": self.request.owner.stack_id,
            "logical_id": self.request.owner.logical_id,
            "cluster_name": self.progress.cluster_name,
        }

    @property
    def act_by(self) -> datetime:
        """The instant after which nothing is begun any more: somebody listens until a little later."""
        return act_by(self.request, self.progress)


@dataclass(frozen=True)
class Backlog:
    """Requests that are not answered yet, or left a compute fleet to be started.

    Args:
        open: How many there are.
        late: How many of them have used more than half of their time.
    """

    open: int
    late: int


@dataclass(frozen=True)
class Waiting:
    """An open request, as the sweep sees it.

    Args:
        owner: Whose.
        wake_at: When it is to be looked at.
        late_at: When half of its time has passed; None if that is not known.
        watching: ARN of a stack without whose end there is nothing to do; None if there is none.
        act_by: The instant at which there is something to do all the same.
    """

    owner: Owner
    wake_at: datetime
    late_at: datetime | None = None
    watching: str | None = None
    act_by: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be looked at now."""
        return self.wake_at <= now

    def is_late(self, now: datetime) -> bool:
        """Whether its request is to be answered now, whatever is known."""
        return self.act_by is not None and now >= self.act_by

    def is_idle(self, in_progress: Collection[str], now: datetime) -> bool:
        """Whether nothing can have happened: the stack that it waits for is still in progress."""
        return self.watching in in_progress and self.act_by is not None and now < self.act_by


def backlog(waiting: Collection[Waiting], now: datetime) -> Backlog:
    """How many of the open requests there are, and how many are late."""
    late = [item for item in waiting if item.late_at is not None and item.late_at <= now]
    return Backlog(len(waiting), len(late))


@dataclass(frozen=True)
class Undo:
    """An Update that failed without effect: its swap succeeds without doing anything."""

    digest: str
    old_digest: str

    def is_by(self, request: Request) -> bool:
        """Whether a request is the swap."""
        return (request.digest, request.old_digest) == (self.old_digest, self.digest)


@dataclass(frozen=True)
class OwnerRecord:
    """Everything known of one owner, as the table keeps it.

    Args:
        newest_request_id: The newest request accepted; it alone is worked on.
        newest_issued_at: When that one was issued.
        newest_type: What it asks for.
        is_open: Whether it is still to be answered, or its cluster to be followed after the answer.
        restarts: Whether it is over but for the compute fleet, which is still to be started.
        following: Name of the cluster it is about; events of that stack wake it.
        clusters: Clusters this owner made and that were not seen gone, by name.
        call: The engine call of this owner that was made last.
        undo: The last Update that failed without effect.
        wake_at: When the sweep looks next; None if nothing is waited for.
        watching: ARN of the stack without whose end there is nothing to do; None if there is none.
        act_by: When there is something to do all the same, however far the owner was moved back.
        late_at: When half of the newest request's time has passed.
        login_pools: Largest number of login pools ever reported; their attribute names stay.
        released: ARNs of clusters that were taken over and let go again; nothing is done to them.
        heard: Names of clusters of this owner that CloudFormation itself has named in a request.
        is_answering: Whether an answer is written down and being sent.
        confirmed_since: Since when CloudFormation did to the resource what the newest request asks for, by
            its own clock; None for a request that was accepted before this was recorded.
        handles: Digests of the wait condition handles it was given; each is signalled for one request only.
    """

    newest_request_id: str
    newest_issued_at: datetime
    newest_type: RequestType
    is_open: bool = True
    restarts: bool = False
    following: str = ""
    clusters: dict[str, Cluster] = field(default_factory=dict)
    call: EngineCall | None = None
    undo: Undo | None = None
    wake_at: datetime | None = None
    watching: str | None = None
    act_by: datetime | None = None
    late_at: datetime | None = None
    login_pools: int = 0
    released: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    handles: list[str] = field(default_factory=list)
    is_answering: bool = False
    confirmed_since: datetime | None = None

    def has(self, stack: ClusterStack) -> bool:
        """Whether this owner made the cluster or took it over, and did not let it go since."""
        known = self.clusters.get(stack.name)
        return known is not None and known.stack_id in {None, stack.stack_id}

    @property
    def lasts(self) -> bool:
        """Whether it is needed for longer than a delivery may be late.

        A Delete whose answer was not heard is repeated, however late. It must not destroy what was let go of,
        though tags from an earlier time may say that the cluster is this owner's.
        """
        return self.at_work or bool(self.clusters or self.released)

    @property
    def at_work(self) -> bool:
        """Whether there is anything left to do for the newest request."""
        return self.is_open or self.restarts


def let_go(before: OwnerRecord | None, after: OwnerRecord) -> list[str]:
    """ARNs of the clusters that were taken over and that a change of their owner's record lets go of."""
    earlier = before.released if before is not None else []
    return [arn for arn in after.released if arn not in earlier]


def act_by(request: Request, progress: Progress) -> datetime:
    """Until when work on a request makes sense: the answer's deadline, later the wait condition's.

    A fleet that is still to be started then has some hours more.
    """
    if progress.phase is Phase.RESTARTING:
        return (request.signal_by or request.deadline) + timedelta(seconds=deadline.RESTART_MAX_S)
    followed = progress.phase in {Phase.FOLLOWING, Phase.SIGNALLING}
    return request.signal_by if followed and request.signal_by is not None else request.deadline
