"""What earlier runs found, so that only what changed since is judged again."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.mutants.covered import Covered, Run
from tools.mutants.mutant import Mutant

Files = Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """What was found about a mutant.

    Args:
        module: Digest of the module that it changes.
        killer: Id of the test that noticed it, or what else did; empty if it survived.
        tests: Digests of the test files that this depends on.
    """

    module: str
    killer: str
    tests: dict[str, str]


class Results:
    """The verdicts of earlier runs, in a file.

    Args:
        path: The file; there may be none yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        snapshots = kept.get("snapshots", [])
        self._verdicts = {
            key: Verdict(module, killer, snapshots[tests])
            for key, (module, killer, tests) in kept.get("verdicts", {}).items()
        }

    def killer(self, mutant: Mutant, module: str, files: Files) -> str | None:
        """What killed a mutant, or an empty text if it survived all tests there are.

        Args:
            mutant: The change.
            module: Digest of its module.
            files: Digest of each file of tests.

        Returns:
            None if the mutant must be judged (again).
        """
        found = self._verdicts.get(mutant.key)
        if found is None or found.module != module:
            return None
        if found.killer:
            return found.killer if found.tests.items() <= files.items() else None
        return "" if files.items() <= found.tests.items() else None

    def files_to_try(self, mutant: Mutant, module: str, files: Files) -> set[str]:
        """The files of tests that may say something new about a mutant."""
        found = self._verdicts.get(mutant.key)
        if found is None or found.module != module or found.killer:
            return set(files)
        return {file for file, value in files.items() if found.tests.get(file) != value}

    def hint(self, mutant: Mutant) -> str:
        """What killed a mutant in an earlier run, however much has changed since; empty if nothing did."""
        found = self._verdicts.get(mutant.key)
        return found.killer if found is not None else ""

    def note(self, mutant: Mutant, module: str, killer: str, files: Files) -> None:
        """Keeps a verdict.

        Args:
            mutant: The change.
            module: Digest of its module.
            killer: What noticed it; empty if nothing did.
            files: Digest of each file of tests.
        """
        file = killer.split("::", maxsplit=1)[0]
        depends_on = dict(files) if not killer else {file: files[file]} if file in files else {}
        self._verdicts[mutant.key] = Verdict(module, killer, depends_on)

    def save(self) -> None:
        """Writes all verdicts."""
        numbers: dict[str, int] = {}
        verdicts = {
            key: [found.module, found.killer, numbers.setdefault(json.dumps(found.tests), len(numbers))]
            for key, found in self._verdicts.items()
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        snapshots = [json.loads(text) for text in numbers]
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"verdicts": verdicts, "snapshots": snapshots}))
        new.replace(self._path)


def load_covered(path: Path, package: str, files: Files) -> tuple[Covered, set[str]]:
    """What tests covered in an earlier run, as far as it is still true, and the files of the others.

    Args:
        path: Where :func:`save_covered` wrote it; there may be none yet.
        package: Digest of the package.
        files: Digest of each file of tests.
    """
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if kept.get("package") != package:
        return Covered(), set(files)
    valid = {file for file, value in kept["files"].items() if files.get(file) == value}
    runs = {test: Run(**run) for test, run in kept["runs"].items() if test.split("::")[0] in valid}
    return Covered(runs), set(files) - valid


def save_covered(path: Path, package: str, files: Files, covered: Covered) -> None:
    """Writes what tests covered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    runs = {test: dataclasses.asdict(run) for test, run in covered.runs.items()}
    path.write_text(json.dumps({"package": package, "files": dict(files), "runs": runs}))
