import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_provider.core.checking import MISTAKES_MAX
from cluster_provider.core.errors import InvalidProperty, MissingProperty
from cluster_provider.core.image_properties import RULES as IMAGE
from cluster_provider.core.image_properties import parse_image
from cluster_provider.core.properties import (
    CONFIGURATION_MAX_BYTES,
    DeletionPolicy,
    Properties,
    decode_configuration,
    digest,
    encode_configuration,
    parse_properties,
)

BASE: dict[str, Any] = {"ClusterName": "hpc", "ClusterConfiguration": {"Region": "us-east-1"}}


def parsed(raw: dict[str, Any]) -> Properties:
    return parse_properties(raw, "generated")


def test_defaults_are_the_official_providers() -> None:
    properties = parsed(BASE)
    assert properties.deletion_policy is DeletionPolicy.DELETE
    assert properties.arguments == {}
    assert properties.version is None
    assert properties.service_timeout_s == 3600


def test_stringified_arguments_become_what_the_library_takes() -> None:
    properties = parsed(
        BASE
        | {
            "ServiceTimeout": "1800",
            "SuppressValidators": ["ALL", "type:SubnetsValidator"],
            "ValidationFailureLevel": "WARNING",
            "RollbackOnFailure": "false",
            "ForceUpdate": "true",
            "PclusterVersion": "3.14.0",
            "DeletionPolicy": "Retain",
            "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:provider",
        }
    )
    assert properties.arguments == {
        "suppress_validators": ["ALL", "type:SubnetsValidator"],
        "validation_failure_level": "WARNING",
        "rollback_on_failure": False,
        "force_update": True,
    }
    assert properties.service_timeout_s == 1800
    assert properties.version == "3.14.0"
    assert properties.deletion_policy is DeletionPolicy.RETAIN


def test_one_validator_to_suppress_may_stand_without_a_list() -> None:
    assert parsed(BASE | {"SuppressValidators": "ALL"}).arguments == {"suppress_validators": ["ALL"]}


@pytest.mark.parametrize(
    ("changed", "where", "what"),
    [
        ({"ClusterName": "1hpc"}, "ClusterName", "'1hpc'"),
        ({"ClusterName": "h"}, "ClusterName", "'h'"),
        ({"ClusterName": "a" * 61}, "ClusterName", "2 to 60 letters"),
        ({"ClusterName": "under_score"}, "ClusterName", "'under_score'"),
        ({"ClusterName": ["hpc"]}, "ClusterName", '["hpc"]'),
        ({"ClusterName": "hpc\n"}, "ClusterName", r"'hpc\n'"),
        ({"ClusterConfiguration": {}}, "ClusterConfiguration", "a map, or a string of YAML or JSON"),
        ({"ClusterConfiguration": ""}, "ClusterConfiguration", "a map, or a string of YAML or JSON"),
        ({"ClusterConfiguration": ["x"]}, "ClusterConfiguration", "a map, or a string of YAML or JSON"),
        ({"DeletionPolicy": "Keep"}, "DeletionPolicy", "Delete or Retain"),
        ({"SuppressValidators": ["type:A", "B"]}, "SuppressValidators/1", "'B'"),
        ({"SuppressValidators": ["type:A\n"]}, "SuppressValidators/0", r"'type:A\n'"),
        ({"ValidationFailureLevel": "FATAL"}, "ValidationFailureLevel", "INFO, WARNING or ERROR"),
        ({"RollbackOnFailure": "no"}, "RollbackOnFailure", "true or false"),
        ({"ForceUpdate": "1"}, "ForceUpdate", "true or false"),
        ({"PclusterVersion": "3.16"}, "PclusterVersion", "3.16.1"),
        ({"PclusterVersion": "3.16.1\n"}, "PclusterVersion", r"'3.16.1\n'"),
        ({"ServiceTimeout": "0"}, "ServiceTimeout", "from 1 to 3600"),
        ({"ServiceTimeout": "3601"}, "ServiceTimeout", "from 1 to 3600"),
        ({"ServiceTimeout": "soon"}, "ServiceTimeout", "from 1 to 3600"),
        ({"ClusterConfigurtion": {"a": "b"}}, "ClusterConfigurtion", "no such property"),
    ],
)
def test_a_wrong_property_is_refused_with_its_place_value_and_expectation(
    changed: dict[str, Any], where: str, what: str
) -> None:
    with pytest.raises(InvalidProperty) as refused:
        parsed(BASE | changed)
    assert refused.value.where == where
    assert what in str(refused.value)


def test_an_images_id_with_a_line_break_at_its_end_is_refused() -> None:
    with pytest.raises(InvalidProperty, match="ImageId: 'img"):
        parse_image({"ImageId": "img\n", "ImageConfiguration": {"Build": {"ParentImage": "ami-1"}}})


def test_a_missing_property_is_named() -> None:
    with pytest.raises(MissingProperty) as refused:
        parsed({"ClusterName": "hpc"})
    assert refused.value.where == "ClusterConfiguration"


def test_a_cluster_without_a_name_has_the_one_it_is_given() -> None:
    assert parsed({"ClusterConfiguration": {"Region": "us-east-1"}}).cluster_name == "generated"
    assert parsed(BASE).cluster_name == "hpc"


def test_a_cluster_to_take_over_needs_its_name() -> None:
    with pytest.raises(MissingProperty) as refused:
        parsed({"ClusterConfiguration": {"Region": "us-east-1"}, "AdoptExisting": "true"})
    assert refused.value.where == "ClusterName"


def test_the_refusal_of_an_unknown_property_names_its_nearest_neighbour() -> None:
    with pytest.raises(InvalidProperty) as refused:
        parsed(BASE | {"SupressValidators": ["ALL"]})
    assert refused.value.next_step == "Did you mean SuppressValidators?"


@pytest.mark.parametrize("name", ["clusterName", "ClusterNames", "CusterName", "clustername"])
def test_a_misspelt_name_is_one_mistake_and_not_a_missing_property_too(name: str) -> None:
    raw = {"ClusterConfiguration": BASE["ClusterConfiguration"], name: "hpc"}
    with pytest.raises(InvalidProperty) as refused:
        parsed(raw)
    assert (refused.value.where, refused.value.next_step) == (name, "Did you mean ClusterName?")
    assert not refused.value.others


def test_only_the_nearest_name_counts_as_misspelt() -> None:
    # Two required names are similar to it; the less similar one is missing all the same.
    with pytest.raises(InvalidProperty) as refused:
        parse_image({"ImageConfigurationId": "img"})
    missing = f"ImageId: this property is needed: {IMAGE.expected['ImageId']}."
    assert refused.value.others == (missing,)


@pytest.mark.parametrize("more", [0, 1, 7])
def test_at_most_twenty_mistakes_are_named(more: int) -> None:
    unknown = {f"Zz{number}": "x" for number in range(MISTAKES_MAX + more)}
    with pytest.raises(InvalidProperty) as refused:
        parsed(BASE | unknown)
    assert len(refused.value.others) + 1 == 20


def test_all_mistakes_are_named_at_once_each_with_its_own_way_out() -> None:
    raw = {"clusterName": "hpc", "Region": "us-east-1", "Foo": "bar", "ServiceTimeout": "soon"}
    with pytest.raises(InvalidProperty) as refused:
        parsed(raw | {"ClusterConfiguration": {"a": "b"}})
    text = str(refused.value)
    assert text.startswith("InvalidProperty: ServiceTimeout: 'soon' is not valid; expected whole seconds")
    assert "clusterName: there is no such property. Did you mean ClusterName? Region: " in text
    assert "Region: there is no such property. Foo: there is no such property. Known are " in text
    assert (text.count("Known are"), text.count("this property is needed")) == (1, 0)


def test_every_required_property_that_is_missing_is_named() -> None:
    with pytest.raises(MissingProperty) as refused:
        parse_image({})
    assert "ImageId: this property is needed" in str(refused.value)
    assert "ImageConfiguration: this property is needed" in str(refused.value)


def test_as_many_mistakes_are_named_as_a_response_has_room_for() -> None:
    with pytest.raises(InvalidProperty) as refused:
        parsed(BASE | {f"Unknown{number}": "x" for number in range(10_000)})
    assert len(refused.value.others) == MISTAKES_MAX - 1


def test_a_configuration_larger_than_a_record_is_refused_with_its_size() -> None:
    noise = random.Random(1).randbytes(150_000).hex()  # noqa: S311 - incompressible, not secret
    with pytest.raises(InvalidProperty, match=str(CONFIGURATION_MAX_BYTES)):
        parsed(BASE | {"ClusterConfiguration": {"Region": noise}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_an_encoded_configuration_decodes_to_itself(value: Any) -> None:
    assert decode_configuration(encode_configuration(value)) == value


@given(st.dictionaries(st.text(), json_values))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_a_digest_distinguishes_a_string_from_a_number() -> None:
    assert digest({"Size": "200"}) != digest({"Size": 200})
