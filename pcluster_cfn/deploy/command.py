"""``pcluster-cfn deploy`` and ``pcluster-cfn delete``."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from click.core import ParameterSource

from pcluster_cfn.aws import Aws, embedded_cloud, find_stack, reaches_embedded_cloud, session, warnings_shown
from pcluster_cfn.deploy.artefact_bucket import resolve_bucket
from pcluster_cfn.deploy.change_set import Deployment, is_too_large
from pcluster_cfn.deploy.changes import changes_a_cluster, review
from pcluster_cfn.deploy.ctrl_c import InterruptedOperationError, nothing_started
from pcluster_cfn.deploy.deletion_review import find_doomed
from pcluster_cfn.deploy.deployer import Deployer, PreparedChange
from pcluster_cfn.deploy.ending import print_json, print_next_commands, print_outcome
from pcluster_cfn.deploy.failure_report import Source
from pcluster_cfn.deploy.outcome import Outcome
from pcluster_cfn.deploy.parameters import parameters_to_send, refuse_unknown_parameters
from pcluster_cfn.deploy.preflight import (
    require_built,
    require_file,
    require_valid,
    unknown_unless_given,
    values_for_check,
)
from pcluster_cfn.deploy.printer import Printer, mistakes_printed
from pcluster_cfn.deploy.updatable import IN_REVIEW, find_updatable_stack
from pcluster_cfn.deploy.view import view_for
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import (
    ASSIGNMENT,
    EXIT_CODES,
    INTERRUPTED,
    PARAMETERS,
    aws_options,
    example,
    named_after,
)
from pcluster_cfn.package import Bucket, has_local_artefacts, package
from pcluster_cfn.template import Template, read_text
from pcluster_cfn.validation.library_rules import LibraryRules

#: With either, progress goes elsewhere than the outcome, or both are JSON.
_JSON = click.option("--json", "wants_json", is_flag=True, help="Print the outcome as JSON, for scripts.")
_JSON_EVENTS = click.option(
    "--json-events",
    is_flag=True,
    help="Print each event, and at last the outcome, as one line of JSON.",
)
_YES = click.option(
    "-y", "--yes", is_flag=True, help="Do not ask. Without a terminal, the command never asks."
)


@click.command(
    epilog=example("pcluster-cfn deploy cluster.yaml -p KeyName=me --resolve-s3", EXIT_CODES),
    short_help="Create or update a stack and show its progress.",
)
@click.argument("template", type=click.Path(path_type=Path))
@PARAMETERS
@click.option("--stack-name", help="Name of the stack. Default: the template's file name.")
@aws_options
@click.option(
    "--bucket",
    envvar="ARTIFACT_BUCKET",
    show_envvar=True,
    help="Bucket for the files that the template names by local path.",
)
@click.option(
    "--resolve-s3",
    is_flag=True,
    help="Use this project's bucket of your account and Region in place of --bucket; it is made if needed.",
)
@click.option("--tags", type=ASSIGNMENT, multiple=True, help="Tag of the stack and of its clusters.")
@click.option("--no-validate", is_flag=True, help="Deploy without the checks of pcluster-cfn validate.")
@_YES
@_JSON
@_JSON_EVENTS
@click.pass_context
def deploy(
    ctx: click.Context,
    *,
    template: Path,
    parameters: Iterable[tuple[str, str]],
    stack_name: str | None,
    region: str | None,
    profile: str | None,
    bucket: str | None,
    resolve_s3: bool,
    tags: Iterable[tuple[str, str]],
    no_validate: bool,
    yes: bool,
    wants_json: bool,
    json_events: bool,
) -> None:
    """Create or update a stack from TEMPLATE and show its progress. "-" reads TEMPLATE from standard input.

    The clusters in TEMPLATE are checked first, as by pcluster-cfn validate. Then files that the template
    names by local path are packaged and uploaded. On a terminal, the changes are shown, and nothing is
    changed until you agree. Progress includes ParallelCluster's own stacks of the clusters. On AWS, deploy
    the built template (make build). An existing stack keeps the values of parameters that you do not give.
    """
    require_file(template)
    if resolve_s3 and bucket:
        if ctx.get_parameter_source("bucket") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--bucket and --resolve-s3 exclude each other")
        bucket = None
    parsed, source = Template.read(template), Source(read_text(template), str(template))
    deployment = Deployment(stack_name or named_after(template), parsed, dict(parameters), dict(tags))
    name, needs_bucket = deployment.stack_name, has_local_artefacts(parsed, template.parent)
    aws = session(region, profile)
    if not reaches_embedded_cloud(aws):
        require_built(parsed, template)
    if needs_bucket and not bucket and not resolve_s3:
        raise CommandError(
            f"{template} names local files, which must be uploaded",
            "name a bucket with --bucket, or have one made with --resolve-s3",
        )
    refuse_unknown_parameters(parsed, deployment.parameters)
    printer = Printer(wants_json=wants_json, json_events=json_events)
    with _interruptible(name):
        _check(aws, deployment, template, printer, validate=not no_validate)
        target = Bucket(aws.client("s3"), bucket) if bucket else None
        if resolve_s3 and (needs_bucket or is_too_large(parsed)):
            target = resolve_bucket(aws)
        if needs_bucket and target:
            package(parsed, template.parent, target)
        deployer = Deployer(aws, bucket=target)
        with warnings_shown(embedded_cloud(aws), printer.console):
            prepared = deployer.prepare(deployment)
            if not prepared.change_set.is_empty:
                _show_review(printer, prepared, template, name)
                _ask_before_change(deployer, prepared, printer, name, yes=yes)
            outcome = deployer.execute(prepared, lambda: view_for(printer.events, name, as_json=json_events))
    _finish(outcome, printer, source)


def _check(aws: Aws, deployment: Deployment, path: Path, printer: Printer, *, validate: bool) -> None:
    """Refuses a deployment that cannot succeed, before anything is uploaded.

    Raises:
        CommandError: The stack cannot be updated, a parameter has no value, or the template has mistakes.
    """
    cloudformation = aws.client("cloudformation")
    region, given = cloudformation.meta.region_name, deployment.parameters
    declared = deployment.template.parameters()
    with mistakes_printed(), LibraryRules() as rules:
        if validate:
            # Most mistakes need nothing of AWS.
            result = require_valid(path, unknown_unless_given(declared, given), rules, region)
        stack = find_updatable_stack(cloudformation, deployment.stack_name)
        existing = stack if stack and stack["StackStatus"] != IN_REVIEW else None
        parameters_to_send(deployment.template, given, existing)
        if validate and declared.keys() - given.keys():
            result = require_valid(path, values_for_check(declared, given, existing), rules, region)
    if validate:
        printer.say(result.summary())


def _ask_before_change(
    deployer: Deployer, prepared: PreparedChange, printer: Printer, name: str, *, yes: bool
) -> None:
    """Asks whether to execute a change set, and removes it if not.

    Raises:
        CommandError: The answer is no.
    """
    if not printer.asks(yes=yes):
        return
    agreed = False
    try:
        agreed = printer.confirm("Deploy these changes?")
    finally:
        if not agreed:
            deployer.discard(prepared)
    if not agreed:
        raise CommandError(f"not deployed; nothing was changed in stack {name}")


def _show_review(printer: Printer, prepared: PreparedChange, template: Path, name: str) -> None:
    printer.say(f"{'Create' if prepared.change_set.is_new else 'Update'} stack {name}:")
    for line in review(prepared.change_set.changes):
        printer.say(line)
    if changes_a_cluster(prepared.change_set.changes):
        printer.say(f"What happens to each cluster: pcluster-cfn plan {template} --stack-name {name}")


@click.command(
    epilog=example("pcluster-cfn delete cluster --yes", EXIT_CODES),
    short_help="Delete STACK and show its progress.",
)
@click.argument("stack")
@aws_options
@_YES
@_JSON
@_JSON_EVENTS
def delete(
    stack: str,
    region: str | None,
    profile: str | None,
    *,
    yes: bool,
    wants_json: bool,
    json_events: bool,
) -> None:
    """Delete STACK and show its progress.

    On a terminal, the clusters that are deleted with the stack are named with their storage, and nothing is
    deleted until you agree.
    """
    aws = session(region, profile)
    printer = Printer(wants_json=wants_json, json_events=json_events)
    with _interruptible(stack):
        if printer.asks(yes=yes):
            _ask_before_deletion(aws, stack, printer)
        with (
            view_for(printer.events, stack, as_json=json_events) as view,
            warnings_shown(embedded_cloud(aws), printer.console),
        ):
            outcome = Deployer(aws).delete(stack, view)
    _finish(outcome, printer, None)


def _ask_before_deletion(aws: Aws, stack_name: str, printer: Printer) -> None:
    """Names what goes with a stack, and asks.

    Raises:
        CommandError: There is no such stack, or the answer is no.
    """
    cloudformation = aws.client("cloudformation")
    stack = find_stack(cloudformation, stack_name)
    if stack is None:
        raise CommandError(f"there is no stack {stack_name}", "check the name and the Region")
    clusters = find_doomed(cloudformation, stack["StackId"])
    printer.say(
        f"Delete stack {stack['StackName']} in {cloudformation.meta.region_name}" + ":" * bool(clusters)
    )
    for cluster in clusters:
        printer.say(cluster.line())
    if not printer.confirm("Delete it?"):
        raise CommandError(f"not deleted; nothing was changed in stack {stack['StackName']}")


@contextmanager
def _interruptible(stack_name: str) -> Iterator[None]:
    """On Ctrl-C, prints what CloudFormation was asked to do by then, and how to follow or undo it."""
    try:
        yield
    except InterruptedOperationError as error:
        click.echo(f"\n{error.advice}", err=True)
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        click.echo(f"\n{nothing_started(stack_name)}", err=True)
        sys.exit(INTERRUPTED)


def _finish(outcome: Outcome, printer: Printer, source: Source | None) -> None:
    if printer.is_json:
        print_json(outcome, source, as_line=printer.is_lines)
    else:
        print_outcome(printer.console, outcome, source)
        print_next_commands(printer.console, outcome)
    if not outcome.succeeded:
        sys.exit(1)
