"""What is changed, and which tests judge it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.mutants.mutant import Mutant
from tools.mutants.mutations import enums_in, mutants
from tools.mutants.source import Source


@dataclass(frozen=True)
class Subject:
    """A package and its tests.

    Args:
        root: Where pytest runs.
        package: Directory of the package around the modules, whose parent is on the import path.
        changed: Directory or file in the package: the modules that are changed.
        tests: Directories, or files, of the tests that judge.
        left_out: Begins of the ids of tests that do not: they take too long.
        preloaded: Names of what is slow to import and needs none of the package.
        shared: Directories with what tests share; a change there concerns all tests.
    """

    root: Path
    package: Path
    changed: Path
    tests: Sequence[Path]
    left_out: Sequence[str] = ()
    preloaded: Sequence[str] = ()
    shared: Sequence[Path] = ()

    def modules(self) -> list[Path]:
        """The modules that may be changed, as paths in the package."""
        found = [self.changed] if self.changed.is_file() else sorted(self.changed.rglob("*.py"))
        return [path.relative_to(self.package) for path in found]

    def mutants(self, module: Path) -> list[Mutant]:
        """Every mutant of one module."""
        sources = (Source(path.read_text()) for path in sorted(self.package.rglob("*.py")))
        return mutants(module.as_posix(), Source((self.package / module).read_text()), enums_in(sources))

    def mutated(self, mutant: Mutant) -> str:
        """The text of a mutant's module."""
        return Source((self.package / mutant.module).read_text()).edited(mutant.edit)

    def name_of(self, module: str) -> str:
        """The name under which a module is imported."""
        parts = [self.package.name, *Path(module).with_suffix("").parts]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def test_files(self) -> dict[str, str]:
        """Digest of each file of tests, by its path; what tests share is part of each."""
        every = [path for place in self.tests for path in (sorted(place.rglob("*.py")) or [place])]
        shared = {path for path in every if not path.name.startswith("test_")}
        shared |= {path for directory in self.shared for path in directory.rglob("*.py")}
        common = digest(sorted(shared))
        judging = {path.relative_to(self.root).as_posix(): path for path in every if path not in shared}
        return {
            name: common[:16] + digest([path])[:16]
            for name, path in judging.items()
            if name not in self.left_out
        }

    def package_digest(self) -> str:
        """Digest of the whole package."""
        return digest(sorted(self.package.rglob("*.py")))


def digest(paths: Iterable[Path]) -> str:
    """One digest of some files' names and contents."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()
