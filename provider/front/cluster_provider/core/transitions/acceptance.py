"""Transitions when a request is accepted: which request is current, and what it is about."""

from dataclasses import replace
from datetime import datetime, timedelta

from cluster_provider.core import deadline
from cluster_provider.core.errors import Superseded
from cluster_provider.core.identity import is_marker, is_unmade
from cluster_provider.core.properties import digest
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import OwnerRecord, Replacement
from cluster_provider.core.transitions.disowning import disown_failed_adoptions

#: Maximum lag of the clock of the host that signs response URLs behind CloudFormation's clock, in seconds.
SIGNED_BEFORE_MAX_S = 10

#: Maximum number of wait condition handles, and of disowned clusters, kept per owner.
HANDLES_MAX = 200
DISOWNED_MAX = 500


def is_current(record: OwnerRecord | None, request: Request, since: datetime) -> bool:
    """Returns whether a request can be the one that CloudFormation is waiting for.

    CloudFormation sends one request for each state into which it brings a resource. A request is therefore
    not current in three cases:

    - Its URL was signed before the present state began.
    - Another request of the same type was accepted in this state.
    - The state began before the one in which the newest request was accepted. The read of the state may be
      late.

    Args:
        record: The owner's record; None for a new owner.
        request: The request.
        since: Since when CloudFormation has been making the change that the request asks for.
    """
    since = in_milliseconds(since)
    if request.issued_at < since - timedelta(seconds=SIGNED_BEFORE_MAX_S):
        return False
    if record is None or record.newest_request_id == request.request_id:
        return True
    if record.confirmed_since is None:
        return not _is_late(record, request)
    if since == record.confirmed_since:
        return request.type is not record.newest_type
    return since > record.confirmed_since


def in_milliseconds(at: datetime) -> datetime:
    """Returns an instant in whole milliseconds, as records keep it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def accept(
    record: OwnerRecord | None, request: Request, requeue_at: datetime, since: datetime, present_id: str = ""
) -> OwnerRecord:
    """Returns the record with a new newest request; that alone supersedes older open requests.

    Args:
        record: The owner's record; None for a new owner.
        request: The request.
        requeue_at: When the owner is due at the latest.
        since: Since when CloudFormation has been making the change that the request asks for.
        present_id: The one of ``candidate_ids`` that the resource has now; empty if it has none of them.

    Raises:
        Superseded: This request, or a newer one of this owner, was accepted before.
    """
    half_time_at = deadline.half_way(request.issued_at, request.deadline)
    if record is None:
        fresh = OwnerRecord(
            request.request_id,
            request.issued_at,
            request.type,
            requeue_at=requeue_at,
            deadline_at=request.deadline,
            half_time_at=half_time_at,
            confirmed_since=in_milliseconds(since),
        )
        return replace(_with_handle(fresh, request), following=target_of(fresh, request))
    if request.request_id == record.newest_request_id or not is_current(record, request, since):
        raise Superseded(request.request_id)
    record = _with_handle(_corrected(record, request, since, present_id), request)
    return replace(
        record,
        newest_request_id=request.request_id,
        newest_issued_at=request.issued_at,
        newest_type=request.type,
        is_open=True,
        restarts=False,
        is_answering=False,
        confirmed_since=in_milliseconds(since),
        replacement=_still_undoable(record, request),
        disowned=record.disowned[-DISOWNED_MAX:],
        following=target_of(record, request),
        requeue_at=requeue_at,
        watching=None,
        deadline_at=request.deadline,
        half_time_at=half_time_at,
    )


def will_signal(record: OwnerRecord | None, request: Request) -> bool:
    """Returns whether the end of a request is signalled to a wait condition; call it before acceptance.

    A wait condition and its handle cannot be used twice: the first signal counts for ever.
    Source: AWS CloudFormation user guide, AWS::CloudFormation::WaitConditionHandle.

    Args:
        record: The owner's record; None for a new owner.
        request: The request.
    """
    if request.signal_url is None:
        return False
    return record is None or digest(request.signal_url) not in record.handles


def drain_s(present: OwnerRecord | None, record: OwnerRecord, request: Request) -> int:
    """Returns how long a Delete waits for dynamic nodes, in seconds; 0 unless another cluster stays.

    The clean-up after a replacement deletes one of two clusters. AWS does not document whether its request
    has the properties before the Update or after it, so both count.

    Args:
        present: The owner's record before the request.
        record: The record with the request.
        request: The request.
    """
    others = [cluster for name, cluster in record.clusters.items() if name != record.following]
    if request.type is not RequestType.DELETE or not any(cluster.reported for cluster in others):
        return 0
    replacement = present.replacement if present is not None else None
    if replacement is None or record.following not in {replacement.name, replacement.old_name}:
        return request.drain_timeout_s
    return max(request.drain_timeout_s, replacement.drain_timeout_s)


def with_former_name(record: OwnerRecord | None, request: Request, *, rolls_back: bool) -> Request:
    """Returns an Update with the name of the cluster to which it goes back; unchanged if it does not.

    The rollback of a replacement goes back to the cluster that was replaced. Properties without ClusterName
    do not name it, so the record must.

    Args:
        record: The owner's record; None for a new owner.
        request: The request.
        rolls_back: Whether the parent stack is rolling back.
    """
    replacement = record.replacement if record is not None else None
    if replacement is None or not rolls_back or not replacement.is_undone_by(request):
        return request
    if request.properties is None or not request.name_is_generated:
        return request
    return replace(request, properties=replace(request.properties, cluster_name=replacement.old_name))


def _with_handle(record: OwnerRecord, request: Request) -> OwnerRecord:
    if not will_signal(record, request):
        return record
    return replace(record, handles=[*record.handles, digest(request.signal_url)][-HANDLES_MAX:])


def _still_undoable(record: OwnerRecord, request: Request) -> Replacement | None:
    """Returns the replacement that may still be rolled back; the deletion of the old cluster is its end."""
    replacement = record.replacement
    if replacement is None or request.type is RequestType.CREATE:
        return None
    deletes_old = request.type is RequestType.DELETE and request.physical_id == replacement.old_name
    return None if deletes_old else replacement


def _is_late(record: OwnerRecord, request: Request) -> bool:
    """Returns whether a newer request was accepted before, by the dates in the response URLs.

    The dates are whole seconds from the clocks of several hosts. Within ``deadline.ORDER_TOLERANCE_S`` the
    order of receipt decides. A Delete is never late, because it is the last request for a resource.
    """
    behind_s = (record.newest_issued_at - request.issued_at).total_seconds()
    return request.type is not RequestType.DELETE and behind_s > deadline.ORDER_TOLERANCE_S


def candidate_ids(record: OwnerRecord | None, request: Request) -> list[str]:
    """Returns ids of clusters; the one that the resource has now shows which answers were acknowledged.

    Only some Deletes need this:

    - A Delete whose id names no known cluster may follow a Create whose answer was not acknowledged. The
      resource then has that id.
    - Or such a Delete cleans up after a failed Create, in a stack that keeps its failures. The resource then
      has the cluster that a later Create made.
    - A Delete may name one cluster while the record has another one that CloudFormation has never named. If
      the Delete is the clean-up of a replacement, the resource has that other cluster. If the answer was not
      acknowledged, it does not.

    Args:
        record: The owner's record; None for a new owner.
        request: The request.
    """
    named = request.physical_id or ""
    if record is None or request.type is not RequestType.DELETE or request.failed_create is not None:
        return []
    others = [name for name in record.clusters if name != named]
    never_named = [
        name for name in others if record.clusters[name].reported and name not in record.acknowledged
    ]
    return [named, *others] if never_named or (others and named not in record.clusters) else []


def _corrected(record: OwnerRecord, request: Request, since: datetime, present_id: str) -> OwnerRecord:
    """Returns the record with clusters marked as unreported whose answers CloudFormation did not acknowledge.

    CloudFormation ignores an answer that arrives too late or after a cancellation. The next request shows
    that by the id that it names. An Update then names another cluster than the reported one. A Delete names
    one of three ids: an id that CloudFormation made up, the marker of an answer that was sent while the
    record could not be read, or the cluster that the resource had before.
    """
    if request.type is RequestType.CREATE:
        return _forget_reported(_with_late_reports(record, since))
    named, acknowledged = request.physical_id or "", record.acknowledged
    known = {named, present_id} & record.clusters.keys()
    acknowledged = [*acknowledged, *sorted(known.difference(acknowledged))]
    made_up = named not in acknowledged and request.owner.is_made_up(named)
    is_last = request.type is RequestType.DELETE and (named == present_id or made_up)
    if not is_last and request.type is not RequestType.UPDATE:
        return replace(record, acknowledged=acknowledged)
    wanted = request.properties.cluster_name if request.properties is not None else ""
    clusters = {
        name: cluster
        if name in {wanted, *acknowledged}
        else replace(cluster, reported=False, reported_at=None)
        for name, cluster in record.clusters.items()
    }
    return replace(record, clusters=clusters, acknowledged=acknowledged)


def _with_late_reports(record: OwnerRecord, since: datetime) -> OwnerRecord:
    """Returns the record at a Create: clusters that were reported only after it began are unreported.

    CloudFormation begins a Create when an earlier one of the resource has ended. So it ignored an answer to
    the earlier one that came afterwards: that one had been cancelled, and its cluster is a leftover.

    Args:
        record: The owner's record.
        since: Since when CloudFormation has been making the change, by its own clock.
    """
    late = {
        name: replace(cluster, reported=False, reported_at=None)
        for name, cluster in record.clusters.items()
        if cluster.reported_at is not None and cluster.reported_at > since
    }
    return replace(record, clusters={**record.clusters, **late})


def _forget_reported(record: OwnerRecord) -> OwnerRecord:
    """Returns the record at a Create: without the clusters that were reported, acknowledged or not.

    A Create proves that CloudFormation no longer has them. The template's attribute ``DeletionPolicy:
    Retain`` removes a resource without sending a request. The present owners of these clusters are not known.
    Nothing is therefore done to the clusters, and a pending restart of a fleet is dropped. Failed adoptions
    are disowned.
    Source: AWS CloudFormation user guide, "DeletionPolicy attribute".
    """
    record = disown_failed_adoptions(record)
    clusters = {name: cluster for name, cluster in record.clusters.items() if not cluster.reported}
    return replace(
        record, clusters=clusters, acknowledged=[name for name in record.acknowledged if name in clusters]
    )


def target_of(record: OwnerRecord, request: Request) -> str:
    """Returns the name of the cluster that a request is about; empty if it is about none.

    CloudFormation makes up a physical id for a Create that was cancelled before it was answered. A Delete
    with such an id is about the cluster that this owner made and never reported. A marker names no cluster.
    Source: cloudformation-coverage-roadmap issues 1814 and 1730.
    """
    if request.kind.is_read_only:
        return ""
    if request.type is RequestType.CREATE:
        return request.properties.cluster_name if request.properties is not None else ""
    if request.type is RequestType.UPDATE:
        return _update_target(record, request)
    failed = request.failed_create
    if failed is not None:
        known = record.clusters.get(failed.name)
        return failed.name if known is None or known.request_id == failed.request_id else ""
    if request.physical_id in record.clusters:
        return request.physical_id or ""
    unreported = [cluster.name for cluster in record.clusters.values() if not cluster.reported]
    if unreported:
        return unreported[-1]
    return "" if is_marker(request.physical_id) else request.physical_id or ""


def _update_target(record: OwnerRecord, request: Request) -> str:
    """Returns the wanted name if the Update may replace the cluster or go back to it; else the old name."""
    wanted = request.properties.cluster_name if request.properties is not None else ""
    known = record.clusters.get(wanted)
    is_new = request.may_replace or is_unmade(request.physical_id)
    if wanted and (is_new or (known is not None and known.reported)):
        return wanted
    return request.physical_id or ""
