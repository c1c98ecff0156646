"""The command line: its commands, and what a user sees of an error."""

from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.cloud import CloudError
from pcluster_cfn.deploy.command import delete, deploy
from pcluster_cfn.embedded.demo import demo
from pcluster_cfn.embedded.local import local
from pcluster_cfn.errors import FAULT, CommandError, wants_tracebacks
from pcluster_cfn.launch.launch_page import launch_page
from pcluster_cfn.launch.quick_create import quick_create
from pcluster_cfn.options import EXIT_CODES, INTERRUPTED
from pcluster_cfn.publishing.command import publish
from pcluster_cfn.terminal import harmless_output
from pcluster_cfn.validation.command import validate


class _OneLineErrors(click.Group):
    """Turns errors that the user can act on into one line, and Ctrl-C into its exit code.

    All output passes through here, click's own included, and control characters in it are escaped.
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
            raise  # click's own ways to end
        except Exception as error:
            if wants_tracebacks():
                raise
            raise click.ClickException(FAULT) from error


@click.group(cls=_OneLineErrors, epilog=EXIT_CODES)
@click.version_option(package_name="pcluster-cfn")
def main() -> None:
    """Deploy clusters from CloudFormation templates, or try them on this machine."""


for _command in (local, deploy, delete, demo, publish, quick_create, launch_page, validate):
    main.add_command(_command)
