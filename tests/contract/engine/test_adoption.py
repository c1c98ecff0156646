"""A cluster that the official provider made, taken over: the real library made it and judges its update.

Its stack is stated, with what the library asked of CloudFormation; its configuration is in S3 as the library
wrote it there. Source: aws-parallelcluster, cloudformation/custom_resource/cluster.yaml.
"""

import json

import pytest
import yaml

from cluster_engine.library.mark import KEY
from tests.contract.engine.conftest import OWNER_TAGS, RELEASE, TAGS, parameters_of

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("api")]

#: Releases before this one change no tags of a cluster.
TAGS_CHANGE_SINCE = (3, 15)
ADOPTION = {"resemble_stored": True, "refuse_removals": True}


def resources(configuration):
    return configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"]


def test_a_configuration_that_says_the_same_changes_nothing(update, api):
    result = update(**ADOPTION)
    assert result["error"]["code"] == "NoChanges"
    assert (result["sent"], api.sent("UpdateStack")) == (False, [])


def test_written_otherwise_than_stored_every_type_is_a_change_and_refused(update):
    result = update()
    assert result["error"]["code"] == "UpdateRejected"
    refused = {detail["parameter"] for detail in result["error"]["details"]}
    assert refused >= {"HeadNode.LocalStorage.RootVolume.Size", "HeadNode.LocalStorage.RootVolume.Encrypted"}
    changed = {change["parameter"] for change in result["change_set"]}
    assert {"Tags", "Scheduling.SlurmQueues[compute].ComputeResources[nodes].MaxCount"} <= changed


def test_one_changed_value_is_the_whole_change_set(update, api, cloud):
    result = update(lambda wanted: resources(wanted)[0].update(MaxCount="8"), **ADOPTION)
    assert (result["status"], result["sent"]) == ("succeeded", True)
    assert result["change_set"] == [
        {
            "parameter": "Scheduling.SlurmQueues[compute].ComputeResources[nodes].MaxCount",
            "currentValue": "4",
            "requestedValue": "8",
        }
    ]
    (request,) = api.sent("UpdateStack")
    assert request.tags.items() >= ({tag["Key"]: tag["Value"] for tag in TAGS} | OWNER_TAGS).items()
    stored = _newest_configuration(cloud, parameters_of(cloud, request))
    assert stored["HeadNode"]["LocalStorage"]["RootVolume"]["Size"] == "50"
    assert resources(stored)[0] == resources(stored)[0] | {"MinCount": "0", "MaxCount": 8}


def _newest_configuration(cloud, parameters):
    stored = cloud.client("s3").get_object(
        Bucket=parameters["ResourcesS3Bucket"],
        Key=f"{parameters['ArtifactS3RootDirectory']}/configs/cluster-config.yaml",
    )
    return yaml.safe_load(stored["Body"].read())


@pytest.mark.skipif(RELEASE < TAGS_CHANGE_SINCE, reason="refused as a whole there")
def test_a_tag_that_the_template_sets_is_its_own(update):
    own = [{"Key": "project", "Value": "weather"}]
    result = update(lambda wanted: wanted.update(Tags=own), **ADOPTION)
    assert result["change_set"] == [
        {
            "parameter": "Tags[project].Value",
            "currentValue": "of the stack it was in",
            "requestedValue": "weather",
        }
    ]


def test_what_the_template_leaves_out_is_refused_also_by_force(update, api):
    def leave_out(wanted):
        resources(wanted).pop()
        del wanted["HeadNode"]["LocalStorage"]

    for force in ({}, {"force_update": True}):
        result = update(leave_out, **ADOPTION, **force)
        assert (result["error"]["code"], result["sent"]) == ("UpdateRejected", False)
        section, resource = result["error"]["details"]
        assert (section["parameter"], section["requestedValue"]) == ("HeadNode.LocalStorage", "-")
        assert resource["parameter"] == "Scheduling.SlurmQueues[compute].ComputeResources"
        assert "'Name': 'more'" in resource["currentValue"]
        assert "removes nothing" in resource["message"]
        changes = {(change["parameter"], change["currentValue"]) for change in result["change_set"]}
        assert {(each["parameter"], each["currentValue"]) for each in (section, resource)} <= changes
        assert api.sent("UpdateStack") == []


def test_what_the_library_refuses_is_refused_also_by_force(update):
    change = {"force_update": True, **ADOPTION}
    result = update(lambda wanted: wanted["HeadNode"].update(InstanceType="t3.large"), **change)
    (detail,) = result["error"]["details"]
    assert detail["parameter"] == "HeadNode.InstanceType"
    assert "not currently supported" in detail["message"]


def test_no_running_node_is_terminated_by_strategy(update):
    def terminate(wanted):
        wanted["Scheduling"]["SlurmSettings"] = {"QueueUpdateStrategy": "TERMINATE"}
        (queue,) = wanted["Scheduling"]["SlurmQueues"]
        queue["CapacityType"] = "SPOT"

    result = update(terminate, **ADOPTION)
    (detail,) = result["error"]["details"]
    assert detail["parameter"] == "Scheduling.SlurmQueues[compute].CapacityType"
    assert "terminates no nodes" in detail["message"]
    assert update(terminate, resemble_stored=True)["status"] == "succeeded"


@pytest.fixture
def mark(cloud, made):
    """Reads the cluster's mark, None where there is none, and takes it away afterwards."""
    s3, bucket = cloud.client("s3"), made.parameters["ResourcesS3Bucket"]
    key = f"{made.parameters['ArtifactS3RootDirectory']}/{KEY}"

    def read():
        found = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) if found else None

    yield read
    s3.delete_object(Bucket=bucket, Key=key)


MARKED = {"mark": {}}


def test_a_take_over_that_changes_nothing_marks_the_cluster(update, api, mark):
    assert update(fields=MARKED, **ADOPTION)["error"]["code"] == "NoChanges"
    assert mark()["owner"] == {"stack_id": "arn:parent", "logical_id": "Cluster"}
    assert mark()["cluster"] == api.stacks[0].stack_id


def test_a_take_over_marks_the_cluster_before_it_is_updated(update, api, mark):
    seen = []

    def look():
        if api.requests[-1].action == "UpdateStack":
            seen.append(mark())

    def grow(wanted):
        resources(wanted)[0].update(MaxCount="8")
        api.on_request = look

    assert update(grow, MARKED, **ADOPTION)["status"] == "succeeded"
    assert [each["call_id"] for each in seen] == ["call-1"]


def test_a_take_over_that_is_refused_leaves_no_mark(update, mark):
    result = update(lambda wanted: resources(wanted).pop(), MARKED, **ADOPTION)
    assert result["error"]["code"] == "UpdateRejected"
    assert mark() is None


@pytest.mark.parametrize("argument", ["resemble_stored", "refuse_removals"])
def test_a_cluster_that_is_not_there_is_not_found(engine, configuration, argument):
    result = engine("update", configuration, stack_id="arn:gone", arguments={argument: True})
    assert result["error"]["code"] == "NotFound"


def test_a_stored_configuration_that_cannot_be_read_is_an_internal_error(update, made, monkeypatch):
    monkeypatch.setitem(made.parameters, "ConfigVersion", "another")
    result = update(**ADOPTION)
    assert result["error"]["code"] == "Internal"
    assert "Unable to load configuration" in result["error"]["message"]


def test_a_dry_run_finds_no_difference_where_the_update_finds_none(foretold):
    assert foretold(**ADOPTION)["error"]["code"] == "NoChanges"
    assert foretold()["error"]["code"] == "UpdateRejected"


def test_a_dry_run_tells_the_changes_that_the_update_would_make(foretold, update):
    def grow(wanted):
        resources(wanted)[0].update(MaxCount="8")

    answer = foretold(grow, **ADOPTION)
    assert "error" not in answer
    assert answer["change_set"] == update(grow, **ADOPTION)["change_set"]


@pytest.mark.parametrize("force", [{}, {"force_update": True}])
def test_a_dry_run_refuses_the_losses_that_the_update_refuses(foretold, update, force):
    def leave_out(wanted):
        resources(wanted).pop()

    answer, result = (ask(leave_out, **ADOPTION, **force) for ask in (foretold, update))
    assert answer["error"] == result["error"]
    assert answer["error"]["details"]
    assert answer["change_set"] == result["change_set"]


def test_a_dry_run_of_a_later_update_may_take_away(foretold):
    answer = foretold(lambda wanted: resources(wanted).pop(), resemble_stored=True)
    assert not [each for each in answer["error"]["details"] if "removes nothing" in each["message"]]
    (change,) = answer["change_set"]
    assert (change["parameter"], change["requestedValue"]) == (
        "Scheduling.SlurmQueues[compute].ComputeResources",
        "-",
    )
