"""A template's pattern means here what it means to CloudFormation, or is left to it, and never takes long."""

import time

import pytest

from cfn_template.patterns import MAX_PATTERN_CHARACTERS, matches


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
        (r"a.c", ["abc", "a🚀c"], ["a\nc", "a\u0085c", "a\u2028c"]),
        (r"[^,]*", ["", "a\nb"], ["a,b"]),
        (r"^$|^arn:[a-z-]+:sns:.+$", ["", "arn:aws:sns:x"], ["arn:aws:sqs:x", "xarn:aws:sns:x"]),
        (r"\p{Alpha}[\p{Digit}\-]*", ["a1-2"], ["é1", "1a"]),
        (r"\p{L}+", ["aé"], ["1"]),
        (r"\x41\u00e9\t[\x30-\x39]", ["Aé\t5"], ["Aé5"]),
        (r"(?<year>[0-9]{4})-(?:a|b)*?", ["2026-", "2026-ab"], ["26-"]),
        (r"(?<!a)b(?=c)c", ["bc"], ["b", "abc"]),
        (r"a|bc", ["a", "bc"], ["abc", "c"]),
        (r"(?i)abc", ["ABC"], ["abd"]),
        (r"a*+b", ["aab"], ["aa"]),
        (r"(?>a|ab)c", ["ac"], ["abc"]),
        (r"(a)\1", ["aa"], ["ab"]),
        (r"[a-z&&[^b]]", ["a"], ["b"]),
        (r"[a[bc]]", ["a", "b"], ["["]),
        (r"(?!x)[\s\S]", ["a", "\n"], ["x"]),
        (r"\_\@\-", ["_@-"], ["_@"]),
    ],
)
def test_a_pattern_matches_the_whole_text_as_java_would(pattern, matching, others):
    assert matches(pattern, matching) is True
    assert [text for text in others if matches(pattern, [text])] == []


@pytest.mark.parametrize(
    "pattern",
    [r"\Qa.b\E", r"\cA", "(", "a)", "a)|(b", "[a", "*", "a**", "x{2,1}", "\\", "[z-a]", "a{99999999999}"],
)
def test_a_pattern_that_cannot_be_read_here_is_left_to_cloudformation(pattern):
    assert matches(pattern, ["a"]) is None


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(?:a+)+b", "(?:a|a)*b", "(?:a|aa)+b", "(?:.*a){25}b", "(?R)", "(?:(?:a{1000}){1000}){1000}"],
)
def test_no_pattern_takes_long_or_all_of_the_memory(pattern):
    started_s = time.process_time()
    assert matches(pattern, ["a" * 60 + "!"]) is not True
    assert time.process_time() - started_s < 1


def test_a_pattern_that_is_longer_than_any_value_is_left_to_cloudformation():
    assert matches("a" * MAX_PATTERN_CHARACTERS, ["a"]) is False
    assert matches("a" * (MAX_PATTERN_CHARACTERS + 1), ["a"]) is None
    assert matches("(" * MAX_PATTERN_CHARACTERS, ["a"]) is None


@pytest.mark.parametrize(
    ("texts", "expected"), [(["abc"], True), (["abc", "ab"], True), (["", "abc"], False), ([], True)]
)
def test_every_text_has_to_match(texts, expected):
    assert matches("[a-c]+", texts) is expected
