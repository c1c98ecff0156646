"""A value is held against what the template declares of it."""

import pytest

from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch.parameters import Group, declarations, groups
from pcluster_cfn.template import Template


def declared(declaration, name="P"):
    return declarations(Template.parse(f"Parameters: {{{name}: {declaration}}}\nResources: {{}}", "t"))[name]


SSM_NAME = "must be the name of an SSM parameter, as in /network/subnet"
SUBNET = "subnet-0123456789abcdef0"


@pytest.mark.parametrize(
    ("declaration", "value"),
    [
        ("{Type: String}", "anything\nat all 🚀"),
        ("{Type: String, AllowedValues: [a, 'yes', 007]}", "007"),
        ("{Type: String, MinLength: 2, MaxLength: 3}", "ab"),
        ("{Type: String, MinValue: 2}", "ab"),
        ("{Type: Number}", "-1.5e3"),
        ("{Type: Number, MinValue: 1, MaxValue: 10.5}", "10.5"),
        ("{Type: CommaDelimitedList}", "a, b,,c"),
        ("{Type: CommaDelimitedList, AllowedValues: [a, b]}", "a, b"),
        ("{Type: CommaDelimitedList, AllowedPattern: '[a-z]+'}", "a, b"),
        ("{Type: List<Number>}", "1, 2.5"),
        ("{Type: AWS::EC2::Subnet::Id}", SUBNET),
        ("{Type: AWS::EC2::Subnet::Id}", "subnet-01234567"),
        ("{Type: List<AWS::EC2::Subnet::Id>}", f"{SUBNET}, {SUBNET}"),
        ("{Type: AWS::EC2::KeyPair::KeyName}", "my key (old)"),
        ("{Type: AWS::EC2::AvailabilityZone::Name}", "us-west-2-lax-1a"),
        ("{Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>'}", "/aws/service/ami:3"),
        ("{Type: 'AWS::SSM::Parameter::Value<List<String>>'}", "/a/b"),
        ("{Type: AWS::Brand::New::Id}", "whatever"),
        ("{Type: String, AllowedPattern: '(?i)abc'}", "ABC"),
        (r"{Type: String, AllowedPattern: '\Qabc\E'}", "xyz"),
    ],
)
def test_what_the_declaration_allows_has_no_fault(declaration, value):
    assert declared(declaration).fault(value) is None


@pytest.mark.parametrize(
    ("declaration", "value", "fault"),
    [
        ("{Type: String, AllowedValues: [a, '']}", "b", "must be one of a, (empty)"),
        ("{Type: String, MinLength: 1}", "", "must have at least 1 character"),
        ("{Type: String, MaxLength: 3}", "abcd", "must have at most 3 characters"),
        ("{Type: String, MaxLength: 1}", "🚀🚀", "must have at most 1 character"),
        ("{Type: String, AllowedPattern: '[a-z]+'}", "a1", "does not match the pattern [a-z]+"),
        ("{Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: lower case}", "A", "lower case"),
        ("{Type: String}", "ä" * 2049, "must be at most 4,096 bytes long"),
        ("{Type: String}", "\udcff", "must be text, in UTF-8"),
        ("{Type: Number}", "", "must be a number"),
        ("{Type: Number}", "0x10", "must be a number"),
        ("{Type: Number}", "nan", "must be a number"),
        ("{Type: Number, MinValue: 1}", "0", "must be at least 1"),
        ("{Type: Number, MaxValue: 10.5}", "11", "must be at most 10.5"),
        ("{Type: List<Number>, MaxValue: 5}", "1, 6", "must be at most 5"),
        ("{Type: List<Number>}", "1,", "must be a number"),
        ("{Type: CommaDelimitedList, AllowedValues: [a]}", "a,b", "must be one of a"),
        ("{Type: AWS::EC2::Subnet::Id}", "subnet-123", f"must be the id of a subnet, as in {SUBNET}"),
        ("{Type: AWS::EC2::Image::Id}", "", "must be the id of an image, as in ami-0123456789abcdef0"),
        ("{Type: List<AWS::EC2::VPC::Id>}", SUBNET, "must be the id of a VPC, as in vpc-0123456789abcdef0"),
        ("{Type: AWS::SSM::Parameter::Name}", "a b", SSM_NAME),
    ],
)  # fmt: skip
def test_what_it_does_not_allow_is_reported_in_one_sentence(declaration, value, fault):
    assert declared(declaration).fault(value) == fault


def test_a_pattern_that_only_cloudformation_can_check_is_named():
    assert declared(r"{Type: String, AllowedPattern: '\Qabc\E'}").left_unchecked("x") == r"\Qabc\E"
    assert declared("{Type: String, AllowedPattern: abc}").left_unchecked("x") is None


def test_a_bound_that_is_no_number_is_the_template_s_mistake():
    with pytest.raises(CommandError, match=r'Parameters\.P\.MaxLength is "long"'):
        declared("{Type: String, MaxLength: long}")
    with pytest.raises(CommandError, match=r'Parameters\.P\.MaxValue is "1e999"'):
        declared("{Type: Number, MaxValue: '1e999'}")


def test_a_boolean_is_offered_as_cloudformation_hands_it_over():
    declaration = declared("{Type: String, Default: True, AllowedValues: [True, no, 'False']}")
    assert (declaration.default, declaration.allowed) == ("true", ("true", "false", "False"))
    assert declaration.fault("true") is None
    assert declaration.fault("True") == "must be one of true, false, False"


@pytest.mark.parametrize("written", ["true", "'true'", "True", "yes"])
def test_no_echo_is_seen_however_it_is_written(written):
    assert declared(f"{{Type: String, NoEcho: {written}}}").no_echo
    assert not declared("{Type: String, NoEcho: false}").no_echo


INTERFACE = """
Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - Label: {default: First}
        Parameters: [B, Unknown]
      - Parameters: [A]
      - Label: {default: Empty}
        Parameters: [Unknown]
    ParameterLabels: {B: {default: The b}}
Parameters:
  A: {Type: String}
  B: {Type: String, Default: 1, Description: "two\\n lines"}
  C: {Type: String}
Resources: {}
"""


def test_groups_and_labels_come_from_the_interface_and_the_rest_follows():
    template = Template.parse(INTERFACE, "t")
    assert groups(template) == [
        Group("First", ("B",)),
        Group("Parameters", ("A",)),
        Group("Other parameters", ("C",)),
    ]
    found = declarations(template)
    assert (found["B"].label, found["B"].default, found["B"].description) == ("The b", "1", "two lines")
    assert (found["A"].label, found["A"].default) == ("A", None)


def test_without_an_interface_all_parameters_are_one_group():
    template = Template.parse("Parameters: {A: {Type: String}, B: {Type: String}}\nResources: {}", "t")
    assert groups(template) == [Group("Parameters", ("A", "B"))]
    assert groups(Template.parse("Resources: {}", "t")) == []
