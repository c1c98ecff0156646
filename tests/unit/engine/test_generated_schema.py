import json
import re

import botocore.session
import pytest
from jsonschema import Draft202012Validator
from marshmallow import Schema, fields, validate

from cluster_schema import configuration_schema, versions
from tools.configuration_schema import generator
from tools.configuration_schema.__main__ import FILE, patches

pytestmark = pytest.mark.library


@pytest.fixture(scope="module")
def schema():
    return generator.configuration_schema()


def test_the_kept_schema_is_what_the_installed_library_says(schema):
    release = schema["$id"].rsplit(":")[-1]
    assert configuration_schema(release) == schema, "out of date: run python -m tools.configuration_schema"


def test_the_schemas_are_kept_as_the_differences_between_releases():
    schemas = {release: configuration_schema(release) for release in versions()}
    assert FILE.read_text(encoding="utf-8") == json.dumps(patches(schemas), indent=1) + "\n"


@pytest.mark.parametrize("release", versions())
def test_every_release_has_a_schema_of_its_own(release):
    schema = configuration_schema(release)
    assert schema["$id"] == f"urn:pcluster-cfn:configuration:{release}"
    Draft202012Validator.check_schema(schema)


def test_it_is_a_valid_json_schema(schema):
    Draft202012Validator.check_schema(schema)


def test_every_key_says_how_it_may_be_updated(schema):
    policies = dict(_policies(schema, ""))
    assert policies["/HeadNode/InstanceType"] == "UNSUPPORTED"
    assert policies["/Scheduling/SlurmQueues/ComputeResources/MaxCount"] == "RESIZE_UPDATE_STRATEGY_ON_REMOVE"
    assert all(policies.values())
    assert len(policies) > 250


def _policies(schema, path):
    for key, place in schema.get("properties", {}).items():
        if key != "Sequence":  # not a field of its own: the items carry the policies
            yield f"{path}/{key}", place.get("x-update-policy")
        yield from _policies(place.get("items", place), f"{path}/{key}")


def _generated(**declared):
    class Declared(Schema):
        pass

    return generator.section(Declared.from_dict(declared)())["properties"]


def test_limits_keep_their_meaning():
    assert _generated(
        count=fields.Int(data_key="Count", validate=validate.Range(min=1, max=5, max_inclusive=False)),
        name=fields.Str(data_key="Name", validate=validate.Length(equal=3)),
        names=fields.List(fields.Str(), data_key="Names", validate=validate.Length(max=2)),
    ) == {
        "Count": {"type": "integer", "minimum": 1, "exclusiveMaximum": 5},
        "Name": {"type": "string", "minLength": 3, "maxLength": 3},
        "Names": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    }


@pytest.mark.parametrize("expression", ["a|b", "^a$|b", "^(x|^y)"])
def test_a_pattern_refuses_exactly_what_the_library_s_match_refuses(expression):
    pattern = _generated(x=fields.Str(data_key="X", validate=validate.Regexp(expression)))["X"]["pattern"]
    for text in ["a", "b", "xa", "ab", "x", "y", "zy"]:
        assert bool(re.search(pattern, text)) == bool(re.match(expression, text))


@pytest.mark.parametrize(
    "unknown",
    [
        fields.DateTime(data_key="X"),
        fields.Raw(data_key="X"),
        fields.Str(data_key="X", allow_none=True),
        fields.Str(data_key="X", validate=validate.Email()),
        fields.Str(data_key="X", validate=validate.Regexp("a", flags=re.IGNORECASE)),
    ],
)
def test_a_construct_not_seen_before_stops_the_generator(unknown):
    with pytest.raises(generator.UnknownConstructError):
        _generated(x=unknown)


def test_a_message_of_the_library_s_own_stands_beside_the_rule_that_it_is_about():
    said = "Only one, please."
    described = _generated(
        one=fields.List(fields.Str(), data_key="One", validate=validate.Length(equal=1, error=said)),
        many=fields.Str(
            data_key="Many",
            validate=validate.And(validate.Length(max=9), validate.Regexp("^a", error="Begin with a.")),
        ),
    )
    assert described["One"]["x-messages"] == {"minItems": said, "maxItems": said}
    assert described["Many"]["x-messages"] == {"pattern": "Begin with a."}


def test_what_the_library_says_of_a_key_that_it_removed_is_known(schema):
    pool = schema["properties"]["LoginNodes"]["properties"]["Pools"]["items"]
    assert list(pool["properties"]["Ssh"]["x-unknown-keys"]) == ["KeyName"]
    assert "x-unknown-keys" not in schema["properties"]["HeadNode"]["properties"]["Ssh"]


def test_the_limits_of_the_cluster_s_tags_are_those_of_create_stack(schema):
    model = botocore.session.get_session().get_service_model("cloudformation")
    tag = model.operation_model("CreateStack").input_shape.members["Tags"].member
    ours = schema["properties"]["Tags"]["items"]["properties"]
    for name in ("Key", "Value"):
        theirs = tag.members[name].metadata
        assert (ours[name]["minLength"], ours[name]["maxLength"]) == (theirs["min"], theirs["max"])
    # The tags of a queue go to EC2, which takes empty values.
    queue = schema["properties"]["Scheduling"]["properties"]["SlurmQueues"]["items"]["properties"]
    assert "minLength" not in queue["Tags"]["items"]["properties"]["Value"]
