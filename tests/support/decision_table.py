"""The rows of the decision table in the docs: which function decides each, and which test shows it."""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

PAGE = Path(__file__).parents[2] / "docs/explanation/decision-table.md"

#: A row's last two cells: the function, as in ``decision.create.make``, and the test.
_ROW = re.compile(r"^\|.*\| `([\w.]+)` \| `(test_\w+)` \|$", re.MULTILINE)

#: Where functions of the table are looked for.
_PACKAGES = ("cluster_provider.core", "cluster_provider")


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        function: The function that decides it, below ``cluster_provider`` or its core.
        test: The scenario test that shows it.
    """

    function: str
    test: str

    @property
    def code(self) -> CodeType:
        """The function's code.

        Raises:
            LookupError: There is no such function.
        """
        for module, names in _places(self.function):
            found: Any = module
            for name in names:
                found = getattr(found, name, None)
            found = getattr(found, "fget", found)  # a property's function
            if hasattr(found, "__code__"):
                return found.__code__  # type: ignore[no-any-return]
        raise LookupError(f"the decision table names {self.function}, which is no function of the provider")


def rows(text: str | None = None) -> list[Row]:
    """Returns the rows, of a text or of the page itself."""
    found = _ROW.findall(text if text is not None else PAGE.read_text(encoding="utf-8"))
    return [Row(function, test) for function, test in found]


def _places(function: str) -> Iterator[tuple[ModuleType, list[str]]]:
    """Yields every module that a dotted name may begin with, and the rest of the name."""
    parts = function.split(".")
    for package in _PACKAGES:
        for count in range(len(parts) - 1, -1, -1):
            try:
                module = importlib.import_module(".".join([package, *parts[:count]]))
            except ModuleNotFoundError:
                continue
            yield module, parts[count:]
