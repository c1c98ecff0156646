"""What is changed: for one syntax node, the edits that make it mean something else."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from tools.mutants.source import Edit, Source

#: Comparisons with their bound taken in or left out, and negated.
_BOUNDS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: (r"<", "<="),
    ast.LtE: (r"<=", "<"),
    ast.Gt: (r">", ">="),
    ast.GtE: (r">=", ">"),
}
_NEGATIONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: (r"<", ">="),
    ast.LtE: (r"<=", ">"),
    ast.Gt: (r">", "<="),
    ast.GtE: (r">=", "<"),
    ast.Eq: (r"==", "!="),
    ast.NotEq: (r"!=", "=="),
    ast.Is: (r"\bis\b", "is not"),
    ast.IsNot: (r"\bis\s+not\b", "is"),
    ast.In: (r"\bin\b", "not in"),
    ast.NotIn: (r"\bnot\s+in\b", "in"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: (r"-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: (r"/", "*"),
    ast.FloorDiv: (r"//", "*"),
    ast.Mod: (r"%", "*"),
}
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_SWAPPED_METHODS = {"startswith": "endswith", "endswith": "startswith", "lower": "upper", "upper": "lower"}
#: Methods whose first argument is a key or a piece of a protocol's word, and not a text for people.
_WORD_METHODS = frozenset({"get", "pop", "startswith", "endswith", "removeprefix", "removesuffix"})
#: A word of a protocol: without the spaces of a text for people.
_WORD = re.compile(r"[\w:./-]+")
#: Calls whose arguments are no behaviour of the module.
_UNTOUCHED_CALLS = frozenset({"field", "TypeVar"})


def comparison(source: Source, node: ast.Compare, *, is_condition: bool) -> Iterator[Edit]:
    """The bound taken in or left out; negations, where the whole is not made true and false anyway."""
    sides = [node.left, *node.comparators]
    tables = [_BOUNDS] if is_condition else [_BOUNDS, _NEGATIONS]
    for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
        start, end = source.end(left), source.start(right)
        for table in tables:
            if type(operator) in table:
                pattern, other = table[type(operator)]
                yield Edit(start, end, re.sub(pattern, other, source.between(start, end), count=1))


def junction(source: Source, node: ast.BoolOp) -> Iterator[Edit]:
    """One operand less; a test that notices each of these also notices ``or`` in place of ``and``."""
    texts = [
        f"({source.segment(value)})" if _is_loose(value) else source.segment(value) for value in node.values
    ]
    own = " and " if isinstance(node.op, ast.And) else " or "
    for number in range(len(texts)):
        rest = texts[:number] + texts[number + 1 :]
        yield source.replace(node, own.join(rest))


def _is_loose(node: ast.expr) -> bool:
    """Whether a part of an expression needs brackets wherever it stands."""
    return isinstance(node, ast.BoolOp | ast.IfExp | ast.Lambda | ast.NamedExpr)


def condition(source: Source, test: ast.expr, outcomes: Sequence[bool] = (True, False)) -> Iterator[Edit]:
    """A condition that always, or never, holds.

    Of ``a and b`` only never, and of ``a or b`` only always: :func:`junction` does the rest.
    """
    if isinstance(test, ast.BoolOp):
        outcomes = [isinstance(test.op, ast.Or)]
    if not isinstance(test, ast.Constant):
        for outcome in outcomes:
            yield source.replace(test, str(outcome))


def negation(source: Source, node: ast.UnaryOp) -> Iterator[Edit]:
    """No ``not``, and no sign."""
    if isinstance(node.op, ast.Not | ast.USub):
        yield source.replace(node, f"({source.segment(node.operand)})")


def arithmetic(source: Source, node: ast.BinOp) -> Iterator[Edit]:
    """The other operator; of a union, one side only."""
    if isinstance(node.op, ast.BitOr):
        yield source.replace(node, f"({source.segment(node.left)})")
        yield source.replace(node, f"({source.segment(node.right)})")
    if type(node.op) not in _ARITHMETIC or _is_text(node.left) or _is_text(node.right):
        return
    pattern, other = _ARITHMETIC[type(node.op)]
    start, end = source.end(node.left), source.start(node.right)
    yield Edit(start, end, re.sub(pattern, other, source.between(start, end), count=1))


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def constant(source: Source, node: ast.Constant) -> Iterator[Edit]:
    """Numbers one more and one less, and the other truth value."""
    if isinstance(node.value, bool):
        yield source.replace(node, str(not node.value))
    elif isinstance(node.value, int | float):
        yield source.replace(node, repr(node.value + 1))
        yield source.replace(node, repr(node.value - 1) if node.value >= 1 else f"({node.value - 1!r})")


def word(source: Source, node: ast.expr) -> Iterator[Edit]:
    """Another word of a protocol; texts for people are left alone."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.fullmatch(node.value):
        yield source.replace(node, repr(f"{node.value}X"))


def call(source: Source, node: ast.Call) -> Iterator[Edit]:
    """One named argument less, one argument of ``min`` or ``max`` less, and the opposite function."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _UNTOUCHED_CALLS:
        return
    if name in _SWAPPED:
        yield source.replace(node.func, _SWAPPED[name])
    given: list[ast.expr | ast.keyword] = sorted([*node.args, *node.keywords], key=source.start)
    parts = [(source.start(part), source.end(part)) for part in given]
    for number, part in enumerate(given):
        if isinstance(part, ast.keyword) or (name in {"min", "max"} and len(node.args) > 1):
            yield source.drop(parts, number)
    if isinstance(node.func, ast.Attribute):
        yield from _method(source, node, node.func)


def _method(source: Source, node: ast.Call, method: ast.Attribute) -> Iterator[Edit]:
    if method.attr in _SWAPPED_METHODS:
        yield source.replace(method, f"{source.segment(method.value)}.{_SWAPPED_METHODS[method.attr]}")
    if method.attr in _WORD_METHODS and node.args:
        yield from word(source, node.args[0])


def display(source: Source, node: ast.Set | ast.List | ast.Tuple) -> Iterator[Edit]:
    """One element less."""
    parts = [(source.start(element), source.end(element)) for element in node.elts]
    for number in range(len(parts)):
        yield source.drop(parts, number)


def mapping(source: Source, node: ast.Dict) -> Iterator[Edit]:
    """One entry less."""
    parts = []
    for key, value in zip(node.keys, node.values, strict=True):
        start = source.start(key) if key is not None else source.start(value) - len("**")
        parts.append((start, source.end(value)))
    for number in range(len(parts)):
        yield source.drop(parts, number)
    for key in node.keys:
        if key is not None:
            yield from word(source, key)


def member(source: Source, node: ast.Attribute, enums: Mapping[str, Sequence[str]]) -> Iterator[Edit]:
    """Another member of an enumeration."""
    if isinstance(node.value, ast.Name) and node.attr in enums.get(node.value.id, ()):
        members = enums[node.value.id]
        other = members[(members.index(node.attr) + 1) % len(members)]
        if other != node.attr:
            yield source.replace(node, f"{node.value.id}.{other}")


def returned(source: Source, node: ast.Return, *, is_bool: bool) -> Iterator[Edit]:
    """Nothing in place of a value, something in place of an empty text, or a fixed truth value."""
    if node.value is None:
        yield source.replace(node, "pass")
    elif is_bool:
        yield from condition(source, node.value)
    elif isinstance(node.value, ast.Constant) and node.value.value == "":
        yield source.replace(node.value, repr("X"))
    elif not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield source.replace(node.value, "None")


def case(source: Source, node: ast.match_case) -> Iterator[Edit]:
    """A case that never applies; one without its guard."""
    if node.guard is not None:
        yield from condition(source, node.guard)
    elif not (isinstance(node.pattern, ast.MatchAs) and node.pattern.pattern is None):
        end = source.end(node.pattern)
        yield Edit(end, end, " if False")
