"""When a request must be answered, how long an engine may act for it, and when to look again."""

import re
from datetime import UTC, datetime, timedelta

#: Longest custom resource operation, and the default of ``ServiceTimeout``, in seconds.
#: Source: AWS CloudFormation user guide, custom resource request reference (``ServiceTimeout``).
SERVICE_TIMEOUT_MAX_S = 3600

#: We answer this long before CloudFormation stops listening: a sweep that dies, one that meets the lease it
#: left, one that answers, and the way of the answer.
MARGIN_S = 210

#: A short ``ServiceTimeout`` keeps most of its time for the work.
MARGIN_SHARE = 0.25

#: Time limit of the engine function (template.yaml, Engine.Timeout), in seconds.
ENGINE_LIMIT_S = 300

#: An engine call counts as over this long after its fence, though nothing was heard of its end.
FENCE_GRACE_S = 60

#: Longest time a wait condition waits, in seconds.
#: Source: AWS CloudFormation user guide, AWS::CloudFormation::WaitCondition (``Timeout``).
WAIT_CONDITION_MAX_S = 43_200

#: For how long a compute fleet that an update left stopped is still to be started once the request was to be
#: answered, in seconds: as long as the slowest thing that anybody waits for. A stack that is in progress for
#: longer is stuck, and so is a fleet that refuses for longer; an alarm rings at half of it.
RESTART_MAX_S = WAIT_CONDITION_MAX_S

#: A request this old is dropped: nobody listens any more, its URL has expired.
REQUEST_AGE_MAX_S = 7200

#: Ages of an operation, in seconds, and how far apart the sweep looks at it from then on.
WAKE_INTERVALS_S = ((0, 60), (600, 120), (1800, 240), (7200, 600))

#: Dates of requests are compared no closer than this, in seconds: they are whole seconds of several hosts.
ORDER_TOLERANCE_S = 2

_SIGNED_AT = re.compile(r"[?&]X-Amz-Date=(\d{8}T\d{6}Z)(?:&|$)", re.IGNORECASE)


def issued_at(response_url: str, received_at: datetime) -> datetime:
    """When CloudFormation issued a request: the date its response URL was signed, else its first receipt.

    The date is a claim. One that is none counts as absent, and one after the receipt as the receipt.
    """
    match = _SIGNED_AT.search(response_url)
    if match is None:
        return received_at
    try:
        signed_at = datetime.strptime(match.group(1), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return received_at
    return min(signed_at, received_at)


def deadline(issued: datetime, service_timeout_s: int) -> datetime:
    """The instant by which a request is answered, whatever the cluster does."""
    margin_s = min(MARGIN_S, service_timeout_s * MARGIN_SHARE)
    return issued + timedelta(seconds=service_timeout_s - margin_s)


def half_way(issued: datetime, answer_by: datetime) -> datetime:
    """When half of a request's time has passed; what is open then is worth a look."""
    return issued + (answer_by - issued) / 2


def signal_deadline_at(issued: datetime) -> datetime:
    """The instant by which a wait condition is signalled, whatever the cluster does."""
    return deadline(issued, WAIT_CONDITION_MAX_S)


def fence(now: datetime, answer_by: datetime) -> datetime:
    """Until when an engine started now may send a mutating call."""
    return min(now + timedelta(seconds=ENGINE_LIMIT_S), answer_by)


def over_at(not_after: datetime) -> datetime:
    """From when on an engine call that never reported its end can act no more."""
    return not_after + timedelta(seconds=FENCE_GRACE_S)


def is_over(not_after: datetime, now: datetime) -> bool:
    """Whether an engine call that never reported its end can act no more."""
    return now >= over_at(not_after)


def next_poll_at(accepted_at: datetime, now: datetime) -> datetime:
    """When the sweep looks at an operation again: further apart as it ages."""
    age_s = (now - accepted_at).total_seconds()
    interval_s = [interval for since, interval in WAKE_INTERVALS_S if age_s >= since or since == 0][-1]
    return now + timedelta(seconds=interval_s)


def is_too_old(issued: datetime, now: datetime) -> bool:
    """Whether a request came so late that nobody can hear its answer."""
    return (now - issued).total_seconds() > REQUEST_AGE_MAX_S
