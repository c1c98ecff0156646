"""The demo proves what it prints, for the project's example and for a user's own template."""

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
    shown = demo(str(template), "-p", "Os=windows")
    assert shown.returncode == 1
    assert "Official nests the provider: this clone's template.yaml is used" in shown.stdout
    assert "/Image/Os" in shown.stdout
    assert "Traceback" not in shown.stderr
