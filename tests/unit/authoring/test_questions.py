"""An answer comes from an option, from the only choice, or from the user; what is missing is named."""

import pytest

from pcluster_cfn.authoring.questions import Answers, Choice
from pcluster_cfn.errors import CommandError

TWO = [Choice("a"), Choice("b")]


def test_an_option_answers_if_it_is_one_of_the_choices():
    assert Answers({"vpc": "b"}, None).choose("vpc", "network", TWO) == "b"
    with pytest.raises(CommandError, match=r"--vpc 'x': there is no such network; there are: a, b"):
        Answers({"vpc": "x"}, None).choose("vpc", "network", TWO)


def test_the_only_choice_needs_no_question():
    assert Answers({}, None).choose("vpc", "network", TWO[:1]) == "a"


def test_the_user_is_asked_where_there_is_a_choice():
    asked = []

    def ask(what, choices, default):
        asked.append((what, [choice.value for choice in choices], default))
        return "b"

    assert Answers({}, ask).choose("vpc", "network", TWO, "a") == "b"
    assert asked == [("network", ["a", "b"], "a")]


def test_without_a_terminal_every_missing_option_is_named():
    answers = Answers({}, None)
    assert answers.choose("vpc", "network", TWO) is None
    assert answers.choose("key-name", "key pair", [Choice(str(number)) for number in range(9)]) is None
    with pytest.raises(CommandError) as refused:
        answers.require_all()
    assert str(refused.value).splitlines() == [
        "there is no terminal to ask you; give these options:",
        "  --vpc  one of a, b",
        "  --key-name  one of 9: 0, 1, 2, 3, …",
    ]


def test_an_account_without_a_choice_is_told_what_to_make():
    with pytest.raises(
        CommandError, match="this account has no network in this Region; make one, or give --vpc"
    ):
        Answers({}, None).choose("vpc", "network", [])
