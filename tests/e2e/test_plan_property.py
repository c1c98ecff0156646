"""What ``plan`` foretells of random changes is what a deployment does; ``make plan-property`` tries more."""

import pytest

from tests.plan_property.__main__ import Run
from tests.plan_property.configurations import paths

pytestmark = pytest.mark.e2e

CHANGES, SEED = 12, 3


def test_random_changes_of_real_configurations_happen_as_planned(cloud, service_token):
    exports = {**cloud.environment, **cloud.exports}
    tried = list(Run(exports, service_token, paths(None), CHANGES, SEED, workers=2).trials())
    assert len(tried) == CHANGES
    assert [trial.text() for trial in tried if not trial.agrees] == []
    assert len({trial.happened for trial in tried}) > 1
