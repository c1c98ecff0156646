"""Whoever follows a tutorial sees what it shows: every command is run as written, in one shell."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
#: A tutorial is for ten minutes of a reader, most of them spent on reading.
TIMEOUT_S = 600
_MARK = "=== command"


@dataclass
class Command:
    """A command of a page, and what the page says of it."""

    text: str
    status: int
    shown: list[str] = field(default_factory=list)


def commands(page):
    """Returns the commands of a page, in order, but for those that install what the tests run with."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", "\0").splitlines():
            if line.startswith("$ "):
                status = re.search(r" # ends with (\d+)$", line)
                found.append(Command(line[2:].replace("\0", "\\\n"), int(status[1]) if status else 0))
            else:
                found[-1].shown.append(line)
    return [command for command in found if not command.text.startswith("make ")]


def run(page, folder):
    """Runs the page's commands in a copy of the project; returns each with its status and its output."""
    steps = [f"{command.text}\necho '{_MARK} '$?" for command in commands(page)]
    script = "\n".join(["trap 'kill $LOCALCLOUD_PID 2>/dev/null' EXIT", *steps])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        # Each reader has a machine without other clouds.
        env=os.environ | {"AWS_PAGER": "", "XDG_STATE_HOME": str(folder / "state")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    *ended, rest = re.split(rf"{_MARK} (\d+)\n", done.stdout)
    assert rest == ""
    return list(zip(commands(page), map(int, ended[1::2]), ended[::2], strict=True))


def comparable(line):
    """A line without what differs from run to run: its numbers and its alignment."""
    return " ".join(re.sub(r"\d+", "0", line).split())


def missing(shown, output):
    """Returns the first shown line that the output lacks, in this order; … stands for anything."""
    lines = iter([comparable(line) for line in output.splitlines()])
    patterns = [".*".join(map(re.escape, comparable(line).split("…"))) for line in shown]
    return next(
        (pattern for pattern in patterns if not any(re.search(pattern, line) for line in lines)), None
    )


@pytest.fixture
def project(tmp_path):
    """A folder that looks like the project's root, and takes what a tutorial writes."""
    for entry in ROOT.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


@pytest.mark.e2e
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_every_command_of_a_tutorial_does_what_the_tutorial_shows(page, project):
    for command, status, output in run(page, project):
        assert (command.text, status) == (command.text, command.status), output
        assert (command.text, missing(command.shown, output)) == (command.text, None), output
