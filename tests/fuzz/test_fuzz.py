import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.fuzz.run import live


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_whatever_arrives_is_answered_once_within_bounds_or_cannot_be_answered() -> None:
    ends = Counter(live(seed=7, number=number).ended for number in range(400))
    # Each kind of end was there, so the mutations are neither too wild nor too tame.
    assert {"SUCCESS", "FAILED", "dropped", "dead"} <= set(ends)
