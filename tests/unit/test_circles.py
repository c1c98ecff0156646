"""No module imports, over others, itself."""

import pytest

from tools.circles import circles


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ([("a", "b"), ("b", "c"), ("a", "c")], []),
        ([("a", "b"), ("b", "a"), ("b", "c")], [["a", "b"]]),
        ([("a", "b"), ("b", "c"), ("c", "a"), ("x", "y"), ("y", "x")], [["a", "b", "c"], ["x", "y"]]),
    ],
)
def test_modules_that_reach_each_other_are_one_circle(imports, expected):
    assert circles(imports) == expected
