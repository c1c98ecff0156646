"""A pattern matches as Python's would, or is given up in time."""

import re

import pytest

from pcluster_cfn.launch.matching import matches
from pcluster_cfn.launch.patterns import MAX_PATTERN_CHARACTERS, shared


@pytest.mark.parametrize("texts", [["abc"], ["abc", "ab"], ["", "abc"], [], ["é"], ["abc\n"]])
def test_a_pattern_has_to_match_the_whole_of_every_text(texts):
    assert matches("[a-c]+", texts) is all(re.fullmatch("[a-c]+", text) for text in texts)


@pytest.mark.parametrize("expression", ["(?:a+)+b", "(?:a|a)*b", "(?:a|aa)+b", "(?:.*a){25}b"])
def test_a_pattern_that_takes_for_ever_is_given_up(expression):
    assert matches(expression, ["a" * 60]) is None


def test_a_pattern_that_is_longer_than_any_value_is_left_to_cloudformation():
    assert shared("a" * MAX_PATTERN_CHARACTERS) is not None
    assert shared("a" * (MAX_PATTERN_CHARACTERS + 1)) is None
    assert shared("(" * MAX_PATTERN_CHARACTERS) is None
