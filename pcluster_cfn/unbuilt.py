"""Refuses to deploy sources: on AWS a function has nothing but what it brings, and sources bring too little.

The embedded cloud gives functions this machine's packages besides, so there sources are as good as what is
built of them (localcloud/GAPS.md, "Lambda").
"""

import os.path
from pathlib import Path

from pcluster_cfn.errors import CommandError
from pcluster_cfn.package import local_names
from pcluster_cfn.template import Template

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
    _require_built(template, path, "deploy {} in its place", Path())


def _require_built(template: Template, path: Path, advice: str, seen_from: Path) -> None:
    """Goes on into nested templates, whose place is for whoever nests them to change."""
    for resource, artefact, value in local_names(template):
        local = path.parent / value
        place = f"{resource.logical_id}.{artefact.property}"
        if artefact.kind == "template" and local.is_file():
            nested = Path(os.path.normpath(local))
            _require_built(Template.read(nested), nested, f"write {place}: {{}} in {path}", path.parent)
        elif artefact.kind == "code" and _is_source(local):
            make, built = _BUILDS.get(path.name, _BUILD)
            there = Path(os.path.relpath(path.parent / built, seen_from)).as_posix()
            raise CommandError(
                f"{path}: {place} names {value}, which is source: on AWS it would run without its packages",
                f"run {make}, then {advice.format(there)}",
            )


def _is_source(folder: Path) -> bool:
    makefile = folder / _MAKEFILE
    return makefile.is_file() and _BUILDER in makefile.read_text(encoding="utf-8")
