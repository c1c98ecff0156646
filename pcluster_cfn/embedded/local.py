"""``pcluster-cfn local``: embedded clouds for other clients, and the variables that lead them there."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import click

from localcloud import background, running
from localcloud import exports as shell
from localcloud.cloud import Cloud, CloudError
from localcloud.running import RunningCloud
from pcluster_cfn.aws import warnings_shown
from pcluster_cfn.embedded.practice import FAIL, practise
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import EXIT_CODES
from pcluster_cfn.terminal import Console

#: How often the command looks whether the cloud has been stopped by another one.
_POLL_S = 0.5

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _option_of_cloud(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a new cloud to a command."""
    options: Sequence[_Decorator] = (
        click.option(
            "--port", default=0, help="TCP port on 127.0.0.1; 0 takes a free one.", show_default=True
        ),
        click.option("--region", default="us-east-1", show_default=True),
        click.option(
            "--skip-idle/--real-time",
            default=True,
            help="Skip times in which nothing happens, or let them pass.",
            show_default=True,
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _name(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and not running.is_name(name):
        raise click.BadParameter(
            f"{name!r} is not valid; choose up to 64 letters, digits, hyphens and underscores"
        )
    return name


_NAME = click.option(
    "--name", callback=_name, help=f"Name of the embedded cloud.  [default: {running.DEFAULT_NAME}]"
)


@click.group(
    epilog=EXIT_CODES,
    invoke_without_command=True,
    short_help="Start an embedded cloud for real AWS clients.",
)
@_option_of_cloud
@FAIL
@click.pass_context
def local(context: click.Context, port: int, region: str, fail: str | None, *, skip_idle: bool) -> None:
    """Start an embedded cloud, print export lines for a shell, and run until Ctrl-C.

    With a command, work on clouds in the background: eval "$(pcluster-cfn local start)" starts one for your
    shell. An embedded cloud keeps nothing: what you make on it is lost when it stops.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    errors = Console(stderr=True)
    with (
        Cloud.start(region=region, skip_idle=skip_idle, port=port, name=_free_name(errors)) as cloud,
        warnings_shown(cloud.endpoint_url, errors),
    ):
        if practice := practise(cloud, fail):
            errors.print(f"Every cluster fails: {practice.what}.", highlight=False)
        run(cloud, errors)


@local.command(epilog=EXIT_CODES)
@_option_of_cloud
@_NAME
def start(port: int, region: str, skip_idle: bool, name: str | None) -> None:
    """Start an embedded cloud in the background and print its variables once it answers.

    In a shell: eval "$(pcluster-cfn local start)"
    """
    chosen = name or running.DEFAULT_NAME
    words = [f"--port={port}", f"--region={region}", *(["--skip-idle"] if skip_idle else [])]
    errors = Console(stderr=True)
    with errors.status("Starting an embedded cloud …"):
        try:
            cloud = background.start(chosen, words)
        except running.NameTakenError as error:
            raise CommandError(str(error)) from error
    _print_exports(cloud)
    _say(
        errors,
        f"The embedded cloud {cloud.name!r} runs at {cloud.endpoint_url}. {background.NOTHING_IS_KEPT}\n"
        f"Stop it with: pcluster-cfn local stop{background.name_option(chosen)}",
    )


@local.command(epilog=EXIT_CODES)
@_NAME
def stop(name: str | None) -> None:
    """Stop an embedded cloud and say which stacks and clusters are lost."""
    cloud = background.require(name or running.DEFAULT_NAME, may_be_starting=True)
    errors = Console(stderr=True)
    _say(errors, f"Stopping the embedded cloud {cloud.name!r}{background.at(cloud)} …")
    _say(errors, "\n".join(background.stop(cloud)))


@local.command(epilog=EXIT_CODES)
@_NAME
@click.option("--json", "wants_json", is_flag=True, help="Print a list of objects, for scripts.")
def status(name: str | None, wants_json: bool) -> None:
    """Show where embedded clouds run, for how long, and what is on them.

    The simulated time is ahead of this machine's, since waits are skipped.
    """
    clouds = running.every() if name is None else [background.require(name, may_be_starting=True)]
    click.echo(background.report(clouds, as_json=wants_json))


@local.command(epilog=EXIT_CODES)
@_NAME
def env(name: str | None) -> None:
    """Print the variables of a running embedded cloud.

    In a shell: eval "$(pcluster-cfn local env)"
    """
    _print_exports(background.require(name))


# Options behind COMMAND are its own.
@local.command("exec", epilog=EXIT_CODES, context_settings={"allow_interspersed_args": False})
@_NAME
@click.argument("words", nargs=-1, required=True, metavar="COMMAND [ARGUMENT]...")
def execute(name: str | None, words: tuple[str, ...]) -> None:
    """Run COMMAND with the variables of a running embedded cloud.

    For instance: pcluster-cfn local exec -- aws sqs list-queues. The AWS CLI then uses the embedded cloud
    for every service, version 1 included. Your shell stays as it is.
    """
    try:
        shell.run_command(words, background.require(name).exports)
    except OSError as error:
        raise CommandError(
            f"{words[0]} cannot be run ({error.strerror})", "name a program that is on your PATH"
        ) from error


def run(cloud: Cloud, errors: Console) -> None:
    """Prints the exports of a running embedded cloud and waits for SIGINT or SIGTERM, or for its end.

    Standard output gets only the export lines. Unless it is a terminal, it is closed after them, so that
    ``eval "$(pcluster-cfn local &)"`` returns while the cloud runs.

    Args:
        cloud: The cloud. The caller stops it.
        errors: Console on standard error, for messages to people.
    """
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    variables = {**cloud.environment, **cloud.exports}
    if shell.print_for_shell(shell.export_lines(variables, os.environ, os.getpid())):
        _say(
            errors,
            f"\nThe embedded cloud runs at {cloud.endpoint_url}. {background.NOTHING_IS_KEPT} "
            "Ctrl-C stops it.",
        )
    while not ended.wait(_POLL_S):
        if not cloud.is_running:
            _say(errors, f"The embedded cloud at {cloud.endpoint_url} has been stopped.")
            return
    _say(errors, f"\nStopping the embedded cloud at {cloud.endpoint_url} …")
    _say(errors, "\n".join(_lost(cloud)))


def _lost(cloud: Cloud) -> list[str]:
    try:
        return background.lost(cloud.stacks())
    except (OSError, CloudError):  # another command has stopped it at this moment
        return []


def _free_name(errors: Console) -> str | None:
    """Returns a name for a cloud in the foreground; None if none can be recorded."""
    try:
        return running.free_name()
    except OSError as error:
        _say(
            errors,
            f"{running.folder()} cannot be used ({error.strerror}); status, env and stop will not find it.",
        )
        return None


def _refuse_options(context: click.Context) -> None:
    """Refuses options before a sub-command, which would not have them."""
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{parameter.opts[0]} belongs to local alone; write the options of "
                f"{context.invoked_subcommand} behind its name"
            )


def _print_exports(cloud: RunningCloud) -> None:
    for line in shell.export_lines(cloud.exports, os.environ, cloud.process.pid):
        click.echo(line)


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
