import copy
import json

import pytest

from cluster_engine.configuration import apply_types
from cluster_engine.contract import ConfigurationInvalidError
from tests.support import custom_resource_properties as properties

VERSION = "3.16.1"
CONFIGURATIONS = sorted(path.name for path in properties.CONFIGURATIONS.glob("*.yaml"))


def minimal(**head_node):
    configuration = properties.load("minimal.yaml")
    configuration["HeadNode"].update(head_node)
    return configuration


def compute_resource(**changes):
    configuration = properties.load("minimal.yaml")
    configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0].update(changes)
    return configuration


def misfits(configuration):
    with pytest.raises(ConfigurationInvalidError) as caught:
        apply_types(configuration, VERSION)
    return caught.value.details


def types(value):
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_stringified_configuration_gets_its_types_back(name):
    configuration = properties.load(name)
    typed = apply_types(properties.stringified(configuration), VERSION)
    assert types(typed) == types(configuration)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_typed_configuration_stays_as_it_is(name):
    configuration = properties.load(name)
    assert types(apply_types(configuration, VERSION)) == types(configuration)


def test_the_configuration_given_is_not_changed():
    given = properties.stringified(properties.load("spot.yaml"))
    before = copy.deepcopy(given)
    apply_types(given, VERSION)
    assert given == before


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), ("yes", True), ("1", True), ("off", False), ("0", False)],
)
def test_a_boolean_may_be_spelled_in_every_way_the_library_reads(text, value):
    typed = apply_types(minimal(Imds={"Secured": text}), VERSION)
    assert typed["HeadNode"]["Imds"]["Secured"] is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("False", False), ("1", "1"), ("yes", "yes"), ("eipalloc-1", "eipalloc-1")],
)
def test_where_text_is_allowed_too_only_true_and_false_are_booleans(text, value):
    networking = {"SubnetId": "subnet-0123456789abcdef0", "ElasticIp": text}
    typed = apply_types(minimal(Networking=networking), VERSION)
    assert (
        typed["HeadNode"]["Networking"]["ElasticIp"] is value
        or typed["HeadNode"]["Networking"]["ElasticIp"] == value
    )
    assert type(typed["HeadNode"]["Networking"]["ElasticIp"]) is type(value)


def test_a_number_written_without_decimals_becomes_an_integer():
    typed = apply_types(compute_resource(SpotPrice="2"), VERSION)
    price = typed["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["SpotPrice"]
    assert (price, type(price)) == (2, int)


def test_every_misfit_is_named_at_once_with_path_value_and_expectation():
    configuration = compute_resource(MaxCount="many", MinCount="-1")
    configuration["Image"]["Os"] = "alinux1"
    del configuration["Scheduling"]["Scheduler"]
    found = {detail["path"]: (detail["value"], detail["expected"]) for detail in misfits(configuration)}
    resource = "/Scheduling/SlurmQueues/0/ComputeResources/0"
    assert found == {
        "/Image/Os": (
            '"alinux1"',
            "one of alinux2023, ubuntu2204, ubuntu2404, rhel8, rocky8, rhel9, rocky9",
        ),
        "/Scheduling/Scheduler": ("null", "a value, because Scheduler is required: one of slurm"),
        f"{resource}/MaxCount": ('"many"', "an integer, at least 1"),
        f"{resource}/MinCount": ('"-1"', "an integer, at least 0"),
    }


@pytest.mark.parametrize("text", ["", "4.5", "0x10", "1e3", "four", "true"])
def test_text_that_is_no_integer_is_refused_where_an_integer_is_expected(text):
    (found,) = misfits(compute_resource(MaxCount=text))
    assert (found["value"], found["expected"]) == (json.dumps(text), "an integer, at least 1")


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1,5"])
def test_text_that_is_no_finite_number_is_refused_where_a_number_is_expected(text):
    (found,) = misfits(compute_resource(SpotPrice=text))
    assert found["expected"] == "a number, at least 0"


@pytest.mark.parametrize(("key", "nearest"), [("InstanceTyp", "InstanceType"), ("ssh", "Ssh")])
def test_an_unknown_key_is_refused_with_the_nearest_known_one(key, nearest):
    (found,) = misfits(minimal(**{key: "t3.small"}))
    assert (found["path"], found["suggestion"]) == (f"/HeadNode/{key}", nearest)


def test_a_key_like_no_other_gets_no_suggestion():
    (found,) = misfits(minimal(Zzzzzz="1"))
    assert "suggestion" not in found


def test_a_slash_and_a_tilde_in_a_key_are_escaped_in_its_path():
    (found,) = misfits(minimal(**{"a/b~c": "1"}))
    assert found["path"] == "/HeadNode/a~1b~0c"


def test_a_text_where_a_map_or_a_list_belongs_is_refused():
    configuration = minimal(Ssh="admin")
    configuration["Scheduling"]["SlurmQueues"][0]["Networking"]["SubnetIds"] = "subnet-0123456789abcdef1"
    assert [detail["expected"] for detail in misfits(configuration)] == [
        "a map of keys",
        "a list, at least 1 item(s)",
    ]


def test_a_custom_action_needs_either_a_script_or_a_sequence():
    (found,) = misfits(minimal(CustomActions={"OnNodeStart": {"Args": ["1"]}}))
    assert found["expected"] == "exactly one of the keys Script, Sequence"


def test_a_long_value_is_shown_with_100_characters():
    (found,) = misfits(minimal(Imds={"Secured": "x" * 500}))
    assert len(found["value"]) == 100
    assert found["value"].endswith("…")


def test_the_message_names_the_first_misfit_and_counts_the_others():
    with pytest.raises(ConfigurationInvalidError) as caught:
        apply_types(minimal(InstanceTyp="x", Imds={"Secured": "perhaps"}), VERSION)
    assert caught.value.message == (
        'The configuration does not fit ParallelCluster 3.16.1: /HeadNode/Imds/Secured is "perhaps", '
        "expected a boolean. 1 more value(s) do not fit."
    )


def test_an_empty_tag_value_and_a_reserved_tag_are_refused_because_a_stack_cannot_have_them():
    tags = [{"Key": "CostCenter", "Value": ""}, {"Key": "AWS:x", "Value": "1"}, {"Key": "", "Value": "1"}]
    found = misfits({**properties.load("minimal.yaml"), "Tags": tags})
    assert [detail["path"] for detail in found] == ["/Tags/0/Value", "/Tags/1/Key", "/Tags/2/Key"]
    assert found[0]["expected"] == "text, at least 1 character(s), at most 256 characters"
    assert "does not begin with aws:" in found[1]["expected"]


def test_login_nodes_without_a_pool_are_refused_because_their_stack_would_be_empty():
    (found,) = misfits({**properties.load("minimal.yaml"), "LoginNodes": {"Pools": []}})
    assert (found["path"], found["expected"]) == ("/LoginNodes/Pools", "a list, at least 1 item(s)")


def test_an_empty_list_parameter_is_refused_at_its_only_item():
    configuration = properties.load("minimal.yaml")
    # Source: CloudFormation makes a list of one empty text of an empty CommaDelimitedList.
    configuration["Scheduling"]["SlurmQueues"][0]["Networking"]["AdditionalSecurityGroups"] = [""]
    (found,) = misfits(configuration)
    assert found["path"].endswith("/Networking/AdditionalSecurityGroups/0")


def test_the_library_s_own_words_for_a_removed_key_win_over_the_list_of_keys():
    pool = {"Name": "a", "InstanceType": "t3.medium", "Count": -1, "Ssh": {"KeyName": "mine"}}
    pool["Networking"] = {"SubnetIds": ["subnet-0123456789abcdef0"]}
    count, key = misfits({**properties.load("minimal.yaml"), "LoginNodes": {"Pools": [pool]}})
    assert count["message"] == "The count for LoginNodes Pool must be greater than or equal to 0."
    assert "no longer supported for Login Nodes" in key["message"]
    assert "suggestion" not in key
