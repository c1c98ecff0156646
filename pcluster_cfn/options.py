"""What the commands' options have in common."""

from typing import Any, cast

import click

EXIT_CODES = "Exit codes: 0 done, 1 it failed, 2 wrong usage, 130 interrupted."

#: How a shell reports an end by SIGINT: 128 + 2.
INTERRUPTED = 130


class _Assignment(click.ParamType[tuple[str, str]]):
    """``Key=Value``, kept as a pair."""

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
