import logging
from collections.abc import Iterator

import pytest

from tests.scenario.crashes import STORIES, Run, deaths


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Thousands of deaths would fill pytest's capture with log lines, a sixth of their time."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", STORIES)
def test_a_death_at_any_seam_changes_no_answer_and_leaves_no_cluster(name: str) -> None:
    story = STORIES[name]
    recorded = Run(story)
    every = list(deaths(recorded))
    for death in every:
        Run(story, (death,)).check(recorded)
    assert len(every) > len(recorded.seams) > 0


@pytest.mark.parametrize("name", STORIES)
def test_a_death_at_any_effect_that_lambda_does_not_repeat_leaves_no_cluster_either(name: str) -> None:
    story = STORIES[name]
    recorded = Run(story)
    for death in deaths(recorded, only_effects=True):
        Run(story, (death,), retries=False).check(recorded)
