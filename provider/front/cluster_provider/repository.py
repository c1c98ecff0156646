"""Records of owners and their requests: read together, changed together, measured once they are written."""

from collections.abc import Callable
from dataclasses import replace

from cluster_provider.core import measurements
from cluster_provider.core.engine import EngineResult
from cluster_provider.core.identity import Owner
from cluster_provider.core.state import OperationRecord, OwnerRecord, Phase, newly_disowned
from cluster_provider.core.transitions import conclusion, work
from cluster_provider.ports import Claims, Clock, Metrics, Store


class Repository:
    """The table's records; every change of one passes here.

    Args:
        operations: The table.
        claims: Given up when a record lets go of what was taken over.
        metrics: Told what a change counts as.
        clock: Tells when it was.
    """

    def __init__(self, operations: Store, claims: Claims, metrics: Metrics, clock: Clock) -> None:
        self._store = operations
        self._claims = claims
        self._metrics = metrics
        self._clock = clock

    def open_operation(self, owner: Owner, record: OwnerRecord) -> OperationRecord | None:
        """The request of an owner with this record, if there is anything left to do for it."""
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
        """Makes of an owner's record what ``change`` says, new or not, and writes operations with it.

        A holder of the lease who is named gives it back.
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
            # Who wants the cluster asks the record as well, so nothing is lost if it is not reached.
            self._claims.disclaim(arn, owner)

    def change(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord], OwnerRecord],
        *operations: OperationRecord,
        holder: str = "",
    ) -> None:
        """The same for a record that must be there.

        Raises:
            LookupError: It is not.
        """

        def of_present(record: OwnerRecord | None) -> OwnerRecord:
            if record is None:
                raise LookupError(f"{owner.key} has no record")
            return change(record)

        self.write(owner, of_present, *operations, holder=holder)

    def end_call(self, owner: Owner, call_id: str, result: EngineResult) -> None:
        """An engine reported what came of a call, or never got it; the next step takes it up.

        Raises:
            LookupError: The owner has no record.
        """
        now = self._clock.now()
        self.change(owner, lambda record: work.end_call(record, call_id, result, now))

    def follow(self, operation: OperationRecord) -> None:
        """A request is answered, but its cluster goes on: it is followed until the wait condition is told."""
        request, now = operation.request, self._clock.now()
        followed = replace(operation, progress=replace(operation.progress, phase=Phase.FOLLOWING))
        self.change(request.owner, lambda record: conclusion.follow(record, request, now), followed)

    def close(self, operation: OperationRecord, phase: Phase) -> None:
        """A request is over: answered, or dropped; a fleet that it left stopped is still to be started."""
        owner, now = operation.request.owner, self._clock.now()
        if operation.progress.restarts:
            left = replace(operation, progress=operation.progress.turned_to_fleet(phase))
            self.change(
                owner, lambda record: conclusion.await_fleet_restart(record, operation, left, now), left
            )
            return
        closed = replace(operation, progress=replace(operation.progress, phase=phase))
        self.change(owner, lambda record: conclusion.close(record, closed), closed)
