from textwrap import dedent

import pytest

from tools.mutants.mutations import enums_in, mutants
from tools.mutants.source import Source


def changes(text: str) -> list[str]:
    """What each mutant of a module makes of the lines that it changes."""
    source = Source(dedent(text))
    return [mutant.after for mutant in mutants("module.py", source, enums_in(iter([source])))]


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("return a < b", ["return None", "return a <= b", "return a >= b"]),
        ("return a is not b", ["return None", "return a is b"]),
        ("return a + b", ["return None", "return a - b"]),
        ("return a | b", ["return None", "return (a)", "return (b)"]),
        ("return a or b", ["return None", "return b", "return a"]),
        ("return 5", ["return None", "return 6", "return 4"]),
        ("return not a", ["return None", "return (a)"]),
        ("return {a, b}", ["return None", "return {b}", "return {a}"]),
        ("return {**a, 'b': b}", ["return None", "return {'b': b}", "return {**a}", "return {**a, 'bX': b}"]),
        ("return f(a, b=a, c=b)", ["return None", "return f(a, c=b)", "return f(a, b=a)"]),
        ("return f(b=a)", ["return None", "return f()"]),
        ("return min(a, b)", ["return None", "return max(a, b)", "return min(b)", "return min(a)"]),
        ("return a.startswith('b')", ["return None", "return a.endswith('b')", "return a.startswith('bX')"]),
        ("return a['b']", ["return None", "return a['bX']"]),
        ("a = b", ["pass"]),
        ("c = a", []),
        ("a.append(b)", ["pass"]),
        ("raise a", ["pass"]),
        ("return", ["pass"]),
    ],
)
def test_a_line_is_changed_in_every_way_that_means_something_else(line: str, becomes: list[str]) -> None:
    assert sorted(changes(f"def changed(a, b):\n    {line}\n")) == sorted(becomes)


def test_a_condition_always_or_never_holds_and_loses_each_operand() -> None:
    alone = "def changed(a):\n    if a == 1:\n        f()\n"
    assert changes(alone) == ["if True:", "if False:", "if a == 2:", "if a == 0:", "pass"]
    together = "def changed(a, b):\n    if a and b:\n        f()\n"
    assert changes(together) == ["if False:", "if b:", "if a:", "pass"]


def test_a_truth_value_is_returned_whatever_was_asked() -> None:
    assert changes("def changed(a, b) -> bool:\n    return a in b\n") == ["return True", "return False"]


def test_a_case_of_a_match_never_applies() -> None:
    text = """
        def changed(a):
            match a:
                case int():
                    f()
                case _:
                    assert_never(a)
        """
    assert changes(text) == ["case int() if False:", "pass"]


def test_members_of_an_enumeration_are_exchanged() -> None:
    text = """
        class Colour(StrEnum):
            RED = "r"
            BLUE = "b"

        def changed(a):
            a(Colour.RED)
        """
    assert changes(text) == ["RED = 'rX'", "BLUE = 'bX'", "pass", "a(Colour.BLUE)"]


def test_texts_for_people_types_and_docstrings_are_left_alone() -> None:
    text = '''
        """A module."""
        from typing import TYPE_CHECKING, cast

        Either = Changed | Other | None_

        if TYPE_CHECKING:
            import a

        @decorated(frozen=True)
        class Changed:
            """A class."""

            limit: "dict[str, int] | None"

            def message(self, a: int | str, b) -> str | int:
                """A method."""
                c = f"{a + 1}" + "a text for people"
                d = cast("int | str", b)
        '''
    assert changes(text) == []


def test_what_stands_on_the_level_of_a_module_or_class_is_changed_too() -> None:
    text = """
        LIMIT_S = 60
        NAMES = frozenset({"ONE", "TWO"})

        class Changed:
            flag: bool = False

            def method(self, a, b=3):
                return None
        """
    assert changes(text) == [
        "LIMIT_S = 61",
        "LIMIT_S = 59",
        'NAMES = frozenset({"TWO"})',
        'NAMES = frozenset({"ONE"})',
        "flag: bool = True",
        "def method(self, a, b=4):",
        "def method(self, a, b=2):",
    ]


def test_a_mutant_is_named_by_its_function_and_lines_and_not_by_their_numbers() -> None:
    text = "class Changed:\n    def method(self, a):\n        return f(1), f(1)\n"
    (_, first, *_), moved = (
        mutants("module.py", Source(source), {}) for source in (text, f"import a\n\n{text}")
    )
    assert [first.key in {mutant.key for mutant in moved}, first.line] == [True, 3]
    assert first.function == "Changed.method"


def test_changes_of_one_line_that_read_alike_are_told_apart() -> None:
    text = "def changed(a):\n    f()\n    f()\n"
    first, second = mutants("module.py", Source(text), {})
    assert (first.after, second.after) == ("pass", "pass")
    assert first.key != second.key
