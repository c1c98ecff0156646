"""The first update of an adopted cluster removes nothing."""

import pytest
from hypothesis import given, settings
from pcluster.config.config_patch import ConfigPatch
from pcluster.config.update_policy import UpdatePolicy
from pcluster.models.cluster import Cluster

from cluster_engine.adoption import refuse_removals, removals, write_as_stored
from cluster_engine.contract import EngineError
from cluster_schema import configuration_schema
from tests.support import custom_resource_properties as properties
from tests.support.custom_resource_properties import stringified
from tests.support.generated_configurations import values

VERSION = "3.16.1"
CONFIGURATIONS = values(configuration_schema(VERSION), depth=1)


def changed(*, without=(), **changes):
    configuration = properties.load("minimal.yaml") | changes
    return {key: item for key, item in configuration.items() if key not in without}


def lost(wanted, stored):
    return [(each["parameter"], each["currentValue"]) for each in removals(wanted, stored, VERSION)]


def refusal(wanted, stored, *outcomes):
    """Returns what an adoption is refused with if the library's dry runs end in these, and the dry runs."""
    asked = []

    def dry_run(configuration):
        outcome = outcomes[len(asked)]
        asked.append(configuration)
        if isinstance(outcome, EngineError):
            raise outcome
        return outcome

    with pytest.raises(EngineError) as caught:
        refuse_removals(wanted, stored, VERSION, dry_run)
    return caught.value, asked


def with_resources(*names):
    configuration = changed()
    (queue,) = configuration["Scheduling"]["SlurmQueues"]
    queue["ComputeResources"] = [{"Name": name, "InstanceType": "c5.large"} for name in names]
    return configuration


def test_an_item_that_is_left_out_is_named_with_its_list_and_its_value():
    assert lost(with_resources("one"), with_resources("one", "two")) == [
        ("Scheduling.SlurmQueues[compute].ComputeResources", "{'Name': 'two', 'InstanceType': 'c5.large'}")
    ]


def test_a_section_that_is_left_out_is_one_loss():
    stored = changed(LoginNodes={"Pools": [{"Name": "login", "Count": 1}]})
    assert lost(changed(), stored) == [("LoginNodes", "{'Pools': [{'Name': 'login', 'Count': 1}]}")]


def test_of_a_section_without_a_policy_of_its_own_every_value_is_a_loss():
    stored = changed(Monitoring={"DetailedMonitoring": True, "Logs": {"CloudWatch": {"Enabled": True}}})
    assert lost(changed(), stored) == [
        ("Monitoring.DetailedMonitoring", "True"),
        ("Monitoring.Logs", "{'CloudWatch': {'Enabled': True}}"),
    ]


def test_the_last_storage_that_is_left_out_is_a_loss():
    home = {"Name": "home", "MountDir": "/shared", "StorageType": "Efs"}
    assert lost(changed(), changed(SharedStorage=[home])) == [("SharedStorage", str(home))]


def test_changes_additions_and_emptiness_are_no_losses():
    stored = changed(SharedStorage=[], Monitoring={}, Tags=None)
    wanted = with_resources("nodes", "more") | {"Tags": [{"Key": "project", "Value": "weather"}]}
    (queue,) = wanted["Scheduling"]["SlurmQueues"]
    queue["ComputeResources"][0] |= {"MinCount": 1, "MaxCount": 8}
    assert lost(wanted, stored) == []


def test_of_two_rules_for_one_bucket_the_one_that_is_left_out_is_a_loss():
    def with_access(*folders):
        configuration = changed()
        rules = [{"BucketName": "results", "KeyName": folder} for folder in folders]
        configuration["HeadNode"]["Iam"] = {"S3Access": rules}
        return configuration

    assert lost(with_access("a/", "b/"), with_access("a/", "b/")) == []
    assert len(lost(with_access("a/"), with_access("a/", "b/"))) == 1


def test_a_sequence_in_place_of_one_script_is_a_changed_value():
    def with_script(**action):
        return changed(HeadNode={"CustomActions": {"OnNodeStart": action}})

    one, several = (
        with_script(Script="s3://b/x.sh", Args=["a"]),
        with_script(Sequence=[{"Script": "s3://b/x.sh"}]),
    )
    assert lost(several, one) == lost(one, several) == []
    assert len(lost(with_script(Script="s3://b/y.sh"), one)) == 1


def test_an_adoption_that_removes_nothing_is_left_to_the_library():
    refuse_removals(changed(), changed(), VERSION, lambda _: [])
    error, _ = refusal(changed(), changed(), EngineError("NoChanges", "no changes"))
    assert error.code == "NoChanges"


def test_a_loss_is_refused_with_what_to_do_also_where_the_library_allows_it():
    changes = [{"parameter": "Scheduling"}]
    error, _ = refusal(with_resources("one"), with_resources("one", "two"), changes)
    assert (error.code, error.change_set) == ("UpdateRejected", changes)
    (detail,) = error.details
    assert (detail["requestedValue"], detail["cure"]) == ("-", "")
    assert "removes nothing" in detail["message"]
    assert "later update" in detail["message"]


def test_losses_and_what_the_library_refuses_are_said_at_once_and_each_once():
    wanted, stored = with_resources("one"), with_resources("one", "two")
    (loss,) = removals(wanted, stored, VERSION)
    other = {
        "parameter": "HeadNode.InstanceType",
        "currentValue": "a",
        "requestedValue": "b",
        "message": "no",
    }
    rejected = EngineError(
        "UpdateRejected",
        "",
        details=[loss | {"message": "Stop the compute fleet"}, other],
        change_set=[other],
    )
    error, _ = refusal(wanted, stored, rejected)
    assert error.details == [loss, other]
    assert error.change_set == [other]


def test_what_keeps_the_library_from_an_answer_is_no_verdict():
    error, _ = refusal(with_resources(), with_resources("one"), EngineError("Throttled", "slower"))
    assert error.code == "Throttled"


def test_no_change_may_count_on_the_termination_of_nodes():
    wanted = changed()
    wanted["Scheduling"]["SlurmSettings"] = {"QueueUpdateStrategy": "TERMINATE", "ScaledownIdletime": 5}
    kind, image = (
        {"parameter": name, "currentValue": "a", "message": "The library's words"}
        for name in ("Scheduling.SlurmQueues[compute].CapacityType", "Image.Os")
    )
    gently = EngineError("UpdateRejected", "", details=[kind, image])
    by_strategy = EngineError("UpdateRejected", "", details=[image])
    error, (gentle, asked) = refusal(wanted, wanted, gently, by_strategy)
    settings = gentle["Scheduling"]["SlurmSettings"]
    assert settings == {"QueueUpdateStrategy": "COMPUTE_FLEET_STOP", "ScaledownIdletime": 5}
    assert asked["Scheduling"]["SlurmSettings"]["QueueUpdateStrategy"] == "TERMINATE"
    assert "terminates no nodes" in error.details[0]["message"]
    assert error.details[1] == image


def without_twins(value):
    """Of the items of a list with one identity only the first: the library finds no second one again."""
    match value:
        case dict():
            return {key: without_twins(item) for key, item in value.items()}
        case list():
            identities = ("Name", "Key", "Policy", "BucketName", "InstanceType")
            firsts = {
                next((f"{key} {item[key]}" for key in identities if key in item), place)
                if isinstance(item, dict)
                else place: item
                for place, item in reversed(list(enumerate(value)))
            }
            return [without_twins(item) for item in reversed(firsts.values())]
        case _:
            return value


@pytest.mark.library
@settings(max_examples=30, deadline=None)
@given(CONFIGURATIONS, CONFIGURATIONS)
def test_every_removal_that_the_library_reports_is_a_loss_and_nothing_else_is(first, second):
    stored, other = without_twins(first), without_twins(second)
    wanted = write_as_stored(other, stringified(stored), VERSION)
    changes = ConfigPatch(Cluster("hpc"), stringified(stored), wanted).changes
    reported = [
        (ConfigPatch.build_config_param_path(change.path, change.key), str(change.old_value))
        for change in changes
        if change.new_value in (None, "-") and change.update_policy != UpdatePolicy.IGNORED
    ]
    assert sorted(lost(wanted, stringified(stored))) == sorted(reported)
