"""What a link says makes the stack it promises, from the template at its address."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.account import DEADLINE_S, ROOT, outputs
from tests.e2e.recorded import PLACE, REGION
from tests.support.links import read_link

pytestmark = pytest.mark.e2e

TEMPLATE = """
Parameters:
  Text: {Type: String, MinLength: 1}
  Count: {Type: Number, Default: 4}
  Kept: {Type: String, Default: default}
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
Outputs:
  Text: {Value: !Ref Text}
  Count: {Value: !Ref Count}
  Kept: {Value: !Ref Kept}
"""
UNPACKAGED = b"Resources: {P: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./p.yaml}}}"
AWKWARD = "a&b=c#d+e%20f?g/h \"'<>{}|漢🚀\n$(x)"


@pytest.fixture
def template_key(cloud):
    bucket = cloud.exports["ARTIFACT_BUCKET"]
    cloud.client("s3").put_object(Bucket=bucket, Key="links/a b.yaml", Body=TEMPLATE.encode())
    return f"{bucket}/links/a%20b.yaml"


@pytest.fixture
def quick_create(cloud):
    def run(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "pcluster_cfn", "quick-create", "--json", *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **cloud.environment},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)["links"][0]["url"] if code == 0 else done.stderr

    return run


def test_a_link_replayed_makes_the_stack(account, quick_create, template_key):
    url = f"https://s3.{REGION}.{PLACE.url_suffix}/{template_key}"
    said = read_link(
        quick_create(
            "--template-url", url, "--stack-name", "linked", "-p", f"Text={AWKWARD}", "-p", "Count=8"
        )
    )
    account.cloudformation.create_stack(
        StackName=said.stack_name,
        TemplateURL=said.template_url,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in said.parameters.items()
        ],
    )
    assert outputs(account.settled("linked")) == {"Text": AWKWARD, "Count": "8", "Kept": "default"}
    account.delete("linked")


def test_a_template_is_read_and_checked_where_the_link_says_it_is(cloud, quick_create, template_key):
    at_the_cloud = f"{cloud.endpoint_url}/{template_key}"
    assert read_link(quick_create("--template-url", at_the_cloud)).template_url == at_the_cloud
    complaint = quick_create("--template-url", at_the_cloud, "-p", "Text=", "-p", "Cuont=1", code=1)
    assert "Text='': must have at least 1 character" in complaint
    assert "did you mean Count?" in complaint
    cloud.client("s3").put_object(Bucket=template_key.partition("/")[0], Key="links/local", Body=UNPACKAGED)
    complaint = quick_create("--template-url", at_the_cloud.replace("a%20b.yaml", "local"), code=1)
    assert "names ./p.yaml, a local file of its author, in P.TemplateURL" in complaint
    complaint = quick_create("--template-url", f"{at_the_cloud}.nowhere", code=1)
    assert "cannot read the template" in complaint
    assert "give a local copy with --template" in complaint
