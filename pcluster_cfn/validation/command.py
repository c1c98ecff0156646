"""``pcluster-cfn validate``: what it takes and what it prints."""

import difflib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cluster_schema import versions
from pcluster_cfn.errors import CommandError
from pcluster_cfn.files import read_text
from pcluster_cfn.options import ASSIGNMENT
from pcluster_cfn.session import session
from pcluster_cfn.stack_names import named_after
from pcluster_cfn.stacks import Aws
from pcluster_cfn.template import Template
from pcluster_cfn.terminal import one_line
from pcluster_cfn.validation.check import Finding, check
from pcluster_cfn.validation.deployed import look
from pcluster_cfn.validation.dry_run import Verdict, run, wanted_clusters
from pcluster_cfn.validation.verdicts import document, is_refused, lines

_EXIT_CODES = "Exit codes: 0 no mistakes, 1 mistakes were found, 2 wrong usage."


@dataclass(frozen=True)
class Found:
    """A mistake in a file."""

    source: str
    finding: Finding

    def line(self) -> str:
        """Returns it as ``file:line:column: path: message``."""
        place = self.finding.place
        path = f"{self.finding.path}: " if self.finding.path else ""
        return one_line(f"{self.source}:{place.line}:{place.column}: {path}{self.finding.message}")

    def document(self) -> dict[str, Any]:
        """Returns it for programs."""
        place = self.finding.place
        return {
            "file": self.source,
            "line": place.line,
            "column": place.column,
            "path": self.finding.path,
            "message": self.finding.message,
            "rule": self.finding.rule,
        }


@click.command(epilog=_EXIT_CODES, short_help="Find mistakes before a deployment.")
@click.argument(
    "templates",
    nargs=-1,
    required=True,
    metavar="TEMPLATE…",
    type=click.Path(path_type=Path),
)
@click.option("-p", "--parameter", "parameters", type=ASSIGNMENT, multiple=True, help="Template parameter.")
@click.option(
    "--pcluster-version",
    type=click.Choice(versions()),
    default=versions()[0],
    show_default=True,
    help="For clusters without PclusterVersion.",
)
@click.option(
    "--dry-run", is_flag=True, help="Ask the library, with your credentials, what a deployment would come to."
)
@click.option("--stack-name", help="With --dry-run: name of the stack; the template's file name without one.")
@click.option("--region", help="With --dry-run: Region; the AWS configuration's without one.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--json", "output", flag_value="json", help="The same as --format json.")
def validate(
    *,
    templates: Iterable[Path],
    parameters: Iterable[tuple[str, str]],
    pcluster_version: str,
    dry_run: bool,
    stack_name: str | None,
    region: str | None,
    output: str,
) -> None:
    """Find what is wrong with the clusters in each TEMPLATE, without AWS and without a network.

    Checks the properties of every cluster and its configuration by the provider's own rules, and says
    file:line:column for all mistakes at once. What only CloudFormation will know is taken for right:
    give parameters values with -p.

    With --dry-run, ParallelCluster's own dry run follows: its validators' messages and, for a cluster that
    exists, every change with its update policy and what would be refused. Nothing is changed.
    """
    texts = {path: read_text(path) for path in templates}
    _require_declared(dict(parameters), texts)
    found = [
        Found(str(path), finding)
        for path, text in texts.items()
        for finding in check(text, dict(parameters), version=pcluster_version)
    ]
    if found or not dry_run:
        _show(found, output)
        sys.exit(1 if found else 0)
    if stack_name and len(texts) > 1:
        raise click.UsageError("--stack-name is the name of one template's stack")
    sys.exit(1 if _foretell(texts, dict(parameters), session(region), stack_name, output) else 0)


def _foretell(
    texts: Mapping[Path, str],
    parameters: Mapping[str, str],
    aws: Aws,
    stack_name: str | None,
    output: str,
) -> bool:
    """Shows what deployments would come to; returns whether one would be refused, or cannot be foretold."""
    verdicts: list[tuple[str, Verdict]] = []
    missing: list[Found] = []
    names = {path: stack_name or named_after(path) for path in texts}
    for path, text in texts.items():
        deployed = look(aws, names[path])
        for wanted in wanted_clusters(text, parameters, deployed):
            if isinstance(wanted, Finding):
                missing.append(Found(str(path), wanted))
            else:
                verdicts.append((str(path), run(aws, wanted, deployed)))
    if output == "json":
        click.echo(json.dumps([document(verdict, source) for source, verdict in verdicts], indent=1))
    for source, verdict in verdicts if output == "text" else ():
        for line in lines(verdict, source):
            click.echo(line)
    for found in missing:
        click.echo(found.line(), err=True)
    return bool(missing) or any(is_refused(verdict) for _, verdict in verdicts)


def _require_declared(given: Mapping[str, str], texts: Mapping[Path, str]) -> None:
    """Refuses a parameter that no template has: it would change nothing, and nobody would know."""
    if not given:
        return
    declared = {name for path, text in texts.items() for name in Template.parse(text, str(path)).parameters()}
    for name in given:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1, cutoff=0.5)
            known = ", ".join(sorted(declared)) or "none"
            raise CommandError(
                f"no template has a parameter {name}",
                f"did you mean {near[0]}?" if near else f"there are: {known}",
            )


def _show(found: list[Found], output: str) -> None:
    """Prints mistakes: a line for each, or a JSON list."""
    if output == "json":
        click.echo(json.dumps([each.document() for each in found], indent=1))
        return
    for each in found:
        click.echo(each.line())
    if found:
        files = len({each.source for each in found})
        click.echo(f"{len(found)} mistake(s) in {files} template(s)", err=True)
