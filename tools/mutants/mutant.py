"""One small change of a module."""

from dataclasses import dataclass

from tools.mutants.source import Edit


@dataclass(frozen=True)
class Mutant:
    """One small change of a module.

    Args:
        module: The module's path, relative to the directory of its package.
        function: Qualified name of the changed function, of the class, or empty for the module itself.
        line: Number of the line where the change begins.
        before: The changed lines as they are, in one line.
        after: The same lines as they become.
        number: Which one it is, from 1, of several in its function that read alike.
        edit: The change.
        runs: First and last line of the code that must run for the change to matter; None if it matters when
            the module is imported.
        names: Names by whose use a change that matters on import is noticed.
    """

    module: str
    function: str
    line: int
    before: str
    after: str
    number: int
    edit: Edit
    runs: tuple[int, int] | None
    names: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What identifies it, whatever else in its module changes."""
        return "\n".join([self.module, self.function, self.before, self.after, str(self.number)])
