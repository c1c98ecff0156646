"""Finds what is wrong with one resource of a template, and where; says what it could not look at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cfn_template.limits import Place
from cfn_template.texts import EvaluationError
from cfn_template.values import Unknown, place_of, repeated_keys
from cluster_schema import fit, versions
from cluster_schema.conversion import Detail, convert, misfits, pointer
from pcluster_cfn.validation.clusters import CONFIGURATION, Resource, schemas
from pcluster_cfn.validation.findings import Finding, NotLookedAt, Rule
from pcluster_cfn.validation.foresight import Foresight, as_received, secure_references, settled
from pcluster_cfn.validation.text import ConfigurationText, read_text

_KNOWN_KEY = "a known key: "
_REQUIRED = "a value, because "
_VERSION = "PclusterVersion"


@dataclass
class CheckedResource:
    """One resource of a template.

    Args:
        skipped: What could not be looked at in it.
        is_opaque: Whether nothing of it could.
        login_pools: How many login node pools its configuration has; None if that is not known.
    """

    resource: Resource
    template: Foresight
    lines: Sequence[str]
    version: str
    skipped: list[NotLookedAt] = field(default_factory=list)
    is_opaque: bool = False
    login_pools: int | None = None

    def findings(self) -> Iterator[Finding]:
        """Yields everything wrong with it."""
        yield from self._type()
        written = self.template.evaluator.evaluate(self.resource.properties)
        values = self.template.resolve(written)
        if not isinstance(values, dict):
            self.is_opaque = True
            reason = values.reason if isinstance(values, Unknown) else "its properties are no map"
            self._skip("", reason)
            return
        schema = schemas()[self.resource.kind]
        plain = settled(as_received(values))
        details = misfits(convert(plain, schema, {}), plain, schema)
        yield from self._misfits(details, values, "property")
        for path, place in repeated_keys(values):
            yield self._finding(place, pointer(path), f"the key {path[-1]} is there twice", "template")
        for path, reference in secure_references(written):
            message = f"CloudFormation does not resolve {reference} in a custom resource: give its value"
            place = place_of(values, path) or self.resource.place
            yield self._finding(place, pointer(path), message, "property")
        if CONFIGURATION in values:
            yield from self._versioned(values, plain)

    def _versioned(self, values: Mapping[str, Any], plain: Mapping[str, Any]) -> Iterator[Finding]:
        version = plain.get(_VERSION, self.version)
        if version in versions():
            yield from self._configuration(values, version)
            return
        # A configuration of another version than those known is left to its engine.
        why = f"version {version} has no schema" if isinstance(version, str) else "its version is not known"
        self._skip(f"/{CONFIGURATION}", f"{why} here; there are {', '.join(versions())}")

    def _configuration(self, values: Mapping[str, Any], version: str) -> Iterator[Finding]:
        prefix = f"/{CONFIGURATION}"
        node = self._written()
        value = values[CONFIGURATION]
        if isinstance(node, dict) and set(node) == {"Fn::ToJsonString"}:
            value = self.template.evaluate(node["Fn::ToJsonString"])
        if isinstance(value, dict):
            plain = settled(as_received(value))
            self.login_pools = _login_pools(plain)
            yield from self._misfits(refusals(plain, version), value, "configuration", prefix)
        elif isinstance(value, str) and value:
            text = read_text(value, node, self.lines)
            self.login_pools = _login_pools(settled(text.value))
            key_at = place_of(values, (CONFIGURATION,), of_key=True) or self.resource.place
            for found in text_findings(text, version, key_at):
                yield self._finding(found.place, prefix + found.path, found.message, found.rule)
            if isinstance(text.value, Unknown) and not text.problems:
                self._skip(prefix, text.value.reason)
        elif isinstance(value, Unknown):
            self._skip(prefix, value.reason)

    def _written(self) -> Any:
        """Returns the configuration as it stands in the template, in the branch that is taken."""
        try:
            chosen = self.template.evaluator.choose(self.resource.properties)
        except EvaluationError:
            chosen = self.resource.properties
        return chosen.get(CONFIGURATION) if isinstance(chosen, dict) else None

    def _misfits(self, details: list[Detail], values: Any, rule: Rule, prefix: str = "") -> Iterator[Finding]:
        for detail, place in _located(details, values):
            at = place or self.resource.place
            yield self._finding(at, prefix + detail["path"], _message(detail), rule)

    def _type(self) -> Iterator[Finding]:
        if self.resource.meant is not None:
            message = f"the provider has no resources of this type, did you mean {self.resource.meant}?"
            yield self._finding(self.resource.type_at, "/Type", message, "property")

    def _skip(self, path: str, reason: str) -> None:
        place = place_of(self.resource.properties, tuple(path.split("/")[1:]), of_key=True)
        self.skipped.append(
            NotLookedAt(place or self.resource.place, f"{self.resource.logical_id}{path}", reason)
        )

    def _finding(self, place: Place, path: str, message: str, rule: Rule) -> Finding:
        noted = f"{message} ({place.note})" if place.note else message
        return Finding(place, f"{self.resource.logical_id}{path}", noted, rule)


def refusals(plain: Any, version: str) -> list[Detail]:
    """Returns everything that is refused in a configuration, without AWS.

    Args:
        plain: JSON values; UNKNOWN for what only a deployment knows.
        version: One of ``versions()``.
    """
    return fit(plain, version).misfits


def text_findings(text: ConfigurationText, version: str, key_at: Place) -> Iterator[Finding]:
    """Yields what is wrong in a configuration's text; what it lacks as a whole is at its key."""
    for problem in text.problems:
        yield Finding(problem.place, problem.path, problem.message, "text")
    for path, place in repeated_keys(text.value):
        yield Finding(place, pointer(path), f"the key {path[-1]} is there twice", "text")
    plain = settled(text.value if text.typed is None else text.typed)
    for detail, found in _located(refusals(plain, version), text.value):
        is_inside = found is not None and detail["path"].count("/") >= _nested_paths(detail)
        at = found if is_inside and found is not None else key_at
        yield Finding(at, detail["path"], _message(detail), "text")


def _nested_paths(detail: Detail) -> int:
    """How many slashes a path has at least whose place is inside the text."""
    return 2 if detail["expected"].startswith(_REQUIRED) else 1


def _located(details: list[Detail], values: Any) -> Iterator[tuple[Detail, Place | None]]:
    """Yields what a schema refuses with its place in the values; None in values without places."""
    # A key that is misspelt is missing as well; that is one mistake.
    misspelt = {detail["path"].rpartition("/")[0] + "/" + detail.get("suggestion", "") for detail in details}
    for detail in details:
        if detail["expected"].startswith(_REQUIRED) and detail["path"] in misspelt:
            continue
        of_key = detail["expected"].startswith(_KNOWN_KEY)
        path = tuple(part.replace("~1", "/").replace("~0", "~") for part in detail["path"].split("/")[1:])
        shown = detail["value"].replace('"UNKNOWN"', "…")
        yield {**detail, "value": shown}, place_of(values, path, of_key=of_key)


def _login_pools(plain: Any) -> int | None:
    """How many login node pools a configuration has; None if that is not known."""
    if not isinstance(plain, dict):
        return None
    nodes = plain.get("LoginNodes", {})
    pools = nodes.get("Pools", []) if isinstance(nodes, dict) else None
    if not isinstance(pools, list) or not all(isinstance(pool, dict) for pool in pools):
        return None
    return len(pools)


def _message(detail: Detail) -> str:
    expected = detail["expected"]
    if "suggestion" in detail:
        return f"there is no such key, did you mean {detail['suggestion']}?"
    if expected.startswith(_KNOWN_KEY):
        return f"there is no such key, expected {expected}"
    if expected.startswith(_REQUIRED):
        return expected.removeprefix(_REQUIRED)
    return f"{detail['value']} is not possible, expected {expected}"
