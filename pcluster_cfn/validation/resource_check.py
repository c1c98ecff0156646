"""Checks one resource of a template: its mistakes with their places, and the parts it could not check."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cfn_template.limits import Place
from cfn_template.loops import PREFIX
from cfn_template.texts import EvaluationError
from cfn_template.values import Map, Unknown, place_of, repeated_keys
from cluster_schema import in_words, versions
from cluster_schema.conversion import UNKNOWN, Schema, convert, misfits, pointer
from pcluster_cfn.planning.requests import CLUSTER, CONFIGURATION, adopts
from pcluster_cfn.template import is_custom
from pcluster_cfn.validation.branches import AS_IT_STANDS, BRANCHES_MAX, Assumption, find_branches
from pcluster_cfn.validation.configuration_check import (
    LibraryRules,
    Rules,
    login_pools,
    misfit_findings,
    read_configuration_text,
    text_findings,
)
from pcluster_cfn.validation.partial_template import (
    PartialTemplate,
    as_received,
    plain_values,
    section,
    secure_references,
)
from pcluster_cfn.validation.policy import Policy
from pcluster_cfn.validation.report import NO_SCHEMA, Finding, NotChecked, Rule

#: Generated from the provider's own schema: ``make schemas``.
RESOURCES = Path(__file__).with_name("resources.json")
#: Similarity from which one name counts as a misspelling of another: two wrong letters of twenty.
_NEAR = 0.88


@dataclass(frozen=True)
class Resource:
    """A resource of this project's provider, or one whose type is a misspelling of its types.

    Args:
        logical_id: Its logical id.
        kind: Its schema, one of ``schemas()``.
        place: Place of its logical id.
        properties: Its properties as written in the template.
        meant: The type that was meant, if its own is a misspelling; None otherwise.
        type_at: Place of its type.
    """

    logical_id: str
    kind: str
    place: Place
    properties: Any
    meant: str | None
    type_at: Place


def written_properties(resource: Resource, template: PartialTemplate) -> Mapping[str, Any]:
    """Returns a resource's properties as written, in the branches that are taken; none if they are no map."""
    try:
        chosen = template.evaluator.choose(resource.properties)
    except EvaluationError:  # a condition without a value; what depends on it is unknown already
        chosen = resource.properties
    return chosen if isinstance(chosen, dict) else {}


def with_places(value: Any, written: Any, template: PartialTemplate) -> Any:
    """Returns a configuration with the places that it has within ``Fn::ToJsonString``, which makes a text.

    Args:
        value: Its value.
        written: The same as written.
        template: Its template.
    """
    if isinstance(written, dict) and set(written) == {"Fn::ToJsonString"}:
        return template.evaluate(written["Fn::ToJsonString"])
    return value


def resources(template: PartialTemplate) -> Iterator[Resource]:
    """Yields the resources of this project's provider, except those whose condition is false."""
    for logical_id, definition in section(template.root, "Resources").items():
        if not isinstance(definition, dict) or logical_id.startswith(PREFIX):
            continue
        kind, meant = _kind(definition.get("Type"), definition.get("Properties"))
        if kind is not None and template.exists(definition):
            place = place_of(template.root, ("Resources", logical_id)) or Place(1, 1)
            properties = definition["Properties"] if "Properties" in definition else Map(place)
            type_at = place_of(definition, ("Type",)) or place
            yield Resource(logical_id, kind, place, properties, meant, type_at)


@cache
def schemas() -> Mapping[str, Schema]:
    """Returns the schema of each resource type, with the type's attributes in ``x-attributes``."""
    read: Mapping[str, Schema] = json.loads(RESOURCES.read_text(encoding="utf-8"))
    return read


def _kind(kind: Any, properties: Any) -> tuple[str | None, str | None]:
    """Returns a resource's schema, and the type that was meant if its own is a misspelling."""
    if not isinstance(kind, str):
        return None, None
    if kind in schemas():
        return str(kind), None
    keys = properties if isinstance(properties, dict) else {}
    if is_custom(kind) and CONFIGURATION in keys:
        return CLUSTER, None  # to the provider, any other custom type is a cluster
    near = _near_type(kind)
    if near is not None:
        return near, near
    if is_custom(kind) and difflib.get_close_matches(
        CONFIGURATION.lower(), [key.lower() for key in keys], n=1, cutoff=_NEAR
    ):
        return CLUSTER, None
    return None, None


def _near_type(kind: str) -> str | None:
    known = {name.lower(): name for name in schemas()}
    name = kind.lower()
    if name.startswith("aws::") and name.rpartition("::")[2] not in {each[8:] for each in known}:
        return None  # a type of AWS
    ends = {each.removeprefix("custom::"): each for each in known}
    near = ends.get(name.rpartition(":")[2]) or next(
        iter(difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)), None
    )
    return known[near] if near else None


_NAME, _VERSION, _ADOPTS = "ClusterName", "PclusterVersion", "AdoptExisting"


@dataclass(frozen=True)
class CheckedResource:
    """The result of a check of one resource.

    Args:
        findings: The mistakes.
        skipped: The parts that could not be checked.
        is_opaque: Whether nothing could be checked.
        login_pools: Number of login node pools in its configuration; None if unknown.
        version: ParallelCluster version of its configuration; empty if unknown.
        configuration: Its configuration as JSON values, with UNKNOWN for unknown values.
    """

    findings: list[Finding]
    skipped: list[NotChecked]
    is_opaque: bool
    login_pools: int | None
    version: str
    configuration: Any


def check_resource(
    resource: Resource,
    template: PartialTemplate,
    lines: Sequence[str],
    version: str,
    library: LibraryRules | None = None,
    *,
    policies: Sequence[Policy] = (),
) -> CheckedResource:
    """Checks a resource, with both branches of each ``Fn::If`` whose condition is unknown.

    Args:
        resource: A resource of the template.
        template: The template.
        lines: Lines of the template's text.
        version: ParallelCluster version of a cluster without ``PclusterVersion``.
        library: The library's own rules; None skips them.
        policies: Rules of the user's own.
    """
    branches = find_branches(template, resource.properties)
    checks: dict[Assumption, _Check] = {}
    findings: dict[Assumption, set[Finding]] = {}
    for assumption, assumed in branches.templates.items():
        # The library checks whole configurations, so it is asked only where every condition is decided.
        asked = library if branches.is_last(assumption) else None
        checks[assumption] = check = _Check(resource, assumed, lines, version, asked, policies)
        findings[assumption] = set(check.findings())
    skipped = branches.conditions_of(
        {assumption: set(check.skipped) for assumption, check in checks.items()}, NotChecked.only_if
    )
    if not branches.is_complete:
        reason = (
            f"more than {BRANCHES_MAX} branches depend on unknown conditions; give parameters values with -p"
        )
        skipped.append(NotChecked(resource.place, resource.logical_id, reason))
    return CheckedResource(
        branches.conditions_of(findings, Finding.only_if),
        skipped,
        all(check.is_opaque for check in checks.values()),
        checks[AS_IT_STANDS].login_pools,
        checks[AS_IT_STANDS].used_version,
        checks[AS_IT_STANDS].configuration,
    )


@dataclass
class _Check:
    """One check of one resource, under assumed conditions. ``findings`` fills in the last five fields.

    Args:
        resource: The resource.
        template: The template, with assumed values for unknown conditions.
        lines: Lines of the template's text.
        version: ParallelCluster version of a cluster without ``PclusterVersion``.
        library: The library's own rules; None skips them.
        policies: Rules of the user's own.
        skipped: The parts that could not be checked.
        is_opaque: Whether nothing could be checked.
        login_pools: Number of login node pools in its configuration; None if unknown.
        used_version: ParallelCluster version of its configuration; empty if unknown.
        configuration: Its configuration as JSON values, with UNKNOWN for unknown values.
    """

    resource: Resource
    template: PartialTemplate
    lines: Sequence[str]
    version: str
    library: LibraryRules | None = None
    policies: Sequence[Policy] = ()
    skipped: list[NotChecked] = field(default_factory=list)
    is_opaque: bool = False
    login_pools: int | None = None
    used_version: str = ""
    configuration: Any = UNKNOWN

    def findings(self) -> Iterator[Finding]:
        """Yields the mistakes."""
        yield from self._type()
        written = self.template.evaluator.evaluate(self.resource.properties)
        values = self.template.resolve(written)
        if not isinstance(values, dict):
            self.is_opaque = True
            reason = values.reason if isinstance(values, Unknown) else "its properties are not a map"
            self._skip("", reason)
            return
        schema = schemas()[self.resource.kind]
        plain = plain_values(as_received(values))
        details = misfits(convert(plain, schema, {}), plain, schema)
        for each in misfit_findings(details, values, "property", self.resource.place):
            yield self._finding(each.place, each.path, each.message, each.rule)
        if adopts(plain) and _NAME not in plain:
            place = place_of(values, (_ADOPTS,), of_key=True) or self.resource.place
            yield self._finding(place, f"/{_ADOPTS}", f"the cluster to take over needs {_NAME}", "property")
        for path, place in repeated_keys(values):
            yield self._finding(place, pointer(path), f"the key {path[-1]} appears twice", "template")
        for path, reference in secure_references(written):
            message = (
                f"CloudFormation does not resolve {reference} in a custom resource; give the value itself"
            )
            place = place_of(values, path) or self.resource.place
            yield self._finding(place, pointer(path), message, "property")
        if CONFIGURATION in values:
            yield from self._versioned(values, plain)

    def _versioned(self, values: Mapping[str, Any], plain: Mapping[str, Any]) -> Iterator[Finding]:
        version = plain.get(_VERSION, self.version)
        self.used_version = version if isinstance(version, str) else ""
        if version in versions():
            yield from self._configuration(values, version)
            return
        self.configuration = self._unchecked(values[CONFIGURATION])
        # Only the engine of another version can check its configuration.
        why = f"version {version} {NO_SCHEMA}" if isinstance(version, str) else "its version is unknown here"
        self._skip(f"/{CONFIGURATION}", f"{why}; there are {in_words(versions())}")

    def _unchecked(self, value: Any) -> Any:
        """Returns a configuration as JSON values, with UNKNOWN for unknown values."""
        if isinstance(value, str) and value:
            value = read_configuration_text(value, self._written(), self.lines).value
        return plain_values(value)

    def _configuration(self, values: Mapping[str, Any], version: str) -> Iterator[Finding]:
        prefix = f"/{CONFIGURATION}"
        node = self._written()
        value = with_places(values[CONFIGURATION], node, self.template)
        rules = Rules(version, values, self.library, self.policies)
        if isinstance(value, dict):
            plain = self.configuration = plain_values(as_received(value))
            self.login_pools = login_pools(plain)
            found = rules.findings(plain, value, "configuration", self.resource.place)
        elif isinstance(value, str) and value:
            text = read_configuration_text(value, node, self.lines)
            plain = self.configuration = plain_values(text.value)
            self.login_pools = login_pools(plain)
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
        """Returns the configuration as written in the template, in the branch that is taken."""
        return written_properties(self.resource, self.template).get(CONFIGURATION)

    def _type(self) -> Iterator[Finding]:
        if self.resource.meant is not None:
            message = f"the provider has no resources of this type; did you mean {self.resource.meant}?"
            yield self._finding(self.resource.type_at, "/Type", message, "property")

    def _skip(self, path: str, reason: str) -> None:
        place = place_of(self.resource.properties, tuple(path.split("/")[1:]), of_key=True)
        self.skipped.append(
            NotChecked(place or self.resource.place, f"{self.resource.logical_id}{path}", reason)
        )

    def _finding(self, place: Place, path: str, message: str, rule: Rule) -> Finding:
        noted = f"{message} ({place.note})" if place.note else message
        return Finding(place, f"{self.resource.logical_id}{path}", noted, rule)
