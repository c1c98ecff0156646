import botocore.session
import pytest

from cluster_engine.stack_rules import (
    PARTS_MAX,
    TEMPLATE_MAX_BYTES,
    shape_faults,
    tag_faults,
    template_faults,
)

RESOURCE = "Resources: {Topic: {Type: AWS::SNS::Topic}}"


@pytest.fixture(scope="module")
def shape():
    service = botocore.session.get_session().get_service_model("cloudformation")
    return service.operation_model("CreateStack").input_shape


def request(**fields):
    return {"StackName": "hpc", "Tags": [{"Key": "team", "Value": "hpc"}]} | fields


def test_a_request_within_the_service_s_limits_has_no_fault(shape):
    longest = [{"Key": "k" * 128, "Value": "v" * 256}] * 50
    assert list(shape_faults(request(Tags=longest), shape)) == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"Tags": [{"Key": "", "Value": "x"}]}, "Tags[0].Key has 0 characters, and at least 1 are allowed"),
        ({"Tags": [{"Key": "k", "Value": ""}]}, "Tags[0].Value has 0 characters, and at least 1 are allowed"),
        ({"Tags": [{"Key": "k" * 129, "Value": "x"}]}, "Tags[0].Key has 129 characters, and at most 128 are"),
        ({"Tags": [{"Key": "k", "Value": "x" * 257}]}, "Tags[0].Value has 257 characters, and at most 256"),
        ({"Tags": [{"Key": "k", "Value": "x"}] * 51}, "Tags has 51 items, and at most 50 are allowed"),
    ],
)
def test_what_the_service_s_model_does_not_allow_is_named_with_its_place_and_limit(shape, fields, fault):
    (found,) = shape_faults(request(**fields), shape)
    assert found.startswith(fault)


def test_a_key_that_aws_reserves_is_named_in_any_case():
    tags = [
        {"Key": "team", "Value": "x"},
        {"Key": "AWS:owner", "Value": "x"},
        {"Key": "awsome", "Value": "x"},
    ]
    assert list(tag_faults(tags)) == [
        "Tags[1].Key is AWS:owner, and AWS reserves keys that begin with aws:",
    ]


@pytest.mark.parametrize(
    "text", [RESOURCE, '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}', f"{RESOURCE}\nX: !Ref Y"]
)
def test_a_template_with_a_resource_has_no_fault(text):
    assert list(template_faults(text)) == []


@pytest.mark.parametrize("text", ["", "Outputs: {}", "Resources: {}", "Resources:", "Resources: ~"])
def test_a_template_without_a_resource_is_refused(text):
    assert list(template_faults(text)) == ["it has no resource, and at least one is needed"]


@pytest.mark.parametrize("part", PARTS_MAX)
def test_a_template_with_more_parts_than_cloudformation_takes_is_refused(part):
    items = ", ".join(f"n{number}: {{}}" for number in range(PARTS_MAX[part] + 1))
    text = f"{part}: {{{items}}}" if part == "Resources" else f"{RESOURCE}\n{part}: {{{items}}}"
    assert list(template_faults(text)) == [
        f"it has {PARTS_MAX[part] + 1} {part}, and at most {PARTS_MAX[part]} are allowed"
    ]


def test_a_template_that_is_larger_than_cloudformation_takes_is_refused():
    text = RESOURCE + "\n#" + "x" * TEMPLATE_MAX_BYTES
    assert list(template_faults(text)) == [f"it has {len(text):,} bytes, and at most 1,048,576 are allowed"]
