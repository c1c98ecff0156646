"""The text of a template or of a configuration as YAML nodes."""

import re
from collections.abc import Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

#: A tab is no indentation in YAML and is in JSON; one column stays one column.
_TAB = str.maketrans("\t", " ")
_MERGE = "tag:yaml.org,2002:merge"
#: A character beyond U+FFFF as JSON escapes it, behind whole pairs of backslashes. Source: RFC 8259, 7.
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})")
#: Unicode's private use, but for the hole of ``validation.evaluation``.
_PRIVATE_USE = range(0xE001, 0xF900)


class UnreadableError(ValueError):
    """The text is neither YAML nor JSON, or says what neither templates nor configurations can.

    Args:
        problem: What is wrong.
        mark: Where; None if only the whole is.
    """

    def __init__(self, problem: str, mark: yaml.Mark | None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mark = mark


def compose(text: str) -> Node | None:
    """Returns the root node of a text, None for an empty one. What is merged (``<<``) stands in its place.

    JSON is YAML but for two habits of its writers: indentation by tabs, and escapes of half a character.

    Raises:
        UnreadableError: It is neither YAML nor JSON, merges what is no map, or has a node that is in itself.
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
    for node in _nodes(root) if root is not None else ():
        if isinstance(node, ScalarNode) and filler in node.value:
            node.value = node.value.replace(filler, "")
        elif isinstance(node, MappingNode):
            _merge(node, ())
    if root is not None:
        _require_end(root)  # after the merges, which can put a map into what it has merged
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


def _nodes(root: Node) -> Iterator[Node]:
    """Yields every node once, what it is in before it."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        yield node
        fresh = {id(item): item for item in _inner(node) if id(item) not in seen}
        seen |= set(fresh)
        waiting += fresh.values()


def _inner(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [item for pair in node.value for item in pair]
    return node.value if isinstance(node, SequenceNode) else []


def _require_end(root: Node) -> None:
    """Refuses a node that is in itself, whatever is reached by which path looked at once."""
    above: set[int] = set()
    done: set[int] = set()
    waiting = [(root, False)]
    while waiting:
        node, is_left = waiting.pop()
        if is_left:
            above.remove(id(node))
            done.add(id(node))
        elif id(node) in above:
            raise UnreadableError("an alias stands for what it is in", node.start_mark)
        elif id(node) not in done:
            above.add(id(node))
            waiting.append((node, True))
            waiting += [(item, False) for item in _inner(node)]


def _merge(mapping: MappingNode, above: tuple[MappingNode, ...]) -> None:
    """Puts what a mapping merges into it; its own keys win, then those of what is merged first.

    Source: YAML 1.1, "Merge Key Language-Independent Type".
    """
    own = [(key, value) for key, value in mapping.value if key.tag != _MERGE]
    names = {key.value for key, _ in own if isinstance(key, ScalarNode)}
    merged: list[tuple[Node, Node]] = []
    for source in _sources(mapping):
        if any(source is each for each in (*above, mapping)):
            raise UnreadableError("<< merges a map into itself", source.start_mark)
        _merge(source, (*above, mapping))
        merged += [(key, value) for key, value in source.value if str(key.value) not in names]
        names |= {key.value for key, _ in merged if isinstance(key, ScalarNode)}
    mapping.value = [*merged, *own]


def _sources(mapping: MappingNode) -> Iterator[MappingNode]:
    for key, value in mapping.value:
        if key.tag == _MERGE:
            is_list = isinstance(value, SequenceNode) and not value.tag.startswith("!")
            for source in value.value if is_list else [value]:
                if not isinstance(source, MappingNode) or source.tag.startswith("!"):
                    raise UnreadableError("<< merges what is no map", source.start_mark)
                yield source
