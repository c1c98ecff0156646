"""The page is one file, loads nothing, and escapes what it is made of."""

import base64
import hashlib
import json
import re

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch.launch_page import LaunchPage, readable_regions
from pcluster_cfn.launch.link import region_named
from pcluster_cfn.template import Template

URL = "https://bucket.s3.us-east-1.amazonaws.com/cluster.yaml"
TEMPLATE = """
Description: "</script>{{script}}<b>&"
Parameters:
  A: {Type: String, Default: "</script>\\"", Description: "<i>"}
Resources: {}
"""


def page(text=TEMPLATE, **changes):
    arguments = {
        "template": Template.parse(text, "t"),
        "template_url": URL,
        "title": "A <title>",
        "regions": [region_named("us-east-1")],
        **changes,
    }
    return LaunchPage(**arguments).html()


def test_the_policy_lets_the_page_s_own_script_and_style_run_and_no_others():
    text = page()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    for directive, content in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_the_page_names_nothing_that_would_be_loaded():
    text = page()
    assert re.findall(r"<link[^>]*href=\"(.*?)\"", text) == ["data:,"]
    assert re.findall(r"\b(?:src|srcset|action|poster)=", text) == []
    assert re.findall(r"url\(|@import|\beval\(|innerHTML|\bon\w+=\"", text) == []


def test_what_a_template_says_is_escaped_and_never_filled_in_again():
    text = page()
    assert "<title>A &lt;title&gt;</title>" in text
    assert "&lt;/script&gt;{{script}}&lt;b&gt;&amp;" in text
    assert text.count("</script>") == 2
    data = re.findall(r'<script type="application/json" id="page">(.*?)</script>', text, re.DOTALL)[0]
    assert json.loads(data)["templateURL"] == URL


def test_a_template_without_parameters_has_a_page_too():
    assert "<fieldset>" not in page("Resources: {}")


@pytest.mark.parametrize(
    ("template", "asks"),
    [
        ("Resources: {R: {Type: AWS::IAM::Role}}", True),
        ("Resources: {S: {Type: AWS::CloudFormation::Stack}}", True),
        ("Transform: AWS::Serverless-2016-10-31\nResources: {}", True),
        ("Resources: {T: {Type: AWS::SNS::Topic}}", False),
    ],
)
def test_the_page_says_when_the_console_will_ask_for_capabilities(template, asks):
    assert ("acknowledge that the stack may make IAM resources" in page(template)) is asks


def test_only_regions_that_can_read_the_template_are_offered():
    names = [region.name for region in readable_regions(URL, [])]
    assert names[0] == "us-east-1"
    assert {"eu-west-1", "us-gov-west-1"} < set(names)
    assert not any(name.startswith("cn-") for name in names)
    chinese = "https://bucket.s3.{region}.amazonaws.com.cn/cluster.yaml"
    assert [region.name for region in readable_regions(chinese, [])] == ["cn-north-1", "cn-northwest-1"]
    assert [region.name for region in readable_regions(URL, ["eu-west-1"])] == ["eu-west-1"]
    document = "ssm-doc://arn:aws:ssm:eu-west-3:123456789012:document/hpc"
    assert [region.name for region in readable_regions(document, [])] == ["eu-west-3"]


@pytest.mark.parametrize(
    ("url", "regions", "said"),
    [
        ("https://example.com/a.yaml", [], "is not an object in S3"),
        (URL, ["cn-north-1"], "in another partition"),
        (URL, ["us-esat-1"], "there is no Region"),
    ],
)
def test_a_template_that_cannot_be_read_gets_no_page(url, regions, said):
    with pytest.raises(CommandError, match=said):
        readable_regions(url, regions)


@pytest.fixture
def command(tmp_path):
    template = tmp_path / "my-cluster_2.yaml"
    template.write_text(TEMPLATE)

    def run(*arguments, output=tmp_path / "page.html"):
        return CliRunner().invoke(
            main, ["launch-page", str(template), "--template-url", URL, "-o", str(output), *arguments]
        )

    return run


def test_title_and_stack_name_come_from_the_file_where_they_can(command, tmp_path):
    result = command()
    assert result.exit_code == 0
    assert str(tmp_path / "page.html") in result.output
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>My cluster 2</h1>" in text
    assert re.search(r'<input id="stack-name"[^>]* value=""', text)  # no stack may have an underscore


def test_title_and_stack_name_can_be_given(command, tmp_path):
    command("--title", "HPC", "--stack-name", "hpc")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>HPC</h1>" in text
    assert re.search(r'<input id="stack-name"[^>]* value="hpc"', text)


def test_a_wrong_stack_name_and_a_wrong_place_are_one_line_each(command, tmp_path):
    for result in (command("--stack-name", "1"), command(output=tmp_path / "no" / "page.html")):
        assert result.exit_code == 1
        assert len(result.output.splitlines()) == 1
