"""Checks a file: a template with all local templates that it nests, or a ParallelCluster configuration."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from cfn_template.limits import Place, TemplateError
from cfn_template.loops import LANGUAGE_EXTENSIONS, PREFIX, transforms_of
from cfn_template.reading import read
from cfn_template.references import references
from cfn_template.texts import EvaluationError, as_text
from cfn_template.values import HOLE, PartialText, Unknown, place_of
from cluster_schema import in_words, versions
from cluster_schema.advisories import advisories_for
from pcluster_cfn.errors import CommandError
from pcluster_cfn.package import is_local, template_property
from pcluster_cfn.planning.requests import CLUSTER
from pcluster_cfn.template import extend_chain, read_text
from pcluster_cfn.validation.attribute_check import Readable, missing_attributes
from pcluster_cfn.validation.configuration_check import (
    LibraryRules,
    Rules,
    read_configuration_file,
    text_findings,
)
from pcluster_cfn.validation.partial_template import (
    Answers,
    Given,
    PartialTemplate,
    evaluate_partially,
    plain_values,
    section,
)
from pcluster_cfn.validation.policy import Policy
from pcluster_cfn.validation.report import NO_SCHEMA, Finding, NotChecked, Note, Report
from pcluster_cfn.validation.resource_check import check_resource, resources

#: The official provider's template, which contains no clusters. Source: ParallelCluster user guide,
#: "cfn-provider-stack".
_OFFICIAL_PROVIDER = re.compile(r"/templates/custom_resource/cluster\.yaml$")
#: The output that a provider's stack is nested for. Source: docs/reference/cluster.md.
_PROVIDER_OUTPUT = "Outputs.ServiceToken"


@dataclass(frozen=True)
class Nested:
    """A local template that another one nests.

    Args:
        logical_id: Logical id of the nested stack.
        text: Its text.
        source: Its file.
        given: Values of its parameters.
        chain: The files that nest it, itself last.
    """

    logical_id: str
    text: str
    source: str
    given: Mapping[str, Given]
    chain: tuple[Path, ...]


def find_nested(
    template: PartialTemplate, source: str, chain: tuple[Path, ...]
) -> Iterator[Nested | Finding | NotChecked]:
    """Yields the local templates that a template nests, and for any other the reason for not checking it.

    Args:
        template: The template.
        source: File of the template; empty if it has none.
        chain: Files of the templates that nest it, as ``extend_chain`` returned them.
    """
    if source and not chain:
        chain = extend_chain((), Path(source), source)
    providers: set[str] | None = None
    for logical_id, definition in section(template.root, "Resources").items():
        key = template_property(str(definition.get("Type"))) if isinstance(definition, dict) else None
        if key is None or logical_id.startswith(PREFIX) or not template.exists(definition):
            continue
        evaluated = template.evaluate(definition.get("Properties", {}))
        properties = evaluated if isinstance(evaluated, dict) else {}
        location = properties.get(key)
        place = place_of(template.root, ("Resources", logical_id, "Properties", key)) or Place(1, 1)
        path = f"{logical_id}/{key}"
        known = location if isinstance(location, str) and not isinstance(location, PartialText) else None
        if known is not None and is_local(known) and source:
            yield from _local(Path(source).parent / known, path, place, chain, properties.get("Parameters"))
            continue
        providers = _providers(template) if providers is None else providers
        if logical_id in providers or (isinstance(location, str) and _OFFICIAL_PROVIDER.search(location)):
            continue  # a provider, and no clusters
        what = f"its template is at {_shown(location)}" if location else "it does not name a template"
        advice = "validate that template, too"
        yield NotChecked(place, path, f"{what}; {advice}")


def _shown(location: Any) -> str:
    """Returns the known parts of an address."""
    if isinstance(location, Unknown):
        return f"an address that is not known ({location.reason})"
    return re.sub(f"{HOLE}+", "…", location) if isinstance(location, str) else "an address that is not text"


def _local(
    file: Path, path: str, place: Place, chain: tuple[Path, ...], parameters: Any
) -> Iterator[Nested | Finding]:
    try:
        inner = extend_chain(chain, file, path)
        text = read_text(file)
    except (CommandError, OSError, ValueError) as error:
        problem = str(error) if isinstance(error, CommandError) else f"{file} is not a path here"
        yield Finding(place, path, problem, "template")
        return
    yield Nested(path.partition("/")[0], text, str(file), _given(parameters), inner)


def _given(parameters: Any) -> dict[str, Given]:
    if not isinstance(parameters, dict):
        return {}
    return {name: _text(value) for name, value in parameters.items()}


def _text(value: Any) -> Given:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, PartialText):
        return Unknown(value.reason)
    try:
        return as_text(value)
    except EvaluationError as error:
        return Unknown(str(error))


def _providers(template: PartialTemplate) -> set[str]:
    """Returns the nested stacks whose service token is read."""
    found: set[str] = set()
    for name in ("Resources", "Outputs"):
        for entry in section(template.root, name).values():
            try:
                read = list(references(entry))
            except EvaluationError:
                continue
            found |= {each.name for each in read if each.attribute == _PROVIDER_OUTPUT}
    return found


#: Sections of a ParallelCluster configuration that a template does not have.
_SECTIONS = {"HeadNode", "Image", "Scheduling"}
#: Transforms that hide no clusters: SAM's adds none, and the other is evaluated here.
_HARMLESS = {"AWS::Serverless-2016-10-31", LANGUAGE_EXTENSIONS}


@dataclass(frozen=True)
class Inputs:
    """Inputs of a check, besides the file.

    Args:
        parameters: Values of parameters, instead of their defaults.
        known: Values of pseudo parameters.
        version: ParallelCluster version of clusters without ``PclusterVersion``.
        library: The library's own rules, for configurations that fit their schema; None skips them.
        advised_on: The day as of which the reports note what is known of the clusters' releases; None leaves
            the notes out.
        policies: Rules of the user's own for configurations that fit their schema.
    """

    parameters: Mapping[str, Given] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)
    version: str = field(default_factory=lambda: versions()[0])
    library: LibraryRules | None = None
    advised_on: date | None = None
    policies: Sequence[Policy] = ()

    def notes(self, place: Place, path: str, version: str, configuration: Any) -> list[Note]:
        """Returns what is known of a cluster's release, the worst first."""
        if self.advised_on is None:
            return []
        found = advisories_for(version, configuration, self.advised_on)
        return [Note(place, path, version, each) for each in found]


def check(
    text: str,
    parameters: Mapping[str, Given] | None = None,
    known: Mapping[str, Any] | None = None,
    version: str | None = None,
) -> list[Finding]:
    """Returns the mistakes in the clusters of a text, in order. Arguments: see ``Inputs``."""
    return check_file(text, "", Inputs(parameters or {}, known or {}, version or versions()[0])).findings


def check_file(text: str, source: str, inputs: Inputs, chain: tuple[Path, ...] = ()) -> Report:
    """Returns the mistakes in the clusters of a file, and the parts that were not checked.

    Values that only CloudFormation knows are assumed to be correct.

    Args:
        text: A template, in YAML or JSON, or a ParallelCluster configuration.
        source: The file; empty if there is none. Paths of nested templates are relative to its folder.
        inputs: Parameters and rules of the check.
        chain: Files of the templates that nest this one.
    """
    report = Report(source)
    try:
        root = read(text)
    except TemplateError as error:
        problem = f"the template cannot be read: {error.problem}"
        report.findings = [Finding(error.place or Place(1, 1), "", problem, "template")]
        return report
    if isinstance(root, dict) and "Resources" not in root and _SECTIONS & set(root):
        return _configuration(text, source, inputs)
    if not isinstance(root, dict) or not isinstance(root.get("Resources"), dict):
        problem = "the template is not a map with Resources"
        report.findings = [Finding(Place(1, 1), "", problem, "template")]
        return report
    template = evaluate_partially(root, inputs.parameters, Answers(known=inputs.known))
    _check_resources(template, report, text.splitlines(), inputs)
    for inner in find_nested(template, source, chain):
        if isinstance(inner, NotChecked):
            report.skipped.append(inner)
        elif isinstance(inner, Finding):
            report.findings.append(inner)
        else:
            given = replace(inputs, parameters=inner.given)
            report.nested.append(check_file(inner.text, inner.source, given, inner.chain))
    report.findings = sorted(set(report.findings))
    report.skipped = sorted(set(report.skipped))
    return report


def _configuration(text: str, source: str, inputs: Inputs) -> Report:
    report = Report(source, is_template=False, clusters=1)
    written = read_configuration_file(text)
    report.notes = inputs.notes(Place(1, 1), "", inputs.version, plain_values(written.value))
    if inputs.version in versions():
        found = text_findings(
            written, Rules(inputs.version, {}, inputs.library, inputs.policies), Place(1, 1)
        )
        report.findings = sorted({replace(each, path=each.path.removeprefix("/")) for each in found})
    else:
        reason = f"version {inputs.version} {NO_SCHEMA}; there are {in_words(versions())}"
        report.skipped.append(NotChecked(Place(1, 1), "", reason))
    return report


def _check_resources(template: PartialTemplate, report: Report, lines: Sequence[str], inputs: Inputs) -> None:
    readable: dict[str, Readable] = {}
    for resource in resources(template):
        checked = check_resource(
            resource, template, lines, inputs.version, inputs.library, policies=inputs.policies
        )
        report.findings += checked.findings
        report.skipped += checked.skipped
        report.clusters += resource.kind == CLUSTER and not checked.is_opaque
        report.notes += inputs.notes(
            resource.place, resource.logical_id, checked.version, checked.configuration
        )
        readable[resource.logical_id] = Readable(resource.kind, checked.login_pools)
    report.findings += missing_attributes(template, readable)
    report.findings += [Finding(each.place, "", each.message, "template") for each in template.problems]
    for loop in template.left:
        if loop.section == "Resources":
            report.skipped.append(NotChecked(loop.place or Place(1, 1), loop.key, loop.reason))
    for name in transforms_of(template.root):
        if name not in _HARMLESS:
            place = place_of(template.root, ("Transform",)) or Place(1, 1)
            reason = f"the result of the transform {name}"
            report.skipped.append(NotChecked(place, "Transform", reason))
