"""Judges the mutants of some modules, from the coverage of the tests to the verdicts."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from tools.mutants.covered import Covered, Run, Selection
from tools.mutants.mutant import Mutant
from tools.mutants.patch import ImportedInstead, replace_function
from tools.mutants.pool import PoolError, judge_all, silent
from tools.mutants.results import Results, load_covered, save_covered
from tools.mutants.session import CoverageRecorder, Judge, Server, run_pytest
from tools.mutants.source import Source
from tools.mutants.subject import Subject, digest

#: Verdicts are written down after so many, so that an interrupted run goes on where it stopped.
SAVE_EVERY = 20

Report = Callable[[Mutant, str], None]


class Judgement:
    """One run over some mutants.

    Args:
        subject: The package and its tests.
        into: Directory for what is kept between runs.
        jobs: How many processes at a time.
    """

    def __init__(self, subject: Subject, into: Path, jobs: int) -> None:
        self._subject = subject
        self._into = into
        self._jobs = jobs
        self._files = subject.test_files()
        self.results = Results(into / "results.json")

    def cover(self) -> Covered:
        """What every test covers; only tests that may have changed are run.

        Raises:
            PoolError: A test fails though nothing was changed.
        """
        path, package = self._into / "coverage.json", self._subject.package_digest()
        covered, missing = load_covered(path, package, self._files)
        if missing:
            files = sorted(missing)
            slices = [files[number :: self._jobs] for number in range(self._jobs)]
            parts = {
                self._into / f"coverage-{number}.json": part for number, part in enumerate(slices) if part
            }
            self._into.mkdir(parents=True, exist_ok=True)
            for _ in judge_all(iter(parts.items()), lambda part: lambda: self._record(*part), self._jobs):
                pass
            runs = dict(covered.runs)
            for part in parts:
                runs |= {test: Run(**run) for test, run in json.loads(part.read_text()).items()}
                part.unlink()
            covered = Covered(runs)
            save_covered(path, package, self._files, covered)
        return covered

    def _record(self, into: Path, files: Sequence[str]) -> str:
        recorder = CoverageRecorder(self._subject)
        code = run_pytest(self._subject, files, recorder)
        if code != pytest.ExitCode.OK:
            raise PoolError(f"unchanged, these fail: {', '.join(recorder.failed) or 'the imports'}")
        runs = {test: asdict(run) for test, run in recorder.covered().runs.items()}
        into.write_text(json.dumps(runs))
        return ""

    def judge(self, mutants: Sequence[Mutant], covered: Covered, report: Report) -> None:
        """Judges mutants that no earlier run has judged.

        Args:
            mutants: Which ones.
            covered: What every test covers.
            report: Called with each verdict: a mutant and what killed it.

        Raises:
            PoolError: A mutant could not be judged.
        """
        package = self._subject.package
        sources = {
            path.relative_to(package).as_posix(): Source(path.read_text())
            for path in sorted(package.rglob("*.py"))
        }
        texts = {file: (self._subject.root / file).read_text() for file in self._files}
        selection = Selection(covered, sources, texts)
        for mutant in mutants:
            hint = self.results.hint(mutant)
            if hint in covered.runs:
                selection.noticed(mutant, hint)
        on_import = [mutant for mutant in mutants if mutant.runs is None]
        in_place = [mutant for mutant in mutants if mutant.runs is not None]
        try:
            if on_import:
                self._judge_on_import(on_import, selection, report)
            if in_place:
                self._judge_in_place(in_place, selection, report)
        finally:
            self.results.save()

    def _judge_on_import(self, mutants: Sequence[Mutant], selection: Selection, report: Report) -> None:
        for name in self._subject.preloaded:
            importlib.import_module(name)

        def work(mutant: Mutant) -> Callable[[], str]:
            tests, text = self._tests(mutant, selection), self._subject.mutated(mutant)
            return lambda: self._import_and_run(mutant, text, tests)

        self._judge_with(work, mutants, selection, report)

    def _import_and_run(self, mutant: Mutant, text: str, tests: dict[str, float]) -> str:
        if not tests:
            return ""
        name, path = self._subject.name_of(mutant.module), str(self._subject.package / mutant.module)
        sys.meta_path.insert(0, ImportedInstead(name, path, text))
        # Collecting takes longer than running, and the first file mostly is enough.
        first = next(iter(tests)).split("::")[0]
        for is_first in (True, False):
            some = {
                test: took_s for test, took_s in tests.items() if (test.split("::")[0] == first) is is_first
            }
            judge = Judge(some)
            files = sorted({test.split("::")[0] for test in some})
            code = run_pytest(self._subject, files, judge) if files else pytest.ExitCode.OK
            if judge.killer or code != pytest.ExitCode.OK:
                return judge.killer or "the import"
        return ""

    def _judge_in_place(self, mutants: Sequence[Mutant], selection: Selection, report: Report) -> None:
        def serve(items: dict[str, pytest.Item]) -> None:
            def work(mutant: Mutant) -> Callable[[], str]:
                tests, text = self._tests(mutant, selection), self._subject.mutated(mutant)
                return lambda: self._replace_and_run(mutant, text, tests, items)

            self._judge_with(work, mutants, selection, report)

        failures: list[Exception] = []

        def guarded(items: dict[str, pytest.Item]) -> None:
            # Pytest would print what is raised in it, and go on.
            try:
                serve(items)
            except PoolError as error:
                failures.append(error)

        with silent():
            code = run_pytest(self._subject, sorted(self._files), Server(guarded))
        if failures:
            raise failures[0]
        if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            raise PoolError(f"the tests cannot be collected: pytest ended with {code}")

    def _replace_and_run(
        self, mutant: Mutant, text: str, tests: dict[str, float], items: dict[str, pytest.Item]
    ) -> str:
        name, path = self._subject.name_of(mutant.module), str(self._subject.package / mutant.module)
        replace_function(name, mutant.function, text, path)
        judge = Judge(tests)
        judge_hooks = next(iter(items.values())).config.pluginmanager
        judge_hooks.register(judge)
        judge.run(items)
        return judge.killer

    def _tests(self, mutant: Mutant, selection: Selection) -> dict[str, float]:
        files = self.results.files_to_try(mutant, self.digest(mutant.module), self._files)
        return selection.tests(mutant, files)

    def _judge_with(
        self,
        work: Callable[[Mutant], Callable[[], str]],
        mutants: Sequence[Mutant],
        selection: Selection,
        report: Report,
    ) -> None:
        every: Iterator[Mutant] = iter(mutants)
        for number, (mutant, killer) in enumerate(judge_all(every, work, self._jobs), 1):
            self.results.note(mutant, self.digest(mutant.module), killer, self._files)
            if "::" in killer:
                selection.noticed(mutant, killer)
            report(mutant, killer)
            if number % SAVE_EVERY == 0:
                self.results.save()

    def digest(self, module: str) -> str:
        """Digest of a module."""
        return digest([self._subject.package / module])

    def known(self, mutant: Mutant) -> str | None:
        """What an earlier run found about a mutant: see :meth:`Results.killer`."""
        return self.results.killer(mutant, self.digest(mutant.module), self._files)
