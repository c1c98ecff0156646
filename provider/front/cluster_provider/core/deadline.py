"""The times of a request: its deadline, how long an engine may act for it, and when it is due again."""

import re
from datetime import UTC, datetime, timedelta

#: Maximum time for a custom resource's response, and the default of ``ServiceTimeout``, in seconds.
#: Source: AWS CloudFormation user guide, custom resource request reference (``ServiceTimeout``).
SERVICE_TIMEOUT_MAX_S = 3600

#: Time from a request's deadline until CloudFormation stops waiting, in seconds. It allows for a sweep that
#: dies, a sweep that finds that one's lease still held, a sweep that answers, and the delivery.
MARGIN_S = 210

#: Maximum share of ``ServiceTimeout`` used for the margin, so that a short time-out leaves time for the work.
MARGIN_SHARE = 0.25

#: Time limit of the engine function (template.yaml, Engine.Timeout), in seconds.
ENGINE_LIMIT_S = 300

#: Time after its fence when an engine call counts as over even without a reported end, in seconds.
FENCE_GRACE_S = 60

#: Maximum time-out of a wait condition, in seconds.
#: Source: AWS CloudFormation user guide, AWS::CloudFormation::WaitCondition (``Timeout``).
WAIT_CONDITION_MAX_S = 43_200

#: How long the provider still tries to start a compute fleet that an update left stopped, in seconds after
#: the deadline of the answer or of the signal. This is as long as the longest wait condition. A stack in
#: progress or a fleet that refuses for longer is stuck. Half-way the request counts as late, which raises an
#: alarm.
RESTART_MAX_S = WAIT_CONDITION_MAX_S

#: Maximum age of a request, in seconds. CloudFormation no longer waits for an older one, and its URL has
#: expired.
REQUEST_AGE_MAX_S = 7200

#: Ages of a request, in seconds, and the delay between passes from that age on, in seconds.
WAKE_INTERVALS_S = ((0, 60), (600, 120), (1800, 240), (7200, 600))

#: Tolerance when dates of requests are compared, in seconds: they are whole seconds from the clocks of
#: several hosts.
ORDER_TOLERANCE_S = 2

_SIGNED_AT = re.compile(r"[?&]X-Amz-Date=(\d{8}T\d{6}Z)(?:&|$)", re.IGNORECASE)


def issued_at(response_url: str, received_at: datetime) -> datetime:
    """Returns when CloudFormation issued a request: when its response URL was signed, else its first receipt.

    The date in the URL is a claim. An invalid date is ignored, and a date after the receipt counts as the
    receipt.

    Args:
        response_url: The response URL.
        received_at: When the event first arrived.
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
    """Returns the instant by which a request is answered, whatever the state of the cluster.

    Args:
        issued: When the request was issued.
        service_timeout_s: How long CloudFormation waits, in seconds, 1 to 3600; 43,200 for a wait condition.
    """
    margin_s = min(MARGIN_S, service_timeout_s * MARGIN_SHARE)
    return issued + timedelta(seconds=service_timeout_s - margin_s)


def half_way(issued: datetime, answer_by: datetime) -> datetime:
    """Returns when half of a request's time has passed; a request still open then counts as late."""
    return issued + (answer_by - issued) / 2


def signal_deadline_at(issued: datetime) -> datetime:
    """Returns the instant by which a wait condition is signalled, whatever the state of the cluster."""
    return deadline(issued, WAIT_CONDITION_MAX_S)


def fence(now: datetime, answer_by: datetime) -> datetime:
    """Returns until when an engine that is started now may send a change to AWS.

    Args:
        now: The current time.
        answer_by: The request's deadline.
    """
    return min(now + timedelta(seconds=ENGINE_LIMIT_S), answer_by)


def over_at(not_after: datetime) -> datetime:
    """Returns from when on an engine call without a reported end can no longer act."""
    return not_after + timedelta(seconds=FENCE_GRACE_S)


def is_over(not_after: datetime, now: datetime) -> bool:
    """Returns whether an engine call without a reported end can no longer act."""
    return now >= over_at(not_after)


def next_poll_at(accepted_at: datetime, now: datetime) -> datetime:
    """Returns when an owner is due again; the delay grows with the age of the request."""
    age_s = (now - accepted_at).total_seconds()
    interval_s = [interval for since, interval in WAKE_INTERVALS_S if age_s >= since or since == 0][-1]
    return now + timedelta(seconds=interval_s)


def is_too_old(issued: datetime, now: datetime) -> bool:
    """Returns whether a request is so old that CloudFormation no longer accepts its answer."""
    return (now - issued).total_seconds() > REQUEST_AGE_MAX_S
