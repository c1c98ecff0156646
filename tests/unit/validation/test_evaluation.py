"""What functions give before anything is deployed, and that nothing is concluded from what is not known."""

import pytest

from cfn_template.reading import read
from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.validation.partial_template import Answers, as_received, evaluate_partially, plain_values

TEMPLATE = """\
Parameters:
  Count: {Type: Number, Default: 4}
  Given: {Type: String}
  Open: {Type: String}
  Secret: {Type: String, Default: hidden, NoEcho: true}
  Ami: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /ami}
  List: {Type: CommaDelimitedList, Default: 'a, b'}
  OpenList: {Type: 'List<AWS::EC2::Subnet::Id>'}
  Empty: {Type: CommaDelimitedList, Default: ''}
  Yes: {Type: String, Default: True}
  Text: {Type: String, Default: 'True'}
Mappings:
  Sizes:
    eu-west-1: {Size: 40}
Conditions:
  Four: !Equals [!Ref Count, 4]
  Asked: !Equals [!Ref Open, x]
  Not: !Not [!Condition Four]
  Either: !Or [!Condition Asked, !Condition Four]
  Both: !And [!Condition Asked, !Condition Not]
  Doubt: !And [!Condition Asked, !Condition Four]
  Switched: !Equals [!Ref Yes, TRUE]
  Spelled: !Equals [!Ref Text, true]
  Itself: !Not [!Condition Itself]
"""


def value(text):
    answers = Answers(known={"AWS::Region": "eu-west-1"})
    template = evaluate_partially(read(TEMPLATE), {"Given": "given"}, answers)
    return plain_values(as_received(template.evaluate(read(text))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Count", "4"),
        ("{Ref: Given}", "given"),
        ("!Ref List", ["a", "b"]),
        ("!Sub '${Given}-${!x}-${AWS::Region}'", "given-${x}-eu-west-1"),
        ("!Sub ['${a}', {a: !Ref Count}]", "4"),
        ("!Join ['-', [a, !Ref Count]]", "a-4"),
        ("!Select [1, !Split [',', 'a,b']]", "b"),
        ("!FindInMap [Sizes, !Ref 'AWS::Region', Size]", "40"),
        ("!If [Four, yes, no]", "true"),
        ("!If [Not, a, !Ref 'AWS::NoValue']", None),
        ("[a, !If [Not, b, !Ref 'AWS::NoValue'], c]", ["a", "c"]),
        ("{a: !Ref 'AWS::NoValue', b: 1}", {"b": "1"}),
        ("!If [Either, a, b]", "a"),
        ("!If [Both, a, b]", "b"),
        ("!Sub '${Yes} ${Text}'", "true True"),
        ("!If [Switched, a, b]", "a"),
        ("!If [Spelled, a, b]", "b"),
        (
            "[yes, off, 1.50, 007, 2026-01-01, 1:02:03]",
            ["true", "false", "1.5", "7", "2026-01-01", "3723"],
        ),
    ],
)
def test_what_can_be_known_is_known(text, expected):
    found = value(f"x: {text}").get("x")
    assert found == expected


@pytest.mark.parametrize(
    "text",
    [
        "!Ref Open",
        "!Ref Secret",
        "!Ref Ami",
        "!Ref Resource",
        "!GetAtt Resource.Arn",
        "!Sub 'x-${Open}'",
        "!Sub '${Resource.Arn}'",
        "!Join ['', [a, !Ref Open]]",
        "!Split [',', !Ref Open]",
        "!Select [0, !GetAZs '']",
        "'{{resolve:ssm:/name}}'",
        "!Sub 'x-{{resolve:ssm:/name:${Count}}}'",
        "!Select [9, [a]]",
        "!Select [x, [a]]",
        "!FindInMap [Sizes, nowhere, Size]",
        "!ImportValue x",
        "!If [Asked, a, b]",
        "!If [Doubt, a, b]",
        "!If [Itself, a, b]",
        "!If [Nowhere, a, b]",
        "!If [Four]",
        "!Join x",
        "{Fn::Transform: {Name: AWS::Include}}",
        "{Fn::ForEach::Queues: [a, [b], {}], c: d}",
    ],
)
def test_what_cannot_be_known_is_unknown(text):
    assert value(f"x: {text}")["x"] in (UNKNOWN, [UNKNOWN])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("!Ref OpenList", [UNKNOWN]), ("[!Ref OpenList]", [[UNKNOWN]]), ("!Ref Empty", [""])],
)
def test_a_list_parameter_is_a_list_with_an_item_whatever_its_value(text, expected):
    assert value(f"x: {text}")["x"] == expected
