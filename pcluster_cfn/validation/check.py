"""Finds what is wrong with one resource of a template, and where; says what it could not look at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cfn_template.limits import Place
from cfn_template.texts import EvaluationError
from cfn_template.values import Unknown, place_of, repeated_keys
from cluster_schema import versions
from cluster_schema.conversion import convert, misfits, pointer
from pcluster_cfn.validation.clusters import CONFIGURATION, Resource, schemas
from pcluster_cfn.validation.configuration import (
    LibraryRules,
    Rules,
    login_pools,
    misfit_findings,
    text_findings,
)
from pcluster_cfn.validation.findings import Finding, NotLookedAt, Rule
from pcluster_cfn.validation.foresight import Foresight, as_received, secure_references, settled
from pcluster_cfn.validation.text import read_text

_VERSION = "PclusterVersion"


@dataclass
class CheckedResource:
    """One resource of a template.

    Args:
        skipped: What could not be looked at in it.
        is_opaque: Whether nothing of it could.
        login_pools: How many login node pools its configuration has; None if that is not known.
        library: The library's own rules; None leaves them out.
    """

    resource: Resource
    template: Foresight
    lines: Sequence[str]
    version: str
    library: LibraryRules | None = None
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
        for each in misfit_findings(details, values, "property", self.resource.place):
            yield self._finding(each.place, each.path, each.message, each.rule)
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
        rules = Rules(version, values, self.library)
        if isinstance(value, dict):
            plain = settled(as_received(value))
            self.login_pools = login_pools(plain)
            found = rules.findings(plain, value, "configuration", self.resource.place)
        elif isinstance(value, str) and value:
            text = read_text(value, node, self.lines)
            self.login_pools = login_pools(settled(text.value))
            found = text_findings(text, rules, place_of(values, (CONFIGURATION,), of_key=True) or Place(1, 1))
            if isinstance(text.value, Unknown) and not text.problems:
                self._skip(prefix, text.value.reason)
        else:
            found = iter(())
            if isinstance(value, Unknown):
                self._skip(prefix, value.reason)
        for each in found:
            yield self._finding(each.place, prefix + each.path, each.message, each.rule)

    def _written(self) -> Any:
        """Returns the configuration as it stands in the template, in the branch that is taken."""
        try:
            chosen = self.template.evaluator.choose(self.resource.properties)
        except EvaluationError:
            chosen = self.resource.properties
        return chosen.get(CONFIGURATION) if isinstance(chosen, dict) else None

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
