"""Whatever a text holds, it is read as it is meant or refused with one error."""

import contextlib
import json

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfn_template.limits import Place, TemplateError
from cfn_template.reading import read, read_plain
from cfn_template.values import List, Map, place_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXTS, VALUES), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_any_json_is_read_as_json_says(value, indent, is_ascii):
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    assert read(text) == read_plain(text) == value


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("{}[]:,-&*!<>|'\"#%@ \n\tabc017.eE~?"), max_size=40) | st.text(max_size=20))
@example("<<: &a {<<: *a}")
@example("? ? a")
@example("!<tag:yaml.org,2002:int> x")
@example('{"a": "\\u12"}')
def test_any_text_is_read_or_refused_with_a_place_inside_of_it(text):
    for reader in (read, read_plain):
        place = refused_at(reader, text)
        assert place is None or (1 <= place.line <= len(text) + 1 and 1 <= place.column <= len(text) + 1)


def refused_at(reader, text):
    """Where a text is refused; None if it is read, or wrong as a whole."""
    try:
        reader(text)
    except TemplateError as error:
        return error.place
    return None


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, min_size=1))
def test_every_place_of_json_is_where_the_value_begins(value):
    text = json.dumps(value, indent=1)
    lines = text.splitlines()

    def check(node, path):
        place = place_of(root, path)
        rest = lines[place.line - 1][place.column - 1 :]
        if isinstance(node, Map | List):
            assert rest[0] == ("{" if isinstance(node, Map) else "[")
        else:
            assert rest.rstrip(",") == json.dumps(node)
        items = node.items() if isinstance(node, Map) else enumerate(node) if isinstance(node, List) else ()
        for key, item in items:
            check(item, (*path, key))

    root = read(text)
    check(root, ())


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_any_yaml_without_tags_is_read_as_yaml_says(value):
    text = yaml.safe_dump({"x": value}, allow_unicode=True)
    with contextlib.suppress(TemplateError):  # keys that are lists, and text that YAML cannot hold
        assert read(text)["x"] == stringified_keys(yaml.safe_load(text)["x"])


def stringified_keys(value):
    if isinstance(value, dict):
        return {str(key): stringified_keys(item) for key, item in value.items()}
    return [stringified_keys(item) for item in value] if isinstance(value, list) else value


def test_a_place_counts_from_one():
    assert place_of(read("a: b"), ()) == Place(1, 1)
