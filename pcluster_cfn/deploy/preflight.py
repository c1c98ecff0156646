"""Checks before a deployment, for mistakes that CloudFormation finds late or not at all.

Sources of this project lack their packages, so on AWS their functions fail at the first invocation. On the
embedded cloud, which adds this machine's packages, they work (localcloud/GAPS.md, "Lambda"). An attribute
that does not exist fails only after the clusters were created.
"""

import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cfn_template.values import Unknown
from pcluster_cfn.errors import CommandError
from pcluster_cfn.package import local_references
from pcluster_cfn.template import Chain, Template, extend_chain, read_text
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.report import finding_line

if TYPE_CHECKING:
    from pcluster_cfn.validation.partial_template import Given

#: The file by which ``sam build`` builds a folder. Every source of this project has it, and no built folder.
#: Source: SAM developer guide, "Building Lambda functions with custom runtimes", BuildMethod makefile.
_MAKEFILE, _BUILDER = "Makefile", "tools.artefacts"
#: The command that builds a template of this project, and the path of the result, from the template's folder.
_BUILDS = {"engine.yaml": ("make engine PCLUSTER_VERSION=…", "build/engine-…/template.yaml")}
_BUILD = ("make build", "build/template.yaml")


def require_built(template: Template, path: Path) -> None:
    """Refuses a template that names sources of this project, directly or in a nested template.

    Args:
        template: The template.
        path: File of the template.

    Raises:
        CommandError: Says where the first source is named, and what to name instead.
    """
    chain = extend_chain((), path, str(path))
    _require_built(template, _Nested(path, "deploy {} in its place", Path(), chain), set())


@dataclass(frozen=True)
class _Nested:
    """A template in which sources are searched.

    Args:
        path: File of the template.
        advice: What to do about a source; the path of the built template goes into the braces.
        seen_from: The folder that the path in ``advice`` is relative to.
        chain: The templates that nest this one, itself last.
    """

    path: Path
    advice: str
    seen_from: Path
    chain: Chain


def _require_built(template: Template, its: _Nested, seen: set[Path]) -> None:
    """Searches nested templates, too, each once; the advice concerns the template that nests them."""
    path = its.path
    for resource, artefact, value in local_references(template):
        local = path.parent / value
        place = f"{resource.logical_id}.{artefact.property}"
        if artefact.kind == "template" and local.is_file():
            inner = Path(os.path.normpath(local))
            chain = extend_chain(its.chain, inner, f"{path}: {place}")
            if chain[-1] not in seen:
                seen.add(chain[-1])
                advice = f"write {place}: {{}} in {path}"
                _require_built(Template.read(inner), _Nested(inner, advice, path.parent, chain), seen)
        elif artefact.kind == "code" and _is_source(local):
            make, built = _BUILDS.get(path.name, _BUILD)
            there = Path(os.path.relpath(path.parent / built, its.seen_from)).as_posix()
            raise CommandError(
                f"{path}: {place} names {value}, which is source code: on AWS it would lack its packages",
                f"run {make}, then {its.advice.format(there)}",
            )


def _is_source(folder: Path) -> bool:
    makefile = folder / _MAKEFILE
    return makefile.is_file() and _BUILDER in makefile.read_text(encoding="utf-8")


def require_known_attributes(path: Path, parameters: Mapping[str, str]) -> None:
    """Refuses a template that reads an attribute that a cluster never has.

    Args:
        path: The template; local templates that it nests are checked, too.
        parameters: Given values. Any other parameter may keep the stack's value, so it counts as unknown.

    Raises:
        CommandError: Names the first such attribute and its place.
    """
    text = read_text(path)
    declared = Template.parse(text, str(path)).parameters()
    given: dict[str, Given] = {name: Unknown(f"parameter {name} is not given") for name in declared}
    report = check_file(text, str(path), Inputs({**given, **parameters}))
    found = [
        (each.source, finding)
        for each in report.all()
        for finding in each.findings
        if finding.rule == "attribute"
    ]
    if found:
        raise CommandError(
            finding_line(*found[0]), f"fix the template; pcluster-cfn validate {path} shows every mistake"
        )
