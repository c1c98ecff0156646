"""The demo proves what it prints, for the project's example and for a user's own template."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.account import DEADLINE_S, ROOT

pytestmark = pytest.mark.e2e

#: As people publish them: the service token is a parameter, the configuration is text.
OWN_TEMPLATE = """\
Parameters:
  ServiceToken: {Type: String}
  PublicSubnet: {Type: 'AWS::EC2::Subnet::Id'}
  PrivateSubnet: {Type: 'AWS::EC2::Subnet::Id'}
  KeyPair: {Type: 'AWS::EC2::KeyPair::KeyName'}
  Os: {Type: String}
Resources:
  Hpc:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !Ref ServiceToken
      ClusterName: own
      ClusterConfiguration: !Sub |
        Image:
          Os: ${Os}
        HeadNode:
          InstanceType: t3.medium
          Networking: {SubnetId: ${PublicSubnet}}
          Ssh: {KeyName: ${KeyPair}}
        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: q
              ComputeResources:
                - {Name: r, InstanceType: c6i.xlarge, MaxCount: 3}
              Networking: {SubnetIds: ['${PrivateSubnet}']}
"""


#: The same with the official provider nested, as ParallelCluster's own templates have it.
OFFICIAL_TEMPLATE = (
    OWN_TEMPLATE.replace("  ServiceToken: {Type: String}\n", "").replace(
        "ServiceToken: !Ref ServiceToken", "ServiceToken: !GetAtt Official.Outputs.ServiceToken"
    )
    + """\
  Official:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub
        - https://${B}.s3.${AWS::URLSuffix}/parallelcluster/3.16.1/templates/custom_resource/cluster.yaml
        - {B: !Sub '${AWS::Region}-aws-parallelcluster'}
"""
)


def demo(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pcluster_cfn", "demo", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def test_the_example_lives_its_life_and_nothing_is_left():
    shown = demo()
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for line in ("HeadNodeIp = ", "ValidationMessages = [", "[4] → [8]", "0  log groups", "Nothing is left."):
        assert line in shown.stdout


#: What people begin with: ParallelCluster's walk-through, which nests the provider and a network.
WALK_THROUGH = """\
Parameters:
  Key: {Type: 'AWS::EC2::KeyPair::KeyName'}
  Zone: {Type: 'AWS::EC2::AvailabilityZone::Name'}
Mappings:
  Official: {Release: {Number: 3.16.1}}
Resources:
  Provider:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub
        - https://${AWS::Region}-aws-parallelcluster.s3.${AWS::Region}.${AWS::URLSuffix}/parallelcluster/${V}/templates/custom_resource/cluster.yaml
        - {V: !FindInMap [Official, Release, Number]}
  Network:
    Type: AWS::CloudFormation::Stack
    Properties:
      Parameters: {PublicCIDR: 10.0.0.0/24, PrivateCIDR: 10.0.16.0/20, AvailabilityZone: !Ref Zone}
      TemplateURL: !Sub
        - https://${AWS::Region}-aws-parallelcluster.s3.${AWS::Region}.${AWS::URLSuffix}/parallelcluster/${V}/templates/networking/public-private-${V}.cfn.json
        - {V: !FindInMap [Official, Release, Number]}
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !GetAtt [Provider, Outputs.ServiceToken]
      ClusterName: !Sub 'walk-${AWS::StackName}'
      ClusterConfiguration:
        Image: {Os: alinux2023}
        HeadNode:
          InstanceType: t3.medium
          Networking: {SubnetId: !GetAtt [Network, Outputs.PublicSubnetId]}
          Ssh: {KeyName: !Ref Key}
        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: q
              ComputeResources: [{Name: r, InstanceType: hpc7a.12xlarge}]
              Networking: {SubnetIds: [!GetAtt [Network, Outputs.PrivateSubnetId]]}
Outputs:
  HeadNodeIp: {Value: !GetAtt [Cluster, headNode.publicIpAddress]}
"""


def test_the_official_walk_through_runs_in_the_region_that_is_named(tmp_path):
    template = tmp_path / "walk-through.yaml"
    template.write_text(WALK_THROUGH)
    shown = demo(str(template), "--region", "eu-north-1")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for line in ("Zone = eu-north-1a (seeded)", "cluster walk-demo at", "Nothing is left."):
        assert line in shown.stdout


def cdk_cluster(name, path, *, storage=(), **properties):
    """A cluster as the CDK synthesises one: booleans and numbers as such, and metadata everywhere."""
    networking = {"SubnetId": {"Ref": "HeadSubnet"}, "AdditionalSecurityGroups": [{"Ref": "Group"}]}
    capacity = {"Name": "r", "InstanceType": "c6i.xlarge", "MinCount": 0, "MaxCount": 3}
    queue = {
        "Name": "q",
        "ComputeResources": [capacity | {"Efa": {"Enabled": False}}],
        "Networking": {"SubnetIds": [{"Ref": "NodeSubnet"}]},
    }
    return {
        "Type": "Custom::PclusterCluster",
        "Properties": {
            "ServiceToken": {"Fn::GetAtt": ["Provider", "Outputs.ServiceToken"]},
            "ClusterName": name,
            "ClusterConfiguration": {
                "Image": {"Os": "alinux2023"},
                "HeadNode": {
                    "InstanceType": "t3.medium",
                    "Networking": networking,
                    "Imds": {"Secured": True},
                },
                "Scheduling": {"Scheduler": "slurm", "SlurmQueues": [queue]},
                "SharedStorage": list(storage),
            },
            **properties,
        },
        "Metadata": {"aws:cdk:path": f"Hpc/{path}/Default"},
    }


def cdk_template(provider):
    """What ``cdk synth`` writes for three clusters, two of which outlive their stack."""
    home = {"Name": "home", "StorageType": "Efs", "MountDir": "/shared"}
    return {
        "Parameters": {
            "HeadSubnet": {"Type": "AWS::EC2::Subnet::Id"},
            "NodeSubnet": {"Type": "AWS::EC2::Subnet::Id"},
            "VpcId": {"Type": "AWS::EC2::VPC::Id"},
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            },
        },
        "Conditions": {"WithMetadata": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}},
        "Rules": {
            "CheckBootstrapVersion": {
                "Assertions": [
                    {"Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2"], {"Ref": "BootstrapVersion"}]}]}}
                ]
            }
        },
        "Resources": {
            "Provider": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": provider}},
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "Hpc/Group", "VpcId": {"Ref": "VpcId"}},
            },
            "Goes": cdk_cluster("goes", "Goes"),
            "KeptByAttribute": cdk_cluster("attribute", "KeptByAttribute")
            | {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"},
            "KeptByProperty": cdk_cluster("property", "Kept", storage=[home], DeletionPolicy="Retain"),
            "CDKMetadata": {
                "Type": "AWS::CDK::Metadata",
                "Properties": {"Analytics": "v2:deflate64:H4sIAAAA"},
                "Condition": "WithMetadata",
            },
        },
    }


def test_what_the_cdk_synthesises_runs_and_a_cluster_that_is_to_be_kept_is_not_left_behind(tmp_path):
    template = tmp_path / "hpc.template.json"
    # Without the directory's links resolved, the address would not lead from there to the clone.
    provider = os.path.relpath(ROOT / "template.yaml", tmp_path.resolve())
    template.write_text(json.dumps(cdk_template(provider)))
    shown = demo(str(template))
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for line in (
        "CDKMetadata  AWS::CDK::Metadata",
        "Kept by its DeletionPolicy: KeptByAttribute (Custom::PclusterCluster) attribute",
        "Kept by its DeletionPolicy: KeptByProperty (Custom::PclusterCluster) property",
        "instances (2), network interfaces (3), artefacts (",
        "  0  instances  ",
        "Nothing else is left.",
    ):
        assert line in shown.stdout, shown.stdout
    assert shown.stdout.count("Kept by its") == 2


def test_a_template_of_one_s_own_gets_a_provider_and_seeded_ids(tmp_path):
    template = tmp_path / "own.yaml"
    template.write_text(OWN_TEMPLATE)
    shown = demo(str(template), "-p", "Os=ubuntu2404")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for line in ("Deploy the provider", "cluster own at", "[3] → [6]", "Nothing is left."):
        assert line in shown.stdout


def test_a_template_that_fails_ends_the_demo_with_the_reason(tmp_path):
    template = tmp_path / "official.yaml"
    template.write_text(OFFICIAL_TEMPLATE)
    refused = demo(str(template), "-p", "Os=windows")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "/Image/Os" in refused.stderr

    shown = demo(str(template), "-p", "Os=windows", "--no-validate")
    assert shown.returncode == 1
    assert "Official nests the provider: using this clone's template.yaml" in shown.stdout
    assert "/Image/Os" in shown.stdout
    assert "Traceback" not in shown.stderr
