"""The decision table in the docs leads to the code in one hop."""

import pytest

from cluster_provider.core.decision.case import Case
from cluster_provider.core.decision.create import make
from tests.support.decision_table import Row, rows


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.test)
def test_every_row_names_a_function_of_the_provider(row: Row) -> None:
    assert row.code.co_filename.endswith(".py")


def test_functions_methods_and_properties_are_found_by_their_names() -> None:
    assert Row("decision.create.make", "").code is make.__code__
    assert Case.begun.fget is not None
    assert Row("decision.case.Case.begun", "").code is Case.begun.fget.__code__


@pytest.mark.parametrize("name", ["decision.create.vanish", "nowhere.at_all", "decision.create"])
def test_a_name_that_is_no_function_is_refused(name: str) -> None:
    with pytest.raises(LookupError, match=f"names {name}, which is no function of the provider"):
        _ = Row(name, "").code


def test_a_row_ends_with_its_function_and_its_test() -> None:
    row = "| Create | a | b | `decision.create.make` | `test_a` |"
    assert rows(f"{row}\n| any | c | d | `test_without_a_function` |\n") == [
        Row("decision.create.make", "test_a")
    ]
