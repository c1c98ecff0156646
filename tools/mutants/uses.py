"""Where the names of modules and classes are used: what is changed on import is noticed there."""

import ast
from collections.abc import Iterator, Mapping

from tools.mutants.source import Source

#: A module and the number of a line in it.
Line = tuple[str, int]


class Uses:
    """Who uses a name: what it stands for may stand behind another name, whose uses are its own.

    Args:
        modules: Every module of the package, by its path.
    """

    def __init__(self, modules: Mapping[str, Source]) -> None:
        self._lines: dict[str, set[Line]] = {}
        self._behind: dict[str, set[str]] = {}
        for module, source in modules.items():
            for name, number in _in_functions(source):
                self._lines.setdefault(name, set()).add((module, number))
            for name, other in _in_assignments(source):
                self._behind.setdefault(name, set()).add(other)

    def names(self, name: str) -> set[str]:
        """The name, and all that stand for it."""
        reached, waiting = {name}, [name]
        while waiting:
            for other in self._behind.get(waiting.pop(), ()):
                if other not in reached:
                    reached.add(other)
                    waiting.append(other)
        return reached

    def lines(self, name: str) -> set[Line]:
        """The lines inside of functions that use it."""
        return {line for one in self.names(name) for line in self._lines.get(one, ())}


def _in_functions(source: Source) -> Iterator[tuple[str, int]]:
    for function in ast.walk(source.tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for statement in function.body:
            yield from _named(statement)
        # A default is used by whoever runs the function.
        for default in [*function.args.defaults, *filter(None, function.args.kw_defaults)]:
            for name, _ in _named(default):
                yield from ((name, statement.lineno) for statement in function.body)


def _in_assignments(source: Source) -> Iterator[tuple[str, str]]:
    """Names that the values of a module's other names are made of."""
    for statement in source.tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for name, _ in _named(statement.value):
                yield from ((name, ast.unparse(target)) for target in targets)


def _named(node: ast.AST) -> Iterator[tuple[str, int]]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id, part.lineno
        elif isinstance(part, ast.Attribute):
            yield part.attr, part.lineno
