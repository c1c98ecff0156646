"""``pcluster-cfn deploy`` and ``pcluster-cfn delete``."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from pcluster_cfn.aws import embedded_cloud, reaches_embedded_cloud, session, warnings_shown
from pcluster_cfn.deploy.ctrl_c import InterruptedOperationError, nothing_started
from pcluster_cfn.deploy.deployer import Deployer, Deployment
from pcluster_cfn.deploy.events import Outcome
from pcluster_cfn.deploy.preflight import require_built, require_known_attributes
from pcluster_cfn.deploy.view import print_outcome, view_for
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import ASSIGNMENT, EXIT_CODES, INTERRUPTED, aws_options, named_after
from pcluster_cfn.package import Bucket, has_local_artefacts, package
from pcluster_cfn.template import Template
from pcluster_cfn.terminal import Console

#: With it, progress goes to standard error: standard output is JSON and nothing else.
_JSON = click.option("--json", "wants_json", is_flag=True, help="Print the outcome as JSON, for scripts.")


@click.command(epilog=EXIT_CODES, short_help="Create or update a stack and show its progress.")
@click.argument("template", type=click.Path(path_type=Path))
@click.option(
    "-p", "--parameter", "parameters", type=ASSIGNMENT, multiple=True, help="Value of a template parameter."
)
@click.option("--stack-name", help="Name of the stack. Default: the template's file name.")
@aws_options
@click.option(
    "--bucket",
    envvar="ARTIFACT_BUCKET",
    show_envvar=True,
    help="Bucket for the files that the template names by local path.",
)
@click.option("--tags", type=ASSIGNMENT, multiple=True, help="Tag of the stack and of its clusters.")
@_JSON
def deploy(
    *,
    template: Path,
    parameters: Iterable[tuple[str, str]],
    stack_name: str | None,
    region: str | None,
    profile: str | None,
    bucket: str | None,
    tags: Iterable[tuple[str, str]],
    wants_json: bool,
) -> None:
    """Create or update a stack from TEMPLATE and show its progress. "-" reads TEMPLATE from standard input.

    Files that the template names by local path are packaged and uploaded first. On AWS, deploy the built
    template (make build). An existing stack keeps the values of parameters that you do not give.
    """
    parsed = Template.read(template)
    name = stack_name or named_after(template)
    aws = session(region, profile)
    if not reaches_embedded_cloud(aws):
        require_built(parsed, template)
    require_known_attributes(template, dict(parameters))
    target = Bucket(aws.client("s3"), bucket) if bucket else None
    console = Console(stderr=wants_json)
    with (
        _interruptible(name),
        view_for(console, name) as view,
        warnings_shown(embedded_cloud(aws), console),
    ):
        if has_local_artefacts(parsed, template.parent):
            if target is None:
                raise CommandError(
                    f"{template} names local files, which must be uploaded", "name a bucket with --bucket"
                )
            package(parsed, template.parent, target)
        deployer = Deployer(aws, bucket=target)
        outcome = deployer.deploy(Deployment(name, parsed, dict(parameters), dict(tags)), view)
    _finish(outcome, wants_json=wants_json)


@click.command(epilog=EXIT_CODES)
@click.argument("stack")
@aws_options
@_JSON
def delete(stack: str, region: str | None, profile: str | None, wants_json: bool) -> None:
    """Delete STACK and show its progress."""
    aws, console = session(region, profile), Console(stderr=wants_json)
    with (
        _interruptible(stack),
        view_for(console, stack) as view,
        warnings_shown(embedded_cloud(aws), console),
    ):
        outcome = Deployer(aws).delete(stack, view)
    _finish(outcome, wants_json=wants_json)


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


def _finish(outcome: Outcome, *, wants_json: bool) -> None:
    if wants_json:
        click.echo(json.dumps(outcome.as_json(), indent=2))
    else:
        print_outcome(Console(), outcome)
    if not outcome.succeeded:
        sys.exit(1)
