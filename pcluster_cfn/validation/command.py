"""``pcluster-cfn validate``: what it takes and what it prints."""

import difflib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from cfn_template.limits import Place, shown
from cfn_template.parameters import ParameterError, typed
from cluster_schema import versions
from pcluster_cfn.aws import Aws, session
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import ASSIGNMENT, named_after
from pcluster_cfn.template import Parameter, Template, read_text
from pcluster_cfn.validation.deployed_stack import look
from pcluster_cfn.validation.dry_run import Verdict, requested_clusters, run
from pcluster_cfn.validation.dry_run_report import document, is_refused, lines
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.library_rules import LibraryRules
from pcluster_cfn.validation.report import Finding, NotLookedAt, Outcome, Report, finding_line, show

_EXIT_CODES = (
    "Exit codes: 0 no mistakes, 1 mistakes were found, 2 wrong usage, 3 no mistakes, but not everything was "
    "looked at."
)
_MISTAKES, _NOT_ALL = 1, 3
_CONFIGURATION = "--dry-run asks about clusters of templates; put the configuration into one"
_NESTED = (
    "--dry-run asks about clusters of the templates that it is given; give it this one with its parameters"
)


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
    file:line:column for all mistakes at once; then how many clusters it checked, and what it did not look
    at. What only CloudFormation will know is taken for right: give parameters values with -p. A
    ParallelCluster configuration is checked as one.

    With --dry-run, ParallelCluster's own dry run follows: its validators' messages and, for a cluster that
    exists, every change with its update policy and what would be refused. Nothing is changed.
    """
    texts = {path: read_text(path) for path in templates}
    _require_valid(dict(parameters), texts)
    if dry_run and stack_name and len(texts) > 1:
        raise click.UsageError("--stack-name is the name of one template's stack")
    with LibraryRules() as rules:
        inputs = Inputs(dict(parameters), version=pcluster_version, library=rules)
        examined = {path: check_file(text, str(path), inputs) for path, text in texts.items()}
    for note in rules.notes:
        click.echo(note, err=True)
    outcome = Outcome([each for report in examined.values() for each in report.all()])
    refused = False
    if dry_run and not outcome.findings:
        asked = {path: texts[path] for path, report in examined.items() if report.is_template}
        foretold = _foretell(asked, dict(parameters), session(region), stack_name) if asked else []
        _name_what_is_not_foretold(examined.values())
        refused = any(isinstance(each, Finding) or is_refused(each) for _, each in foretold)
        _show_foretold(outcome, foretold, output)
    else:
        show(outcome, output)
    if outcome.findings or refused:
        sys.exit(_MISTAKES)
    sys.exit(_NOT_ALL if outcome.skipped else 0)


def _foretell(
    texts: Mapping[Path, str], parameters: Mapping[str, str], aws: Aws, stack_name: str | None
) -> list[tuple[str, Verdict | Finding]]:
    """Returns what deployments would come to, or what is missing to foretell it, each with its file."""
    foretold: list[tuple[str, Verdict | Finding]] = []
    for path, text in texts.items():
        deployed = look(aws, stack_name or named_after(path))
        for wanted in requested_clusters(text, parameters, deployed):
            verdict = wanted if isinstance(wanted, Finding) else run(aws, wanted, deployed)
            foretold.append((str(path), verdict))
    return foretold


def _name_what_is_not_foretold(reports: Iterable[Report]) -> None:
    """Adds to reports what ``--dry-run`` does not ask about: whatever is not in a template that is given."""
    for report in reports:
        if not report.is_template:
            report.skipped.append(NotLookedAt(Place(1, 1), "", _CONFIGURATION))
        for inner in report.all()[1:]:
            if inner.clusters:
                inner.skipped.append(NotLookedAt(Place(1, 1), "", _NESTED))


def _show_foretold(outcome: Outcome, foretold: list[tuple[str, Verdict | Finding]], output: str) -> None:
    verdicts = [(source, each) for source, each in foretold if isinstance(each, Verdict)]
    if output == "json":
        told = [document(verdict, source) for source, verdict in verdicts]
        click.echo(json.dumps({**outcome.document(), "verdicts": told}, indent=1))
    for source, verdict in verdicts if output == "text" else ():
        for line in lines(verdict, source):
            click.echo(line)
    if output == "text":
        show(outcome, output)
    for source, each in foretold:
        if isinstance(each, Finding):
            click.echo(finding_line(source, each), err=True)


def _declared(text: str, source: str) -> Mapping[str, Parameter]:
    """Returns a template's parameters; none of a file that is no template."""
    try:
        return Template.parse(text, source).parameters()
    except CommandError:
        return {}  # the check of the file reports what is wrong with it


def _require_valid(given: Mapping[str, str], texts: Mapping[Path, str]) -> None:
    """Refuses a parameter that no template has, and a value that is not of its parameter's type.

    Either would change nothing, and the check would leave out what depends on it.
    """
    declared = [_declared(text, str(path)) for path, text in texts.items()] if given else []
    names = {name for parameters in declared for name in parameters}
    for name, text in given.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            known = ", ".join(sorted(names)) or "none"
            raise CommandError(
                f"no template has a parameter {name}",
                f"did you mean {near[0]}?" if near else f"there are: {known}",
            )
        for kind in dict.fromkeys(each[name].type for each in declared if name in each):
            _require_type(name, kind, text)


def _require_type(name: str, kind: str, text: str) -> None:
    try:
        typed(name, kind, text)
    except ParameterError as error:
        expected = "a number, as in" if kind == "Number" else "numbers with commas between them, as in"
        example = "4" if kind == "Number" else "4,8"
        raise CommandError(
            f"parameter {name}: {shown(text)} is not valid; expected {expected} -p {name}={example}"
        ) from error
