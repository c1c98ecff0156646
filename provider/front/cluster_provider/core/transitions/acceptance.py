"""What a request changes about its owner's record when it is accepted."""

from dataclasses import replace
from datetime import datetime, timedelta

from cluster_provider.core import deadline
from cluster_provider.core.errors import Superseded
from cluster_provider.core.identity import is_marker, is_unmade
from cluster_provider.core.properties import digest
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import OwnerRecord
from cluster_provider.core.transitions.disowning import disown_failed_adoptions

#: How far the clock of the host that signed a response URL may be behind CloudFormation's, in seconds.
SIGNED_BEFORE_MAX_S = 10

#: Most wait condition handles that are remembered of one owner, and most clusters that it gave back.
HANDLES_MAX = 200
DISOWNED_MAX = 500


def is_current(record: OwnerRecord | None, request: Request, since: datetime) -> bool:
    """Returns whether a request can be the one that CloudFormation waits for.

    CloudFormation asks once for each state that it brings a resource into. So a request is not the one it
    waits for if its URL was signed before that state began, if another one of its kind was accepted in that
    state, or if the state is older than the one in which the newest was accepted. The last may be a read that
    is late.

    Args:
        record: What is known of the owner; None for a new one.
        request: What was asked for.
        since: Since when CloudFormation does to the resource what the request asks for.
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
    """Returns an instant as records keep it, in whole milliseconds."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def accept(
    record: OwnerRecord | None, request: Request, requeue_at: datetime, since: datetime, present_id: str = ""
) -> OwnerRecord:
    """A request is the newest of its owner; older open ones are superseded by that alone.

    Args:
        record: What is known of the owner; None for a new one.
        request: What was asked for.
        requeue_at: When it is looked at at the latest.
        since: Since when CloudFormation does to the resource what the request asks for.
        present_id: Which of the ids that ``candidates`` names the resource has; empty if it has none of them.

    Raises:
        Superseded: This request, or a newer one of this owner, was accepted already.
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
    record = _with_handle(_corrected(record, request, present_id), request)
    return replace(
        record,
        newest_request_id=request.request_id,
        newest_issued_at=request.issued_at,
        newest_type=request.type,
        is_open=True,
        restarts=False,
        is_answering=False,
        confirmed_since=in_milliseconds(since),
        disowned=record.disowned[-DISOWNED_MAX:],
        following=target_of(record, request),
        requeue_at=requeue_at,
        watching=None,
        deadline_at=request.deadline,
        half_time_at=half_time_at,
    )


def will_signal(record: OwnerRecord | None, request: Request) -> bool:
    """Whether a request's end is signalled to a wait condition, asked before the request is accepted.

    Neither wait conditions nor their handles can be used twice: what was signalled once counts for ever.
    Source: AWS CloudFormation user guide, AWS::CloudFormation::WaitConditionHandle.
    """
    if request.signal_url is None:
        return False
    return record is None or digest(request.signal_url) not in record.handles


def _with_handle(record: OwnerRecord, request: Request) -> OwnerRecord:
    if not will_signal(record, request):
        return record
    return replace(record, handles=[*record.handles, digest(request.signal_url)][-HANDLES_MAX:])


def _is_late(record: OwnerRecord, request: Request) -> bool:
    """Whether a newer request was accepted already, by the dates of their URLs.

    They are whole seconds of whichever host signed them, so a small step back is no order at all; then the
    later receipt counts. A Delete is never late: it is the last that CloudFormation asks for.
    """
    behind_s = (record.newest_issued_at - request.issued_at).total_seconds()
    return request.type is not RequestType.DELETE and behind_s > deadline.ORDER_TOLERANCE_S


def candidate_ids(record: OwnerRecord | None, request: Request) -> list[str]:
    """The physical ids of which the one that the resource has tells what CloudFormation used of our answers.

    Only some Deletes need to know. One of an id that names no cluster may end a Create whose answer was not
    used, and then the resource has that id. Or it cleans up after a Create that failed, in a stack that kept
    its failures, and then the resource has the cluster that a later Create made. And beside the cluster that
    is deleted there may be another one of which CloudFormation has never spoken: the resource has it if this
    is the clean-up of a replacement, and does not know of it if its answer was not used.
    """
    named = request.physical_id or ""
    if record is None or request.type is not RequestType.DELETE or request.failed_create is not None:
        return []
    others = [name for name in record.clusters if name != named]
    never_named = [
        name for name in others if record.clusters[name].reported and name not in record.acknowledged
    ]
    return [named, *others] if never_named or (others and named not in record.clusters) else []


def _corrected(record: OwnerRecord, request: Request, present_id: str) -> OwnerRecord:
    """Takes back what CloudFormation was told and did not hear, since it names a cluster that it knows.

    An answer that comes after a cancellation or too late is ignored. Then an Update names another cluster
    than the one that was told, and a Delete an id that CloudFormation made up, the marker of an answer that
    was sent while the record could not be read, or the cluster that the resource had before.
    """
    if request.type is RequestType.CREATE:
        return _forget_reported(record)
    named, acknowledged = request.physical_id or "", record.acknowledged
    known = {named, present_id} & record.clusters.keys()
    acknowledged = [*acknowledged, *sorted(known.difference(acknowledged))]
    made_up = named not in acknowledged and request.owner.is_made_up(named)
    is_last = request.type is RequestType.DELETE and (named == present_id or made_up)
    if not is_last and request.type is not RequestType.UPDATE:
        return replace(record, acknowledged=acknowledged)
    wanted = request.properties.cluster_name if request.properties is not None else ""
    clusters = {
        name: cluster if name in {wanted, *acknowledged} else replace(cluster, reported=False)
        for name, cluster in record.clusters.items()
    }
    return replace(record, clusters=clusters, acknowledged=acknowledged)


def _forget_reported(record: OwnerRecord) -> OwnerRecord:
    """A Create says that CloudFormation has let go of every cluster it was told of, whatever it heard.

    The template's attribute ``DeletionPolicy: Retain`` does so without a request. Whose they are by now is
    not known, so nothing is done to them any more, and a fleet that is owed to one stays as it is. What an
    earlier Create took over in vain is whoever's it was.
    Source: AWS CloudFormation user guide, "DeletionPolicy attribute".
    """
    record = disown_failed_adoptions(record)
    clusters = {name: cluster for name, cluster in record.clusters.items() if not cluster.reported}
    return replace(
        record, clusters=clusters, acknowledged=[name for name in record.acknowledged if name in clusters]
    )


def target_of(record: OwnerRecord, request: Request) -> str:
    """The name of the cluster that a request is about.

    A Delete may carry an id that CloudFormation made up, because the Create it follows was cancelled
    before it was answered; then it is about what this owner made and never reported. A marker names nothing.
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
    """The wanted name, if it may be another than the present one; else the cluster there is."""
    wanted = request.properties.cluster_name if request.properties is not None else ""
    known = record.clusters.get(wanted)
    is_new = request.may_replace or is_unmade(request.physical_id)
    if wanted and (is_new or (known is not None and known.reported)):
        return wanted
    return request.physical_id or ""
