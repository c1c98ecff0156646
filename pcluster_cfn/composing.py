"""The text of a template or of a configuration as YAML nodes."""

import re
from collections.abc import Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

#: A tab is no indentation in YAML and is in JSON; one column stays one column.
_TAB = str.maketrans("\t", " ")
#: A character beyond U+FFFF as JSON escapes it, behind whole pairs of backslashes. Source: RFC 8259, 7.
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})")
#: Unicode's private use, but for the hole of ``validation.evaluation``.
_PRIVATE_USE = range(0xE001, 0xF900)


class UnreadableError(ValueError):
    """The text is neither YAML nor JSON.

    Args:
        problem: What is wrong.
        mark: Where; None if only the whole is.
    """

    def __init__(self, problem: str, mark: yaml.Mark | None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mark = mark


def compose(text: str) -> Node | None:
    """Returns the root node of a text, None for an empty one.

    JSON is YAML but for two habits of its writers: indentation by tabs, and escapes of half a character.

    Raises:
        UnreadableError: It is neither YAML nor JSON.
    """
    is_like_json = text.lstrip("\ufeff \t\r\n").startswith(("{", "["))
    filler = _unused(text)
    readable = _with_whole_characters(_indented_by_spaces(text), filler) if is_like_json else text
    try:
        root: Node | None = yaml.compose(readable, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark and _inside(text, error.problem_mark)
        raise UnreadableError(error.problem or str(error), mark) from error
    except yaml.YAMLError as error:
        raise UnreadableError(str(error), None) from error
    if root is not None and filler in readable:
        for scalar in _scalars(root):
            scalar.value = scalar.value.replace(filler, "")
    return root


def _indented_by_spaces(text: str) -> str:
    lines = text.split("\n")
    widths = [len(line) - len(line.lstrip()) for line in lines]
    pairs = zip(lines, widths, strict=True)
    return "\n".join(line[:width].translate(_TAB) + line[width:] for line, width in pairs)


def _unused(text: str) -> str:
    """Returns a character that is not in a text, whether written or escaped."""
    lower = text.lower()
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in text and f"\\u{code:x}" not in lower)


def _with_whole_characters(text: str, filler: str) -> str:
    """Returns a text in which a pair of escaped surrogates is the character that they stand for.

    It is filled up with what is taken out later, so that what is behind it stays in its column.
    """

    def whole(match: re.Match[str]) -> str:
        backslashes, high, low = match.groups()
        units = bytes.fromhex(high[2:] + low[2:])
        return f"{backslashes}{units.decode('utf-16-be')}".ljust(len(match[0]), filler)

    return _PAIR.sub(whole, text)


def _inside(text: str, mark: yaml.Mark) -> yaml.Mark:
    """Returns a mark that is in the text: libyaml puts what is missing at the end on a line behind it."""
    lines = text.rstrip().split("\n")
    if mark.line < len(lines):
        return mark
    return yaml.Mark(mark.name, mark.index, len(lines) - 1, len(lines[-1]), None, 0)


def _scalars(root: Node) -> Iterator[ScalarNode]:
    open_nodes, seen = [root], {id(root)}
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ScalarNode):
            yield node
            continue
        inner = node.value if isinstance(node, SequenceNode) else []
        if isinstance(node, MappingNode):
            inner = [item for pair in node.value for item in pair]
        fresh = {id(item): item for item in inner if id(item) not in seen}
        seen |= set(fresh)
        open_nodes += fresh.values()
