"""Prints the variables that clients need as shell commands."""

import os
import shlex
import sys
from collections.abc import Mapping


def print_for_shell(exports: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Prints an ``export`` line for each variable on standard output.

    If standard output is not a terminal, it is closed afterwards, so that ``eval "$(localcloud start &)"``
    returns while the cloud runs on. On a terminal, standard error says how to stop the cloud.

    Args:
        exports: The variables.
        environment: The shell's variables; equal ones are not printed.
    """
    for line in export_lines(exports, environment):
        print(line)  # noqa: T201 - this is the command's output
    sys.stdout.flush()
    if sys.stdout.isatty():
        print(f"\nThe cloud runs at {exports['AWS_ENDPOINT_URL']}. Ctrl-C stops it.", file=sys.stderr)  # noqa: T201
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def export_lines(exports: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """Returns the lines, sorted, with this process's id as ``LOCALCLOUD_PID``."""
    changed = {name: value for name, value in exports.items() if environment.get(name) != value}
    wanted = {**changed, "LOCALCLOUD_PID": str(os.getpid())}
    return [f"export {name}={shlex.quote(value)}" for name, value in sorted(wanted.items())]
