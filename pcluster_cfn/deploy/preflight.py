"""Checks before a deployment, for mistakes that CloudFormation finds late or not at all.

Sources of this project lack their packages, so on AWS their functions fail at the first invocation. On the
embedded cloud, which adds this machine's packages, they work (localcloud/GAPS.md, "Lambda"). Mistakes in
clusters are those that ``pcluster-cfn validate`` finds.
"""

import os.path
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfn_template.values import Unknown
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import STANDARD_INPUT
from pcluster_cfn.package import local_references
from pcluster_cfn.template import Chain, Template, extend_chain, read_text
from pcluster_cfn.validation.deployed_stack import MASKED
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.library_rules import LibraryRules
from pcluster_cfn.validation.report import Outcome, finding_line

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import StackTypeDef

    from pcluster_cfn.validation.partial_template import Given

#: The file by which ``sam build`` builds a folder. Every source of this project has it, and no built folder.
#: Source: SAM developer guide, "Building Lambda functions with custom runtimes", BuildMethod makefile.
_MAKEFILE, _BUILDER = "Makefile", "tools.artefacts"
#: The command that builds a template of this project, and the path of the result, from the template's folder.
_BUILDS = {
    "engine.yaml": ("make engine PCLUSTER_VERSION=…", "build/engine-…/template.yaml"),
    "hook.yaml": ("make hook", "build/hook/template.yaml"),
}
_BUILD = ("make build", "build/template.yaml")


def require_file(path: Path) -> None:
    """Refuses the path of a template that does not exist, before anything starts.

    Raises:
        UsageError: There is no such file.
    """
    if path != STANDARD_INPUT and not path.exists():
        raise click.BadParameter(f"File '{path}' does not exist.", param_hint="TEMPLATE")


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


def require_valid(path: Path, parameters: Mapping[str, "Given"], rules: LibraryRules, region: str) -> Outcome:
    """Returns the result of the offline check of a template, if it found no mistake.

    Args:
        path: The template; local templates that it nests are checked, too.
        parameters: Values of parameters, instead of their defaults.
        rules: The library's own rules.
        region: Region of the stack.

    Raises:
        MistakesFoundError: It found mistakes.
    """
    inputs = Inputs(parameters, known={"AWS::Region": region}, library=rules)
    result = Outcome(check_file(read_text(path), str(path), inputs).all())
    if result.findings:
        raise MistakesFoundError(path, [finding_line(*each) for each in result.findings])
    return result


def unknown_unless_given(declared: Iterable[str], given: Mapping[str, str]) -> dict[str, "Given"]:
    """Returns the given values; any other parameter may keep the stack's value, so it counts as unknown."""
    return {name: given.get(name, Unknown(f"parameter {name} is not given")) for name in declared}


class MistakesFoundError(CommandError):
    """The check found mistakes, so nothing was deployed.

    Args:
        path: The template.
        lines: One line per mistake, in the order of the text.
    """

    def __init__(self, path: Path, lines: Sequence[str]) -> None:
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        next_step = "correct it, or skip the check with --no-validate"
        super().__init__(f"{count} in {path}; nothing was uploaded or changed", next_step)
        self.lines = lines


def values_for_check(
    declared: Container[str], given: Mapping[str, str], stack: "StackTypeDef | None"
) -> dict[str, "Given"]:
    """Returns the values that parameters will have, for the check: defaults are not among them.

    Args:
        declared: Names of the template's parameters.
        given: Given values.
        stack: The existing stack, which keeps the values of the other parameters; None for a new one.
    """
    present = {
        item["ParameterKey"]: item.get("ParameterValue", "")
        for item in (stack.get("Parameters", []) if stack else [])
    }
    kept: dict[str, Given] = {
        name: Unknown(f"parameter {name} is secret") if value == MASKED else value
        for name, value in present.items()
        if name in declared
    }
    return {**kept, **given}
