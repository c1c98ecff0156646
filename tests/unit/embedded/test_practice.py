"""Which failures can be practised, and what the embedded cloud is told for each."""

import pytest

from localcloud.behaviour import Behaviours
from localcloud.head_node import configure
from pcluster_cfn.embedded.practice import PRACTICES, practise


class Told:
    """Notes what an embedded cloud is told."""

    def __init__(self):
        self.head_nodes, self.behaviours = [], []

    def set_head_nodes(self, **settings):
        self.head_nodes.append(settings)

    def set_behaviours(self, behaviours):
        self.behaviours += behaviours


def test_without_a_wish_nothing_is_told():
    cloud = Told()
    assert practise(cloud, None) is None
    assert (cloud.head_nodes, cloud.behaviours) == ([], [])


@pytest.mark.parametrize("fail", PRACTICES)
def test_every_failure_is_one_that_the_embedded_cloud_knows(fail):
    cloud = Told()
    assert practise(cloud, fail) is PRACTICES[fail]
    assert len(cloud.head_nodes) + len(cloud.behaviours) == 1
    Behaviours().replace(cloud.behaviours)
    for settings in cloud.head_nodes:
        configure({"cluster": "no-cluster-of-this-process", **settings})
