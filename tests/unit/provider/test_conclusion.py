"""What an answer leaves behind in the owner's record."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.core import conclusion
from cluster_provider.core.record import OwnerRecord
from cluster_provider.core.request import Request, RequestType, parse_request
from tests.support.fakes import HANDLES, START
from tests.support.world import World, properties

HOUR = timedelta(hours=1)
LATER = START + timedelta(minutes=5)


def request(**changed: Any) -> Request:
    """A Create, of a wait condition's handle too if it names one."""
    return parse_request(World().event("Create", ResourceProperties=properties(**changed)), START)


def record(newest: str = "request-1") -> OwnerRecord:
    arn = "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/1"
    return OwnerRecord(newest, START, RequestType.CREATE, wake_at=START, watching=arn, late_at=START)


def test_a_cluster_is_followed_after_the_answer_and_late_once_half_of_the_signals_time_has_passed() -> None:
    answered = request(WaitConditionHandle=f"{HANDLES}1")
    followed = conclusion.followed(record(), answered, LATER)
    late_at = followed.late_at
    assert late_at is not None
    assert START + 5 * HOUR < late_at < START + 6 * HOUR
    assert followed == replace(record(), wake_at=LATER, watching=None, late_at=late_at)


@pytest.mark.parametrize(
    ("newest", "handle"), [("request-2", {"WaitConditionHandle": f"{HANDLES}1"}), ("request-1", {})]
)
def test_nothing_is_followed_after_a_newer_request_or_for_no_wait_condition(
    newest: str, handle: dict[str, str]
) -> None:
    assert conclusion.followed(record(newest), request(**handle), LATER) == record(newest)
