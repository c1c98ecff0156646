import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.broken import BROKEN
from tests.property.lives import Lives


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Thousands of lives would fill pytest's capture with log lines."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


SHORT = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_whatever_fails_every_request_is_answered_once_and_no_cluster_is_lost() -> None:
    run_state_machine_as_test(Lives, settings=SHORT)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_world_without_one_of_its_protections_is_noticed(broken: type[Lives]) -> None:
    unshrunk = settings(SHORT, max_examples=4000, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(broken, settings=unshrunk)
