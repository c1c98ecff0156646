"""The dry run, asked for as a program: it says what a create would come to and makes nothing."""

import boto3
import pytest

from cluster_engine import dry_run

pytestmark = pytest.mark.library


def question(cloud, configuration, **fields):
    return {
        "operation": "create",
        "cluster_name": "foretold",
        "region": cloud.region,
        "stack_id": None,
        "configuration": configuration,
        "configuration_tags": {"team": "hpc"},
        "arguments": {},
    } | fields


def stacks():
    return boto3.client("cloudformation").describe_stacks()["Stacks"]


def test_a_good_configuration_passes_and_nothing_is_made(cloud, configuration):
    before = stacks()
    answer = dry_run.run(question(cloud, configuration))
    assert "error" not in answer
    assert all(message["level"] != "ERROR" for message in answer["validation_messages"])
    assert stacks() == before


def test_what_the_validators_refuse_comes_with_their_messages(cloud, configuration):
    configuration["HeadNode"]["Ssh"]["KeyName"] = "nobodys"
    answer = dry_run.run(question(cloud, configuration))
    assert answer["error"]["code"] == "ClusterRejected"
    assert [m["type"] for m in answer["validation_messages"] if m["level"] == "ERROR"] == ["KeyPairValidator"]


def test_arguments_reach_the_library(cloud, configuration):
    configuration["HeadNode"]["Ssh"]["KeyName"] = "nobodys"
    suppressed = {"suppress_validators": ["type:KeyPairValidator"]}
    assert "error" not in dry_run.run(question(cloud, configuration, arguments=suppressed))


def test_a_configuration_that_does_not_fit_is_refused_without_asking_aws(cloud, configuration):
    configuration["Imagine"] = "1"
    error = dry_run.run(question(cloud, configuration))["error"]
    assert (error["code"], error["details"][0]["path"]) == ("ConfigurationInvalid", "/Imagine")


def test_an_update_of_a_cluster_that_is_not_there_says_so(cloud, configuration):
    fields = {"operation": "update", "stack_id": "arn:aws:cloudformation:us-east-1:1:stack/foretold/1"}
    assert dry_run.run(question(cloud, configuration, **fields))["error"]["code"] == "NotFound"
