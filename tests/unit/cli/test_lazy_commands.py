"""Commands are imported when they are used, so that the command line starts at once."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import COMMANDS, main

#: What takes long to import, and no list of commands needs.
HEAVY = ("boto3", "botocore", "samtranslator", "localcloud", "jsonschema", "yaml")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_each_command_what_the_command_says_of_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200) == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_exit_codes_and_keeps_its_example_on_a_line(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"], prog_name="pcluster-cfn").output
    assert "\n  Exit codes: " in shown
    assert "\\b" not in shown
    before, example, after = shown.partition("Example:")
    assert not example or after.startswith(f"\n    pcluster-cfn {name}"), before


@pytest.mark.parametrize("argument", ["-h", "--help", "--version"])
def test_help_and_version_import_nothing_that_takes_long(argument: str) -> None:
    source = (
        f"import sys; sys.argv = ['pcluster-cfn', {argument!r}]\n"
        "from pcluster_cfn.cli import main\n"
        "try:\n    main()\n"
        "finally:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr.splitlines()[-1] == "[]"


def test_a_command_that_does_not_exist_is_named() -> None:
    assert main.get_command(click.Context(main), "destroy") is None
    assert main.list_commands(click.Context(main)) == sorted(COMMANDS)
