"""What commands share: ``--profile`` and ``--region``, ``Key=Value``, exit codes, names of stacks."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from pcluster_cfn.errors import CommandError

_Function = TypeVar("_Function", bound=Callable[..., Any])

EXIT_CODES = "Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted."


def example(command: str, exit_codes: str) -> str:
    """Returns the text below a command's help: an example, which is not wrapped, and the exit codes."""
    return f"\b\nExample:\n  {command}\n\n{exit_codes}"


JSON = click.option("--json", "wants_json", is_flag=True, help="Print JSON, for scripts.")

#: Exit codes, as ``terraform plan -detailed-exitcode`` has them. Source: Terraform CLI reference, "plan".
NOTHING, FAILURE, CHANGES = 0, 1, 2
#: How a shell reports an end by SIGINT: 128 + 2.
INTERRUPTED = 130


class ChangesCommand(click.Command):
    """A command whose exit code 2 means changes, so wrong usage has another one."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Reads the arguments."""
        with _wrong_usage_fails():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        with _wrong_usage_fails():
            return super().invoke(ctx)


@contextmanager
def _wrong_usage_fails() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        error.show()
        raise click.exceptions.Exit(FAILURE) from error


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
PARAMETERS = click.option(
    "-p", "--parameter", "parameters", type=ASSIGNMENT, multiple=True, help="Value of a template parameter."
)


#: Variables of the environment that choose credentials. With one of them, the configuration file's profile
#: does not count. Source: AWS SDKs and tools reference guide, "Environment variables".
_CREDENTIAL_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID")


def _profile(ctx: click.Context, param: click.Parameter, profile: str | None) -> str | None:
    """Returns the profile; None leaves the choice to the SDK, which reads the environment itself.

    The option has no ``envvar``: a profile that is passed on would outrank keys of the environment.
    """
    is_file_s = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.DEFAULT_MAP
    overridden = is_file_s and any(os.environ.get(name) for name in _CREDENTIAL_VARIABLES)
    return None if overridden else profile


_profile_option = click.option(
    "--profile",
    callback=_profile,
    help="Profile of your AWS configuration. Default: AWS_PROFILE, or the SDK's default credentials.",
)
_REGION_VARIABLES = ["AWS_REGION", "AWS_DEFAULT_REGION"]
_region_option = click.option(
    "--region",
    envvar=_REGION_VARIABLES,
    help="Region. Default: AWS_REGION, AWS_DEFAULT_REGION, or the Region of the profile.",
)
_regions_option = click.option(
    "--region",
    "regions",
    multiple=True,
    envvar=_REGION_VARIABLES,
    help="Region; repeat it for more. Default: AWS_REGION, AWS_DEFAULT_REGION, or the Region of the profile.",
)


def aws_options(command: _Function) -> _Function:
    """Gives a command ``--profile`` and ``--region``, for ``pcluster_cfn.aws.session(region, profile)``."""
    return _profile_option(_region_option(command))


def aws_options_with_regions(command: _Function) -> _Function:
    """Gives a command ``--profile``, and a ``--region`` that may be repeated, as ``regions``."""
    return _profile_option(_regions_option(command))


#: Stands for standard input in place of a template's path.
STANDARD_INPUT = Path("-")

#: Source: user guide, "Create quick-create links for stacks"; API reference, CreateStack, StackName.
STACK_NAME = "[A-Za-z][A-Za-z0-9-]{0,127}"
STACK_NAME_RULE = "must be 1 to 128 letters, digits and hyphens, the first a letter"


def is_stack_name(name: str) -> bool:
    """Whether CloudFormation accepts a name for a stack."""
    return re.fullmatch(STACK_NAME, name) is not None


def named_after(template: Path) -> str:
    """Returns the default name of a template's stack: the name of its file.

    Raises:
        CommandError: CloudFormation does not accept that name, or the template has none.
    """
    if template == STANDARD_INPUT:
        raise CommandError("a template from standard input has no name", "give one with --stack-name")
    if not is_stack_name(template.stem):
        raise CommandError(
            f"{template.stem!r}, the name of {template}, is not a valid stack name: it {STACK_NAME_RULE}",
            "give one with --stack-name",
        )
    return template.stem
