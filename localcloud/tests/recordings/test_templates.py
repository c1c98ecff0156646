"""Templates: what is refused with the request, and in which words."""

import json

import pytest
from tests.support.deployment import get, ref, resource

TOPIC = resource("SNS::Topic")


def named(expression, **sections):
    return {**sections, "Resources": {"Topic": resource("SNS::Topic", DisplayName=expression)}}


@pytest.mark.recording(7)
@pytest.mark.parametrize("path", [["Names", "b", "c"], ["Names", "a", "b"], ["None", "a", "c"]])
def test_a_key_that_is_not_in_a_mapping_is_refused(stacks, path):
    template = named({"Fn::FindInMap": path}, Mappings={"Names": {"a": {"c": "x"}}})
    assert stacks.refusal(template) == f"Template error: Unable to get mapping for {'::'.join(path)}"


@pytest.mark.recording(7)
def test_a_mapping_is_looked_up_with_the_values_of_parameters(stacks):
    template = named(
        {"Fn::FindInMap": ["Names", ref("Key"), "c"]},
        Mappings={"Names": {"a": {"c": "x"}}},
        Parameters={"Key": {"Type": "String"}},
    )
    given = [{"ParameterKey": "Key", "ParameterValue": "z"}]
    assert stacks.refusal(template, Parameters=given).endswith("Unable to get mapping for Names::z::c")


@pytest.mark.recording(7)
def test_a_change_set_is_refused_like_a_stack(stacks, refused):
    body = json.dumps(named({"Fn::FindInMap": ["Names", "b", "c"]}, Mappings={"Names": {"a": {"c": "x"}}}))
    request = {"StackName": stacks.name(), "ChangeSetName": "new", "ChangeSetType": "CREATE"}
    answer = refused(stacks.cfn.create_change_set, **request, TemplateBody=body)
    assert answer == ("ValidationError", "Template error: Unable to get mapping for Names::b::c")


@pytest.mark.recording(8)
@pytest.mark.parametrize("arguments", [[5, ["a", "b"]], ["first", ["a"]], [0, "a"], [0], "a"])
def test_a_selection_that_cannot_be_made_is_refused(stacks, arguments):
    assert stacks.refusal(named({"Fn::Select": arguments})) == (
        "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
    )


@pytest.mark.recording(10)
def test_json_may_have_a_comma_after_the_last_member(stacks):
    stacks.create('{"Resources": {"Topic": {"Type": "AWS::SNS::Topic",},},}')


@pytest.mark.recording(44)
def test_a_resource_has_no_key_of_another_name(stacks):
    refusal = stacks.refusal({"Topic": {**TOPIC, "Invalid": 1}})
    assert refusal == "Invalid template resource property 'Invalid'"


@pytest.mark.recording(44)
def test_a_resource_may_have_every_key_that_there_is(stacks):
    policies = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete", "Metadata": {"a": "b"}}
    full = {**TOPIC, **policies, "DependsOn": "Other", "Condition": "Always"}
    always = {"Always": {"Fn::Equals": ["a", "a"]}}
    stacks.create({"Conditions": always, "Resources": {"Topic": full, "Other": TOPIC}})


@pytest.mark.recording(46)
@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"A": "text"}, "Every Mappings member A must be a map"),
        ({"A": {"k": {"deeper": "x"}}}, "Every Mappings attribute must be a String or a List."),
        ({"A": {"k": {"Ref": "AWS::Region"}}}, "Every Mappings attribute must be a String or a List."),
        ({"A": {"k": ["x", {"Ref": "AWS::Region"}]}}, "Every Mappings attribute must be a String or a List."),
    ],
)
def test_a_mapping_has_two_levels_and_no_functions(stacks, mapping, words):
    refusal = stacks.refusal({"Mappings": {"Names": mapping}, "Resources": {"Topic": TOPIC}})
    assert refusal == f"Template format error: {words}"


@pytest.mark.recording(62)
def test_an_output_of_a_resource_that_is_switched_off_is_refused(stacks):
    template = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Off": {**TOPIC, "Condition": "Never"}, "On": TOPIC},
        "Outputs": {"Out": {"Value": ref("Off")}},
    }
    assert stacks.refusal(template) == (
        "Unresolved resource dependencies [Off] in the Outputs block of the template"
    )


@pytest.mark.recording(67)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Resources: [\n", "YAML not well-formed."),
        ("a: b: c", "YAML not well-formed."),
        ('{"Resources": {"A" 1}}', "JSON not well-formed. (line 1, column 21)"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_in_few_words(stacks, text, words):
    assert stacks.refusal(text) == f"Template format error: {words}"


@pytest.mark.recording(68)
def test_a_parameter_of_the_store_that_does_not_exist_counts_as_no_value(stacks):
    template = named(
        ref("Shown"),
        Parameters={"Shown": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/absent"}},
    )
    assert stacks.refusal(template) == "Parameter Shown should either have input value or default value"


@pytest.mark.recording(5)
def test_an_attribute_that_a_type_does_not_have_is_refused(stacks):
    template = {
        "Queue": resource("SQS::Queue"),
        "Topic": resource("SNS::Topic", DisplayName=get("Queue", "Name")),
    }
    assert stacks.refusal(template) == (
        "Template error: resource Queue does not support attribute type Name in Fn::GetAtt"
    )


@pytest.mark.recording(58)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.com/template.yaml", "TemplateURL must be a supported URL."),
        ("template.yaml", "TemplateURL must be a supported URL."),
        ("s3://bucket/key", "S3 error: Domain name specified in bucket is not a valid S3 domain"),
    ],
)
def test_a_template_comes_from_a_host_of_s3(stacks, refused, url, words):
    answer = refused(stacks.cfn.create_stack, StackName=stacks.name(), TemplateURL=url)
    assert answer == ("ValidationError", words)


@pytest.mark.recording(58)
@pytest.mark.parametrize("host", ["https://{}.s3.amazonaws.com", "https://s3.us-east-1.amazonaws.com/{}"])
def test_both_forms_of_an_objects_url_are_read(cloud, stacks, host):
    bucket = cloud.exports["ARTIFACT_BUCKET"]
    cloud.client("s3").put_object(
        Bucket=bucket, Key="topic.json", Body=json.dumps({"Resources": {"T": TOPIC}})
    )
    answer = stacks.cfn.get_template_summary(TemplateURL=f"{host.format(bucket)}/topic.json")
    assert answer["ResourceTypes"] == ["AWS::SNS::Topic"]
