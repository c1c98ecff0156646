"""A template leaves as it came, but for what is changed."""

import json
import re

import pytest
import yaml

from cfn_template.nodes import child, put, reference, scalar, text_of
from pcluster_cfn.errors import CommandError
from pcluster_cfn.template import Template

INTRINSICS = """\
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Account: {Type: String, Default: 012345670123}
  Key: {Type: AWS::EC2::KeyPair::KeyName}
Conditions:
  Named: !Not [!Equals [!Ref Key, '']]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Condition: Named
    Properties:
      TopicName: !If [Named, !Sub '${AWS::StackName}-x', !Ref AWS::NoValue]
      Times: [1:02:03, on, no, 1e3, 0o7, ~, 2026-11-23]
      Script: |
        #!/bin/bash
        echo "${NOT_A_VARIABLE}"
      Policy: !Sub
        - arn:${P}:sns
        - {P: !Ref AWS::Partition}
      Nested: !GetAtt Provider.Outputs.ServiceToken
      Encoded:
        Fn::Base64: !Join ['', [a, !Select [0, !GetAZs '']]]
"""


def events_of(text):
    """What a YAML reader sees: structure, tags and texts, without layout."""
    return [
        (type(event).__name__, getattr(event, "value", None), getattr(event, "tag", None))
        for event in yaml.parse(text)
    ]


def test_every_tag_and_every_scalar_survives_the_round_trip():
    assert events_of(Template.parse(INTRINSICS, "t").text()) == events_of(INTRINSICS)


def test_a_second_round_trip_changes_nothing():
    once = Template.parse(INTRINSICS, "t").text()
    assert Template.parse(once, "t").text() == once


def test_aliases_are_written_out_because_cloudformation_knows_none():
    text = Template.parse("Resources: {A: &a {Type: X, N: [1]}, B: *a}", "t").text()
    assert yaml.safe_load(text)["Resources"] == {"A": {"Type": "X", "N": [1]}, "B": {"Type": "X", "N": [1]}}
    assert "&" not in text
    assert "*" not in text


MERGED = """\
X: &base {Name: c, MinCount: 0}
Y: &more {<<: *base, MinCount: 1, MaxCount: 2}
Resources:
  A: &a {Type: X, Properties: {<<: *more, MaxCount: 3}}
  B: {<<: *a, Condition: Never}
  C: {<<: [{Type: Y}, *a], Properties: {'<<': plain}}
"""


def test_merges_are_written_out_because_cloudformation_knows_none():
    text = Template.parse(MERGED, "t").text()
    resources = yaml.safe_load(text)["Resources"]
    properties = {"Name": "c", "MinCount": 1, "MaxCount": 3}
    assert resources == {
        "A": {"Type": "X", "Properties": properties},
        "B": {"Type": "X", "Properties": properties, "Condition": "Never"},
        "C": {"Type": "Y", "Properties": {"<<": "plain"}},
    }
    assert "<<:" not in text
    assert Template.parse(text, "t").text() == text


def test_what_a_resource_merges_is_its_own():
    found = {item.logical_id: item.type for item in Template.parse(MERGED, "t").resources()}
    assert found == {"A": "X", "B": "X", "C": "Y"}


@pytest.mark.parametrize(
    ("merge", "problem"),
    [
        ("<<: text", ": << merges something that is not a map"),
        ("<<: [{a: b}, text]", ": << merges something that is not a map"),
        ("<<: !If [Here, {a: b}, {c: d}]", ": << merges something that is not a map"),
        ("<<: !Sub {a: b}", ": << merges something that is not a map"),
        ("A: &a {<<: *a}", ": an alias refers to a node that contains it"),
    ],
)
def test_a_merge_that_cannot_be_carried_out_is_refused_with_its_place(merge, problem):
    with pytest.raises(CommandError) as refused:
        Template.parse(f"Resources:\n  {merge}\n", "t")
    assert refused.value.what.startswith("t:2:")
    assert refused.value.what.endswith(problem)


@pytest.mark.parametrize(
    "inside",
    [
        "A: &a {Type: X, Properties: *a}",
        "A: {Type: X, Properties: &p {L: &l [1, [*l]]}}",
        "A: &a {Type: X, Properties: {<<: *a}}",
        "A: &a {? *a : 1}",
    ],
    ids=["a map", "a list", "by a merge", "as a key"],
)
def test_a_node_in_itself_is_refused_with_its_place(inside):
    with pytest.raises(CommandError) as refused:
        Template.parse(f"Resources:\n  {inside}\n", "t")
    assert re.fullmatch(r"t:2:\d+: an alias refers to a node that contains it", refused.value.what)
    assert refused.value.next_step == "fix the text there"


def test_a_template_that_is_too_large_with_its_aliases_written_out_is_refused_with_its_place():
    lines = [f"X{n}: &x{n} [*x{n - 1}, *x{n - 1}]" for n in range(1, 60)]
    text = "\n".join(["X0: &x0 [1]", *lines, "Resources: {A: {Type: X}}"])
    with pytest.raises(
        CommandError, match="with its aliases written out, the text has more than 200,000"
    ) as e:
        Template.parse(text, "t")
    assert e.value.what.startswith("t:17:")


def test_a_json_template_is_read_like_a_yaml_one():
    template = Template.parse(
        '{"Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": {"N": "1"}}}}', "t"
    )
    assert [(item.logical_id, item.type) for item in template.resources()] == [("A", "AWS::SNS::Topic")]


def test_a_json_template_may_be_indented_with_tabs():
    text = json.dumps({"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}, indent="\t")
    assert [item.type for item in Template.parse(text, "t").resources()] == ["AWS::SNS::Topic"]


@pytest.mark.parametrize("text", ["a 🚀\n🎉", "\\ud83d\\ude80", "\\🚀", "🚀 \ue001", ""])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_texts_of_a_json_template_are_what_json_says(text, is_ascii):
    written = json.dumps({"Description": text, "Resources": {text: {"Type": text}}}, ensure_ascii=is_ascii)
    template = Template.parse(written, "t")
    assert scalar(child(template.root, "Description")) == text
    assert [(item.logical_id, item.type) for item in template.resources()] == [(text, text)]
    assert yaml.safe_load(template.text())["Description"] == text


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude80", "\\ude80\\ud83d"])
def test_half_a_character_in_a_json_template_is_refused(half):
    with pytest.raises(CommandError, match=r"t:1:17: .* has half of a character"):
        Template.parse(f'{{"Description": "{half}", "Resources": {{}}}}', "t")


def test_parameters_keep_their_defaults_as_text():
    parameters = Template.parse(INTRINSICS, "t").parameters()
    assert parameters["Account"].default == "012345670123"
    assert parameters["Key"].default is None
    assert parameters["Key"].type == "AWS::EC2::KeyPair::KeyName"


def test_a_boolean_default_is_what_cloudformation_hands_over_and_leaves_as_it_came():
    template = Template.parse("Parameters: {P: {Type: String, Default: True}}\nResources: {}", "t")
    assert template.parameters()["P"].default == "true"
    assert "Default: True" in template.text()


def test_a_replaced_value_is_the_only_difference():
    template = Template.parse("Resources: {L: {Type: X, Properties: {Code: ./src, Other: !Ref A}}}", "t")
    put(next(template.resources()).properties, "Code", {"S3Bucket": "b", "S3Key": "k"})
    properties = next(Template.parse(template.text(), "t").resources()).properties
    assert scalar(child(child(properties, "Code"), "S3Key")) == "k"
    assert reference(child(properties, "Other")) == "A"


def test_a_reference_is_found_in_both_spellings():
    template = Template.parse("Resources: {L: {Properties: {A: !Ref X, B: {Ref: X}, C: X}}}", "t")
    properties = next(template.resources()).properties
    assert [reference(child(properties, key)) for key in "ABC"] == ["X", "X", None]


def test_text_of_an_intrinsic_holds_its_arguments():
    template = Template.parse("Resources: {L: {Properties: {A: !Join [/, [a, !Sub 'b${C}']]}}}", "t")
    assert text_of(child(next(template.resources()).properties, "A")) == "/ a b${C}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Resources: [", "t.yaml:1"),
        ("Resources:\n  A: 'x", "t.yaml:2"),
        ("just text", "t.yaml has no Resources"),
        ("Parameters: {}", "t.yaml has no Resources"),
        ("", "t.yaml has no Resources"),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(text, problem):
    with pytest.raises(CommandError) as refused:
        Template.parse(text, "t.yaml")
    assert problem in refused.value.what
    assert refused.value.next_step


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"missing\.yaml"):
        Template.read(tmp_path / "missing.yaml")
