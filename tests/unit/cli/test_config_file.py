"""Defaults of options come from pcluster-cfn.toml; the environment and the command line outrank them."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.config_file import FILE_NAME, find
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import ASSIGNMENT, aws_options

AWS_VARIABLES = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
)


@click.command()
@aws_options
@click.option("-p", "--parameter", "parameters", type=ASSIGNMENT, multiple=True)
@click.option("--stack-name")
@click.option("--format", "output", type=click.Choice(["text", "json"]))
@click.option("--json", "wants_json", is_flag=True)
def deploy(**options):
    click.echo(json.dumps(options))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a repository, without AWS variables; returns a function that runs a command in it."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in AWS_VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def run(text, *arguments, **environment):
        (tmp_path / FILE_NAME).write_text(text)
        group = type(main)(commands=[deploy], context_settings=main.context_settings)
        result = CliRunner().invoke(group, ["deploy", *arguments], env=environment)
        return json.loads(result.output) if result.exit_code == 0 else result.output

    return run


def test_a_table_has_the_defaults_of_its_command(project):
    options = project('[deploy]\nstack-name = "hpc"\njson = true\n')
    assert (options["stack_name"], options["wants_json"]) == ("hpc", True)


def test_parameters_are_a_table_or_a_list_as_on_the_command_line(project):
    table = '[deploy.parameter]\nMaxCount = 8\nSubnets = ["a", "b"]\nPublic = true\n'
    assert project(table)["parameters"] == [["MaxCount", "8"], ["Subnets", "a,b"], ["Public", "true"]]
    assert project('[deploy]\nparameter = ["MaxCount=8"]\n')["parameters"] == [["MaxCount", "8"]]
    assert project('[deploy]\nparameter = "MaxCount=8"\n')["parameters"] == [["MaxCount", "8"]]


def test_the_command_line_outranks_the_environment_which_outranks_the_file(project):
    text = 'region = "eu-west-1"\n[deploy]\nstack-name = "file"\n'
    assert project(text)["region"] == "eu-west-1"
    assert project(text, AWS_REGION="eu-west-2")["region"] == "eu-west-2"
    assert project(text, "--region", "eu-west-3", AWS_REGION="eu-west-2")["region"] == "eu-west-3"
    assert project(text, PCLUSTER_CFN_DEPLOY_STACK_NAME="variable")["stack_name"] == "variable"
    assert project(text, "--stack-name", "given", PCLUSTER_CFN_DEPLOY_STACK_NAME="variable")[
        "stack_name"
    ] == ("given")


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID"])
def test_credentials_of_the_environment_outrank_the_profile_of_the_file(project, variable):
    text = 'profile = "file"\n'
    assert project(text)["profile"] == "file"
    assert project(text, **{variable: "x"})["profile"] is None
    assert project(text, "--profile", "given", **{variable: "x"})["profile"] == "given"


def test_a_command_s_own_table_outranks_the_top(project):
    assert project('region = "eu-west-1"\n[deploy]\nregion = "eu-west-2"\n')["region"] == "eu-west-2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[deploy]\nstack_name = "x"\n', "which is no option of deploy; did you mean stack-name?"),
        ("[deploy]\nqqq = 1\n", "has 'qqq', which is no option of deploy; deploy has: "),
        ("[deplyo]\n", "has a table [deplyo]; did you mean deploy?"),
        ('regoin = "x"\n', "has a key 'regoin' at the top; did you mean region?"),
        ('[deploy]\nformat = "xml"\n', "[deploy] format = 'xml': 'xml' is not one of 'text', 'json'."),
        ('[deploy]\nparameter = ["MaxCount"]\n', "'MaxCount' is not Key=Value"),
        ("[deploy\n", "is not TOML: Expected ']'"),
    ],
)
def test_what_the_file_has_wrong_is_one_line_that_names_file_and_key(project, tmp_path, text, message):
    output = project(text)
    (line,) = output.splitlines()
    assert line.startswith(f"Error: {tmp_path / FILE_NAME}")
    assert message in line


def test_help_works_whatever_the_file_has(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE_NAME).write_text("[deploy\n")
    assert CliRunner().invoke(main, ["deploy", "--help"]).output.startswith("Usage:")
    refused = CliRunner().invoke(main, ["deploy", "cluster.yaml"])
    assert (refused.exit_code, "is not TOML" in refused.output) == (1, True)


def test_the_nearest_file_counts_up_to_the_repository(tmp_path):
    (tmp_path / FILE_NAME).write_text('region = "outside"\n')
    repository = tmp_path / "repository"
    inner = repository / "a" / "b"
    inner.mkdir(parents=True)
    (repository / ".git").mkdir()
    assert find(inner, Path("/home/nobody")) is None
    (repository / FILE_NAME).write_text('region = "root"\n')
    found = find(inner, Path("/home/nobody"))
    assert found is not None
    assert found.path == repository / FILE_NAME
    (inner / FILE_NAME).write_text('region = "near"\n')
    nearest = find(inner, Path("/home/nobody"))
    assert nearest is not None
    assert nearest.content == {"region": "near"}


def test_the_home_folder_is_the_last_and_elsewhere_only_the_folder_itself_counts(tmp_path):
    home = tmp_path / "home"
    inner = home / "a"
    inner.mkdir(parents=True)
    (tmp_path / FILE_NAME).write_text("")
    assert find(inner, home) is None
    assert find(inner, Path("/home/nobody")) is None
    (home / FILE_NAME).write_text("")
    found = find(inner, home)
    assert found is not None
    assert found.path.parent == home


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"\xff")
    with pytest.raises(CommandError, match="is not UTF-8; save the file as UTF-8"):
        find(tmp_path, tmp_path)
