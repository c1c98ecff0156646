"""An installed command does what a clone does: it validates, builds, publishes, deploys and deletes."""

import json

import boto3
import pytest

from tests.e2e.account import ARTEFACT, ROOT
from tests.install.conftest import VERSION

pytestmark = pytest.mark.e2e

CLUSTER = """\
Parameters:
  Subnet: {Type: AWS::EC2::Subnet::Id}
  KeyName: {Type: AWS::EC2::KeyPair::KeyName}
Resources:
%s
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !GetAtt Provider.Outputs.ServiceToken
      ServiceTimeout: 3600
      ClusterName: c-installed
      ClusterConfiguration:
        Image: {Os: alinux2023}
        HeadNode:
          InstanceType: t3.medium
          Networking: {SubnetId: !Ref Subnet}
          Ssh: {KeyName: !Ref KeyName}
        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: compute
              ComputeResources: [{Name: c7i, InstanceType: c7i.xlarge, MaxCount: 4}]
              Networking: {SubnetIds: [!Ref Subnet]}
Outputs:
  HeadNodeIp: {Value: !GetAtt Cluster.headNode.publicIpAddress}
"""


def head_nodes(variables, cluster_name):
    ec2 = boto3.client(
        "ec2", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name=variables["AWS_DEFAULT_REGION"]
    )
    running = {"Name": "instance-state-name", "Values": ["running"]}
    named = {"Name": "tag:parallelcluster:cluster-name", "Values": [cluster_name]}
    found = ec2.describe_instances(Filters=[running, named])["Reservations"]
    return [instance for reservation in found for instance in reservation["Instances"]]


def test_the_command_alone_validates(alone):
    template = alone.folder / "cluster.yaml"
    template.write_text((ROOT / "examples" / "many-clusters" / "cluster.yaml").read_text())
    assert alone.run("validate", template) == ""
    template.write_text(template.read_text().replace(" InstanceType: m7i", " InstanceTyp: m7i"))
    assert "did you mean InstanceType?" in alone.run("validate", template, code=1)
    assert alone.run("--version") == f"pcluster-cfn, version {VERSION}\n"


@pytest.mark.parametrize("command", ["demo", "local"])
def test_the_command_alone_says_what_brings_the_embedded_cloud(alone, command):
    assert "install pcluster-cfn[local]" in alone.run(command, code=1)


def test_the_demo_runs(installed):
    assert "Nothing is left." in installed.run("demo")


def test_a_cluster_of_the_published_provider_is_deployed_and_deleted(release, installed, variables):
    build = release / f"provider-{VERSION}.zip"
    bucket = variables["ARTIFACT_BUCKET"]
    published = json.loads(
        installed.run("publish", "--bucket", bucket, "--build", build, "--hook", "--json", **variables)
    )
    assert [each["kind"] for each in published["publications"]] == ["provider", "hook"]
    template = installed.folder / "cluster.yaml"
    template.write_text(CLUSTER % published["snippet"])
    values = ("-p", f"Subnet={variables['HEAD_NODE_SUBNET']}", "-p", f"KeyName={variables['KEY_NAME']}")
    installed.run("validate", template, *values)

    deployed = json.loads(
        installed.run("deploy", template, "--stack-name", "installed", "--json", *values, **variables)
    )
    (head_node,) = head_nodes(variables, "c-installed")
    assert deployed["Outputs"]["HeadNodeIp"] == head_node["PublicIpAddress"]
    (status,) = json.loads(installed.run("status", "installed", "--json", **variables))["clusters"]
    assert (status["name"], status["health"]) == ("c-installed", "works")
    assert status["headNode"]["publicIp"] == head_node["PublicIpAddress"]
    logs = installed.run("logs", "c-installed", "--stream", "chef-client", **variables)
    assert f".{head_node['InstanceId']}.chef-client" in logs
    assert "Cinc Client Run complete" in logs

    installed.run("delete", "installed", **variables)
    assert head_nodes(variables, "c-installed") == []


def test_it_builds_the_bytes_that_a_clone_builds(installed):
    built = installed.folder / "build"
    about = json.loads((ARTEFACT / "build.json").read_text())
    options = ("--hook", "--python", about["python"], "--arch", about["architecture"])
    installed.run("build", "--into", built, *options)
    hook = ("hook/engine.zip", "hook/hook.zip", "hook/template.yaml")
    for name in ("provider.zip", "engine.zip", "layer.zip", "template.yaml", *hook):
        assert (built / name).read_bytes() == (ARTEFACT / name).read_bytes(), name
    assert json.loads((built / "build.json").read_text())["commit"] == about["commit"]
