"""The command line: what it takes, and how errors leave it."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from localcloud import guard
from localcloud.cloud import Cloud, CloudError
from pcluster_cfn import local as local_cloud
from pcluster_cfn.cloud_warnings import warnings_shown
from pcluster_cfn.demo import EXAMPLE, Demo, check_template
from pcluster_cfn.deploy import Deployer, Deployment
from pcluster_cfn.errors import FAULT, CommandError, wants_tracebacks
from pcluster_cfn.interruption import InterruptedOperationError, nothing_begun
from pcluster_cfn.launch_page.command import launch_page
from pcluster_cfn.options import ASSIGNMENT, EXIT_CODES, INTERRUPTED
from pcluster_cfn.package import Bucket, has_local_artefacts, package
from pcluster_cfn.progress import print_outcome, view_for
from pcluster_cfn.publishing.command import publish
from pcluster_cfn.quick_create.command import quick_create
from pcluster_cfn.session import embedded_cloud, reaches_embedded_cloud, session
from pcluster_cfn.stack_names import named_after
from pcluster_cfn.stacks import Outcome
from pcluster_cfn.template import Template
from pcluster_cfn.terminal import Console, harmless_output
from pcluster_cfn.unbuilt import require_built
from pcluster_cfn.validation.before_deployment import require_attributes
from pcluster_cfn.validation.command import validate

#: Progress then goes to standard error, so that standard output is JSON and nothing else.
_JSON = click.option("--json", "wants_json", is_flag=True, help="Print the outcome as JSON, for scripts.")


class _OneLineErrors(click.Group):
    """Turns errors that the user can act on into one line, and Ctrl-C into its exit code.

    All output passes here, click's own included, and none of it gives the terminal orders.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with harmless_output():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (CommandError, CloudError, ClientError, BotoCoreError) as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt as error:
            click.echo("\nInterrupted.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own way to end
        except Exception as error:
            if wants_tracebacks():
                raise
            raise click.ClickException(FAULT) from error


@click.group(cls=_OneLineErrors, epilog=EXIT_CODES)
@click.version_option(package_name="pcluster-cfn")
def main() -> None:
    """Clusters from CloudFormation templates: deploy them, or try them on this machine."""


@main.command(epilog=EXIT_CODES, short_help="Start an embedded cloud for real AWS clients.")
@click.option("--port", default=0, help="TCP port on 127.0.0.1; 0 takes a free one.", show_default=True)
@click.option("--region", default="us-east-1", show_default=True)
@click.option(
    "--skip-idle/--real-time",
    default=True,
    help="Jump over times in which nothing happens, or let them pass.",
    show_default=True,
)
def local(port: int, region: str, skip_idle: bool) -> None:
    """Start an embedded cloud, print export lines for a shell, and run until Ctrl-C.

    In a script: eval "$(pcluster-cfn local &)", and at the end: kill $LOCALCLOUD_PID
    """
    errors = Console(stderr=True)
    with (
        Cloud.start(region=region, skip_idle=skip_idle, port=port) as cloud,
        warnings_shown(cloud.endpoint_url, errors),
    ):
        local_cloud.run(cloud, errors)


@main.command(epilog=EXIT_CODES, short_help="Create or update a stack and show its progress.")
@click.argument("template", type=click.Path(path_type=Path))
@click.option("-p", "--parameter", "parameters", type=ASSIGNMENT, multiple=True, help="Template parameter.")
@click.option("--stack-name", help="Name of the stack; the template's file name without one.")
@click.option("--region", help="Region; the AWS configuration's without one.")
@click.option(
    "--bucket",
    envvar="ARTIFACT_BUCKET",
    show_envvar=True,
    help="Bucket for what the template names by local path.",
)
@click.option("--tags", type=ASSIGNMENT, multiple=True, help="Tag of the stack; reaches the cluster, too.")
@_JSON
def deploy(
    *,
    template: Path,
    parameters: Iterable[tuple[str, str]],
    stack_name: str | None,
    region: str | None,
    bucket: str | None,
    tags: Iterable[tuple[str, str]],
    wants_json: bool,
) -> None:
    """Create or update a stack from TEMPLATE and show its progress.

    Local paths in the template are packaged and uploaded first; on AWS, what is deployed must be built
    (make build). Parameters that an existing stack has and that are not given keep their values.
    """
    parsed = Template.read(template)
    name = stack_name or named_after(template)
    aws = session(region)
    if not reaches_embedded_cloud(aws):
        require_built(parsed, template)
    require_attributes(template, dict(parameters))
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


@main.command(epilog=EXIT_CODES)
@click.argument("stack")
@click.option("--region", help="Region; the AWS configuration's without one.")
@_JSON
def delete(stack: str, region: str | None, wants_json: bool) -> None:
    """Delete STACK and show its progress."""
    aws, console = session(region), Console(stderr=wants_json)
    with (
        _interruptible(stack),
        view_for(console, stack) as view,
        warnings_shown(embedded_cloud(aws), console),
    ):
        outcome = Deployer(aws).delete(stack, view)
    _finish(outcome, wants_json=wants_json)


@main.command(epilog=EXIT_CODES, short_help="Take a cluster through its life on this machine.")
@click.argument("template", type=click.Path(path_type=Path), required=False)
@click.option("-p", "--parameter", "parameters", type=ASSIGNMENT, multiple=True, help="Template parameter.")
@click.option("--region", default="us-east-1", help="Region of the embedded cloud.", show_default=True)
def demo(template: Path | None, parameters: Iterable[tuple[str, str]], region: str) -> None:
    """Take a cluster through its life on an embedded cloud and check that nothing is left.

    Deploys TEMPLATE, or the project's example, raises MaxCount, deletes the stack. Subnets, zones, key pair
    and VPC are seeded ones unless given. No AWS account is involved.
    """
    guard.install()
    console, path, given = Console(), template or EXAMPLE, dict(parameters)
    check_template(path, given)
    console.print("Starting an embedded cloud …")
    with Cloud.start(region, skip_idle=True) as cloud, warnings_shown(cloud.endpoint_url, console):
        Demo(cloud, console).run(path, given)


main.add_command(publish)
main.add_command(quick_create)
main.add_command(launch_page)
main.add_command(validate)


@contextmanager
def _interruptible(stack_name: str) -> Iterator[None]:
    """On Ctrl-C, says what was begun by then, and what to do about it."""
    try:
        yield
    except InterruptedOperationError as error:
        click.echo(f"\n{error.advice}", err=True)
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        click.echo(f"\n{nothing_begun(stack_name)}", err=True)
        sys.exit(INTERRUPTED)


def _finish(outcome: Outcome, *, wants_json: bool) -> None:
    if wants_json:
        click.echo(json.dumps(outcome.as_json(), indent=2))
    else:
        print_outcome(Console(), outcome)
    if not outcome.succeeded:
        sys.exit(1)
