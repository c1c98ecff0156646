"""Prints how an operation ended: outputs and the next commands, or every mistake and what to do."""

import json

import click
from rich.table import Table
from rich.text import Text

from pcluster_cfn.deploy.failure_report import Source, document, failures_of, next_command
from pcluster_cfn.deploy.layout import wrap
from pcluster_cfn.deploy.outcome import Operation, Outcome
from pcluster_cfn.terminal import Console

#: Lines that continue a line of the report are indented.
_INDENT = "  "


def print_outcome(console: Console, outcome: Outcome, source: Source | None = None) -> None:
    """Prints an outcome: the outputs and the next commands of a success, the mistakes of a failure.

    Args:
        console: Where to print. On a terminal, lines are broken between words.
        outcome: The outcome.
        source: The template, for the places of mistakes; None if there is none.
    """
    if not outcome.succeeded:
        _print_failure(console, outcome, source)
        return
    if not outcome.changed:
        _print_line(console, f"Stack {outcome.stack_name} has no changes.")
    if outcome.outputs:
        _print_outputs(console, outcome.outputs)


def print_next_commands(console: Console, outcome: Outcome) -> None:
    """Prints the commands that are useful after a successful deployment."""
    if not outcome.succeeded or outcome.operation is Operation.DELETE:
        return
    where = f" --region {outcome.region}" if outcome.region else ""
    commands = [f"status {outcome.stack_name}", f"delete {outcome.stack_name}"]
    if outcome.clusters:
        # A stack may have several clusters; a log and a head node are one cluster's.
        commands[1:1] = [f"logs {outcome.clusters[0]}", f"connect {outcome.clusters[0]}"]
    elif token := outcome.outputs.get("ServiceToken"):
        # A provider stack has no clusters to look at: templates with clusters need its service token.
        commands[0] = f"deploy TEMPLATE -p ServiceToken={token}"
    _print_line(console, "Next:")
    for command in commands:
        _print_line(console, f"{_INDENT}pcluster-cfn {command}{where}")


def print_json(outcome: Outcome, source: Source | None = None, *, as_line: bool = False) -> None:
    """Prints an outcome as JSON.

    Args:
        outcome: The outcome.
        source: The template, for the places of mistakes.
        as_line: Whether to print one line of the type ``outcome``, after lines of events.
    """
    if as_line:
        click.echo(json.dumps({"Type": "outcome", **document(outcome, source)}))
    else:
        click.echo(json.dumps(document(outcome, source), indent=2))


def _print_failure(console: Console, outcome: Outcome, source: Source | None) -> None:
    failed = failures_of(outcome, source)
    for failure in failed:
        for line in failure.lines(source):
            _print_line(console, line, style="" if line.startswith("What to do") else "red")
    count = sum(len(failure.cause.mistakes) for failure in failed)
    what = "1 cause" if count == 1 else f"{count} causes"
    _print_line(console, f"Stack {outcome.stack_name} is {outcome.status}: {what}.", style="bold red")
    _print_line(console, f"Next: {next_command(outcome)}")


def _print_outputs(console: Console, outputs: dict[str, str]) -> None:
    if not console.is_terminal:
        for key, value in outputs.items():
            _print_line(console, f"{key} = {value}")
        return
    table = Table(title="Outputs", title_justify="left", title_style="bold")
    table.add_column("Key", style="bold", no_wrap=True)
    table.add_column("Value", overflow="fold")
    for key, value in outputs.items():
        table.add_row(key, Text(value))
    console.print(table)


def _print_line(console: Console, text: str, style: str = "") -> None:
    """Prints a line; on a terminal it is broken between words, elsewhere it stays one line."""
    indent = text[: len(text) - len(text.lstrip())]
    lines = wrap(text.strip(), console.width, indent, indent + _INDENT) if console.is_terminal else [text]
    for line in lines:
        # A styled Text: the style argument of print would colour a live table that is redrawn below, too.
        console.print(Text(line, style=style), soft_wrap=True)
