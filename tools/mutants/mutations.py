"""All mutants of a module, each with the lines that must run for a test to notice it."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tools.mutants import operators
from tools.mutants.mutant import Mutant
from tools.mutants.source import Edit, Source, changed_lines

Enums = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Place:
    """Where the walk is.

    Args:
        qualifier: Qualified name of the class or function around.
        function: The outermost function around; None on the level of a module or class.
        runs: Lines of the innermost statement, or of its head.
        names: What the innermost assignment of a module or class defines.
        is_bool: Whether the innermost function returns a truth value.
        bound: Names that the function has assigned so far.
        is_condition: Whether the expression is made true and false as a whole.
    """

    qualifier: str = ""
    function: ast.FunctionDef | None = None
    runs: tuple[int, int] | None = None
    names: frozenset[str] = frozenset()
    is_bool: bool = False
    bound: frozenset[str] = frozenset()
    is_condition: bool = False


def enums_in(sources: Iterator[Source]) -> dict[str, list[str]]:
    """The members of every enumeration that some modules define, by its name."""
    return {
        node.name: [
            target.id
            for statement in node.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        ]
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)
    }


def mutants(module: str, source: Source, enums: Enums) -> list[Mutant]:
    """Every mutant of a module that compiles, in the order of its text.

    Args:
        module: The module's path, as the mutants name it.
        source: The module.
        enums: Members of the enumerations that may be exchanged.
    """
    found: list[Mutant] = []
    seen, counts = {source.text}, Counter[tuple[str, str, str]]()
    for place, edit in _Walk(source, enums).module():
        text = source.edited(edit)
        if text in seen or not _compiles(text):
            continue
        seen.add(text)
        before, after = changed_lines(source.text, text)
        counts[place.qualifier, before, after] += 1
        line = source.between(0, edit.start).count("\n") + 1
        number = counts[place.qualifier, before, after]
        mutant = Mutant(module, place.qualifier, line, before, after, number, edit, place.runs, place.names)
        found.append(mutant)
    return sorted(found, key=lambda mutant: (mutant.edit.start, mutant.edit.end))


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Walk:
    """Goes through a module and says what may be changed where."""

    def __init__(self, source: Source, enums: Enums) -> None:
        self._source = source
        self._enums = enums

    def module(self) -> Iterator[tuple[_Place, Edit]]:
        yield from self._body(self._source.tree.body, _Place())

    def _body(self, statements: Sequence[ast.stmt], place: _Place) -> Iterator[tuple[_Place, Edit]]:
        for statement in statements:
            yield from self._statement(statement, place)
            place = replace(place, bound=place.bound | _bound_by(statement))

    def _statement(self, node: ast.stmt, place: _Place) -> Iterator[tuple[_Place, Edit]]:
        match node:
            case ast.FunctionDef():
                yield from self._function(node, place)
            case ast.ClassDef():
                inner = replace(place, qualifier=_qualified(place, node.name), names=frozenset({node.name}))
                yield from self._body(node.body, inner)
            case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()):
                pass
            case ast.Expr(ast.Call(ast.Name("assert_never"))):
                pass
            case _:
                if _is_left_alone(node):
                    return
                here = _at(place, node)
                for edit in self._edits_of_statement(node, here):
                    yield here, edit
                yield from self._parts(node, here)

    def _function(self, node: ast.FunctionDef, place: _Place) -> Iterator[tuple[_Place, Edit]]:
        qualifier = _qualified(place, node.name) if place.function is None else place.qualifier
        outer = place.function or node
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        inner = _Place(
            qualifier,
            outer,
            names=frozenset({node.name} if _is_cached(node) else ()),
            is_bool=node.returns is not None and ast.unparse(node.returns) == "bool",
            bound=frozenset(argument.arg for argument in given),
        )
        at_import = replace(inner, runs=place.runs, names=frozenset({node.name}) | place.names)
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                yield from self._expression(default, at_import)
        yield from self._body(node.body, inner)

    def _parts(self, node: ast.AST, place: _Place) -> Iterator[tuple[_Place, Edit]]:
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "decorator_list", "returns"}:
                continue
            parts = value if isinstance(value, list) else [value]
            if parts and isinstance(parts[0], ast.stmt):
                yield from self._body(parts, place)
                continue
            for part in parts:
                if isinstance(part, ast.match_case):
                    yield from self._case(part, place)
                elif isinstance(part, ast.AST):
                    is_condition = name == "test" or (isinstance(node, ast.Return) and place.is_bool)
                    yield from self._expression(part, replace(place, is_condition=is_condition))

    def _case(self, node: ast.match_case, place: _Place) -> Iterator[tuple[_Place, Edit]]:
        head = replace(place, runs=(node.pattern.lineno, node.body[0].lineno)) if place.function else place
        for edit in operators.case(self._source, node):
            yield head, edit
        if node.guard is not None:
            yield from self._expression(node.guard, head)
        yield from self._body(node.body, place)

    def _expression(self, node: ast.AST, place: _Place) -> Iterator[tuple[_Place, Edit]]:
        # Python 3.11 gives wrong places for what stands inside an f-string, and most of them are messages.
        if isinstance(node, ast.JoinedStr) or _is_cast(node):
            return
        if isinstance(node, ast.ExceptHandler):
            yield from self._body(node.body, place)
            return
        for edit in self._edits(node, place):
            yield place, edit
        for name, part in ast.iter_fields(node):
            is_condition = isinstance(node, ast.BoolOp) or name in {"test", "ifs"}
            is_condition = is_condition or (place.is_condition and isinstance(node, ast.UnaryOp))
            inner = replace(place, is_condition=is_condition)
            for item in part if isinstance(part, list) else [part]:
                if isinstance(item, ast.AST) and not (isinstance(node, ast.Set) and self._is_member(item)):
                    yield from self._expression(item, inner)

    def _is_member(self, node: ast.AST) -> bool:
        """Whether a node is a member of an enumeration: in a set it is taken away, and not exchanged."""
        return isinstance(node, ast.Attribute) and ast.unparse(node.value) in self._enums

    def _edits_of_statement(self, node: ast.stmt, place: _Place) -> Iterator[Edit]:
        source = self._source
        match node:
            case ast.If(test=test):
                yield from operators.condition(source, test)
            case ast.While(test=test):
                yield from operators.condition(source, test, outcomes=(False,))
            case ast.Return():
                yield from operators.returned(source, node, is_bool=place.is_bool)
            case ast.Continue():
                yield source.replace(node, "break")
            case ast.Expr() | ast.Raise() | ast.AugAssign() | ast.Break() | ast.Delete():
                yield source.replace(node, "pass")
            case ast.Assign(targets=[target], value=value):
                if place.function is not None and _is_changed(target, place.bound):
                    yield source.replace(node, "pass")
                if place.function is None:
                    yield from operators.word(source, value)
            case ast.AnnAssign(value=ast.expr() as value) if place.function is None:
                yield from operators.word(source, value)

    def _edits(self, node: ast.AST, place: _Place) -> Iterator[Edit]:
        source = self._source
        match node:
            case ast.Compare():
                yield from operators.comparison(source, node, is_condition=place.is_condition)
            case ast.BoolOp():
                yield from operators.junction(source, node)
            case ast.UnaryOp() if not place.is_condition:
                yield from operators.negation(source, node)
            case ast.BinOp():
                yield from operators.arithmetic(source, node)
            case ast.Constant():
                yield from operators.constant(source, node)
            case ast.Call():
                yield from operators.call(source, node)
            case ast.Set() | ast.List(ctx=ast.Load()):
                yield from operators.display(source, node)
            case ast.Dict():
                yield from operators.mapping(source, node)
            case _:
                yield from self._other_edits(node, place)

    def _other_edits(self, node: ast.AST, place: _Place) -> Iterator[Edit]:
        source = self._source
        match node:
            case ast.IfExp(test=test):
                yield from operators.condition(source, test)
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield from operators.condition(source, test)
            case ast.Attribute():
                yield from operators.member(source, node, self._enums)
            case ast.Subscript(slice=key):
                yield from operators.word(source, key)
            case ast.Tuple(ctx=ast.Load()) if place.function is None:
                yield from operators.display(source, node)


def _qualified(place: _Place, name: str) -> str:
    return f"{place.qualifier}.{name}" if place.qualifier else name


def _at(place: _Place, node: ast.stmt) -> _Place:
    """The place inside a statement: of a compound one, its head."""
    if place.function is None:
        return replace(place, names=place.names | _bound_by(node))
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    first = body[0].lineno if body and isinstance(body[0], ast.stmt) else None
    last = max(node.lineno, first - 1) if first is not None else node.end_lineno or node.lineno
    if isinstance(node, ast.Match):
        last = node.subject.end_lineno or node.lineno
    return replace(place, runs=(node.lineno, last))


def _bound_by(node: ast.stmt) -> frozenset[str]:
    """Names that a statement assigns; those of a class's body belong to the class."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return frozenset()
    names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return frozenset(name.id for name in names if isinstance(name.ctx, ast.Store))


def _is_changed(target: ast.expr, bound: frozenset[str]) -> bool:
    """Whether an assignment changes something that is there already."""
    if isinstance(target, ast.Name):
        return target.id in bound
    return isinstance(target, ast.Subscript | ast.Attribute)


def _is_left_alone(node: ast.stmt) -> bool:
    """Whether a statement is for type checkers and importers only."""
    return (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING") or (
        isinstance(node, ast.Assign)
        and (ast.unparse(node.targets[0]) == "__all__" or _is_union_of_types(node.value))
    )


def _is_cached(node: ast.FunctionDef) -> bool:
    """Whether a function is run by the first who calls it only: the lines that name it are run by all."""
    return any("cache" in ast.unparse(decorator) for decorator in node.decorator_list)


def _is_union_of_types(node: ast.expr) -> bool:
    """Whether an expression is ``A | B`` of names: an alias for type checkers."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = (node.left, node.right)
        return all(isinstance(side, ast.Name) or _is_union_of_types(side) for side in sides)
    return False


def _is_cast(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "cast"
        and isinstance(node.args[1], ast.Name | ast.Attribute)
    )
