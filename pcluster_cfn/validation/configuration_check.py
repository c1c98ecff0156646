"""A configuration given as text: its values, and where each of them is in the file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from yaml import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cfn_template.composing import in_file
from cfn_template.limits import Place
from cfn_template.values import HOLE, List, Map, PartialText, Path, Text, Unknown, place_of, repeated_keys
from cluster_schema import fit
from cluster_schema.composing import compose
from cluster_schema.conversion import Detail, pointer
from cluster_schema.limits import UnreadableError
from cluster_schema.reading import json_value, scalar_value
from pcluster_cfn.validation.partial_template import Problem, plain_values
from pcluster_cfn.validation.report import Finding, Rule


@dataclass
class ConfigurationText:
    """What a text holds.

    Args:
        value: With places; Unknown if the text is not known well enough to be read.
        problems: What cannot be read in it.
        typed: The values as the engine reads them, where that differs: JSON has types of its own.
    """

    value: Any
    problems: list[Problem] = field(default_factory=list)
    typed: Any = None


def read_configuration_text(text: str, node: Any, lines: Sequence[str]) -> ConfigurationText:
    """Reads the text of a configuration inside a template.

    Args:
        text: What the node evaluates to; holes stand for what is not known.
        node: The text as it stands in the template, or the function that makes it.
        lines: The template's lines.
    """
    reason = text.reason if isinstance(text, PartialText) else ""
    return _read(str(text), _locator(node, lines), reason)


def read_configuration_file(text: str) -> ConfigurationText:
    """Reads the text of a configuration file."""
    return _read(text, in_file, "")


def _read(text: str, locate: Callable[[Mark], Place], reason: str) -> ConfigurationText:
    reader = _Reader(locate, reason)
    try:
        root = compose(text)
    except UnreadableError as error:
        if not reason:
            place = locate(error.mark or Mark("", 0, 0, 0, None, 0))
            reader.problems.append(Problem(place, f"the configuration cannot be read: {error.problem}"))
        return ConfigurationText(Unknown(reason or "the text cannot be read"), reader.problems)
    if root is None:
        return ConfigurationText(None)
    return ConfigurationText(reader.value(root), reader.problems, _as_json(text, reason))


def _as_json(text: str, reason: str) -> Any:
    """JSON has types of its own: 1e3 is a number there, and text in YAML."""
    try:
        return _without_holes(json_value(text), reason)
    except ValueError:  # not JSON, or beyond what is read of it, which YAML has said already
        return None


def _without_holes(value: Any, reason: str) -> Any:
    if isinstance(value, dict):
        is_known = not reason or not any(HOLE in key for key in value)
        made = {key: _without_holes(item, reason) for key, item in value.items()}
        return made if is_known else Unknown(reason)
    if isinstance(value, list):
        return [_without_holes(item, reason) for item in value]
    return Unknown(reason) if reason and isinstance(value, str) and HOLE in value else value


@dataclass
class _Reader:
    """Reads the nodes of a configuration's own text, with YAML's types, as the engine reads them."""

    locate: Callable[[Mark], Place]
    reason: str
    problems: list[Problem] = field(default_factory=list)

    def value(self, node: Node, path: Path = ()) -> Any:
        """Returns the value of a node; Unknown where it, or a key in it, has holes."""
        if isinstance(node, SequenceNode):
            made = List(self.locate(node.start_mark))
            for index, item in enumerate(node.value):
                made.add(self.value(item, (*path, index)), self.locate(item.start_mark))
            return made
        return self._map(node, path) if isinstance(node, MappingNode) else self._scalar(node, path)

    def _map(self, node: MappingNode, path: Path) -> Any:
        made = Map(self.locate(node.start_mark))
        for key, item in node.value:
            value = self.value(item, (*path, key.value))
            made.put(key.value, value, self.locate(key.start_mark), self.locate(item.start_mark))
        if self.reason and any(HOLE in key for key in made):
            return Unknown(self.reason)
        return made

    def _scalar(self, node: Node, path: Path) -> Any:
        assert isinstance(node, ScalarNode)  # noqa: S101 - there is no fourth kind
        if self.reason and HOLE in node.value:
            return Unknown(self.reason)
        try:
            return scalar_value(node)
        except UnreadableError as error:
            self.problems.append(Problem(self.locate(node.start_mark), error.problem, pointer(path)))
            return Unknown(error.problem)


def _locator(node: Any, lines: Sequence[str]) -> Callable[[Mark], Place]:
    """Returns what finds a mark of the text in the template; the text's begin if that cannot be told."""
    begin = getattr(node, "place", None) or Place(1, 1)
    source = _source(node)
    if source is None or source.place is None:
        return _noted(begin)
    start, column = source.place.line, source.place.column
    if source.style == "|":
        written = source.split("\n")

        def inside_block(mark: Mark) -> Place:
            number = start + mark.line
            if mark.line >= len(written) or number >= len(lines):
                return Place(start + 1 + len(written), 1)
            indentation = len(lines[number]) - len(written[mark.line])
            return Place(number + 1, max(indentation, 0) + mark.column + 1)

        return inside_block
    # Unchanged in one line, whatever tag and quotes are before it.
    is_written = bool(source) and start <= len(lines)
    found = lines[start - 1].find(source, column - 1) if is_written else -1
    if found >= 0:
        return lambda mark: Place(start, found + mark.column + 1)
    return _noted(begin)


def _noted(begin: Place) -> Callable[[Mark], Place]:
    """The begin of a text that is not in the template as it is, and the place in the text as a note."""
    return lambda mark: replace(begin, note=f"line {mark.line + 1}, column {mark.column + 1} of the text")


def _source(node: Any) -> Text | None:
    """The text as it is in the template; None where a function puts it together."""
    if isinstance(node, dict) and set(node) == {"Fn::Sub"}:
        argument = node["Fn::Sub"]
        node = argument[0] if isinstance(argument, list) and argument else argument
    return node if isinstance(node, Text) else None


_KNOWN_KEY = "a known key: "
_REQUIRED = "a value, because "


class LibraryRules(Protocol):
    """Rules between several values, which the library knows and no schema says."""

    def findings(
        self, configuration: Any, version: str, properties: Mapping[str, Any]
    ) -> Iterable[tuple[str, str]]:
        """Returns the place of each mistake, as a JSON Pointer, and what is wrong.

        Args:
            configuration: One that fits the version's schema; UNKNOWN stands for what is not known.
            version: The ParallelCluster version it is for.
            properties: The resource's other properties; UNKNOWN stands for what is not known.
        """
        ...


@dataclass(frozen=True)
class Rules:
    """What a configuration is held against.

    Args:
        version: One of ``versions()``.
        properties: The properties of the resource that it belongs to.
        library: The library's own rules; None leaves them out.
    """

    version: str
    properties: Mapping[str, Any]
    library: LibraryRules | None = None

    def findings(self, plain: Any, values: Any, rule: Rule, otherwise: Place) -> Iterator[Finding]:
        """Yields everything that is wrong; the library is asked about what the schema takes.

        Args:
            plain: The configuration as JSON values; UNKNOWN stands for what is not known.
            values: The same with places.
            rule: Whose the schema's findings are.
            otherwise: The place of what has none.
        """
        fitted = fit(plain, self.version)
        yield from misfit_findings(fitted.misfits, values, rule, otherwise)
        if self.library is None or fitted.misfits:
            return
        for path, message in self.library.findings(fitted.typed, self.version, plain_values(self.properties)):
            yield Finding(place_of(values, _parts(path)) or otherwise, path, message, "library")


def text_findings(text: ConfigurationText, rules: Rules, key_at: Place) -> Iterator[Finding]:
    """Yields what is wrong in a configuration's text; what it lacks as a whole is at its key."""
    for problem in text.problems:
        yield Finding(problem.place, problem.path, problem.message, "text")
    for path, place in repeated_keys(text.value):
        yield Finding(place, pointer(path), f"the key {path[-1]} is there twice", "text")
    if isinstance(text.value, Map | List):
        text.value.place = key_at
    plain = plain_values(text.value if text.typed is None else text.typed)
    yield from rules.findings(plain, text.value, "text", key_at)


def misfit_findings(details: list[Detail], values: Any, rule: Rule, otherwise: Place) -> Iterator[Finding]:
    """Yields what a schema refuses, with its place in the values.

    Args:
        details: The misfits.
        values: With places.
        rule: Whose the findings are.
        otherwise: The place of what has none.
    """
    # A key that is misspelt is missing as well; that is one mistake.
    misspelt = {detail["path"].rpartition("/")[0] + "/" + detail.get("suggestion", "") for detail in details}
    for detail in details:
        if detail["expected"].startswith(_REQUIRED) and detail["path"] in misspelt:
            continue
        of_key = detail["expected"].startswith(_KNOWN_KEY)
        place = place_of(values, _parts(detail["path"]), of_key=of_key) or otherwise
        shown = detail["value"].replace('"UNKNOWN"', "…")
        yield Finding(place, detail["path"], _message({**detail, "value": shown}), rule)


def _parts(path: str) -> tuple[str, ...]:
    """Returns the parts of a JSON Pointer. Source: RFC 6901, section 4."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def login_pools(plain: Any) -> int | None:
    """Returns how many login node pools a configuration has; None if that is not known."""
    if not isinstance(plain, dict):
        return None
    nodes = plain.get("LoginNodes", {})
    pools = nodes.get("Pools", []) if isinstance(nodes, dict) else None
    if not isinstance(pools, list) or not all(isinstance(pool, dict) for pool in pools):
        return None
    return len(pools)


def _message(detail: Detail) -> str:
    expected = detail["expected"]
    if "message" in detail:  # the library's own words
        own = detail["message"]
        return own if expected.startswith(_KNOWN_KEY) else f"{detail['value']} is not valid: {own}"
    if "suggestion" in detail:
        return f"there is no such key, did you mean {detail['suggestion']}?"
    if expected.startswith(_KNOWN_KEY):
        return f"there is no such key, expected {expected}"
    if expected.startswith(_REQUIRED):
        return expected.removeprefix(_REQUIRED)
    return f"{detail['value']} is not valid, expected {expected}"
