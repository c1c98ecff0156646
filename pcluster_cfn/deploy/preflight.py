"""Refuses to deploy sources: on AWS a function has nothing but what it brings, and sources bring too little.

The embedded cloud gives functions this machine's packages besides, so there sources are as good as what is
built of them (localcloud/GAPS.md, "Lambda").
"""

import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cfn_template.values import Unknown
from pcluster_cfn.errors import CommandError
from pcluster_cfn.package import local_references
from pcluster_cfn.template import Chain, Template, nested, read_text
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.report import finding_line

if TYPE_CHECKING:
    from pcluster_cfn.validation.partial_template import Given

#: By which ``sam build`` builds a folder. It is in every source of this project and in nothing that is built.
#: Source: SAM developer guide, "Building Lambda functions with custom runtimes", BuildMethod makefile.
_MAKEFILE, _BUILDER = "Makefile", "tools.artefacts"
#: What builds a template of this project, and where what was built is then, from the template's folder.
_BUILDS = {"engine.yaml": ("make engine PCLUSTER_VERSION=…", "build/engine-…/template.yaml")}
_BUILD = ("make build", "build/template.yaml")


def require_built(template: Template, path: Path) -> None:
    """Refuses a template that names sources of this project, itself or in a template that it nests.

    Args:
        template: As it was read.
        path: Its file.

    Raises:
        CommandError: The first source that it names: where, and what to name instead.
    """
    chain = nested((), path, str(path))
    _require_built(template, _Nested(path, "deploy {} in its place", Path(), chain), set())


@dataclass(frozen=True)
class _Nested:
    """A template that is looked at.

    Args:
        path: Its file.
        advice: What to do about a source that it names; what was built of it goes into the braces.
        seen_from: The folder that the advice's path is relative to.
        chain: The templates that it is in, itself last.
    """

    path: Path
    advice: str
    seen_from: Path
    chain: Chain


def _require_built(template: Template, its: _Nested, seen: set[Path]) -> None:
    """Goes on into nested templates, each once, whose place is for whoever nests them to change."""
    path = its.path
    for resource, artefact, value in local_references(template):
        local = path.parent / value
        place = f"{resource.logical_id}.{artefact.property}"
        if artefact.kind == "template" and local.is_file():
            inner = Path(os.path.normpath(local))
            chain = nested(its.chain, inner, f"{path}: {place}")
            if chain[-1] not in seen:
                seen.add(chain[-1])
                advice = f"write {place}: {{}} in {path}"
                _require_built(Template.read(inner), _Nested(inner, advice, path.parent, chain), seen)
        elif artefact.kind == "code" and _is_source(local):
            make, built = _BUILDS.get(path.name, _BUILD)
            there = Path(os.path.relpath(path.parent / built, its.seen_from)).as_posix()
            raise CommandError(
                f"{path}: {place} names {value}, which is source: on AWS it would run without its packages",
                f"run {make}, then {its.advice.format(there)}",
            )


def _is_source(folder: Path) -> bool:
    makefile = folder / _MAKEFILE
    return makefile.is_file() and _BUILDER in makefile.read_text(encoding="utf-8")


def require_known_attributes(path: Path, parameters: Mapping[str, str]) -> None:
    """Refuses a template that reads an attribute of a cluster that can never exist.

    Args:
        path: The template; local templates that it nests are looked at, too.
        parameters: Those that are given. Another may keep the value that the stack has, so it is not known.

    Raises:
        CommandError: The first such attribute, with its place.
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
