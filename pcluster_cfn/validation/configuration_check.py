"""Checks a cluster's configuration, given as a map or as text, and finds the place of each mistake."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from yaml import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cfn_template.composing import in_file
from cfn_template.limits import Place
from cfn_template.values import HOLE, List, Map, PartialText, Path, Text, Unknown, place_of, repeated_keys
from cluster_schema import accepting_versions, fit, in_words
from cluster_schema.composing import compose
from cluster_schema.conversion import Detail, is_missing, pointer
from cluster_schema.limits import UnreadableError
from cluster_schema.reading import json_value, scalar_value
from pcluster_cfn.validation.partial_template import Problem, plain_values
from pcluster_cfn.validation.policy import Policy
from pcluster_cfn.validation.report import Finding, Rule


@dataclass
class ConfigurationText:
    """A configuration that was read from a text.

    Args:
        value: Its values with places; Unknown if too little of the text is known to read it.
        problems: The parts that cannot be read.
        typed: The values as the engine reads them, if JSON's types make them differ.
    """

    value: Any
    problems: list[Problem] = field(default_factory=list)
    typed: Any = None


def read_configuration_text(text: str, node: Any, lines: Sequence[str]) -> ConfigurationText:
    """Reads a configuration from a text in a template.

    Args:
        text: The evaluated text, with holes for its unknown parts.
        node: The text as written in the template, or the function that returns it.
        lines: Lines of the template.
    """
    reason = text.reason if isinstance(text, PartialText) else ""
    return _read(str(text), _locator(node, lines), reason)


def read_configuration_file(text: str) -> ConfigurationText:
    """Reads a configuration from the text of a file."""
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
    """Returns a text's values with the types of JSON, in which 1e3 is a number; None if it is not JSON."""
    try:
        return _without_holes(json_value(text), reason)
    except ValueError:  # not JSON, or above a limit, which reading it as YAML reported already
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
    """Reads the nodes of a configuration's text with YAML's types, as the engine does."""

    locate: Callable[[Mark], Place]
    reason: str
    problems: list[Problem] = field(default_factory=list)

    def value(self, node: Node, path: Path = ()) -> Any:
        """Returns the value of a node; Unknown if it, or a key in it, has holes."""
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
    """Returns a function from a mark in the text to its place in the template, or to the text's start."""
    beginning = getattr(node, "place", None) or Place(1, 1)
    source = _source(node)
    if source is None or source.place is None:
        return _noted(beginning)
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
    # The text stands unchanged in one line, behind a tag or quotes.
    is_written = bool(source) and start <= len(lines)
    found = lines[start - 1].find(source, column - 1) if is_written else -1
    if found >= 0:
        return lambda mark: Place(start, found + mark.column + 1)
    return _noted(beginning)


def _noted(beginning: Place) -> Callable[[Mark], Place]:
    """Returns a function to the start of a text, with the place within the text as a note."""
    return lambda mark: replace(beginning, note=f"line {mark.line + 1}, column {mark.column + 1} of the text")


def _source(node: Any) -> Text | None:
    """Returns the text as written in the template; None if a function assembles it."""
    if isinstance(node, dict) and set(node) == {"Fn::Sub"}:
        argument = node["Fn::Sub"]
        node = argument[0] if isinstance(argument, list) and argument else argument
    return node if isinstance(node, Text) else None


_KNOWN_KEY = "a known key: "
_REQUIRED = "a value, because "
#: Added to a misfit here: the versions that accept what is refused.
_ACCEPTING = "accepting"


class LibraryRules(Protocol):
    """The library's rules about several values together, which no schema has."""

    def findings(
        self, configuration: Any, version: str, properties: Mapping[str, Any]
    ) -> Iterable[tuple[str, str]]:
        """Returns each mistake as its place, a JSON Pointer, and a message.

        Args:
            configuration: A configuration that fits the version's schema, with UNKNOWN for unknown values.
            version: ParallelCluster version of the configuration.
            properties: The resource's other properties, with UNKNOWN for unknown values.
        """
        ...


@dataclass(frozen=True)
class Rules:
    """The rules for a configuration.

    Args:
        version: ParallelCluster version, one of ``versions()``.
        properties: Properties of the configuration's resource.
        library: The library's own rules; None skips them.
        policies: Rules of the user's own.
    """

    version: str
    properties: Mapping[str, Any]
    library: LibraryRules | None = None
    policies: Sequence[Policy] = ()

    def findings(self, plain: Any, values: Any, rule: Rule, otherwise: Place) -> Iterator[Finding]:
        """Yields the mistakes. A configuration that does not fit the schema is not looked at any further.

        Args:
            plain: The configuration as JSON values, with UNKNOWN for unknown values.
            values: The same with places.
            rule: Rule of the schema's findings.
            otherwise: Place of a finding that has none of its own.
        """
        fitted = fit(plain, self.version)
        yield from misfit_findings(self._with_versions(plain, fitted.misfits), values, rule, otherwise)
        if fitted.misfits:
            return
        for policy in self.policies:
            for path, message in policy.findings(fitted.typed):
                yield Finding(place_of(values, _parts(path)) or otherwise, path, message, "policy")
        if self.library is None:
            return
        for path, message in self.library.findings(fitted.typed, self.version, plain_values(self.properties)):
            yield Finding(place_of(values, _parts(path)) or otherwise, path, message, "library")

    def _with_versions(self, plain: Any, details: list[Detail]) -> list[Detail]:
        """Returns the misfits with the versions, in words, that accept what this one refuses."""
        accepting = accepting_versions(plain, details, self.version) if details else {}
        return [
            {**detail, _ACCEPTING: in_words(accepting[detail["path"]])}
            if detail["path"] in accepting
            else detail
            for detail in details
        ]


def text_findings(text: ConfigurationText, rules: Rules, key_at: Place) -> Iterator[Finding]:
    """Yields the mistakes in a configuration's text; a missing section is reported at the text's key."""
    for problem in text.problems:
        yield Finding(problem.place, problem.path, problem.message, "text")
    for path, place in repeated_keys(text.value):
        yield Finding(place, pointer(path), f"the key {path[-1]} appears twice", "text")
    if isinstance(text.value, Map | List):
        text.value.place = key_at
    plain = plain_values(text.value if text.typed is None else text.typed)
    yield from rules.findings(plain, text.value, "text", key_at)


def misfit_findings(details: list[Detail], values: Any, rule: Rule, otherwise: Place) -> Iterator[Finding]:
    """Yields a schema's misfits as findings with places.

    Args:
        details: The misfits.
        values: The checked values with places.
        rule: Rule of the findings.
        otherwise: Place of a finding that has none of its own.
    """
    # A misspelt key is also missing under its right name, which is one mistake.
    misspelt = {detail["path"].rpartition("/")[0] + "/" + detail.get("suggestion", "") for detail in details}
    for detail in details:
        if is_missing(detail) and detail["path"] in misspelt:
            continue
        of_key = detail["expected"].startswith(_KNOWN_KEY)
        place = place_of(values, _parts(detail["path"]), of_key=of_key) or otherwise
        shown = detail["value"].replace('"UNKNOWN"', "…")
        message = _message({**detail, "value": shown})
        if _ACCEPTING in detail:
            message += f" (valid with PclusterVersion {detail[_ACCEPTING]})"
        yield Finding(place, detail["path"], message, rule)


def _parts(path: str) -> tuple[str, ...]:
    """Returns the parts of a JSON Pointer. Source: RFC 6901, section 4."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def login_pools(plain: Any) -> int | None:
    """Returns the number of login node pools in a configuration; None if unknown."""
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
        return f"there is no such key; did you mean {detail['suggestion']}?"
    if expected.startswith(_KNOWN_KEY):
        return f"there is no such key; expected {expected}"
    if expected.startswith(_REQUIRED):
        return expected.removeprefix(_REQUIRED)
    return f"{detail['value']} is not valid; expected {expected}"
