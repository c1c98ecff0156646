"""What the options of several commands have in common: ``Key=Value``, exit codes, names of stacks."""

import re
from pathlib import Path
from typing import Any, cast

import click

from pcluster_cfn.errors import CommandError

EXIT_CODES = "Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted."

#: How a shell reports an end by SIGINT: 128 + 2.
INTERRUPTED = 130


class _Assignment(click.ParamType[tuple[str, str]]):
    """``Key=Value``, converted into a pair."""

    name = "Key=Value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return cast("tuple[str, str]", value)
        key, equals, text = str(value).partition("=")
        if not (key and equals):
            self.fail(f"{value!r} is not Key=Value, as in -p MaxCount=8", param, ctx)
        return key, text


ASSIGNMENT = _Assignment()


#: Source: user guide, "Create quick-create links for stacks"; API reference, CreateStack, StackName.
STACK_NAME = "[A-Za-z][A-Za-z0-9-]{0,127}"
STACK_NAME_RULE = "must be 1 to 128 letters, digits and hyphens, the first a letter"


def is_stack_name(name: str) -> bool:
    """Whether CloudFormation accepts a name for a stack."""
    return re.fullmatch(STACK_NAME, name) is not None


def named_after(template: Path) -> str:
    """Returns the default name of a template's stack: the name of its file.

    Raises:
        CommandError: CloudFormation does not accept that name.
    """
    if not is_stack_name(template.stem):
        raise CommandError(
            f"{template.stem!r}, the name of {template}, is not a valid stack name: it {STACK_NAME_RULE}",
            "give one with --stack-name",
        )
    return template.stem
