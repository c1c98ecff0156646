"""An expanded template is what CloudFormation would make of it, for every stack and every Region."""

import json

import pytest
from samtranslator.yaml_helper import yaml_parse

from pcluster_cfn.errors import CommandError
from pcluster_cfn.publishing.publication import expand
from tests.support.built import build_from_sources
from tools.artefacts.built import ENGINE_STACK, HOOK_STACK, PROVIDER_STACK

STORED = {f"{part}.zip": f"s3://b/{part}" for part in ("provider", "engine", "hook", "layer")}
STACKS = pytest.mark.parametrize(
    "stack", [PROVIDER_STACK, ENGINE_STACK, HOOK_STACK], ids=lambda stack: stack.template
)
FUNCTION = """\
Transform: AWS::Serverless-2016-10-31
Parameters: {Role: {Type: String, Default: ""}, Name: {Type: String, Default: a}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://b/k
      Handler: a.b
      Runtime: python3.12
      Role: !Ref Role
      FunctionName: !Ref Name
"""


def built_text(tmp_path, stack):
    text = (build_from_sources(tmp_path / "build", stack) / "template.yaml").read_text()
    for path, uri in STORED.items():
        text = text.replace(path, uri)
    return text


def references(node):
    """Counts what a template's resources refer to, in references and within texts."""
    text = json.dumps(node)
    return {name: text.count(f'"{name}"') + text.count(f"${{{name}") for name in NAMES}


NAMES = (
    *("CustomLambdaRole", "EngineRole", "EngineConcurrency", "AdditionalEngines", "AWS::Region"),
    *("LambdaLayerArn", "HookAlias", "StackNames"),
)


def test_a_reference_to_a_parameter_stays_one_where_the_transform_would_put_its_default_in():
    resources = json.loads(expand(FUNCTION))["Resources"]
    assert resources["F"]["Properties"]["Role"] == {"Ref": "Role"}
    assert resources["F"]["Properties"]["FunctionName"] == {"Ref": "Name"}


@STACKS
def test_nothing_of_this_project_s_templates_is_decided_before_their_stack_is_there(tmp_path, stack):
    text = built_text(tmp_path, stack)
    before, after = yaml_parse(text), json.loads(expand(text))
    assert references(after["Resources"]) == references(before["Resources"])
    for section in ("Parameters", "Conditions", "Outputs", "Metadata", "Description"):
        assert len(after.get(section, ())) == len(before.get(section, ()))


@STACKS
def test_no_serverless_resource_and_no_transform_is_left(tmp_path, stack):
    template = json.loads(expand(built_text(tmp_path, stack)))
    types = {resource["Type"] for resource in template["Resources"].values()}
    assert "Transform" not in template
    assert "AWS::Lambda::Function" in types
    assert not [name for name in types if "Serverless" in name]


def test_a_template_with_another_transform_is_refused():
    with pytest.raises(CommandError, match="transform is 'AWS::Include'"):
        expand("Transform: AWS::Include\nResources: {}")


def test_what_the_transform_refuses_is_said():
    with pytest.raises(CommandError, match=r"refuses the template: .*CodeUri"):
        expand(FUNCTION.replace("s3://b/k", "src"))
