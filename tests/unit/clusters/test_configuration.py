"""The template's configuration and the cluster's are compared by meaning, and only where both are known."""

import copy
import json

import pytest

from pcluster_cfn.clusters.configuration import Difference, drift

STORED = {
    "Image": {"Os": "alinux2023"},
    "HeadNode": {"InstanceType": "t3.medium", "Networking": {"SubnetId": "subnet-1"}},
    "Scheduling": {
        "Scheduler": "slurm",
        "SlurmQueues": [
            {
                "Name": "compute",
                "ComputeResources": [{"Name": "c7i", "InstanceType": "c7i.xlarge", "MaxCount": 4}],
                "Networking": {"SubnetIds": ["subnet-2"]},
            }
        ],
    },
}
MAX_COUNT = "Scheduling.SlurmQueues[compute].ComputeResources[c7i].MaxCount"


def compared(written, stored=STORED, version="3.16.1"):
    return drift({"ClusterConfiguration": written}, stored, version)


def changed(**values):
    configuration = copy.deepcopy(STORED)
    configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0] |= values
    return configuration


def test_the_same_configuration_has_no_difference_whatever_its_types_are():
    assert compared(STORED).differences == []
    assert compared(changed(MaxCount="4")).differences == []
    assert compared(json.dumps(STORED)).differences == []
    assert compared(STORED, changed(MaxCount="4")).differences == []


def test_a_different_value_is_named_by_its_path():
    assert compared(changed(MaxCount="8")).differences == [Difference(MAX_COUNT, 8, 4)]


def test_what_one_of_both_lacks_is_a_difference():
    queues = copy.deepcopy(STORED["Scheduling"]["SlurmQueues"])
    more = [*queues, {**queues[0], "Name": "gpu"}]
    wanted = {**STORED, "Scheduling": {"Scheduler": "slurm", "SlurmQueues": more}}
    (found,) = compared(wanted).differences
    assert (found.path, found.template["Name"], found.cluster) == ("Scheduling.SlurmQueues[gpu]", "gpu", None)
    (less,) = compared(STORED, wanted).differences
    assert (less.path, less.template) == ("Scheduling.SlurmQueues[gpu]", None)


def test_tags_that_the_provider_adds_are_no_difference_and_others_are():
    tags = [{"Key": "parallelcluster:custom_resource", "Value": "cluster"}, {"Key": "team", "Value": "sea"}]
    stored = {**STORED, "Tags": tags}
    assert compared(STORED, stored).differences == []
    wanted = {**STORED, "Tags": [{"Key": "team", "Value": "air"}]}
    assert compared(wanted, stored).differences == [Difference("Tags[team].Value", "air", "sea")]
    (missing,) = compared({**STORED, "Tags": [{"Key": "new", "Value": "1"}]}, stored).differences
    assert missing.cluster is None or missing.path.startswith("Tags")


def test_a_value_that_cloudformation_masks_is_not_compared():
    assert compared(changed(InstanceType="****")).differences == []


@pytest.mark.parametrize(
    ("properties", "version", "note"),
    [
        (None, "3.16.1", "CloudFormation no longer shows the owner's properties"),
        ({}, "3.16.1", "CloudFormation no longer shows the owner's properties"),
        ({"ClusterConfiguration": "{"}, "3.16.1", "not complete in its stack's events"),
        ({"ClusterConfiguration": "text"}, "3.16.1", "not complete in its stack's events"),
        ({"ClusterConfiguration": STORED}, "2.0.0", "no schema of ParallelCluster 2.0.0"),
    ],
)
def test_what_cannot_be_compared_is_said_to_be_so(properties, version, note):
    result = drift(properties, STORED, version)
    assert note in result.note
    assert result.as_json()["compared"] is False
