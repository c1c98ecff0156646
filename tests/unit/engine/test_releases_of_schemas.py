"""Schemas of releases as the differences between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_schema.releases import configuration_schema, difference, in_words, merged, newest_first, versions

SCALARS = st.booleans() | st.integers() | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner)
)
SCHEMAS = st.dictionaries(st.sampled_from("abcd"), VALUES)


@given(SCHEMAS, SCHEMAS)
def test_a_schema_with_its_difference_from_another_is_the_other(one, other):
    assert merged(one, difference(one, other)) == other


@pytest.mark.parametrize(
    ("value", "patch", "result"),
    [
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "b"}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
        (["a"], {"b": 1}, {"b": 1}),
    ],
    ids=["a key goes", "a list is replaced whole", "a value becomes an object", "a list becomes an object"],
)
def test_a_merge_patch_is_applied_as_the_standard_says(value, patch, result):
    assert merged(value, patch) == result


def test_releases_are_in_the_order_of_their_numbers():
    assert newest_first(["3.9.3", "3.16.1", "3.10.0"]) == ["3.16.1", "3.10.0", "3.9.3"]
    assert versions() == newest_first(versions())
    assert {"3.16.1", "3.14.0", "3.11.1", "3.6.0"} <= set(versions())


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (["3.14.0"], "3.14.0"),
        (["3.16.1", "3.16.0"], "3.16.0 to 3.16.1"),
        (versions(), "3.6.0 to 3.16.1"),
        (["3.16.1", "3.14.1", "3.14.0", "3.6.0"], "3.6.0 or 3.14.0 to 3.14.1 or 3.16.1"),
    ],
)
def test_releases_in_words_are_ranges_of_those_that_are_known(chosen, words):
    assert in_words(chosen) == words


def test_a_release_that_is_not_known_is_named_with_those_that_are():
    with pytest.raises(LookupError, match=r"3\.99\.0; there are 3\.6\.0 to 3\.16\.1"):
        configuration_schema("3.99.0")
