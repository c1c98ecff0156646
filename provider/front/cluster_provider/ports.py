"""What the provider needs from the outside world; adapters/ has one implementation of each protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cluster_provider.core.identity import Owner
from cluster_provider.core.measurements import Measurement
from cluster_provider.core.notifications import Notification
from cluster_provider.core.observed import ClusterStack, StackFailure
from cluster_provider.core.request import RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord, QueueEntry


@dataclass(frozen=True)
class DeadLetter:
    """An event that could not be handled.

    Args:
        event: The event.
        receipt: Identifies the event to the queue.
        put_at: When Lambda put the event into the queue, which is minutes after its first arrival.
    """

    event: dict[str, Any]
    receipt: str
    put_at: datetime


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Returns the current time, as an aware datetime in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits.

        Args:
            seconds: How long, in seconds; 2 at most, since the invocation is billed for it.
        """
        ...


class Stacks(Protocol):
    """CloudFormation, read only. Every method raises Unavailable if AWS cannot answer for the moment."""

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        """Returns the stack with this name or ARN; None if there is none.

        A deleted stack is found by its ARN only.
        """
        ...

    def failures(self, stack_id: str, since: datetime | None) -> tuple[StackFailure, ...]:
        """Returns the failed resources of a stack and its nested stacks, oldest first.

        Args:
            stack_id: ARN of the stack.
            since: Earlier failures are left out; None for all.
        """
        ...

    def ended_at(self, stack_id: str) -> datetime | None:
        """Returns when the last operation on a stack ended; None while it is in progress."""
        ...

    def has_event_of(self, stack_id: str, client_request_token: str) -> bool:
        """Returns whether CloudFormation changed the stack on a call with this client request token.

        Args:
            stack_id: ARN of the stack.
            client_request_token: The token, which is the id of an engine call.
        """
        ...

    def in_progress(self) -> frozenset[str]:
        """Returns the ARNs of all stacks in the account that are in progress; some may be missing."""
        ...

    def lists(self, owner: Owner, physical_id: str) -> bool:
        """Returns whether the owner's stack lists its resource with this physical id.

        A resource that is still being created has no physical id yet. It may get this one, so the result is
        True.

        Args:
            owner: The resource.
            physical_id: The physical id.
        """
        ...

    def completed_since(self, stack_id: str, since: datetime) -> bool | None:
        """Returns whether a creation or an update of a stack has succeeded since an instant.

        Args:
            stack_id: ARN of the stack.
            since: The instant.

        Returns:
            None if no success is known, and the stack's events do not reach back to the instant.
        """
        ...

    def requested_since(
        self, owner: Owner, request_type: RequestType, physical_id: str | None
    ) -> datetime | None:
        """Returns since when CloudFormation has been creating, updating or deleting the owner's resource.

        Args:
            owner: The resource.
            request_type: Which of the three.
            physical_id: The physical id to be deleted. A clean-up after an update deletes an earlier id of
                the resource.

        Returns:
            The instant when the resource entered this state; None if it is not in this state, or does not
            exist. CloudFormation's reads may be late.
        """
        ...

    def awaits_answer(self, owner: Owner) -> bool:
        """Returns whether the owner's resource may still be being created or updated in its stack.

        CloudFormation's reads may be late, so ask twice before you act on False.
        """
        ...


class Engines(Protocol):
    """The engine functions, one per ParallelCluster version."""

    @property
    def versions(self) -> frozenset[str]:
        """The versions that have an engine."""
        ...

    @property
    def default_version(self) -> str:
        """The version for new clusters."""
        ...

    def invoke(self, version: str, call: Mapping[str, object]) -> None:
        """Starts an engine asynchronously.

        Args:
            version: Version of the engine.
            call: A call as in docs/reference/engine.md.

        Raises:
            NotAccepted: Lambda refused the call.
            Unavailable: It is not known whether Lambda accepted the call.
        """
        ...


class Responses(Protocol):
    """The response URLs of CloudFormation."""

    def send(self, url: str, body: str) -> None:
        """Puts a response to its URL.

        Args:
            url: The presigned URL.
            body: The response, as JSON text.

        Raises:
            DeliveryFailed: The response did not arrive; another attempt may help.
            Undeliverable: The response can never arrive.
        """
        ...


class Store(Protocol):
    """The table of owners and their requests. Every method raises Unavailable if the table cannot answer."""

    def load(self, owner: Owner) -> OwnerRecord | None:
        """Returns the owner's record; None if there is none."""
        ...

    def load_operation(self, owner: Owner, request_id: str) -> OperationRecord | None:
        """Returns the record of one request; None if there is none."""
        ...

    def change(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord | None], OwnerRecord],
        operations: Sequence[OperationRecord] = (),
        holder: str = "",
    ) -> OwnerRecord:
        """Replaces an owner's record by the result of ``change``, and writes operations in the same step.

        Args:
            owner: The owner.
            change: Returns the new record from the present one. It must be pure: if another writer was
                faster, it is called again on the newer record. If it raises an error, nothing is written.
            operations: Records of requests to write in the same step.
            holder: The holder of the lease, which is released in the same step unless the dirty flag is set.
        """
        ...

    def acquire(self, owner: Owner, holder: str, until: datetime, requeue_at: datetime) -> OwnerRecord | None:
        """Acquires the owner's lease and returns the record.

        The owner is requeued in the same step, and its count of failed passes grows by one. The change with
        which a pass succeeds sets both back. If another holder has the lease, the dirty flag is set for that
        holder.

        Args:
            owner: The owner.
            holder: Name of the new holder.
            until: When the lease ends.
            requeue_at: When the owner is due again if the pass fails, hangs or dies.

        Returns:
            None if the owner has no record, or another holder has the lease.
        """
        ...

    def release(self, owner: Owner, holder: str, *, again: bool = True) -> OwnerRecord | None:
        """Releases the lease; if the dirty flag is set, clears it, keeps the lease and returns the record.

        Args:
            owner: The owner.
            holder: Name of the holder.
            again: False to release the lease even if the dirty flag is set; the owner is then due at once.

        Returns:
            The record for another pass; None if the lease is released, or has expired.
        """
        ...

    def failed_passes(self, owners: Sequence[Owner]) -> Mapping[Owner, int]:
        """Returns the number of failed passes in a row, by owner; owners without any are left out."""
        ...

    def waiting(self) -> list[QueueEntry]:
        """Returns all owners with an open request, the longest overdue first."""
        ...

    def owners_of(self, cluster_name: str) -> list[Owner]:
        """Returns the owners with an open request about a cluster of this name."""
        ...


class Claims(Protocol):
    """Which owner adopted which cluster. Every method raises Unavailable if the table cannot answer."""

    def claim(self, cluster_id: str, owner: Owner, instead_of: Owner | None = None) -> Owner:
        """Records the owner of a cluster, unless another one is recorded.

        Args:
            cluster_id: ARN of the cluster's stack.
            owner: The owner that adopts the cluster.
            instead_of: The previous owner to replace; None if there is none.

        Returns:
            The recorded owner.
        """
        ...

    def disclaim(self, cluster_id: str, owner: Owner) -> None:
        """Removes the owner's claim on a cluster; a claim of another owner is left alone.

        Args:
            cluster_id: ARN of the cluster's stack.
            owner: The owner that disowns the cluster.
        """
        ...


class DeadLetters(Protocol):
    """Events that were not handled in any of Lambda's attempts.

    Every method raises Unavailable if the queue cannot answer.
    """

    def receive(self) -> list[DeadLetter]:
        """Returns some of the waiting events; the queue hides them for a while."""
        ...

    def remove(self, letter: DeadLetter) -> None:
        """Removes a handled event. Other events are received again, until the queue deletes them."""
        ...


class Metrics(Protocol):
    """The destination of measurements."""

    def record(self, *measurements: Measurement) -> None:
        """Writes measurements at once, so that none is lost with the invocation."""
        ...


class Notifications(Protocol):
    """The destinations of notifications."""

    def publish(self, notification: Notification) -> None:
        """Sends a notification within seconds. It is logged and lost if no attempt succeeds."""
        ...


@dataclass(frozen=True)
class Ports:
    """The outside world, as the provider uses it."""

    clock: Clock
    stacks: Stacks
    engines: Engines
    responses: Responses
    store: Store
    claims: Claims
    metrics: Metrics
    dead_letters: DeadLetters
    notifications: Notifications
