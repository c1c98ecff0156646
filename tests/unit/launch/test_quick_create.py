"""The command makes links, or says everything that is wrong at once."""

import html
import json

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.launch.link import QuickCreateLink
from tests.support.links import read_link

URL = "https://bucket.s3.us-east-1.amazonaws.com/cluster.yaml"
TEMPLATE = """
Parameters:
  Name: {Type: String, Default: x, AllowedPattern: "[a-z]+", ConstraintDescription: lower-case letters}
  Count: {Type: Number, MinValue: 1, Default: 4}
  Subnet: {Type: AWS::EC2::Subnet::Id}
  Password: {Type: String, NoEcho: true}
  Odd: {Type: String, Default: '', AllowedPattern: '\\cAabc'}
Resources: {}
"""


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text(TEMPLATE)
    return path


def run(template, *arguments, url=URL):
    command = ["quick-create", "--template-url", url, "--template", str(template), *arguments]
    return CliRunner().invoke(main, command)


def test_the_link_says_what_was_given_in_the_order_of_the_template(template):
    result = run(template, "--stack-name", "hpc", "-p", "Count=8", "-p", "Name=abc", "--region", "eu-west-1")
    assert result.exit_code == 0
    expected = QuickCreateLink("eu-west-1", URL, "hpc", {"Name": "abc", "Count": "8"}).url()
    assert result.stdout.splitlines()[:2] == ["eu-west-1", expected]
    assert f"]({expected})" in result.stdout
    assert f'<a href="{html.escape(expected)}">' in result.stdout


def test_what_is_left_open_is_reported_beside_the_output(template):
    result = run(template, "-p", "Odd=xyz")
    assert result.stderr == (
        "The console will ask for: Subnet, Password\n"
        "Only CloudFormation can check Odd against its pattern \\cAabc\n"
    )


def test_a_copy_that_is_not_what_is_at_the_address_is_remarked_on(template):
    template.write_text(
        "Resources: {P: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ../p.yaml}}}"
    )
    result = run(template)
    assert result.exit_code == 0
    assert result.stderr == f"{template} names ../p.yaml: the template at the address must be packaged\n"


def test_json_holds_a_link_for_every_region(template):
    url = "https://bucket-{region}.s3.{region}.amazonaws.com/cluster.yaml"
    result = run(
        template, "-p", "Name=a", "--region", "us-east-1", "--region", "us-gov-west-1", "--json", url=url
    )
    said = json.loads(result.stdout)
    assert [(item["region"], item["partition"]) for item in said["links"]] == [
        ("us-east-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
    ]
    assert [read_link(item["url"]).template_url for item in said["links"]] == [
        "https://bucket-us-east-1.s3.us-east-1.amazonaws.com/cluster.yaml",
        "https://bucket-us-gov-west-1.s3.us-gov-west-1.amazonaws.com/cluster.yaml",
    ]
    assert said["parameters"] == {"Name": "a"}
    assert said["leftToConsole"] == ["Subnet", "Password"]
    assert result.stderr == ""


def test_every_mistake_is_reported_at_once(template):
    wrong = ["Nmae=a", "Count=0", "Subnet=x", "Password=secret", "Name=A", "Name=b", "Zzz=1"]
    arguments = [part for text in wrong for part in ("-p", text)]
    result = run(template, *arguments, "--stack-name", "1", "--region", "us-esat-1", "--region", "cn-north-1")
    assert result.exit_code == 1
    assert result.stdout == ""
    first, *lines = result.stderr.splitlines()
    assert first == f"Error: {len(lines)} mistakes:"
    assert [line.strip().partition(";")[0] for line in lines] == [
        "the stack name '1' must be 1 to 128 letters, digits and hyphens, the first a letter",
        "the template has no parameter Nmae",
        "parameter Password is NoEcho, which a link cannot contain",
        "parameter Name is given 2 times",
        "the template has no parameter Zzz",
        "Count='0': must be at least 1",
        "Subnet='x': must be the id of a subnet, as in subnet-0123456789abcdef0",
        "Name='A': lower-case letters",
        "there is no Region 'us-esat-1' of the partitions aws, aws-cn, aws-us-gov",
        f"{URL} is in another partition than cn-north-1",
    ]
    assert "secret" not in result.stderr


def test_a_link_that_would_not_survive_is_refused(template):
    result = run(template, "-p", f"Odd={'ä' * 2000}")
    assert result.exit_code == 1
    assert "characters; only 8,000 work everywhere" in result.stderr


def test_a_template_that_is_only_at_another_place_needs_a_copy():
    result = CliRunner().invoke(main, ["quick-create", "--template-url", "https://example.com/a.yaml"])
    assert result.exit_code == 1
    assert "give a local copy with --template" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_unreachable_template_is_one_line_without_a_traceback():
    result = CliRunner().invoke(main, ["quick-create", "--template-url", URL])
    assert result.exit_code == 1
    assert "give a local copy with --template" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_pattern_that_takes_too_long_is_left_to_cloudformation_and_said_so(template):
    template.write_text(
        "Parameters: {P: {Type: String, Default: b, AllowedPattern: '(a|aa)+b'}}\nResources: {}\n"
    )
    result = run(template, "-p", f"P={'a' * 60}!")
    assert result.exit_code == 0
    assert result.stderr == "Only CloudFormation can check P against its pattern (a|aa)+b\n"
    assert "param_P=aaa" in result.stdout


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://example.com/x.png",
        'https://example.com/"onload=x',
        "https://a/b) [x](y",
        "https://a",
    ],
)
def test_a_badge_that_is_no_https_address_of_a_picture_is_refused(url, template):
    result = run(template, "--badge-url", url)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "is not a valid https address; give one such as https://HOST/PATH" in result.stderr


def test_a_badge_can_be_another_picture(template):
    result = run(
        template, "--badge-url", "https://img.shields.io/badge/launch-stack-orange?style=flat&logo=aws"
    )
    assert "(https://img.shields.io/badge/launch-stack-orange?style=flat&logo=aws)" in result.stdout


def test_an_address_elsewhere_is_refused_before_anything_is_printed(template):
    for url in ("file:///etc/passwd", "javascript:alert(1)", "https://evil.example/x.yaml"):
        result = run(template, url=url)
        assert (result.exit_code, result.stdout) == (1, "")
        assert url in result.stderr


def test_more_parameters_than_cloudformation_takes_are_refused(template):
    template.write_text("Parameters: {" + ", ".join(f"P{n}: {{}}" for n in range(201)) + "}\nResources: {}\n")
    assert "declares 201 parameters; CloudFormation allows 200" in run(template).stderr
