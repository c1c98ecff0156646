"""In a job of GitHub Actions, mistakes are shown at their lines."""

import pytest
from click.testing import CliRunner

from cfn_template.limits import Place
from pcluster_cfn.cli import main
from pcluster_cfn.validation.annotations import annotation

CLUSTER = """\
Parameters:
  Os: {Type: String}
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: token
      ClusterName: c-hpc
      ServiceTimeout: 3600
      PclusterVersion: 3.16.1
      ClusterConfiguration:
        Image: {Os: %s}
        HeadNode: {InstanceType: t3.micro, Networking: {SubnetId: subnet-01234567}}
        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: q
              ComputeResources: [{Name: c, InstanceType: t3.micro}]
              Networking: {SubnetIds: [subnet-01234567]}
"""
TEAMS = """\
Transform: AWS::LanguageExtensions
Parameters:
  Teams: {Type: CommaDelimitedList}
Resources:
  Fn::ForEach::Clusters:
    - Team
    - !Ref Teams
    - Cluster${Team}: {Type: Custom::PclusterCluster, Properties: {}}
"""


@pytest.fixture
def validate(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def validate(text, *options):
        (tmp_path / "cluster.yaml").write_text(text)
        return CliRunner().invoke(main, ["validate", "cluster.yaml", *options])

    return validate


def test_a_mistake_is_an_error_at_its_line_and_column(validate):
    result = validate(CLUSTER % "wrong", "--format", "github")
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    start = "::error file=cluster.yaml,line=12,col=21,title=Mistake::Cluster/ClusterConfiguration/Image/Os: "
    assert line.startswith(start)


def test_an_unchecked_part_is_a_warning(validate):
    result = validate(TEAMS, "--format", "github")
    assert result.exit_code == 3
    assert result.stdout.startswith("::warning file=cluster.yaml,line=5,col=3,title=Not checked::")


def test_without_strictness_unchecked_parts_are_no_failure_and_mistakes_are(validate):
    assert validate(TEAMS, "--no-strict").exit_code == 0
    assert validate(CLUSTER % "wrong", "--no-strict").exit_code == 1


def test_a_note_about_the_release_is_a_notice_and_no_failure(validate):
    old = (CLUSTER % "alinux2023").replace("3.16.1", "3.14.0")
    result = validate(old, "--format", "github")
    assert result.exit_code == 0
    start = "::notice file=cluster.yaml,line=5,col=5,title=Advisory::Cluster: advisory: "
    assert result.stdout.startswith(start)


def test_a_text_ends_no_command_and_begins_none():
    line = annotation("error", "a: b", "odd,name:1.yaml", Place(2, 3), "50 %\r\n::error::forged")
    assert line == ("::error file=odd%2Cname%3A1.yaml,line=2,col=3,title=a%3A b::50 %25%0D%0A::error::forged")
