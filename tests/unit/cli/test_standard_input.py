"""A template may come from standard input, as `-`."""

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main

TEMPLATE = """\
Parameters: {Size: {Type: Number}}
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties: {ServiceToken: x, ClusterName: hpc, ServiceTimeout: 3600, ClusterConfiguration: {}, Typo: 1}
"""


def run(*arguments, text=TEMPLATE):
    return CliRunner().invoke(main, arguments, input=text)


def test_validate_reads_standard_input_and_gives_places_in_it():
    result = run("validate", "-")
    assert result.exit_code == 1
    assert "-:5:" in result.output
    assert "Typo" in result.output


def test_deploy_reads_standard_input_and_needs_a_name():
    assert (
        "a template from standard input has no name; give one with --stack-name" in run("deploy", "-").output
    )
    named = run("deploy", "-", "--stack-name", "hpc", text="Resources: {T: {Type: AWS::SNS::Topic}}")
    assert "Could not connect to the endpoint URL" in named.output


def test_quick_create_checks_against_standard_input():
    result = run(
        "quick-create",
        "--template-url",
        "https://b.s3.amazonaws.com/t.yaml",
        "--template",
        "-",
        "-p",
        "Size=4",
    )
    assert result.exit_code == 0, result.output
    assert "param_Size=4" in result.output


@pytest.mark.parametrize("text", [b"\xff\xfe", b"x" * 2_000_000])
def test_what_is_no_template_is_one_line(text):
    result = run("validate", "-", text=text)
    assert result.exit_code == 1
    assert "the template from standard input" in result.output
    assert len(result.output.splitlines()) == 1
