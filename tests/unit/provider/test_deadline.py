from datetime import timedelta

import pytest

from cluster_provider.core import deadline
from tests.support.fakes import START


@pytest.mark.parametrize(
    ("age_s", "interval_s"),
    [(0, 60), (599, 60), (600, 120), (1799, 120), (1800, 240), (7199, 240), (9000, 600)],
)
def test_the_sweep_looks_further_apart_as_an_operation_ages(age_s: int, interval_s: int) -> None:
    now = START + timedelta(seconds=age_s)
    assert deadline.next_poll_at(START, now) - now == timedelta(seconds=interval_s)


def test_an_engines_fence_never_lies_behind_the_deadline() -> None:
    assert deadline.fence(START, START + timedelta(seconds=10)) == START + timedelta(seconds=10)
    assert deadline.fence(START, START + timedelta(hours=1)) == START + timedelta(seconds=300)


def test_an_engine_counts_as_over_a_minute_after_its_fence() -> None:
    assert not deadline.is_over(START, START + timedelta(seconds=59))
    assert deadline.is_over(START, START + timedelta(seconds=60))
