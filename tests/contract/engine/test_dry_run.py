"""The dry run, asked for as a program: it says what a create would come to and makes nothing."""

from datetime import timedelta

import boto3
import pytest

from cluster_engine import configuration as configurations
from cluster_engine import dry_run, library
from cluster_engine.contract import EngineError
from cluster_engine.gate import Gate
from tests.contract.engine.conftest import NOW, OWNER_TAGS, RELEASE, question

pytestmark = pytest.mark.library


def stacks():
    return boto3.client("cloudformation").describe_stacks()["Stacks"]


def stored():
    """Every bucket and every version of what is in it."""
    s3 = boto3.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return {name: s3.list_object_versions(Bucket=name).get("Versions", []) for name in names}


def test_a_good_configuration_passes_and_nothing_is_made_or_stored(cloud, configuration):
    before = stacks(), stored()
    answer = dry_run.run(question(cloud, configuration))
    assert "error" not in answer
    assert all(message["level"] != "ERROR" for message in answer["validation_messages"])
    assert (stacks(), stored()) == before


def test_it_goes_as_far_as_synthesis_and_a_deployment_refuses_in_the_same_words(
    cloud, engine, api, configuration
):
    tags = [{"Key": f"tag-{number}", "Value": "x"} for number in range(44)]
    tagged, arguments = {**configuration, "Tags": tags}, {"suppress_validators": ["ALL"]}
    asked = question(cloud, tagged, arguments=arguments, stack_tags=OWNER_TAGS, configuration_tags={"a": "b"})
    assert "error" not in dry_run.run(asked)  # 50 with two of ParallelCluster's
    asked["configuration"] = {**tagged, "Tags": [*tags, {"Key": "one", "Value": "more"}]}
    error = dry_run.run(asked)["error"]
    assert error["code"] == "BadRequest"
    assert error["message"].endswith("Tags has 51 items, and at most 50 are allowed. Nothing was created.")
    fields = {"arguments": arguments, "stack_tags": OWNER_TAGS, "configuration_tags": {"a": "b"}}
    refused = engine("create", asked["configuration"], **fields)
    assert (refused["error"]["code"], refused["error"]["message"]) == (error["code"], error["message"])
    assert api.sent("CreateStack") == []


@pytest.mark.skipif(RELEASE < (3, 11), reason="this release's schema refuses an empty list of pools")
def test_a_nested_template_without_resources_is_refused_before_the_cluster_s_stack_is_begun(
    cloud, api, configuration
):
    gate = Gate("call-1", None, {}, NOW + timedelta(minutes=5), NOW + timedelta(minutes=9), lambda: NOW)
    typed = configurations.apply_types(configuration, library.version())
    # Past the schema, which refuses it on our side.
    wanted = {**typed, "LoginNodes": {"Pools": []}}
    with pytest.raises(EngineError, match="it has no resource, and at least one is needed") as caught:
        library.invoke("create", "hpc", cloud.region, gate, cluster_configuration=wanted)
    assert (caught.value.code, api.sent("CreateStack")) == ("BadRequest", [])


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
