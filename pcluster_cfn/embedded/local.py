"""``pcluster-cfn local``: an embedded cloud for other clients, and the variables that lead them to it."""

import os
import signal
import threading
from types import FrameType

import click

from localcloud import exports as shell
from localcloud.cloud import Cloud
from pcluster_cfn.aws import warnings_shown
from pcluster_cfn.embedded.practice import FAIL, practise
from pcluster_cfn.options import EXIT_CODES
from pcluster_cfn.terminal import Console


@click.command(epilog=EXIT_CODES, short_help="Start an embedded cloud for real AWS clients.")
@click.option("--port", default=0, help="TCP port on 127.0.0.1; 0 takes a free one.", show_default=True)
@click.option("--region", default="us-east-1", show_default=True)
@click.option(
    "--skip-idle/--real-time",
    default=True,
    help="Skip times in which nothing happens, or let them pass.",
    show_default=True,
)
@FAIL
def local(port: int, region: str, skip_idle: bool, fail: str | None) -> None:
    """Start an embedded cloud, print export lines for a shell, and run until Ctrl-C.

    In a script, start it with: eval "$(pcluster-cfn local &)". Stop it with: kill $LOCALCLOUD_PID
    """
    errors = Console(stderr=True)
    with (
        Cloud.start(region=region, skip_idle=skip_idle, port=port) as cloud,
        warnings_shown(cloud.endpoint_url, errors),
    ):
        if practice := practise(cloud, fail):
            errors.print(f"Every cluster fails: {practice.what}.", highlight=False)
        run(cloud, errors)


def run(cloud: Cloud, errors: Console) -> None:
    """Prints the exports of a running embedded cloud and waits for SIGINT or SIGTERM.

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
    if shell.print_for_shell(export_lines(cloud.environment, cloud.exports)):
        errors.print(f"\nThe embedded cloud runs at {cloud.endpoint_url}. Ctrl-C ends it.", highlight=False)
    ended.wait()


def export_lines(environment: dict[str, str], exports: dict[str, str]) -> list[str]:
    """Returns shell lines that lead AWS clients to the cloud and name its seeded ids.

    Args:
        environment: Environment of a client. Variables that this process already has are left out.
        exports: The seeded ids, which are printed in any case.
    """
    present = {name: value for name, value in os.environ.items() if name not in exports}
    return shell.export_lines({**environment, **exports}, present)
