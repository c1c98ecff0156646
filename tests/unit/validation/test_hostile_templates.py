"""Functions and conditions that would grow or call each other without end come to an end, and say so."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfn_template.reading import read
from cfn_template.values import Unknown
from pcluster_cfn.validation.file_check import check
from pcluster_cfn.validation.partial_template import as_received, evaluate_partially
from pcluster_cfn.validation.report import Finding
from tests.unit.validation.test_check import GOOD, template


def system(value):
    """A configuration with a value for Os."""
    return GOOD.replace("alinux2023", value)


def messages(text):
    return [finding.message for finding in check(text)]


def evaluated(text, head="Parameters: {}"):
    return as_received(evaluate_partially(read(head), {}).evaluate(read(text)))


def with_name(function, head=""):
    return template(GOOD, head).replace("ClusterName: hpc", f"ClusterName: {function}")


def test_a_substitution_that_would_fill_the_memory_is_reported_at_its_place():
    function = f"!Sub ['{'${a}' * 20_000}', {{a: {'x' * 2_000}}}]"
    (finding,) = check(with_name(function))
    assert (finding.place.line, finding.place.column) == (6, 20)
    assert finding.message == (
        "Fn::Sub makes a text of more than 1,048,576 characters, which no template can have"
    )


def test_a_substitution_evaluates_a_variable_once_however_often_it_is_named():
    function = "''"
    for _ in range(30):  # each level names the one inside it twice: 2 to the power of 30 evaluations
        function = f"!Sub ['${{a}}${{a}}', {{a: {function}}}]"
    assert evaluated(f"x: {function}") == {"x": ""}


def test_a_join_that_would_fill_the_memory_is_reported():
    items = ", ".join(["a"] * 2_000)
    assert messages(with_name(f"!Join ['{'-' * 10_000}', [{items}]]")) == [
        "Fn::Join makes a text of more than 1,048,576 characters, which no template can have"
    ]


def test_what_all_functions_make_together_has_a_bound_and_is_reported_once():
    head = f"Parameters: {{P: {{Type: String, Default: {'x' * 100_000}}}}}\n"
    tags = ", ".join("{Key: !Ref P, Value: !Sub '${P}${P}${P}'}" for _ in range(300))
    found = messages(template(f"{GOOD}Tags: [{tags}]", head))
    assert [message for message in found if "the functions of this template make more than" in message] == [
        "the functions of this template make more than 8,388,608 characters: the rest is not evaluated"
    ]


@pytest.mark.parametrize("step", ["!And [!Condition {0}, !Condition {0}]", "!Not [!Condition {0}]"])
def test_a_chain_of_thousands_of_conditions_is_decided_one_after_the_other(step):
    lines = [f"  C{n}: {step.format(f'C{n - 1}')}\n" for n in range(1, 4_001)]
    head = "Conditions:\n  C0: !Equals [a, a]\n" + "".join(reversed(lines))
    assert check(template(system("!If [C4000, alinux2023, {}]"), head)) == []


def test_conditions_in_a_circle_are_not_known_and_neither_are_those_that_ask_for_them():
    circle = "  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n"
    head = f"Conditions:\n{circle}  C: !And [!Condition A, !Condition B]\n"
    (finding,) = check(template(system("!If [C, alinux2023, {}]"), head))
    assert finding.message.endswith("(only if condition C is false)")


def test_conditions_that_ask_in_the_long_form_or_by_if_are_decided_in_order():
    head = (
        "Conditions:\n  C: {'Fn::Equals': [{'Fn::If': [B, x, y]}, y]}\n  B: {'Fn::Not': [{Condition: A}]}\n"
        "  A: !Equals [a, a]\n"
    )
    assert check(template(system("!If [C, alinux2023, {}]"), head)) == []
    assert len(check(template(system("!If [B, alinux2023, {}]"), head))) == 1


def test_a_mapping_that_looks_itself_up_is_no_value():
    head = "Mappings: {M: {a: {b: !FindInMap [M, a, b]}}}"
    assert isinstance(evaluated("!FindInMap [M, a, b]", head), Unknown)


def test_thousands_of_look_ups_in_a_large_mapping_are_made_by_key():
    head = "Mappings: {M: {" + ", ".join(f"k{n}: {{v: '{n}'}}" for n in range(6_000)) + "}}"
    found = evaluated("[" + ", ".join(f"!FindInMap [M, k{n}, v]" for n in range(6_000)) + "]", head)
    assert found == [str(n) for n in range(6_000)]


@pytest.mark.parametrize(
    "function",
    [
        "!Split ['', x]",
        f"!Select ['{'9' * 5_000}', [a]]",
        "!Select ['-1', [a]]",
        "!Select ['²', [a]]",
        "!Sub [[a], {}]",
        "!Sub [x, y, z]",
        "!If [[a], b, c]",
        "!FindInMap [[a], b, c]",
        "!Join [[a], [b]]",
        "!GetAtt [[a], b]",
        "!Split [!Ref X, ',']",
    ],
)
def test_a_function_that_cloudformation_will_refuse_is_no_value(function):
    assert isinstance(evaluated(function), Unknown)


def test_a_template_as_deep_as_is_read_is_evaluated():
    deep = "x"
    for _ in range(45):
        deep = f"!Join [a, [{deep}]]"
    assert messages(with_name(deep)) == messages(with_name("x"))
    assert messages(with_name(f"!Join [a, [{deep.replace('x', '[' * 20 + ']' * 20)}]]")) == [
        "the template cannot be read: lists and maps are more than 100 deep in each other: nest less"
    ]


def test_a_configuration_text_with_numbers_and_brackets_without_end_is_reported_at_its_place():
    for text, problem in (
        ("|\n  a: " + "[" * 100_000, "lists and maps are more than 100 deep"),
        ("|\n  a: " + "9" * 100_000, "has 100,000 characters, and at most 1,000 are read"),
        ("'" + '{"a":' * 50_000 + "'", "lists and maps are more than 100 deep"),
    ):
        (finding,) = check(template(text))
        assert problem in finding.message
        assert finding.place.line in {7, 8}


NAMES = st.sampled_from(["A", "B", "C", "", "AWS::Region", "AWS::NoValue", "\x1b", "${A}", "${}", "0", "-1"])


def called(inner):
    """Nodes that call functions with whatever arguments."""
    names = st.sampled_from(
        ["Ref", "Condition"]
        + [
            f"Fn::{name}"
            for name in ("Sub", "Join", "Split", "Select", "FindInMap", "If", "GetAtt", "Equals")
        ]
        + ["Fn::And", "Fn::Or", "Fn::Not", "Fn::Transform", "Fn::ForEach::X", "Fn::ToJsonString", "<<"]
    )
    return st.dictionaries(names | NAMES, inner, max_size=2) | st.lists(inner, max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.recursive(NAMES, called, max_leaves=12), st.recursive(NAMES, called, max_leaves=8))
def test_any_template_gives_findings(anything, other):
    text = json.dumps(
        {
            "Parameters": {"A": {"Default": anything}, "B": other},
            "Mappings": {"A": other, "B": {"A": anything}},
            "Conditions": {"A": anything, "B": other},
            "Resources": {
                "X": {
                    "Type": "Custom::PclusterCluster",
                    "Condition": "B",
                    "Properties": {"ClusterName": other, "ClusterConfiguration": anything},
                },
                "Y": {"Type": "Custom::PclusterCluster", "Properties": anything},
                "Z": anything,
            },
        }
    )
    assert all(isinstance(finding, Finding) for finding in check(text))
