"""What the provider needs of the world; adapters/ has one implementation of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cluster_provider.core.identity import Owner
from cluster_provider.core.measurements import Measurement
from cluster_provider.core.observed import ClusterStack, StackFailure
from cluster_provider.core.request import RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord, QueueEntry


@dataclass(frozen=True)
class DeadLetter:
    """An event that could not be handled.

    Args:
        event: The event.
        receipt: Names it to the queue.
        put_at: When it came into the queue: minutes after it arrived first.
    """

    event: dict[str, Any]
    receipt: str
    put_at: datetime


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """The time, aware UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits; a second or two at most, since an invocation pays for it."""
        ...


class Stacks(Protocol):
    """CloudFormation, read only. Every method raises Unavailable when AWS cannot answer just now."""

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        """The stack of this name, or of this ARN even if it is deleted; None if there is none."""
        ...

    def failures(self, stack_id: str, since: datetime | None) -> tuple[StackFailure, ...]:
        """Failed resources of a stack and its nested stacks since an instant, oldest first."""
        ...

    def ended_at(self, stack_id: str) -> datetime | None:
        """When what was last done to a stack came to its end; None while it goes on."""
        ...

    def has_event_of(self, stack_id: str, client_request_token: str) -> bool:
        """Whether CloudFormation acted on the stack for this client request token."""
        ...

    def in_progress(self) -> frozenset[str]:
        """ARNs of the stacks that CloudFormation is changing, whoever they belong to; some may be missing."""
        ...

    def lists(self, owner: Owner, physical_id: str) -> bool:
        """Whether the owner's stack has its resource, with this physical id.

        One that is still being made has none yet: it may get this one.
        """
        ...

    def completed_since(self, stack_id: str, since: datetime) -> bool | None:
        """Whether a stack's creation or an update of it came to a good end since an instant.

        None if it did not as far as is known, and its events do not reach back to that instant.
        """
        ...

    def requested_since(
        self, owner: Owner, request_type: RequestType, physical_id: str | None
    ) -> datetime | None:
        """Since when CloudFormation creates, updates or deletes the owner's resource.

        Args:
            owner: Whose resource.
            request_type: Which of the three.
            physical_id: What is deleted: a clean-up after an update is about an id that the resource has no
                more.

        Returns:
            The instant at which the resource took this state; None if it is not in it, or is not there at
            all, as far as CloudFormation's reads tell, which may be late.
        """
        ...

    def awaits_answer(self, owner: Owner) -> bool:
        """Whether the owner's resource may still be being created or updated in its stack.

        False is certain but for CloudFormation's reads being a little late: ask twice before acting on it.
        """
        ...


class Engines(Protocol):
    """The engine functions, one per ParallelCluster version."""

    @property
    def versions(self) -> frozenset[str]:
        """The versions there are."""
        ...

    @property
    def default_version(self) -> str:
        """The version that makes new clusters."""
        ...

    def invoke(self, version: str, call: Mapping[str, object]) -> None:
        """Starts an engine asynchronously with a call of docs/reference/engine.md.

        Raises:
            NotAccepted: Lambda refused it.
            Unavailable: It is not known whether it was accepted.
        """
        ...


class Responses(Protocol):
    """The way back to CloudFormation."""

    def send(self, url: str, body: str) -> None:
        """Puts a response to its URL.

        Raises:
            DeliveryFailed: It did not arrive; worth sending again.
            Undeliverable: It never will.
        """
        ...


class Store(Protocol):
    """The table of owners and their requests. Every method raises Unavailable when it cannot answer."""

    def load(self, owner: Owner) -> OwnerRecord | None:
        """What is known of an owner."""
        ...

    def load_operation(self, owner: Owner, request_id: str) -> OperationRecord | None:
        """The record of one request."""
        ...

    def change(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord | None], OwnerRecord],
        operations: Sequence[OperationRecord] = (),
        holder: str = "",
    ) -> OwnerRecord:
        """Replaces an owner's record by what ``change`` makes of it, and writes operations in the same step.

        Args:
            owner: Whose record.
            change: The new record from the present one. Pure, since it is called again on a newer record
                if somebody else wrote in between. What it raises leaves everything as it was.
            operations: Records of requests to write in the same step.
            holder: Who holds the lease and gives it back in the same step, unless a mark was left.
        """
        ...

    def acquire(self, owner: Owner, holder: str, until: datetime, requeue_at: datetime) -> OwnerRecord | None:
        """Takes the owner's lease and returns the record; None if there is none, or somebody holds it.

        Then a mark is left for whoever does. With the lease the owner is moved back in the queue, and one
        more failed pass is counted: the change that ends a pass well takes both back.
        """
        ...

    def release(self, owner: Owner, holder: str, *, again: bool = True) -> OwnerRecord | None:
        """Gives the lease back; if a mark was left, keeps it, takes the mark and returns the record.

        Unless ``again``: then the lease is given back in any case, and a marked owner is due at once.
        """
        ...

    def failed_passes(self, owners: Sequence[Owner]) -> Mapping[Owner, int]:
        """How many passes in a row did not end well, by owner; owners with none are left out."""
        ...

    def waiting(self) -> list[QueueEntry]:
        """Everybody with an open request, the longest overdue first."""
        ...

    def owners_of(self, cluster_name: str) -> list[Owner]:
        """Owners with an open request about a cluster of this name."""
        ...


class Claims(Protocol):
    """Who took which cluster over. Every method raises Unavailable when it cannot answer."""

    def claim(self, cluster_id: str, owner: Owner, instead_of: Owner | None = None) -> Owner:
        """Records whose a cluster is, unless that is recorded already.

        Args:
            cluster_id: ARN of the cluster's stack.
            owner: Who takes it over.
            instead_of: Whose it was and is no more.

        Returns:
            Whose it is now.
        """
        ...

    def disclaim(self, cluster_id: str, owner: Owner) -> None:
        """The cluster is the owner's no more; somebody else's claim stays as it is."""
        ...


class DeadLetters(Protocol):
    """Events that Lambda could not have handled in its attempts. Every method raises Unavailable."""

    def receive(self) -> list[DeadLetter]:
        """Some of the events that wait; none of them is received again for a while."""
        ...

    def remove(self, letter: DeadLetter) -> None:
        """The event is handled. One that is not removed is received again, until the queue gives it up."""
        ...


class Metrics(Protocol):
    """Where measurements go."""

    def record(self, *measurements: Measurement) -> None:
        """Hands measurements on at once, so that none is lost with the invocation."""
        ...


@dataclass(frozen=True)
class Ports:
    """The world, as the provider uses it."""

    clock: Clock
    stacks: Stacks
    engines: Engines
    responses: Responses
    store: Store
    claims: Claims
    metrics: Metrics
    dead_letters: DeadLetters
