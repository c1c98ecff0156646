"""Every kind of random change can be made of some configuration, and the same seed makes the same changes."""

import copy
import random

import pytest

from tests.plan_property.changes import KINDS, add_nodes, add_queue, draw
from tests.plan_property.configurations import OWN, deployable, paths

EXPORTS = {"HEAD_NODE_SUBNET": "subnet-1", "COMPUTE_SUBNET": "subnet-2", "KEY_NAME": "key"}
SEEDS = range(20)


def seeded(seed):
    return random.Random(seed)  # noqa: S311 - no secret


def properties(path):
    return {"ClusterName": "c", "ClusterConfiguration": deployable(path, EXPORTS)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_change_changes_something(kind):
    changed = 0
    for path in paths(None):
        before = properties(path)
        assert add_queue(seeded(0), before)
        assert add_nodes(seeded(0), before)
        for seed in SEEDS:
            after = copy.deepcopy(before)
            if KINDS[kind](seeded(seed), after):
                changed += str(after) != str(before)
    assert (changed == 0) == (kind == "nothing")


def test_a_seed_makes_the_same_changes_again():
    before = properties(OWN / "storage.yaml")
    assert [draw(seeded(seed), before) for seed in SEEDS] == [draw(seeded(seed), before) for seed in SEEDS]
    assert before == properties(OWN / "storage.yaml")


def test_a_folder_without_configurations_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="name a folder of cluster configurations"):
        paths(tmp_path)
