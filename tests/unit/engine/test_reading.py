"""Whatever a text holds, reading it gives a value or one error, within the limits."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_schema import limits
from cluster_schema.composing import compose
from cluster_schema.limits import UnreadableError
from cluster_schema.reading import json_value, value_of


def refusal(text):
    with pytest.raises(UnreadableError) as caught:
        value_of(text)
    return caught.value


def outcome(text, read=value_of):
    """What reading gives: the value, or the error."""
    try:
        return read(text)
    except UnreadableError as error:
        return error


def place(error):
    return error.mark.line + 1, error.mark.column + 1


def laughs(levels, of="[{}]", width=10):
    """Each level names the one before it several times."""
    lines = [f"a{n}: &a{n} " + of.format(",".join([f"*a{n - 1}"] * width)) for n in range(1, levels)]
    return "\n".join(["a0: &a0 {x: 1}", *lines])


@pytest.mark.parametrize("of", ["[{}]", "{{<<: [{}], y: 1}}", "{{k: [{}]}}"], ids=["lists", "merges", "maps"])
@pytest.mark.parametrize("levels", [6, 60])
def test_aliases_that_grow_without_bound_are_refused_where_they_exceed_the_limit(of, levels):
    error = refusal(laughs(levels, of))
    assert error.problem == (
        "with its aliases written out, the text has more than 200,000 keys and values: repeat less"
    )
    assert place(error)[0] == 6


def test_a_long_text_that_an_alias_repeats_counts_with_all_its_characters():
    error = refusal(f"a: &a {'x' * 10_000}\nb: [{', '.join(['*a'] * 200)}]")
    assert "more than 1,048,576 characters" in error.problem
    assert place(error)[0] == 2


def test_a_map_that_is_merged_thousands_of_times_counts_as_often_though_its_keys_are_there_once():
    base = "b: &b {" + ", ".join(f"k{n}: 1" for n in range(2_000)) + "}\n"
    assert "keys and values" in refusal(base + f"c: {{<<: [{', '.join(['*b'] * 2_000)}]}}").problem


def test_ordinary_aliases_and_merges_are_read():
    text = "base: &b {a: 1, b: 2}\nmore: &c {<<: *b, b: 3}\nlast: [*c, {<<: [*c, *b], c: 4}]\n"
    assert value_of(text) == {
        "base": {"a": 1, "b": 2},
        "more": {"a": 1, "b": 3},
        "last": [{"a": 1, "b": 3}, {"a": 1, "b": 3, "c": 4}],
    }


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: " + "[" * 100_000, (1, 103)),
        ("a: " + "[" * 5_000 + "]" * 5_000, (1, 103)),
        ("- " * 20_000 + "x", (1, 201)),
        ("\n".join(" " * depth + "a:" for depth in range(300)), (101, 101)),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, (1, 501)),
        ("[" * 100_000, (1, 101)),
        ('["' + '", ["' * 150 + '"' + "]" * 150, (1, 501)),
    ],
    ids=["open", "closed", "dashes", "blocks", "JSON", "JSON lists", "JSON texts"],
)
def test_what_nests_too_deep_is_refused_where_it_does(text, where):
    error = refusal(text)
    assert error.problem == "lists and maps are more than 100 deep in each other: nest less"
    assert place(error) == where


def test_a_hundred_levels_are_read_as_yaml_and_as_json_however_little_python_may_call_itself():
    def below(frames):
        if frames:
            return below(frames - 1)
        return value_of("a: " + "[" * 99 + "]" * 99), value_of("[" * 100 + "]" * 100)

    limit = sys.getrecursionlimit()
    as_yaml, as_json = below(limit - len_of_stack() - 400)
    assert json.dumps(as_yaml) == '{"a": ' + "[" * 99 + "]" * 99 + "}"
    assert json.dumps(as_json) == "[" * 100 + "]" * 100


def len_of_stack():
    frame, frames = sys._getframe(), 0  # noqa: SLF001 - how deep this test is called
    while frame:
        frame, frames = frame.f_back, frames + 1
    return frames


def test_brackets_in_texts_and_scripts_are_no_levels():
    script = "[" * 500
    assert value_of(json.dumps({"script": script})) == {"script": script}
    assert value_of("{script: '" + script + "'}") == {"script": script}
    assert value_of(f"script: |\n  {script}\n") == {"script": script + "\n"}


@pytest.mark.parametrize(
    "number",
    [
        "9" * 5_000,
        "0x" + "f" * 5_000,
        "0b" + "1" * 5_000,
        "1" + ":59" * 2_000,
        "1." + "0" * 5_000,
        "1e" + "9" * 5_000,
    ],
    ids=["decimal", "hexadecimal", "binary", "sexagesimal", "fraction", "exponent"],
)
def test_a_number_of_thousands_of_digits_is_refused_or_is_text(number):
    for text in (f"a: {number}", f'{{"a": {number}}}', f'["x", {number}]'):
        read = outcome(text)
        if read != {"a": number}:  # what YAML does not read as a number
            assert f"has {len(number):,} characters, and at most 1,000 are read" in read.problem


def test_a_number_of_a_thousand_digits_is_read_and_can_be_written():
    hexadecimal = value_of("a: 0x" + "f" * 998)["a"]
    assert len(str(hexadecimal)) < sys.get_int_max_str_digits()
    assert value_of('{"a": %s}' % ("9" * 1_000)) == {"a": int("9" * 1_000)}


@pytest.mark.parametrize("text", ["a: &a [*a]", "&a\na: *a", "a: &a\n  <<: *a", "a: &a {b: [{c: *a}]}"])
def test_a_value_in_itself_is_refused_at_its_alias(text):
    error = refusal(text)
    assert error.problem == "an alias refers to a node that contains it"
    line, column = place(error)
    assert text.splitlines()[line - 1][column - 1 :].startswith("*a")


@pytest.mark.parametrize(
    ("text", "problem", "where"),
    [
        ("a: *b", 'the alias "b" is not defined', (1, 4)),
        ("a: &b 1\nc: &b 2", 'the anchor "b" is defined twice', (2, 4)),
        ("a: 1\n---\nb: 2", "a second document begins, and only one is read", (2, 1)),
        ("? {a: 1}\n: 2", "a key must be text, and this one is a list or a map", (1, 3)),
        ("a: 1\n[1, 2]: 4", "a key must be text, and this one is a list or a map", (2, 1)),
        ("a: &a [1]\n? *a\n: 2", "a key must be text, and this one is a list or a map", (2, 3)),
        ("2026-01-01: x", 'the key "2026-01-01" is read as a date: quote it', (1, 1)),
        ("a: 1\nb: !Foo x", 'the tag "!Foo" is not supported in a configuration: remove it', (2, 4)),
        ("a: !!set {x}", 'the tag "!!set" is not supported in a configuration: remove it', (1, 4)),
        ("a: <<", 'the tag "!!merge" is not supported in a configuration: remove it', (1, 4)),
        ("a: {<<: 1}", "<< merges something that is not a map", (1, 9)),
        ("a: 1\na: 2", 'the key "a" is there twice: keep one of them', (2, 1)),
        ('{"a": 1,\n"a": 2}', 'the key "a" is there twice: keep one of them', (2, 1)),
        ("x:\n  a: \0", "the character U+0000 cannot stand in YAML", (2, 6)),
        ("a: \x1b[2J", "the character U+001B cannot stand in YAML", (1, 4)),
        ("a: \ud800", "U+D800 has half of a character, which is no text", (1, 4)),
        ('a: "\\ud800"', "found invalid Unicode character escape code", (1, 7)),
        ("a:\r\n  b: \ufeff", "the character U+FEFF cannot stand in YAML", (2, 6)),
        ("a: [1", "did not find expected ',' or ']'", (1, 6)),
    ],
)
def test_what_is_no_configuration_is_refused_in_one_sentence_with_its_place(text, problem, where):
    error = refusal(text)
    assert error.problem.startswith(problem)
    assert "\n" not in error.problem
    assert place(error) == where


def test_a_text_that_is_larger_than_a_template_is_refused_and_one_as_large_is_read():
    assert value_of(" " * limits.TEXT_MAX_BYTES) is None
    assert "has 1,048,577 bytes, and at most 1,048,576 are read" in refusal(" " * 1_048_577).problem
    assert "has 1,200,000 bytes" in refusal("€" * 400_000).problem


def test_keys_that_nobody_writes_are_refused():
    for text in ("? " + "k" * 1_025 + "\n: 1", '{"%s": 1}' % ("k" * 1_025)):
        assert "has 1,025 characters, and at most 1,024 are read" in refusal(text).problem


def test_half_a_character_in_json_has_its_place_and_a_pair_is_one_character():
    with pytest.raises(UnreadableError, match=r"\\ud83d is half of a character") as caught:
        json_value('{\n"a": "\\\\ud800 \\ud83d"}')
    assert place(caught.value) == (2, 15)
    assert json_value('{"a": "\\ud83d\\ude00"}') == {"a": "😀"}


def test_a_text_with_every_character_of_the_private_use_is_read_all_the_same():
    private = "".join(map(chr, range(0xE001, 0xF900)))
    text = '{"a": "\\ud83d\\ude00", b: "' + private + '"}'  # no JSON, so YAML puts the halves together
    assert value_of(text) == {"a": "😀", "b": private}


def test_shapes_that_take_the_parser_long_are_read_in_one_go():
    for text in (
        "a: '" + "''" * 200_000 + "'",
        "a: " + "1_" * 50_000 + "x",
        '{"a": "' + '\\"' * 200_000,
        "#" * 1_000_000,
        "a: &" + "x" * 100_000 + " 1",
        "\\" * 500_000,
    ):
        read = outcome(text)
        assert not isinstance(read, UnreadableError) or len(read.problem) < 300


PIECES = (
    "a: |- |\n|  |{|}|[|]|,|: |&a |*a|<<: |!!int |!Sub |'|\"|\\|? |>|%YAML 1.1|---\n|...|0x|1:2|.nan"
    "|2026-02-30|\t|\r|\\ud800|\0|\x1b|\ufeff|\u2028|\ue000|é|😀|=|<<|~|null|true|1e9|#"
)
fragments = st.sampled_from([*PIECES.split("|"), "|\n ", "\ud800"])


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.lists(fragments, max_size=30).map("".join), st.text(max_size=60)))
def test_any_text_gives_a_value_or_the_one_error(text):
    for read in (value_of, compose):
        error = outcome(text, read)
        if isinstance(error, UnreadableError):
            assert error.problem.encode()  # it can be printed
            assert error.mark is None or (error.mark.line >= 0 and error.mark.column >= 0)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_give_a_value_or_the_one_error(content):
    for encoding in ("latin-1", "utf-16", "utf-8"):
        error = outcome(content.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace"))
        assert not isinstance(error, UnreadableError) or error.problem.encode()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_all_that_json_writes_is_read_as_it_was(value):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent="\t")):
        assert repr(value_of(text)) == repr(value)
