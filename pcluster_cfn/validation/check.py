"""Finds what is wrong with a template's clusters, and where."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from yaml.nodes import MappingNode, Node

from cfn_template.nodes import child
from cluster_schema import fit, versions
from cluster_schema.composing import compose
from cluster_schema.conversion import Detail, convert, misfits
from cluster_schema.limits import UnreadableError
from pcluster_cfn.validation.clusters import CONFIGURATION, Resource, resources, schemas
from pcluster_cfn.validation.evaluation import Evaluation, function, settled
from pcluster_cfn.validation.places import Place, Reader, in_file
from pcluster_cfn.validation.scope import Scope, scope_of
from pcluster_cfn.validation.text import read_text

Rule = Literal["template", "property", "configuration", "text"]
_KNOWN_KEY = "a known key: "
_REQUIRED = "a value, because "
_VERSION = "PclusterVersion"


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake.

    Args:
        place: Where it is in the file.
        path: The logical id of the resource, its property, and what is in it, with slashes between.
        message: What is wrong and what is expected.
        rule: Which part of the template breaks its rules.
    """

    place: Place
    path: str
    message: str
    rule: Rule


def check(
    text: str,
    parameters: Mapping[str, str] | None = None,
    known: Mapping[str, Any] | None = None,
    version: str | None = None,
) -> list[Finding]:
    """Returns everything wrong with the clusters of a template, in the order of the text.

    What only CloudFormation knows is taken for right.

    Args:
        text: The template, YAML or JSON.
        parameters: Values of parameters, in place of their defaults.
        known: Values of pseudo parameters.
        version: ParallelCluster version of clusters that name none; the newest without one.
    """
    try:
        root = compose(text)
    except UnreadableError as error:
        place = in_file(error.mark) if error.mark else Place(1, 1)
        return [Finding(place, "", f"the template cannot be read: {error.problem}", "template")]
    if not isinstance(root, MappingNode):
        return [Finding(Place(1, 1), "", "the template is not a map with Resources", "template")]
    scope = scope_of(root, parameters or {}, known or {})
    lines = text.splitlines()
    found: list[Finding] = []
    for resource in resources(root, scope):
        found += _Checked(resource, scope, lines, version or versions()[0]).findings()
    return sorted(set(found))


@dataclass(frozen=True)
class _Checked:
    """One resource of a template."""

    resource: Resource
    scope: Scope
    lines: Sequence[str]
    version: str

    def findings(self) -> Iterator[Finding]:
        evaluation = Evaluation(scope=self.scope)
        values = settled(evaluation.read(self.resource.properties))
        if isinstance(values, dict):
            schema = schemas()[self.resource.kind]
            yield from self._misfits(
                misfits(convert(values, schema, {}), values, schema), evaluation, "property"
            )
            node = child(self.resource.properties, CONFIGURATION)
            version = values.get(_VERSION, self.version)
            # A configuration of another version than those known is left to its engine.
            if node is not None and version in versions():
                yield from self._configuration(node, evaluation, version)
        yield from self._problems(evaluation, "template")

    def _configuration(self, node: Node, evaluation: Evaluation, version: str) -> Iterator[Finding]:
        prefix = f"/{CONFIGURATION}"
        name, argument = function(node) or ("", node)
        value = evaluation.read(argument if name == "Fn::ToJsonString" else node, (CONFIGURATION,))
        if isinstance(value, dict):
            yield from self._misfits(
                fit(settled(value), version).misfits, evaluation, "configuration", prefix
            )
        elif isinstance(value, str) and value:
            text = read_text(value, node, self.lines)
            text.reader.keys[""] = evaluation.keys[prefix]
            yield from self._problems(text.reader, "text", prefix)
            yield from self._misfits(fit(text.value, version).misfits, text.reader, "text", prefix)

    def _misfits(
        self, details: list[Detail], reader: Reader, rule: Rule, prefix: str = ""
    ) -> Iterator[Finding]:
        """Places what a schema refuses; in a reader of the whole resource the configuration has a prefix."""
        inside = prefix if isinstance(reader, Evaluation) else ""
        # A key that is misspelt is missing as well; that is one mistake.
        misspelt = {
            detail["path"].rpartition("/")[0] + "/" + detail.get("suggestion", "") for detail in details
        }
        for detail in details:
            if detail["expected"].startswith(_REQUIRED) and detail["path"] in misspelt:
                continue
            of_key = detail["expected"].startswith(_KNOWN_KEY)
            place = reader.place(inside + detail["path"], of_key=of_key) or in_file(
                self.resource.node.start_mark
            )
            yield self._finding(place, prefix + detail["path"], _message(detail), rule)

    def _problems(self, reader: Reader, rule: Rule, prefix: str = "") -> Iterator[Finding]:
        for problem in reader.problems:
            yield self._finding(problem.place, prefix + problem.path, problem.message, rule)

    def _finding(self, place: Place, path: str, message: str, rule: Rule) -> Finding:
        noted = f"{message} ({place.note})" if place.note else message
        return Finding(place, f"{self.resource.logical_id}{path}", noted, rule)


def _message(detail: Detail) -> str:
    expected = detail["expected"]
    if "suggestion" in detail:
        return f"there is no such key, did you mean {detail['suggestion']}?"
    if expected.startswith(_KNOWN_KEY):
        return f"there is no such key, expected {expected}"
    if expected.startswith(_REQUIRED):
        return expected.removeprefix(_REQUIRED)
    return f"{detail['value']} is not possible, expected {expected}"
