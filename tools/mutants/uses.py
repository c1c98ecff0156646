"""Where the names of modules and classes are used: what is changed on import is noticed there."""

import ast
from collections.abc import Iterator, Mapping

from tools.mutants.source import Source

#: A module and the number of a line in it.
Line = tuple[str, int]


def uses(modules: Mapping[str, Source]) -> dict[str, set[Line]]:
    """Returns the lines inside of functions that name something, by its name.

    What a name stands for may stand behind another name: a use of that one is a use of both.

    Args:
        modules: Every module of the package, by its path.
    """
    direct: dict[str, set[Line]] = {}
    behind: dict[str, set[str]] = {}
    for module, source in modules.items():
        for name, number in _in_functions(source):
            direct.setdefault(name, set()).add((module, number))
        for name, other in _in_assignments(source):
            behind.setdefault(name, set()).add(other)
    return {name: _reached(name, direct, behind) for name in {*direct, *behind}}


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


def _reached(name: str, direct: Mapping[str, set[Line]], behind: Mapping[str, set[str]]) -> set[Line]:
    reached, waiting = {name}, [name]
    while waiting:
        for other in behind.get(waiting.pop(), ()):
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return {line for one in reached for line in direct.get(one, ())}
