"""Leads clients to a cloud: variables for a shell to evaluate, and a command that runs with them."""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import NoReturn


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


#: What leads a client elsewhere although the address and credentials are set. A service's own address comes
#: before the common one, and a profile is looked up in a file that has none.
#: Source: AWS SDKs and Tools reference guide, "Service-specific endpoints" and "AWS_PROFILE".
_LEADING_AWAY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
_ADDRESS_OF_A_SERVICE = "AWS_ENDPOINT_URL_"


def leading_away(environment: Mapping[str, str]) -> list[str]:
    """Returns the variables that would lead AWS clients away from a cloud, sorted."""
    return sorted(
        name for name in environment if name in _LEADING_AWAY or name.startswith(_ADDRESS_OF_A_SERVICE)
    )


def export_lines(exports: Mapping[str, str], environment: Mapping[str, str], pid: int) -> list[str]:
    """Returns an ``export`` line for each variable, sorted, after lines that unset what leads away.

    PATH is not changed.

    Args:
        exports: The variables.
        environment: The shell's variables.
        pid: The process to end, for ``LOCALCLOUD_PID``.
    """
    wanted = {**exports, "LOCALCLOUD_PID": str(pid)}
    unset = [f"unset {name}" for name in leading_away(environment)]
    return unset + [f"export {name}={shlex.quote(value)}" for name, value in sorted(wanted.items())]


def command_line(command: Sequence[str], endpoint_url: str) -> list[str]:
    """Returns a command that reaches a cloud with its variables.

    The AWS CLI version 1 sends some services (RDS, EMR and, in most Regions, SQS) to an address of its own
    unless a command names one, whatever its environment and configuration say. So ``aws`` gets
    ``--endpoint-url``.
    Source: aws-cli 1.46.3, awscli/customizations/overridesslcommonname.py.

    Args:
        command: The command and its arguments.
        endpoint_url: The address of the cloud.
    """
    program, *arguments = command
    names_one = any(word.partition("=")[0] == "--endpoint-url" for word in arguments)
    if PurePath(program).name != "aws" or names_one:
        return list(command)
    return [program, "--endpoint-url", endpoint_url, *arguments]


def run_command(command: Sequence[str], exports: Mapping[str, str]) -> NoReturn:
    """Replaces this process by a command that reaches a cloud.

    Args:
        command: The command and its arguments.
        exports: The variables of the cloud's clients.

    Raises:
        OSError: The command cannot be run.
    """
    away = leading_away(os.environ)
    kept = {name: value for name, value in os.environ.items() if name not in away}
    words = command_line(command, exports["AWS_ENDPOINT_URL"])
    os.execvpe(words[0], words, {**kept, **exports})  # noqa: S606 - the user's own command
