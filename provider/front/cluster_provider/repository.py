"""Reads and changes the records of owners and their requests.

Each change is measured after it is stored. The end of each request is notified before it is stored.
"""

from collections.abc import Callable
from dataclasses import replace

from cluster_provider.core import measurements, notifications
from cluster_provider.core.engine import EngineResult
from cluster_provider.core.identity import Owner
from cluster_provider.core.state import OperationRecord, OwnerRecord, Phase, newly_disowned
from cluster_provider.core.transitions import conclusion, work
from cluster_provider.ports import Ports


class Repository:
    """The records in the operations table; every change of a record goes through this class.

    Args:
        ports: The outside world.
        provider_version: Version of the provider, for notifications.
    """

    def __init__(self, ports: Ports, provider_version: str) -> None:
        self._store, self._claims = ports.store, ports.claims
        self._metrics, self._clock = ports.metrics, ports.clock
        self._notifications = ports.notifications
        self._provider_version = provider_version

    def open_operation(self, owner: Owner, record: OwnerRecord) -> OperationRecord | None:
        """Returns the owner's newest request, if there is work left for it; else None.

        Raises:
            LookupError: The newest request has no record.
        """
        if not record.at_work:
            return None
        operation = self._store.load_operation(owner, record.newest_request_id)
        if operation is None:
            raise LookupError(f"{owner.key}: request {record.newest_request_id} has no record")
        return operation

    def write(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord | None], OwnerRecord],
        *operations: OperationRecord,
        holder: str = "",
    ) -> None:
        """Stores the owner's record that ``change`` returns, new or changed, and operations in the same step.

        Args:
            owner: The owner.
            change: Returns the new record from the present one; None if there is none. It may be called
                again.
            operations: Records of requests to store in the same step.
            holder: The holder of the lease, which is released in the same step; empty to leave the lease
                alone.
        """
        before: OwnerRecord | None = None

        def noting(present: OwnerRecord | None) -> OwnerRecord:
            nonlocal before
            before = present
            return change(present)

        after = self._store.change(owner, noting, operations, holder)
        measured = measurements.of_change(before, after, operations, self._clock.now())
        self._metrics.record(*measured)
        for arn in newly_disowned(before, after):
            # An owner that wants the cluster checks this record, too, so a crash before this line loses
            # nothing.
            self._claims.disclaim(arn, owner)

    def change(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord], OwnerRecord],
        *operations: OperationRecord,
        holder: str = "",
    ) -> None:
        """Changes an owner's record, which must exist, and stores operations in the same step.

        Args:
            owner: The owner.
            change: Returns the new record from the present one. It may be called again.
            operations: Records of requests to store in the same step.
            holder: The holder of the lease, which is released in the same step; empty to leave the lease
                alone.

        Raises:
            LookupError: The owner has no record.
        """

        def of_present(record: OwnerRecord | None) -> OwnerRecord:
            if record is None:
                raise LookupError(f"{owner.key} has no record")
            return change(record)

        self.write(owner, of_present, *operations, holder=holder)

    def end_call(self, owner: Owner, call_id: str, result: EngineResult) -> bool:
        """Records the result of an engine call, or that the call was never accepted; the next pass uses it.

        Args:
            owner: The owner that the call was made for.
            call_id: Id of the call.
            result: What the engine reported.

        Returns:
            Whether it was recorded. It is not if the call is over, or has ended before.

        Raises:
            LookupError: The owner has no record.
        """
        now, recorded = self._clock.now(), False

        def ended(record: OwnerRecord) -> OwnerRecord:
            nonlocal recorded
            after = work.end_call(record, call_id, result, now)
            recorded = after is not record
            return after

        self.change(owner, ended)
        return recorded

    def follow(self, operation: OperationRecord) -> None:
        """Records that a request is answered; its cluster is followed until the wait condition is signalled.

        Args:
            operation: The request and the work on it.
        """
        request, now = operation.request, self._clock.now()
        followed = replace(operation, progress=replace(operation.progress, phase=Phase.FOLLOWING))
        self.change(request.owner, lambda record: conclusion.follow(record, request, now), followed)

    def close(self, operation: OperationRecord, phase: Phase, why: str = "") -> None:
        """Records that a request is answered or dropped, after a notification of its end.

        The notification comes after the answer, which it cannot delay, and before the record. If the
        invocation dies between the two, the next pass sends the same answer and the notification again.

        If the request left a compute fleet stopped, the work on it continues until the fleet is started.

        Args:
            operation: The request and the work on it.
            phase: ANSWERED or DROPPED.
            why: Why a request is dropped that has no answer.
        """
        owner, now = operation.request.owner, self._clock.now()
        if operation.progress.ended is None:  # otherwise it ended before a restart of the fleet
            self._notifications.publish(
                notifications.of_end(operation, phase, now, self._provider_version, why)
            )
        if operation.progress.restarts:
            left = replace(operation, progress=operation.progress.turned_to_fleet(phase))
            self.change(
                owner, lambda record: conclusion.await_fleet_restart(record, operation, left, now), left
            )
            return
        closed = replace(operation, progress=replace(operation.progress, phase=phase))
        self.change(owner, lambda record: conclusion.close(record, closed), closed)
