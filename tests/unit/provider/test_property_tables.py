"""Every property of every resource: what it may be, and what is refused in its own words."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from cluster_provider.core import properties
from cluster_provider.core.checking import Rules
from cluster_provider.core.errors import InvalidProperty, MissingProperty
from cluster_provider.core.image_properties import RULES as IMAGE
from cluster_provider.core.image_properties import parse_image
from cluster_provider.core.properties import RULES as CLUSTER
from cluster_provider.core.properties import parse_properties
from cluster_provider.core.questions import (
    CLUSTER_INFO,
    OFFICIAL_IMAGE,
    Question,
    parse_cluster_info,
    parse_official_image,
)

Table = Mapping[str, tuple[list[Any], list[Any]]]
HANDLE = (
    "https://cloudformation-waitcondition-us-east-1.s3.amazonaws.com/arn%3Aaws%3Acloudformation?X-Amz-Date=1"
)
BOOLEANS = [True, False, "true", "false", "True", "False"]
STATUSES = [
    "CREATE_IN_PROGRESS",
    "CREATE_FAILED",
    "CREATE_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
]

#: By property, values that it may have and values that it may not.
COMMON: Table = {
    "ServiceToken": (["arn:aws:lambda:us-east-1:123456789012:function:provider"], [1]),
    "ServiceTimeout": (
        ["1", "60", "3600", 1, 3600],
        ["0", "3601", "-1", "10000", "1s", "", 0, 3601, 1.5, []],
    ),
    "PclusterVersion": (
        ["3.16.1", "10.20.30", "100000.200000.300000"],
        ["1000000.200000.300000", "3.16", "3.16.1.0", "v3.16.1", "3.16.x", 3],
    ),
}
CONFIGURED: Table = {
    **COMMON,
    "DeletionPolicy": (["Delete", "Retain"], ["Snapshot", "retain", ""]),
    "SuppressValidators": (
        ["ALL", "type:A1", ["ALL"], ["type:A", "type:B"], []],
        ["NONE", "type:", "type:A-B", "xALL", {"a": "b"}, ["ALL", "NONE"], ["xtype:A"], [1]],
    ),
    "ValidationFailureLevel": (["INFO", "WARNING", "ERROR"], ["error", ""]),
    "RollbackOnFailure": (BOOLEANS, ["yes", "1", 2]),
    "WaitConditionHandle": ([HANDLE], ["handle", "xhttps://host/", HANDLE + "a" * 4096, 1]),
}
TABLES: dict[str, tuple[Callable[[Mapping[str, Any]], object], Rules, dict[str, Any], Table]] = {
    "cluster": (
        partial(parse_properties, default_name="generated"),
        CLUSTER,
        {"ClusterName": "hpc", "ClusterConfiguration": {"Region": "us-east-1"}},
        {
            **CONFIGURED,
            "ClusterName": (
                ["ab", "A1", "a-", "a" * 60],
                ["a", "1ab", "-ab", "a_b", "a" * 61, "xa b", 1, ["ab"]],
            ),
            "ClusterConfiguration": ([{"a": "b"}, "a: b", "a"], [{}, "", ["a"], 1]),
            "ClusterNameUpdatePolicy": (["Refuse", "Replace"], ["replace", ""]),
            "ReplacementPolicy": (["Refuse", "Replace"], ["replace", "Retain", ""]),
            "DrainTimeout": (
                ["0", "1", "999", "1999", "2399", "2400", 0, 2400],
                ["", "-1", -1, "2401", 2401, "10000", "01000", "1.5", 1.5, True, "soon", ["1"]],
            ),
            "ComputeFleetUpdatePolicy": (["None", "StopAndRestart"], ["Stop", ""]),
            "AdoptExisting": (BOOLEANS, ["yes", "1", 2]),
            "ForceUpdate": (BOOLEANS, ["yes", "1", 2]),
            "MaxNodes": (["0", "20", 20, "999999999"], ["", "-1", -1, "1.5", 1.5, "1e3", 10**9, True, ["1"]]),
            "MaxHourlyCostAtScale": (
                ["0", "12.5", 12, "0.000001"],
                ["", "-1", -1, "1,5", ".5", 1.5, "1.", "inf"],
            ),
        },
    ),
    "image": (
        parse_image,
        IMAGE,
        {"ImageId": "img", "ImageConfiguration": {"Build": {}}},
        {
            **CONFIGURED,
            "ImageId": (["a", "a1-B", "a" * 128], ["1a", "", "-a", "a_b", "a" * 129, 1]),
            "ImageConfiguration": ([{"a": "b"}, "a: b", "a"], [{}, "", ["a"], 1]),
        },
    ),
    "cluster info": (
        parse_cluster_info,
        CLUSTER_INFO,
        {},
        {
            **COMMON,
            "Trigger": (["", "any text", "a" * 4096], ["a" * 4097, 1]),
            "ClusterName": (["ab", "a" * 60], ["a", "1ab", "a_b", "a" * 61, 1]),
            "NamePrefix": (["a", "ab-1", "a" * 60], ["a" * 61, "", "1a", "a_b", 1]),
            "ClusterStatus": (
                [*STATUSES, ["CREATE_COMPLETE"], ["CREATE_COMPLETE", "DELETE_FAILED"]],
                ["COMPLETE", [], ["COMPLETE"], ["CREATE_COMPLETE", "COMPLETE"], [*STATUSES, STATUSES[0]], 1],
            ),
        },
    ),
    "official image": (
        parse_official_image,
        OFFICIAL_IMAGE,
        {"Os": "alinux2023"},
        {
            **COMMON,
            "Trigger": (["", "any text"], [1]),
            "Os": (["alinux2", "rhel9", "a" * 40], ["a" * 41, "", "Alinux", "2a", "a-b", 1]),
            "Architecture": (["x86_64", "arm64"], ["x86", "amd64"]),
        },
    ),
}


def rows(accepted: bool) -> Iterator[Any]:
    for resource, (_, _, _, table) in TABLES.items():
        for name, (good, bad) in table.items():
            for value in good if accepted else bad:
                yield pytest.param(resource, name, value, id=f"{resource}: {name}: {str(value)[:40]}")


@pytest.mark.parametrize(("resource", "name", "value"), list(rows(accepted=True)))
def test_a_property_may_have_any_of_its_values(resource: str, name: str, value: Any) -> None:
    parse, _, base, _ = TABLES[resource]
    assert parse({**base, name: value}) is not None


@pytest.mark.parametrize(("resource", "name", "value"), list(rows(accepted=False)))
def test_another_value_is_refused_with_what_is_expected_there(resource: str, name: str, value: Any) -> None:
    parse, rules, base, _ = TABLES[resource]
    with pytest.raises(InvalidProperty) as refused:
        parse({**base, name: value})
    assert refused.value.where.split("/")[0] == name
    expected = "a string" if name == "ServiceToken" else rules.expected[name]
    assert refused.value.what.endswith(f"; expected {expected}.")


@pytest.mark.parametrize("resource", TABLES)
def test_a_resource_has_these_properties_and_says_of_each_what_it_may_be(resource: str) -> None:
    _, rules, _, table = TABLES[resource]
    assert set(rules.schema["properties"]) == set(table)
    assert set(rules.expected) == set(table) - {"ServiceToken"}


@pytest.mark.parametrize("resource", TABLES)
def test_a_property_that_there_is_not_is_refused(resource: str) -> None:
    parse, _, base, table = TABLES[resource]
    with pytest.raises(InvalidProperty) as refused:
        parse({**base, "Xyzzy": "1"})
    assert (refused.value.where, refused.value.what) == ("Xyzzy", "there is no such property.")
    assert refused.value.next_step == f"Known are {', '.join(sorted(table))}."


def test_of_several_faults_the_one_deepest_inside_is_reported() -> None:
    wrong = {"Xyzzy": "1", "DeletionPolicy": "Keep"}
    _, _, base, _ = TABLES["cluster"]
    for more, where in (
        ({}, "DeletionPolicy"),
        ({"SuppressValidators": ["ALL", "x"]}, "SuppressValidators/1"),
    ):
        with pytest.raises(InvalidProperty) as refused:
            parse_properties({**base, **wrong, **more}, "generated")
        assert refused.value.where == where


@pytest.mark.parametrize("resource", TABLES)
def test_each_property_that_is_needed_is_named_when_it_is_missing(resource: str) -> None:
    parse, rules, base, _ = TABLES[resource]
    for name in rules.schema.get("required", ()):
        with pytest.raises(MissingProperty) as refused:
            parse({key: value for key, value in base.items() if key != name})
        assert (refused.value.where, rules.expected[name] in refused.value.what) == (name, True)


@pytest.mark.parametrize("resource", TABLES)
def test_a_schema_is_published_under_the_resources_type(resource: str) -> None:
    _, rules, _, _ = TABLES[resource]
    assert rules.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert rules.schema["title"] == f"Custom::Pcluster{resource.title().replace(' ', '')}"
    assert rules.schema["type"] == "object"
    timeout = {"pattern": "^[0-9]{1,4}$", "type": ["string", "integer"]}
    assert rules.schema["properties"]["ServiceTimeout"] == timeout


def test_limits_are_those_that_an_item_of_the_table_has_room_for() -> None:
    assert properties.CONFIGURATION_MAX_BYTES == 100_000
    assert properties.ARGUMENTS_MAX_BYTES == 8_000
    assert properties.CONFIGURATION_TEXT_MAX_BYTES == 1_048_576


def test_a_question_about_clusters_becomes_the_engines_arguments() -> None:
    assert parse_cluster_info({}) == Question(
        "clusters", arguments={"cluster_status": [], "name_prefix": ""}, version=None
    )
    asked = {"ClusterStatus": ["CREATE_FAILED"], "NamePrefix": "a", "PclusterVersion": "3.14.0"}
    assert parse_cluster_info(asked) == Question(
        "clusters", arguments={"cluster_status": ["CREATE_FAILED"], "name_prefix": "a"}, version="3.14.0"
    )
    one = parse_cluster_info({"ClusterStatus": "CREATE_FAILED"})
    assert one.arguments["cluster_status"] == ["CREATE_FAILED"]


def test_a_question_about_one_cluster_names_it() -> None:
    asked = parse_cluster_info({"ClusterName": "hpc", "PclusterVersion": "3.14.0"})
    assert asked == Question("cluster hpc", "hpc", version="3.14.0")


@pytest.mark.parametrize("selection", [{"ClusterStatus": "CREATE_FAILED"}, {"NamePrefix": "a"}])
def test_a_question_about_one_cluster_selects_nothing(selection: dict[str, str]) -> None:
    with pytest.raises(InvalidProperty) as refused:
        parse_cluster_info({"ClusterName": "hpc", **selection})
    assert [refused.value.where] == list(selection)


def test_a_question_about_an_image_becomes_the_engines_arguments() -> None:
    assert parse_official_image({"Os": "alinux2023"}) == Question(
        "official image of alinux2023 for x86_64", arguments={"os": "alinux2023", "architecture": "x86_64"}
    )
    asked = parse_official_image({"Os": "rhel9", "Architecture": "arm64", "PclusterVersion": "3.14.0"})
    assert (asked.arguments["architecture"], asked.version) == ("arm64", "3.14.0")


def test_properties_become_what_is_wanted() -> None:
    wanted = parse_properties(
        {
            "ClusterName": "hpc",
            "ClusterConfiguration": {"Region": "us-east-1"},
            "AdoptExisting": "True",
            "ForceUpdate": "False",
            "RollbackOnFailure": True,
        },
        "generated",
    )
    assert (wanted.cluster_name, wanted.adopts) == ("hpc", True)
    assert wanted.arguments == {"rollback_on_failure": True, "force_update": False}
    assert not parse_properties({"ClusterConfiguration": "a: b"}, "hpc").adopts
