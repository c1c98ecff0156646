"""Recordings of the command in a terminal, each as a picture and as text."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from localcloud.cloud import Cloud
from pcluster_cfn.embedded.practice import practise
from tools.pictures import terminal

_COMMAND = (sys.executable, "-m", "pcluster_cfn")
_TEMPLATE = "examples/simple-cluster.yaml"
#: Columns of a usual terminal and of a narrow one.
_WIDE, _NARROW = 100, 60
#: The command asks so before it changes anything.
_QUESTION = "[y/N]"


@dataclass(frozen=True)
class Recording:
    """What a terminal showed.

    Args:
        name: Name of its files.
        command: The command, as a user types it.
        lines: The lines, which may have colours.
        columns: Columns of the terminal.
    """

    name: str
    command: str
    lines: Sequence[str]
    columns: int

    def svg(self) -> str:
        """Returns it as a picture."""
        return terminal.svg(self.command, [f"$ {self.command}", *self.lines], self.columns)

    def text(self) -> str:
        """Returns it as text."""
        return terminal.plain([f"$ {self.command}", *self.lines])


def made(cloud: Cloud, environment: Mapping[str, str], parameters: Sequence[str]) -> Iterator[Recording]:
    """Yields the recordings: deployments, the question before one, a failure, and a look at the cluster.

    Args:
        cloud: The embedded cloud.
        environment: The environment of the command.
        parameters: Options with the parameters of the example.
    """
    given = [_TEMPLATE, *parameters]

    def last(
        arguments: Sequence[str], answers: Mapping[str, str] | None = None, ends_with: Sequence[int] = (0,)
    ) -> list[str]:
        """Returns the last screen of a command in a usual terminal."""
        shown = [""]
        command = [*_COMMAND, *arguments]
        for lines in terminal.frames(
            command, environment, columns=_WIDE, answers=answers or {}, ends_with=ends_with
        ):
            shown = lines
        return _folded(shown)

    def while_creating(name: str, columns: int) -> list[str]:
        """Returns the fullest screen of a deployment while its cluster is being made."""
        command = [*_COMMAND, "deploy", *given, "--stack-name", name, "--yes"]
        fullest = [""]
        for lines in terminal.frames(command, environment, columns=columns):
            is_running = any("Cluster" in line and "CREATE_IN_PROGRESS" in line for line in lines)
            if is_running and len(_folded(lines)) >= len(fullest):
                fullest = _folded(lines)
        return fullest

    deploy = f"pcluster-cfn deploy {_TEMPLATE} -p …"
    asked = last(["deploy", *given, "--stack-name", "asked"], {_QUESTION: "n\n"}, (0, 1))
    yield Recording("question", deploy, asked, _WIDE)
    yield Recording("deployment", f"{deploy} --yes", while_creating("hpc", _WIDE), _WIDE)
    yield Recording("deployment-narrow", f"{deploy} --yes", while_creating("hpc-2", _NARROW), _NARROW)
    yield Recording("status", "pcluster-cfn status hpc", last(["status", "hpc"]), _WIDE)
    logs = ["logs", "hpc", "--stream", "chef-client"]
    yield Recording("logs", f"pcluster-cfn {' '.join(logs)}", last(logs), _WIDE)
    practise(cloud, "custom-action")
    failed = last(["deploy", *given, "--stack-name", "failing", "--yes"], ends_with=(1,))
    cloud.set_head_nodes()
    yield Recording("failed-bootstrap", f"{deploy} --yes", failed, _WIDE)


def _folded(lines: Sequence[str]) -> list[str]:
    """Returns the lines without empty ones at their end."""
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept
