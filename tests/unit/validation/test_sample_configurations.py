"""Configurations that stand for one of which a part is not known."""

import copy

import pytest

from cluster_schema import fit
from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.validation.library_rules import SAMPLES, sample_configurations
from tests.support import custom_resource_properties

VERSION = "3.16.1"


@pytest.fixture
def configuration():
    return custom_resource_properties.load("minimal.yaml")


def resource(configuration):
    return configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]


def test_a_configuration_that_is_known_stands_for_itself(configuration):
    assert sample_configurations(configuration, VERSION) == [configuration]


def test_what_is_not_known_gets_other_values_each_time_and_once_none(configuration):
    resource(configuration).update(MaxCount=UNKNOWN, InstanceType=UNKNOWN)
    configuration["Scheduling"]["SlurmQueues"][0]["Networking"]["SubnetIds"] = UNKNOWN
    filled = sample_configurations(configuration, VERSION)
    assert [resource(each).get("MaxCount") for each in filled] == [1, 10_001, None]
    names = [resource(each).get("InstanceType") for each in filled]
    assert len({*names}) == SAMPLES + 1
    subnets = [each["Scheduling"]["SlurmQueues"][0]["Networking"]["SubnetIds"] for each in filled]
    assert len({subnet for ids in subnets for subnet in ids}) == SAMPLES + 1  # required: never left out


def test_an_item_that_is_not_known_may_be_left_out(configuration):
    networking = configuration["Scheduling"]["SlurmQueues"][0]["Networking"]
    networking["AdditionalSecurityGroups"] = ["sg-0123456789abcdef0", UNKNOWN]
    counts = [
        len(each["Scheduling"]["SlurmQueues"][0]["Networking"]["AdditionalSecurityGroups"])
        for each in sample_configurations(configuration, VERSION)
    ]
    assert counts == [2, 2, 1]


def test_a_section_that_is_not_known_cannot_be_filled_in(configuration):
    configuration["HeadNode"]["Networking"] = UNKNOWN
    assert sample_configurations(configuration, VERSION) == []


@pytest.mark.parametrize("path", sorted(custom_resource_properties.CONFIGURATIONS.glob("*.yaml")))
def test_whatever_value_is_not_known_what_is_filled_in_fits_the_schema(path):
    configuration = custom_resource_properties.load(path.name)
    for place, _ in custom_resource_properties.scalars(configuration):
        opened = copy.deepcopy(configuration)
        inner = opened
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = UNKNOWN
        filled = sample_configurations(opened, VERSION)
        assert [fit(each, VERSION).misfits for each in filled] == [[]] * (SAMPLES + 1), place
