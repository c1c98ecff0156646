"""Wrong usage is one line that says what to do, with its own exit code."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import COMMANDS, main
from pcluster_cfn.deploy.events import Event, Outcome
from pcluster_cfn.embedded.local import export_lines


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "Resources: {P: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.yaml}}}"
    )
    (tmp_path / "inner.yaml").write_text("Resources: {T: {Type: AWS::SNS::Topic}}")
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("wrong", ["MaxCount", "=8", ""])
def test_a_parameter_that_is_no_pair_is_wrong_usage(template, wrong):
    result = run("deploy", template, "-p", wrong)
    assert result.exit_code == 2
    assert "is not Key=Value, as in -p MaxCount=8" in result.output


def test_a_value_may_hold_equals_signs_and_be_empty(template):
    result = run("deploy", template, "-p", "A=b=c", "-p", "Empty=")
    assert result.exit_code == 1  # past the parsing: it asks for a bucket
    assert "--bucket" in result.output


def test_local_paths_without_a_bucket_are_one_line_that_says_so(template):
    result = run("deploy", template)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "name a bucket with --bucket" in result.output


def test_a_missing_template_is_one_line_with_its_path():
    result = run("deploy", "nowhere.yaml")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "nowhere.yaml" in result.output


@pytest.fixture
def unfit(tmp_path):
    """A template that asks for values nobody has, and nests what nobody but its author has."""

    def write(
        *, parameters="{Os: {Type: String}, Size: {Type: Number}}", url="https://x.s3.amazonaws.com/n.yaml"
    ):
        path = tmp_path / "unfit.yaml"
        stack = f"{{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: '{url}'}}}}"
        path.write_text(f"Parameters: {parameters}\nResources: {{Network: {stack}}}")
        return path

    return write


def test_a_demo_names_all_parameters_without_a_value_before_it_starts_a_cloud(unfit):
    result = run("demo", unfit())
    assert result.exit_code == 1
    assert result.output == ("Error: parameters Os, Size have no value; give each one: -p Os=… -p Size=…\n")


def test_a_demo_names_all_parameters_that_its_template_does_not_have(unfit):
    result = run("demo", unfit(), "-p", "Foo=1", "-p", "Bar=2", "-p", "Os=3")
    assert result.output == "Error: the template has no parameter Foo, Bar; it has: Os, Size\n"
    assert "did you mean Size?" in run("demo", unfit(), "-p", "Sice=1").output


def test_a_demo_says_at_once_which_nested_template_it_does_not_have(unfit):
    result = run("demo", unfit(parameters="{}"))
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "Network (https://x.s3.amazonaws.com/n.yaml)" in line
    assert line.endswith("download them and name the files in place of their addresses")


@pytest.mark.parametrize("stem", ["my_cluster", "cluster.prod", "my cluster", "2nd", "a" * 129])
@pytest.mark.parametrize("command", [["deploy"], ["validate", "--dry-run"]])
def test_a_file_name_that_cannot_be_a_stack_s_is_reported_before_aws_is_asked(tmp_path, command, stem):
    path = tmp_path / f"{stem}.yaml"
    path.write_text("Resources: {T: {Type: AWS::SNS::Topic}}")
    result = run(*command, path)
    assert result.exit_code == 1
    assert result.output == (
        f"Error: {stem!r}, the name of {path}, is not a valid stack name: it must be 1 to 128 letters, "
        "digits and hyphens, the first a letter; give one with --stack-name\n"
    )
    named = run(*command, path, "--stack-name", "hpc")
    assert "Could not connect to the endpoint URL" in named.output


@pytest.mark.parametrize("command", ["demo", "local"])
def test_a_region_that_does_not_exist_is_one_line(command):
    ran = subprocess.run(
        [sys.executable, "-m", "pcluster_cfn", command, "--region", "mars-1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr == (
        "Error: the embedded cloud did not start: argument --region: Region 'mars-1' does not exist; "
        "choose one such as us-east-1\n"
    )


def test_an_unreachable_endpoint_is_one_line_without_a_traceback(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text("Resources: {T: {Type: AWS::SNS::Topic}}")
    result = run("deploy", path)
    assert result.exit_code == 1
    assert "Could not connect to the endpoint URL" in result.output
    assert len(result.output.splitlines()) == 1


def test_a_shell_completes_commands_and_options():
    def completed(words):
        environment = {"_PCLUSTER_CFN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "2"}
        result = CliRunner().invoke(main, env=environment, prog_name="pcluster-cfn")
        return {line.split(",")[1] for line in result.output.splitlines()}

    assert {"--profile", "--region", "--json"} <= completed("pcluster-cfn delete --")


def test_an_interrupted_command_ends_as_shells_report_it():
    @click.command()
    def interrupted():
        raise KeyboardInterrupt

    result = CliRunner().invoke(type(main)(commands=[interrupted]), ["interrupted"])
    assert result.exit_code == 130
    assert result.output == "\nInterrupted.\n"


def test_help_documents_the_exit_codes():
    for command in ([], ["deploy"], ["delete"], ["local"], ["demo"], ["publish"]):
        assert "Exit codes: 0" in run(*command, "--help").output


def test_help_says_of_every_command_what_it_does_without_breaking_off():
    listed = run("--help").output.split("Commands:")[1]
    assert "..." not in listed
    assert [name for name in COMMANDS if f"\n  {name} " not in listed] == []


def test_an_outcome_for_programs_has_its_outputs_or_its_root_causes():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    event = Event(("Cluster",), "Custom::PclusterCluster", "CREATE_FAILED", "no", "hpc", at)
    good = Outcome("hpc", "arn", "CREATE_COMPLETE", "", {"Ip": "203.0.113.7"}, [event])
    bad = Outcome("hpc", "arn", "ROLLBACK_COMPLETE", "rolled back", {}, [event])
    assert (good.as_json()["Outputs"], good.as_json()["RootCauses"]) == ({"Ip": "203.0.113.7"}, [])
    (cause,) = bad.as_json()["RootCauses"]
    assert (cause["Resource"], cause["Reason"]) == ("Cluster", "no")
    assert json.loads(json.dumps(bad.as_json()))["StackStatus"] == "ROLLBACK_COMPLETE"


def test_exports_are_lines_that_a_shell_evaluates():
    lines = export_lines({"LOCALCLOUD_TEST": "it's a $value"}, {"KEY_NAME": "k"})
    script = "\n".join([*lines, 'printf "%s|%s" "$LOCALCLOUD_TEST" "$KEY_NAME"'])
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert shell.stdout == "it's a $value|k"


def test_exports_leave_out_what_the_shell_has_already(monkeypatch):
    monkeypatch.setenv("LOCALCLOUD_TEST", "same")
    assert not [line for line in export_lines({"LOCALCLOUD_TEST": "same"}, {}) if "LOCALCLOUD_TEST" in line]


def test_the_command_starts_without_loading_the_embedded_cloud():
    check = "import sys, pcluster_cfn.cli; sys.exit(any(name.startswith('moto') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
