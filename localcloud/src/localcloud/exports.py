"""Prints the variables that clients need as shell commands."""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping


def print_for_shell(lines: Iterable[str]) -> bool:
    """Prints export lines on standard output.

    If standard output is not a terminal, it is closed afterwards, so that ``eval "$(localcloud start &)"``
    returns while the cloud runs on.

    Args:
        lines: The lines, of ``export_lines``.

    Returns:
        Whether standard output is a terminal, where a person may want to know how to stop the cloud.
    """
    for line in lines:
        print(line)  # noqa: T201 - this is the command's output
    sys.stdout.flush()
    if sys.stdout.isatty():
        return True
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return False


def export_lines(exports: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """Returns an ``export`` line for each variable, sorted, with this process's id as ``LOCALCLOUD_PID``.

    Args:
        exports: The variables.
        environment: The shell's variables; equal ones are left out.
    """
    changed = {name: value for name, value in exports.items() if environment.get(name) != value}
    wanted = {**changed, "LOCALCLOUD_PID": str(os.getpid())}
    return [f"export {name}={shlex.quote(value)}" for name, value in sorted(wanted.items())]
