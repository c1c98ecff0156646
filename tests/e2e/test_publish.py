"""What was published is all that somebody else's stack needs: no clone, no bucket, no transform."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.account import ARTEFACT, DEADLINE_S, ROOT, outputs
from tests.support.built import build_from_sources
from tools.artefacts.built import ENGINE_STACK

pytestmark = pytest.mark.e2e

#: Without CAPABILITY_AUTO_EXPAND, and without a name for any IAM resource.
CAPABILITIES = ["CAPABILITY_IAM"]
ENGINE = "3.16.1"
CLUSTER = """
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !GetAtt Provider.Outputs.ServiceToken
      ServiceTimeout: 3600
      ClusterName: c-published
      ClusterConfiguration: %s
Outputs:
  HeadNodeIp: {Value: !GetAtt Cluster.headNode.publicIpAddress}
"""


@pytest.fixture(scope="module")
def build_folder(tmp_path_factory):
    """What `make build` made, with an engine beside it as `make engine` makes one."""
    folder = tmp_path_factory.mktemp("build")
    if ARTEFACT:
        for file in ("build.json", "template.yaml", "provider.zip", "engine.zip", "layer.zip"):
            (folder / file).symlink_to(ARTEFACT / file)
    else:
        build_from_sources(folder)
    build_from_sources(folder / f"engine-{ENGINE}", ENGINE_STACK)
    return folder


@pytest.fixture(scope="module")
def published(cloud, build_folder):
    """What the command says of the provider and the engine, as a script reads it."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pcluster_cfn", "publish", "--bucket", cloud.exports["ARTIFACT_BUCKET"]),
            *("--build", str(build_folder), "--engine", ENGINE, "--version", "1.2.3", "--json"),
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **cloud.environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def template_url(published, kind):
    return next(item["templateUrl"] for item in published["publications"] if item["kind"] == kind)


def create(account, name, capabilities=(), parameters=(), **template):
    created = account.cloudformation.create_stack(
        StackName=name,
        Capabilities=list(capabilities),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters],
        **template,
    )
    return account.settled(created["StackId"])


def test_another_stack_nests_the_printed_snippet_and_gets_a_cluster(account, published):
    body = "Resources:\n" + published["snippet"] + CLUSTER % json.dumps(account.configuration())

    stack = create(account, "nests", CAPABILITIES, TemplateBody=body)

    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    (head_node,) = account.head_nodes("c-published")
    assert outputs(stack)["HeadNodeIp"] == head_node["PublicIpAddress"]
    assert account.delete("nests")["StackStatus"] == "DELETE_COMPLETE"
    assert account.stack("c-published") is None


def test_parameters_still_count(account, published):
    """The transform would have put the default of CustomLambdaRole in, for every stack."""
    iam = account.cloud.client("iam")
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = iam.create_role(RoleName="our-own", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    url = template_url(published, "provider")

    stack = create(account, "published-role", CAPABILITIES, [("CustomLambdaRole", role)], TemplateURL=url)

    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    functions = account.cloud.client("lambda")
    provider = functions.get_function_configuration(FunctionName=outputs(stack)["ServiceToken"])
    assert provider["Role"] == role
    assert account.delete("published-role")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.usefixtures("service_token")
def test_a_published_engine_needs_no_capability_at_all(account, published):
    provider = outputs(account.stack("provider"))
    names = ("ServiceToken", "ProviderRole", "EngineRole", "EngineLogGroup")
    parameters = [(name, provider[name]) for name in names]

    stack = create(account, "published-engine", (), parameters, TemplateURL=template_url(published, "engine"))

    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    assert outputs(stack)["Engine"].startswith(f"{ENGINE}=arn:aws:lambda:")
    assert account.delete("published-engine")["StackStatus"] == "DELETE_COMPLETE"
