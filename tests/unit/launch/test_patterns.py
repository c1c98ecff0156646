"""A pattern means to Python and to a browser what it means to CloudFormation, or is left to it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcluster_cfn.launch.patterns import shared


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (r"^([a-zA-Z][a-zA-Z0-9-]{1,59})?$", ["", "hpc", "a-1"], ["a", "1a", "a_b", "hpc\n"]),
        (
            r"^/((?!parallelcluster/)[!-~]+/)?$",
            ["/", "/a/"],
            ["", "/parallelcluster/", "/parallelcluster/a/"],
        ),
        (r"(\d{1,3})\.(\d{1,3})", ["10.0"], ["10x0", "\u0661.\u0661"]),
        (r"[\w+=,.@-]+", ["a_b+c@d-e.f,g=h"], ["ä", "a b", "a\\b"]),
        (r"[\D]\D[\W]\W", ["a\u0661-\u00e4"], ["a1--", "a-_-"]),
        (r"\S+\s\S+", ["a b", "a\tb"], ["a\u00a0b", "a  b"]),
        (r"a.c", ["abc", "a🚀c", "a\x0bc"], ["a\nc", "a\u0085c", "a\u2028c"]),
        (r"[^,]*", ["", "a\nb"], ["a,b"]),
        (r"^$|^arn:[a-z-]+:sns:.+$", ["", "arn:aws:sns:x"], ["arn:aws:sqs:x", "xarn:aws:sns:x"]),
        (r"\p{Alpha}[\p{Digit}\-]*", ["a1-2"], ["é1", "1a"]),
        (r"\x41\u00e9\t[\x30-\x39]", ["Aé\t5"], ["Aé5"]),
        (r"(?<year>[0-9]{4})-(?:a|b)*?", ["2026-", "2026-ab"], ["26-"]),
        (r"(?<!a)b(?=c)c", ["bc"], ["b", "abc"]),
        (r"a|bc", ["a", "bc"], ["abc", "c"]),
        (r"[a&-]+}]", ["a&-}]"], ["}]"]),
        (r"\Ahpc\z", ["hpc"], ["hpc\n"]),
        (r"(?!x)[\s\S]", ["a", "\n"], ["x"]),
    ],
)
def test_a_pattern_matches_the_whole_text_as_java_would(pattern, matching, others):
    expression = shared(pattern)
    assert expression is not None
    assert [text for text in matching if not re.fullmatch(expression, text)] == []
    assert [text for text in others if re.fullmatch(expression, text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"\p{L}+", r"\P{Alpha}", "(?i)abc", "(?i:abc)", "a++", "a*+", "a{2}+", "(?>a)", r"(a)\1",
        "[a-z&&[^b]]", "[a[bc]]", r"\Qa.b\E", r"\bword", r"\h", r"\R", r"\07", r"\cA", "^*a", "(?=a)+", "$?",
        "[a-\\d]", r"\ud83d\ude80",
    ],
)  # fmt: skip
def test_what_only_java_knows_is_left_to_cloudformation(pattern):
    assert shared(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "a)",
        "[a",
        "*",
        "a**",
        "[]",
        "[]a]",
        "{",
        "x{2,1}",
        "\\",
        "[z-a]",
        "a{99999999999}",
        "(" * 9999 + ")" * 9999,
    ],
)
def test_what_is_no_pattern_has_no_shared_form(pattern):
    assert shared(pattern) is None


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_either_has_a_shared_form_that_compiles_or_none(pattern):
    expression = shared(pattern)
    assert expression is None or re.compile(expression)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_an_escaped_text_matches_itself_alone(text):
    pattern = "".join(char if char.isalnum() or not char.isascii() else f"\\{char}" for char in text)
    expression = shared(pattern)
    assert expression is not None
    assert re.fullmatch(expression, text)
    assert not re.fullmatch(expression, text + "x")
