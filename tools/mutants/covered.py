"""Which lines each test runs, and so which tests can notice a change."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tools.mutants.mutant import Mutant
from tools.mutants.source import Source
from tools.mutants.uses import Uses

#: A test that takes longer, in seconds, judges nothing: others of its kind cover the same lines.
TEST_MAX_S = 3.0

#: Tests are tried, those first that noticed much nearby in little time and then the quickest, until they
#: would take so many seconds together.
BUDGET_S = 20.0


@dataclass(frozen=True)
class Run:
    """What one test did on unchanged code.

    Args:
        took_s: Seconds of the processor, its fixtures included.
        lines: Numbers of the lines that it ran, by module.
    """

    took_s: float
    lines: dict[str, list[int]]


@dataclass(frozen=True)
class Covered:
    """What all tests did, by their ids."""

    runs: dict[str, Run] = field(default_factory=dict)

    def by_line(self) -> dict[tuple[str, int], set[str]]:
        """The tests that run each line."""
        found: dict[tuple[str, int], set[str]] = {}
        for test, run in self.runs.items():
            for module, lines in run.lines.items():
                for line in lines:
                    found.setdefault((module, line), set()).add(test)
        return found


class Selection:
    """Chooses the tests for a mutant, and learns which tests notice much.

    Args:
        covered: What all tests did.
        modules: Every module of the package, by its path.
        texts: Every file of tests, by its path.
    """

    def __init__(self, covered: Covered, modules: Mapping[str, Source], texts: Mapping[str, str]) -> None:
        self._runs = covered.runs
        self._by_line = covered.by_line()
        self._uses = Uses(modules)
        self._texts = texts
        self._kills: dict[tuple[str, str], Counter[str]] = {}

    def tests(self, mutant: Mutant, among: Iterable[str] | None = None) -> dict[str, float]:
        """The tests that may notice a mutant and what each takes, in the order in which to try them.

        Args:
            mutant: The change.
            among: Files of tests to choose from; None for all.
        """
        files = None if among is None else set(among)
        lines = self._lines(mutant)
        able = {test for line in lines for test in self._by_line.get(line, ())}
        if mutant.runs is None:
            # A test may look at a value without running a line that names it.
            names = {other for name in mutant.names for other in self._uses.names(name)}
            naming = {file for file, text in self._texts.items() if any(name in text for name in names)}
            able |= {test for test in self._runs if test.split("::")[0] in naming}
        near = self._kills.get((mutant.module, mutant.function), Counter())
        around = self._kills.get((mutant.module, ""), Counter())

        def promise(test: str) -> float:
            return (4 * near[test] + around[test]) / (self._runs[test].took_s + 0.01)

        chosen: dict[str, float] = {}
        left_s = BUDGET_S
        for test in sorted(able, key=lambda test: (-promise(test), self._runs[test].took_s, test)):
            took_s = self._runs[test].took_s
            if took_s > TEST_MAX_S or (files is not None and test.split("::")[0] not in files):
                continue
            left_s -= took_s
            if left_s < 0:
                break
            chosen[test] = took_s
        return chosen

    def noticed(self, mutant: Mutant, test: str) -> None:
        """Remembers that a test noticed a mutant: it is tried early for the next ones of that function."""
        for function in {mutant.function, ""}:
            self._kills.setdefault((mutant.module, function), Counter())[test] += 1

    def _lines(self, mutant: Mutant) -> Iterator[tuple[str, int]]:
        if mutant.runs is not None:
            first, last = mutant.runs
            yield from ((mutant.module, line) for line in range(first, last + 1))
        for name in mutant.names:
            yield from self._uses.lines(name)
