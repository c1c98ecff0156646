"""What was published is all that another user's stack needs: no clone, no bucket, no transform."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.account import ARTEFACT, DEADLINE_S, ROOT, outputs
from tests.e2e.parents import Parent, Proposed
from tests.e2e.recorded import EXPECTED, PLACE
from tests.support.built import build_from_sources
from tools.artefacts.built import ENGINE_STACK, HOOK_STACK

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
  ServiceToken: {Value: !GetAtt Provider.Outputs.ServiceToken}
"""


@pytest.fixture(scope="module")
def build_folder(tmp_path_factory):
    """What `make build` made, with an engine and the hook beside it as `make engine` and `make hook` do."""
    folder = tmp_path_factory.mktemp("build")
    if ARTEFACT:
        for file in ("build.json", "template.yaml", "provider.zip", "engine.zip", "layer.zip", "hook"):
            (folder / file).symlink_to(ARTEFACT / file)
    else:
        build_from_sources(folder)
        build_from_sources(folder / "hook", HOOK_STACK)
    build_from_sources(folder / f"engine-{ENGINE}", ENGINE_STACK)
    return folder


@pytest.fixture(scope="module")
def publish(cloud, build_folder):
    """Publishes provider, engine and hook as a version, and returns what a script reads of it."""

    def publish(version):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pcluster_cfn", "publish", "--build", str(build_folder), "--json"),
                *("--bucket", cloud.exports["ARTIFACT_BUCKET"], "--version", version),
                *("--engine", ENGINE, "--hook"),
            ],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **cloud.environment},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return publish


@pytest.fixture(scope="module")
def published(publish):
    return publish("1.0.0")


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


def update(account, name, body):
    account.cloudformation.update_stack(StackName=name, TemplateBody=body, Capabilities=CAPABILITIES)
    return account.settled(name)


def test_another_stack_nests_the_printed_snippet_gets_a_cluster_and_moves_on_with_it(
    account, published, publish
):
    def nesting(published, max_count):
        changes = {"Scheduling__SlurmQueues__0__ComputeResources__0__MaxCount": max_count}
        cluster = CLUSTER % json.dumps(account.configuration(**changes))
        return "Resources:\n" + published["snippet"] + cluster

    stack = create(account, "nests", CAPABILITIES, TemplateBody=nesting(published, 4))
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    (head_node,) = account.head_nodes("c-published")
    assert outputs(stack)["HeadNodeIp"] == head_node["PublicIpAddress"]

    moved = update(account, "nests", nesting(publish("1.1.0"), 8))
    assert moved["StackStatus"] == "UPDATE_COMPLETE", account.why(moved)
    assert outputs(moved) == outputs(stack)
    assert account.stack("c-published")["StackStatus"] == "UPDATE_COMPLETE"

    assert account.delete("nests")["StackStatus"] == "DELETE_COMPLETE"
    assert account.stack("c-published") is None


def test_a_stack_outlives_the_version_it_was_made_from_but_cannot_be_updated(account, publish):
    withdrawn = publish("0.9.0")
    stack = create(account, "outlives", CAPABILITIES, TemplateBody="Resources:\n" + withdrawn["snippet"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    s3 = account.cloud.client("s3")
    for publication in withdrawn["publications"]:
        for file in publication["files"]:
            s3.delete_object(Bucket=publication["bucket"], Key=publication["prefix"] + file["name"])

    more = "  Topic: {Type: AWS::SNS::Topic}\n"
    updated = update(account, "outlives", "Resources:\n" + more + withdrawn["snippet"])
    assert updated["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "S3 error" in account.failures("outlives", "Provider")[0]

    assert account.delete("outlives")["StackStatus"] == "DELETE_COMPLETE"


def test_parameters_still_count(account, published, pytestconfig):
    """The transform would have put the default of CustomLambdaRole in, for every stack."""
    iam = account.cloud.client("iam")
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = iam.create_role(RoleName="our-own", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    # Lambda looks for these before it takes a dead-letter queue and a destination.
    allowed = {"Effect": "Allow", "Action": ["sqs:SendMessage", "lambda:InvokeFunction"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="our-own", PolicyName="reports", PolicyDocument=policy)
    # Nothing else: a sweep that comes meanwhile may not read the table.
    pytestconfig.stash[EXPECTED].add(("our-own", "dynamodb:"))
    account.let_iam_settle()
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
    assert outputs(stack)["Engine"].startswith(f"{ENGINE}={PLACE.arn('lambda', 'function:')}")
    assert account.delete("published-engine")["StackStatus"] == "DELETE_COMPLETE"


def test_a_published_hook_judges_the_change_sets_of_clusters(account, published, service_token):
    provider = outputs(account.stack("provider"))
    names = ("ServiceToken", "EngineRole", "EngineLogGroup", "LambdaLayerArn")
    parameters = [
        *((name, provider[name]) for name in names),
        ("HookAlias", "Pcluster::Published::Plan"),
        ("StackNames", "judged-*"),
    ]
    url = template_url(published, "hook")

    stack = create(account, "published-hook", CAPABILITIES, parameters, TemplateURL=url)

    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    account.let_iam_settle()
    judged = Proposed(account, Parent(account, service_token, "judged-by-url"))
    assert (judged.status, judged.said.splitlines()[0]) == ("CREATE_COMPLETE", "Plan: 1 create.")
    account.cloudformation.delete_stack(StackName="judged-by-url")
    assert account.delete("published-hook")["StackStatus"] == "DELETE_COMPLETE"
