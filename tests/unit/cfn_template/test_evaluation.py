"""One evaluator for a live stack and for a check before there is one."""

import pytest

from cfn_template.evaluation import Evaluator
from cfn_template.limits import Place
from cfn_template.reading import read
from cfn_template.texts import EvaluationError, TooLargeError, UnknownFunctionError, stringify
from cfn_template.values import PartialText, Unknown, place_of, unknown_parts
from tests.unit.cfn_template.contexts import Live, Stated, evaluated, evaluator

HEAD = """\
Mappings:
  Sizes: {eu-west-1: {Size: 40, Zones: [a, b]}}
  Broken: {a: {b: !Ref X}}
Conditions:
  Yes: !Equals [a, a]
  No: !Not [!Condition Yes]
  Asked: !Equals [!Ref Open, x]
  Either: !Or [!Condition Asked, !Condition Yes]
  Both: !And [!Condition Asked, !Condition No]
  Doubt: !And [!Condition Asked, !Condition Yes]
  Itself: !Not [!Condition Itself]
  Circle: !And [!Condition Other, !Condition Yes]
  Other: !Not [!Condition Circle]
  AfterCircle: !Or [!Condition Circle, !Condition Yes]
  Lists: !Equals [!Split [',', 'a,b'], [a, b]]
  Numbers: !Equals [1, '1']
  Booleans: !Equals [true, 'true']
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Given", "given"),
        ("!GetAtt A.b.c", "attribute"),
        ("{Fn::GetAtt: [A, b, c]}", "attribute"),
        ("!GetAtt [A, !Ref Name]", "attribute"),
        ("!Sub '${Given}-${!x}-${A.b.c}-${AWS::Region}'", "given-${x}-attribute-eu-west-1"),
        ("!Sub ['${ a }${Given}', {a: !Ref Given, Given: 5}]", "given5"),
        ("!Join [-, [a, 1, true, 1.50, !Ref AWS::NoValue]]", "a-1-true-1.5"),
        ("!Select [1, !Split [',', 'a,b']]", "b"),
        ("!Select ['0', !GetAZs '']", "eu-west-1a"),
        ("!Select [1, {Fn::GetAZs: !Ref AWS::Region}]", "eu-west-1b"),
        ("!FindInMap [Sizes, !Ref 'AWS::Region', Size]", 40),
        ("!FindInMap [Sizes, !Ref 'AWS::Region', Zones]", ["a", "b"]),
        ("!FindInMap [Sizes, nowhere, Size, {DefaultValue: !Ref Given}]", "given"),
        ("!ImportValue network", "exported"),
        ("!Base64 x", "eA=="),
        ("!Select [1, !Cidr [10.0.0.0/16, 2, 8]]", "10.0.1.0/24"),
        ("!Select [0, !Cidr [10.0.0.0/16, 2]]", "10.0.0.0/24"),
        ("{Fn::ToJsonString: {a: [1, !Ref Given]}}", '{"a":[1,"given"]}'),
        ("{Fn::Length: !Split [',', 'a,b']}", 2),
        ("!If [Yes, a, b]", "a"),
        ("!If [No, a, !Ref AWS::NoValue]", None),
        ("[a, !If [No, b, !Ref AWS::NoValue], c]", ["a", "c"]),
        ("!If [Either, a, b]", "a"),
        ("!If [Both, a, b]", "b"),
        ("!If [AfterCircle, a, b]", "a"),
        ("!If [Lists, a, b]", "a"),
        ("!If [Numbers, a, b]", "a"),
        ("!If [Booleans, a, b]", "a"),
    ],
)
def test_what_is_known_has_its_value(expression, expected):
    context = Stated(Given="given", Name="b.c", **{"A.b.c": "attribute", "export network": "exported"})
    assert evaluated(expression, HEAD, context) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("!Ref Open", "Open is not known"),
        ("!GetAtt R.Arn", "R.Arn is not known"),
        ("!GetAtt [R, !Ref Open]", "Open is not known"),
        ("!Split [',', !Ref Open]", "Open is not known"),
        ("!Select [!Ref Open, [a]]", "Open is not known"),
        ("!Select [0, !Split [',', !Ref Open]]", "Open is not known"),
        ("!FindInMap [Sizes, !Ref Open, Size]", "Open is not known"),
        ("!ImportValue x", "export x is not known"),
        ("!ImportValue {Fn::Sub: 'x-${Open}'}", "Open is not known"),
        ("!GetAZs {Ref: Open}", "Open is not known"),
        ("!Base64 {Ref: Open}", "Open is not known"),
        ("!Cidr [!Ref Open, 2]", "Open is not known"),
        ("{Fn::ToJsonString: {a: !Ref Open}}", "Open is not known"),
        ("{Fn::Length: [!Ref Open]}", "Open is not known"),
        ("!If [Asked, a, b]", "Open is not known"),
        ("!If [Doubt, a, b]", "Open is not known"),
        ("!Join ['', !Ref Open]", "Open is not known"),
    ],
)
def test_what_depends_on_something_unknown_is_unknown_for_the_same_reason(expression, reason):
    context = Stated()
    found = evaluated(expression, HEAD, context)
    assert (type(found), found.reason) in {(Unknown, reason), (PartialText, reason)}
    assert context.failures == []


def test_text_that_is_known_in_part_keeps_its_width_and_says_why():
    text = evaluated("!Sub 'a${Open}b${Given}'", context=Stated(Given="g"))
    assert isinstance(text, PartialText)
    assert (len(text), text[0], text[8:], text.reason) == (10, "a", "bg", "Open is not known")
    joined = evaluated("!Join ['-', [a, !Ref Open, c]]")
    assert (joined[0], joined[-2:], joined.reason) == ("a", "-c", "Open is not known")
    assert list(unknown_parts({"x": [joined]})) == [(("x", 0), "Open is not known")]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("!Join [a]", "every Fn::Join object requires 2 arguments"),
        ("!Join [!Ref A, [b]]", "a string was expected"),
        ("!Join ['', text]", "every Fn::Join object needs a list"),
        ("!Join ['', [[a]]]", 'a string was expected, not ["a"]'),
        ("!Select [3, [a]]", "requires a list argument with two elements: an integer index and a list"),
        ("!Select [-1, [a]]", "requires a list argument with two elements: an integer index and a list"),
        ("!Select [x, [a]]", "requires a list argument with two elements: an integer index and a list"),
        ("!Select [3, !Split [',', a]]", "cannot select nonexistent value at index 3"),
        ("!Split ['', x]", "requires a delimiter that is not empty"),
        ("!Sub 5", None),
        ("!Sub [[a], {}]", "don't specify expected arguments"),
        ("!Sub [x, y, z]", "don't specify expected arguments"),
        ("!GetAtt Alone", "every Fn::GetAtt object requires two non-empty parameters"),
        ("!FindInMap [None, a, b]", "Unable to get mapping for None::a::b"),
        ("!FindInMap [Broken, a, b]", "Every Mappings attribute must be a String or a List"),
        ("!FindInMap [[a], b, c]", "a string was expected"),
        ("!Cidr [nonsense, 1, 8]", 'Fn::Cidr cannot take these arguments: "nonsense"'),
        ("!Cidr [10.0.0.0/16]", "requires 2 or 3 arguments"),
        ("!If [Nowhere, a, b]", "Unresolved condition Nowhere"),
        ("!If [[a], b, c]", 'Unresolved condition ["a"]'),
        ("!If [Yes]", "every Fn::If object requires 3 arguments"),
        ("!If [Itself, a, b]", "Circular dependency of condition Itself"),
        ("!If [Circle, a, b]", "Circular dependency of condition Circle"),
        ("{Ref: [a]}", "every Ref object must have a single String value"),
        ("{Fn::Length: text}", "every Fn::Length object needs a list"),
        ("{Fn::Transform: {Name: X}}", "the function Fn::Transform is not known"),
        ("{Fn::ForEach::X: [a, [b], {}], c: d}", "the function Fn::ForEach::X is not known"),
    ],
)
def test_a_function_without_a_value_is_an_error_of_a_stack_and_unknown_to_a_check(expression, message):
    if message is None:
        assert evaluated(expression) == "5"
        return
    with pytest.raises(EvaluationError, match=message.replace("[", r"\[").replace("(", r"\(")):
        evaluated(expression, HEAD, Live(A="a"))
    check = Stated(A="a")
    assert isinstance(evaluated(expression, HEAD, check), Unknown)
    assert any(message in failure for failure in check.failures)


def test_an_unknown_function_is_named():
    with pytest.raises(UnknownFunctionError) as error:
        evaluated("!Frobnicate x", context=Live())
    assert (error.value.name, error.value.kind) == ("Fn::Frobnicate", "function")


def test_a_chain_of_thousands_of_conditions_is_decided_one_after_the_other():
    lines = [f"  C{n}: !And [!Condition C{n - 1}, !Condition C{n - 1}]\n" for n in range(4_000, 0, -1)]
    head = "Conditions:\n" + "".join(lines) + "  C0: !Equals [a, a]\n"
    assert evaluator(head).holds("C4000") is True


def test_a_variable_is_evaluated_once_however_often_it_is_named():
    function = "''"
    for _ in range(30):  # each level names the one inside it twice: 2 to the power of 30 evaluations
        function = f"!Sub ['${{a}}${{a}}', {{a: {function}}}]"
    assert evaluated(function) == ""


def test_text_and_all_functions_together_have_bounds():
    with pytest.raises(TooLargeError, match="Fn::Sub makes a text of more than 1,048,576 characters"):
        evaluated(f"!Sub ['{'${a}' * 20_000}', {{a: {'x' * 2_000}}}]", context=Live())
    with pytest.raises(TooLargeError, match="Fn::Join makes a text of more than 1,048,576 characters"):
        evaluated(f"!Join ['{'-' * 10_000}', [{', '.join(['a'] * 2_000)}]]", context=Live())
    with pytest.raises(TooLargeError, match="make more than 8,388,608 characters"):
        evaluated("[" + ", ".join(["!Sub '${P}${P}'"] * 100) + "]", context=Live(P="x" * 100_000))


def test_values_keep_their_places_through_evaluation():
    text = "a: !If [Yes, {b: !Ref Given, c: 1}, {}]\nd: [!Ref 'AWS::NoValue', e]\n"
    found = evaluator(HEAD, Stated(Given="x")).evaluate(read(text))
    assert place_of(found, ("a", "c")) == Place(1, 33)
    assert place_of(found, ("a", "b")) == Place(1, 18)
    assert place_of(found, ("d", 0)) == Place(2, 26)


def test_plain_values_stay_plain():
    made = Evaluator(Live(A="x"), {}, {}).evaluate({"a": [{"Ref": "A"}, 1]})
    assert (made, type(made), type(made["a"])) == ({"a": ["x", 1]}, dict, list)


def test_choosing_leaves_functions_and_what_is_not_known():
    text = "a: !If [Yes, !Ref X, b]\nc: !If [Asked, d, e]\nf: [!If [No, g, !Ref AWS::NoValue], !Ref Y]\n"
    assert evaluator(HEAD).choose(read(text)) == {
        "a": {"Ref": "X"},
        "c": {"Fn::If": ["Asked", "d", "e"]},
        "f": [{"Ref": "Y"}],
    }


def test_what_a_custom_resource_gets_is_text_at_any_depth():
    values = read("[1, 2.0, 1.5, true, [no], {a: 012345678901, b: 1e7, c: 0.0001}]")
    assert stringify(values) == [
        "1", "2.0", "1.5", "true", ["false"], {"a": "1.2345678901E10", "b": "1.0E7", "c": "1.0E-4"},
    ]  # fmt: skip
    assert stringify([Unknown("x")]) == [Unknown("x")]
    with pytest.raises(EvaluationError, match="a string was expected, not null"):
        stringify({"a": None})
