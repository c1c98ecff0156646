"""``pcluster-cfn validate``."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from cfn_template.limits import Place, shown
from cfn_template.parameters import ParameterError, typed
from cluster_schema import versions
from pcluster_cfn.aws import Aws, session
from pcluster_cfn.errors import CommandError, suggest
from pcluster_cfn.options import PARAMETERS, aws_options, named_after
from pcluster_cfn.planning.providers import Providers
from pcluster_cfn.planning.requests import Verdict
from pcluster_cfn.template import Parameter, Template, read_text
from pcluster_cfn.validation.deployed_stack import read_deployed_stack
from pcluster_cfn.validation.dry_run import dry_run_cluster, requested_clusters
from pcluster_cfn.validation.dry_run_report import document, is_refused, lines
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.library_rules import LibraryRules
from pcluster_cfn.validation.policy import Policy, policy_option
from pcluster_cfn.validation.report import (
    OUTPUTS,
    Finding,
    NotChecked,
    Outcome,
    Output,
    Report,
    annotated,
    finding_line,
    show,
)

_EXIT_CODES = (
    "Exit codes: 0 no mistakes, 1 mistakes were found, 2 wrong usage, 3 no mistakes, but not everything was "
    "checked."
)
_MISTAKES, _NOT_ALL = 1, 3
_CONFIGURATION = "--dry-run covers clusters in templates only; put the configuration into one"
_NESTED = "--dry-run covers only the templates that you name; name this one, with its parameters"


@click.command(epilog=_EXIT_CODES, short_help="Find mistakes before a deployment.")
@click.argument(
    "templates",
    nargs=-1,
    required=True,
    metavar="TEMPLATE…",
    type=click.Path(path_type=Path),
)
@PARAMETERS
@click.option(
    "--pcluster-version",
    type=click.Choice(versions()),
    default=versions()[0],
    show_default=True,
    help="ParallelCluster version of clusters without PclusterVersion.",
)
@click.option("--dry-run", is_flag=True, help="Run ParallelCluster's own dry run with your credentials, too.")
@click.option("--stack-name", help="With --dry-run: name of the stack. Default: the template's file name.")
@aws_options
@policy_option
@click.option(
    "--advisories/--no-advisories", default=True, help="Note known flaws of the clusters' releases."
)
@click.option(
    "--format",
    "output",
    type=click.Choice(OUTPUTS),
    default="text",
    show_default=True,
    help="Form of the report; github makes annotations in a job of GitHub Actions.",
)
@click.option("--json", "output", flag_value="json", help="The same as --format json.")
@click.option(
    "--strict/--no-strict",
    default=True,
    show_default=True,
    help="Exit with 3, or with 0, if there are no mistakes, but not everything was checked.",
)
def validate(
    *,
    templates: Iterable[Path],
    parameters: Iterable[tuple[str, str]],
    pcluster_version: str,
    dry_run: bool,
    stack_name: str | None,
    region: str | None,
    profile: str | None,
    policies: Iterable[Path],
    advisories: bool,
    output: Output,
    strict: bool,
) -> None:
    """Find mistakes in the clusters of each TEMPLATE, without AWS and without a network.

    Checks the properties and the configuration of every cluster by the provider's own rules. Prints all
    mistakes with file:line:column, the number of checked clusters, and the parts that it did not check.
    Values that only CloudFormation knows are assumed correct: give parameters values with -p. TEMPLATE may
    also be a ParallelCluster configuration, and "-" is standard input.

    --policy adds rules of your own: which instance types, which encryption. A configuration that breaks one
    is a mistake.

    Notes follow on what is known of the clusters' ParallelCluster versions, the worst first. They are not
    mistakes, and do not change the exit code. pcluster-cfn advise lists all.

    With --dry-run, ParallelCluster's own dry run follows. It prints the messages of its validators and, for
    an existing cluster, every change with its update policy and the changes that would be refused. Nothing
    is changed.
    """
    texts = {path: read_text(path) for path in templates}
    _require_valid(dict(parameters), texts)
    if dry_run and stack_name and len(texts) > 1:
        raise click.UsageError("--stack-name needs a single template")
    own = [Policy.read(path) for path in policies]
    with LibraryRules() as rules:
        today = datetime.now(UTC).date() if advisories else None
        inputs = Inputs(
            dict(parameters), version=pcluster_version, library=rules, advised_on=today, policies=own
        )
        examined = {path: check_file(text, str(path), inputs) for path, text in texts.items()}
    for note in rules.notes:
        click.echo(note, err=True)
    outcome = Outcome([each for report in examined.values() for each in report.all()])
    refused = False
    if dry_run and not outcome.findings:
        asked = {path: texts[path] for path, report in examined.items() if report.is_template}
        results = _dry_run(asked, dict(parameters), session(region, profile), stack_name) if asked else []
        _note_what_is_not_covered(examined.values())
        refused = any(isinstance(each, Finding) or is_refused(each) for _, each in results)
        _show_with_verdicts(outcome, results, output)
    else:
        show(outcome, output)
    if outcome.findings or refused:
        sys.exit(_MISTAKES)
    sys.exit(_NOT_ALL if strict and outcome.skipped else 0)


def _dry_run(
    texts: Mapping[Path, str], parameters: Mapping[str, str], aws: Aws, stack_name: str | None
) -> list[tuple[str, Verdict | Finding]]:
    """Returns the verdict for each cluster, or a finding for a value that is missing, with the file."""
    results: list[tuple[str, Verdict | Finding]] = []
    providers = Providers(aws.client("lambda"))
    for path, text in texts.items():
        deployed = read_deployed_stack(aws, stack_name or named_after(path))
        for wanted in requested_clusters(text, parameters, deployed):
            verdict = (
                wanted if isinstance(wanted, Finding) else dry_run_cluster(aws, wanted, deployed, providers)
            )
            results.append((str(path), verdict))
    return results


def _note_what_is_not_covered(reports: Iterable[Report]) -> None:
    """Notes in reports that ``--dry-run`` does not cover configurations and nested templates."""
    for report in reports:
        if not report.is_template:
            report.skipped.append(NotChecked(Place(1, 1), "", _CONFIGURATION))
        for inner in report.all()[1:]:
            if inner.clusters:
                inner.skipped.append(NotChecked(Place(1, 1), "", _NESTED))


def _show_with_verdicts(
    outcome: Outcome, results: list[tuple[str, Verdict | Finding]], output: Output
) -> None:
    verdicts = [(source, each) for source, each in results if isinstance(each, Verdict)]
    if output == "json":
        verdicts_json = [document(verdict, source) for source, verdict in verdicts]
        click.echo(json.dumps({**outcome.document(), "verdicts": verdicts_json}, indent=1))
    else:
        for source, verdict in verdicts:
            for line in lines(verdict, source):
                click.echo(line)
        show(outcome, output)
    for source, each in results:
        if isinstance(each, Finding):
            click.echo(finding_line(source, each), err=True)
            if output == "github":
                click.echo(annotated(source, each))


def _declared(text: str, source: str) -> Mapping[str, Parameter]:
    """Returns a template's parameters; none if the file is not a template."""
    try:
        return Template.parse(text, source).parameters()
    except CommandError:
        return {}  # the check of the file reports what is wrong with it


def _require_valid(given: Mapping[str, str], texts: Mapping[Path, str]) -> None:
    """Refuses a parameter that no template has, and a value that its type does not allow.

    Otherwise the check would skip everything that depends on the parameter, without a word.
    """
    declared = [_declared(text, str(path)) for path, text in texts.items()] if given else []
    names = {name for parameters in declared for name in parameters}
    for name, text in given.items():
        if name not in names:
            known = f"there are: {', '.join(sorted(names)) or 'none'}"
            raise CommandError(f"no template has a parameter {name}", suggest(name, names, known))
        for kind in dict.fromkeys(each[name].type for each in declared if name in each):
            _require_type(name, kind, text)


def _require_type(name: str, kind: str, text: str) -> None:
    try:
        typed(name, kind, text)
    except ParameterError as error:
        expected = "a number, as in" if kind == "Number" else "numbers separated by commas, as in"
        example = "4" if kind == "Number" else "4,8"
        raise CommandError(
            f"parameter {name}: {shown(text)} is not valid; expected {expected} -p {name}={example}"
        ) from error
