"""Templates as values with places, within limits."""

import json

import pytest

from cfn_template.limits import AliasError, Place, TemplateError
from cfn_template.reading import read, read_plain
from cfn_template.values import place_of, repeated_keys


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Sub 'a${b}'", {"Fn::Sub": "a${b}"}),
        ("!GetAtt A.b.c", {"Fn::GetAtt": ["A", "b.c"]}),
        ("!Ref Yes", {"Ref": "Yes"}),
        ("!Condition no", {"Condition": "no"}),
        ("{Ref: On}", {"Ref": "On"}),
        ("!If [Yes, yes, no]", {"Fn::If": ["Yes", True, False]}),
        ("{Fn::If: [No, 1, 2]}", {"Fn::If": ["No", 1, 2]}),
        ("!Join ['', [!Ref A, 1]]", {"Fn::Join": ["", [{"Ref": "A"}, 1]]}),
        ("!Transform {Name: X}", {"Fn::Transform": {"Name": "X"}}),
        ("2026-01-01", "2026-01-01"),
        ("012345678901", 12345678901.0),
        ("065115117704", 7133765572),
        ("1:02:03", 3723),
        ("1e3", 1000.0),
        ("'007'", "007"),
        ("=", "="),
        ("!!str 5", "5"),
    ],
)
def test_short_forms_are_functions_and_scalars_are_what_cloudformation_reads(text, expected):
    assert read(f"x: {text}")["x"] == expected
    assert read_plain(f"x: {text}")["x"] == expected


def test_keys_are_text_as_written_also_numbers_and_booleans():
    assert list(read("007: a\nyes: b\n~: c\n")) == ["007", "yes", "~"]


def test_json_and_yaml_of_the_same_template_are_the_same_values():
    template = {"a": [1, 2.5, True, None, "x", {"Fn::Sub": "${b}"}], "🚀": {"\t": "\u2028"}}
    for indent in (None, 1, "\t"):
        text = json.dumps(template, indent=indent)
        assert read(text) == read_plain(text) == template
    assert read("\ufeff" + json.dumps(template, ensure_ascii=False)) == template


def test_every_value_and_key_of_yaml_has_its_place():
    values = read("a:\n  - b\n  - c: !Sub |\n      x\n    d: 5\n")
    assert place_of(values, ("a",), of_key=True) == Place(1, 1)
    assert place_of(values, ("a", 0)) == Place(2, 5)
    assert place_of(values, ("a", 1, "c"), of_key=True) == Place(3, 5)
    assert place_of(values, ("a", "1", "c")) == Place(3, 8)
    assert place_of(values, ("a", 1, "d")) == Place(5, 8)


def test_every_value_and_key_of_json_has_its_place():
    values = read('{"a": [true,\n  {"b": "c"}]}')
    assert place_of(values, ("a", 0)) == Place(1, 8)
    assert place_of(values, ("a", 1, "b"), of_key=True) == Place(2, 4)
    assert place_of(values, ("a", 1, "b")) == Place(2, 9)


def test_what_is_missing_has_the_place_of_the_key_that_it_is_missing_from():
    values = read("a:\n  b:\n    c: 1\n")
    assert place_of(values, ("a", "b", "x")) == Place(2, 3)
    assert place_of(values, ("x",)) == Place(1, 1)


def test_the_last_of_repeated_keys_counts_and_each_repetition_has_its_place():
    values = read("a: {b: 1, c: 2, b: 3}")
    assert values == {"a": {"b": 3, "c": 2}}
    assert list(repeated_keys(values)) == [(("a", "b"), Place(1, 17))]


def test_merges_and_aliases_stand_in_their_place():
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}\nw: *x\n"
    values = read(text)
    assert values["y"] == {"a": 1, "b": 3}
    assert values["z"] == {"a": 1, "b": 2, "c": 4}
    assert values["w"] == values["x"]


def test_aliases_are_refused_at_their_place_where_none_may_be():
    text = "x: &x [1]\ny: [*x]\n"
    with pytest.raises(AliasError, match='the alias "x" is not allowed: write it out') as refused:
        read_plain(text, aliases=False)
    assert refused.value.place == Place(2, 5)
    assert read_plain("x: &x [1]\ny: '*x'", aliases=False) == {"x": [1], "y": "*x"}


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("a: [", Place(1, 5), "did not find expected node content"),
        ("a: &a [*a]", Place(1, 8), "an alias refers to a node that contains it"),
        ("a: *b", Place(1, 4), 'the alias "b" is not defined'),
        ("a: &x 1\nb: &x 2", Place(2, 4), 'the anchor "x" is defined twice'),
        ("[a]: b", Place(1, 1), "a key must be text, and this one is a list or a map"),
        ("!Ref a: b", Place(1, 1), "a key must be text, and this one is a function"),
        ("<<: text", Place(1, 5), "<< merges something that is not a map"),
        ("a: 1\n---\nb: 2", Place(2, 1), "a second document begins, and only one is read"),
        ("a: !!binary eA==", Place(1, 4), 'the tag "!!binary" is not supported in a template: remove it'),
        ("a: 0b_", Place(1, 4), '"0b_" looks like a number and is none: quote it if it is meant as text'),
        ("a: \x07", Place(1, 4), "the character U+0007 cannot stand in YAML"),
        ('a: "\\ud83d"', Place(1, 7), "found invalid Unicode character escape code"),
        ("a: " + "9" * 1_001, Place(1, 4), "has 1,001 characters, and at most 1,000 are read"),
        (f"? {'k' * 1_025}\n: a", Place(1, 3), "has 1,025 characters, and at most 1,024 are read"),
        ("[" * 101, Place(1, 101), "lists and maps are more than 100 deep in each other: nest less"),
        ('{"a": 1,,}', Place(1, 9), "a key in double quotes is missing here"),
        ('{"a": NaN}', Place(1, 7), "a value is missing here"),
        ('{"a" 1}', Place(1, 6), "a colon is missing here"),
        ('{"a": [1 2]}', Place(1, 10), "a comma or ] is missing here"),
        ('{"a": 1} 2', Place(1, 10), "there is more behind the end of the value"),
        ('{"a": "\\ud83d"}', Place(1, 7), "has half of a character"),
        ('{"a": "x', Place(1, 7), "the text in quotes has no end"),
        ('{"a": 007}', Place(1, 8), "a comma or } is missing here"),
        ('{"a":' * 101, Place(1, 501), "lists and maps are more than 100 deep"),
        ('{"a": ' + "9" * 1_001 + "}", Place(1, 7), "has 1,001 characters, and at most 1,000 are read"),
    ],
)
def test_what_cannot_be_read_is_one_error_with_its_place(text, place, problem):
    for reader in (read, read_plain):
        with pytest.raises(TemplateError) as refused:
            reader(text)
        assert (refused.value.place, problem in refused.value.problem) == (place, True), refused.value.problem
        assert refused.value.language == ("JSON" if text.startswith("{") else "YAML")


def test_a_comma_after_the_last_member_is_accepted_as_by_cloudformation():
    assert read('{"a": 1, "b": [1, 2,],}') == read_plain('{"a": 1, "b": [1, 2,],}') == {"a": 1, "b": [1, 2]}


def test_aliases_that_would_fill_the_memory_are_refused_where_they_exceed_the_limit():
    lines = [f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]" for n in range(1, 60)]
    with pytest.raises(TemplateError, match="more than 200,000 keys and values: repeat less") as refused:
        read("\n".join(["x0: &x0 [1]", *lines]))
    assert refused.value.place.line == 17


def test_a_text_larger_than_a_template_may_be_is_refused():
    with pytest.raises(TemplateError, match="at most 1,048,576 are read"):
        read("a" * 1_048_577)


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_text_is_nothing(text):
    assert read(text) is None
    assert read_plain(text) is None
