"""Examines a file: a template with all that it nests, or a ParallelCluster configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cfn_template.limits import Place, TemplateError
from cfn_template.loops import LANGUAGE_EXTENSIONS, transforms_of
from cfn_template.reading import read
from cfn_template.values import place_of
from cluster_schema import versions
from pcluster_cfn.validation.attributes import Readable, impossible_attributes
from pcluster_cfn.validation.check import CheckedResource
from pcluster_cfn.validation.clusters import CLUSTER, resources
from pcluster_cfn.validation.configuration import LibraryRules, Rules, text_findings
from pcluster_cfn.validation.findings import Finding, NotLookedAt, Report
from pcluster_cfn.validation.foresight import Answers, Foresight, Given, foresee
from pcluster_cfn.validation.nested import nested_templates
from pcluster_cfn.validation.text import read_file

#: What tells a ParallelCluster configuration from a template.
_SECTIONS = {"HeadNode", "Image", "Scheduling"}
#: Transforms that make no clusters: SAM's, and the one that is carried out here.
_HARMLESS = {"AWS::Serverless-2016-10-31", LANGUAGE_EXTENSIONS}


@dataclass(frozen=True)
class Inputs:
    """What a file is examined with.

    Args:
        parameters: Values of parameters, in place of their defaults.
        known: Values of pseudo parameters.
        version: ParallelCluster version of clusters that name none.
        library: The library's own rules, for configurations that fit their schema; None leaves them out.
    """

    parameters: Mapping[str, Given] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)
    version: str = field(default_factory=lambda: versions()[0])
    library: LibraryRules | None = None


def check(
    text: str,
    parameters: Mapping[str, Given] | None = None,
    known: Mapping[str, Any] | None = None,
    version: str | None = None,
) -> list[Finding]:
    """Returns everything wrong with the clusters of a text, in its order; arguments as of ``Inputs``."""
    return examine(text, "", Inputs(parameters or {}, known or {}, version or versions()[0])).findings


def examine(text: str, source: str, inputs: Inputs, chain: tuple[Path, ...] = ()) -> Report:
    """Returns what is wrong with the clusters of a file, and what was not looked at.

    What only CloudFormation knows is taken for right.

    Args:
        text: A template, YAML or JSON, or a ParallelCluster configuration.
        source: The file, which local templates that it nests are beside; empty if it is no file.
        inputs: What is known besides.
        chain: Files of the templates that this one is nested in.
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
    template = foresee(root, inputs.parameters, Answers(known=inputs.known))
    _examine_resources(template, report, text.splitlines(), inputs)
    for inner in nested_templates(template, source, chain):
        if isinstance(inner, NotLookedAt):
            report.skipped.append(inner)
        elif isinstance(inner, Finding):
            report.findings.append(inner)
        else:
            given = replace(inputs, parameters=inner.given)
            report.nested.append(examine(inner.text, inner.source, given, inner.chain))
    report.findings = sorted(set(report.findings))
    report.skipped = sorted(set(report.skipped))
    return report


def _configuration(text: str, source: str, inputs: Inputs) -> Report:
    rules = Rules(inputs.version, {}, inputs.library)
    found = text_findings(read_file(text), rules, Place(1, 1))
    as_path = {replace(each, path=each.path.removeprefix("/")) for each in found}
    return Report(source, is_template=False, clusters=1, findings=sorted(as_path))


def _examine_resources(template: Foresight, report: Report, lines: Sequence[str], inputs: Inputs) -> None:
    readable: dict[str, Readable] = {}
    for resource in resources(template):
        checked = CheckedResource(resource, template, lines, inputs.version, inputs.library)
        report.findings += checked.findings()
        report.skipped += checked.skipped
        report.clusters += resource.kind == CLUSTER and not checked.is_opaque
        readable[resource.logical_id] = Readable(resource.kind, checked.login_pools)
    report.findings += impossible_attributes(template, readable)
    report.findings += [Finding(each.place, "", each.message, "template") for each in template.problems]
    for loop in template.left:
        if loop.section == "Resources":
            report.skipped.append(NotLookedAt(loop.place or Place(1, 1), loop.key, loop.reason))
    for name in transforms_of(template.root):
        if name not in _HARMLESS:
            place = place_of(template.root, ("Transform",)) or Place(1, 1)
            reason = f"what {name} makes of the template"
            report.skipped.append(NotLookedAt(place, "Transform", reason))
