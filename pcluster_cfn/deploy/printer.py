"""Where ``deploy`` and ``delete`` print, and how they ask."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pcluster_cfn.deploy.layout import wrap
from pcluster_cfn.deploy.preflight import MistakesFoundError
from pcluster_cfn.terminal import Console


class Printer:
    """Where each kind of output goes: standard output has the outcome only if that is JSON."""

    def __init__(self, *, wants_json: bool, json_events: bool) -> None:
        self.is_json = wants_json or json_events
        self.is_lines = json_events
        #: For people.
        self.console = Console(stderr=self.is_json)
        #: For events.
        self.events = Console() if json_events else self.console

    def say(self, text: str) -> None:
        """Prints a line for people; on a terminal it is broken between words."""
        _print_line(self.console, text)

    def asks(self, *, yes: bool) -> bool:
        """Whether somebody can be asked."""
        return not yes and self.console.is_terminal and sys.stdin.isatty()

    def confirm(self, question: str) -> bool:
        """Returns the answer to a question.

        Raises:
            KeyboardInterrupt: The answer is Ctrl-C, or the input has ended.
        """
        try:
            return click.confirm(question, default=False, err=self.is_json)
        except click.Abort as error:
            raise KeyboardInterrupt from error


@contextmanager
def mistakes_printed() -> Iterator[None]:
    """Prints each mistake that the block's check finds, to standard error, before the error goes on."""
    try:
        yield
    except MistakesFoundError as error:
        console = Console(stderr=True)
        for line in error.lines:
            _print_line(console, line)
        raise


def _print_line(console: Console, text: str) -> None:
    indent = text[: len(text) - len(text.lstrip())]
    lines = wrap(text.strip(), console.width, indent, f"{indent}      ") if console.is_terminal else [text]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
