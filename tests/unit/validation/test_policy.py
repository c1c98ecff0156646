"""Rules of the user's own: each finds what breaks it, with its place, and nothing else."""

import json

import pytest
import yaml
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.errors import CommandError
from pcluster_cfn.project import ROOT
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.policy import Policy

HOUSE_RULES = ROOT / "examples" / "policies" / "house-rules.yaml"
GOOD = """\
Parameters:
  Subnet: {Type: String}
  NodeType: {Type: String, Default: c6i.large}
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: arn
      ClusterName: hpc
      ClusterConfiguration:
        Image: {Os: alinux2023}
        Imds: {ImdsSupport: v2.0}
        HeadNode:
          InstanceType: t3.medium
          Imds: {Secured: true}
          LocalStorage: {RootVolume: {Size: 50}}
          Networking: {SubnetId: !Ref Subnet}
        LoginNodes:
          Pools:
            - {Name: login, InstanceType: t3.large, Count: 1, Networking: {SubnetIds: [!Ref Subnet]}}
        SharedStorage:
          - {Name: data, StorageType: Ebs, MountDir: /data}
          - {Name: home, StorageType: Efs, MountDir: /home2, EfsSettings: {Encrypted: true}}
          - {Name: old, StorageType: Efs, MountDir: /old, EfsSettings: {FileSystemId: fs-0123456789abcdef0}}
        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: q
              Networking: {SubnetIds: [!Ref Subnet]}
              ComputeSettings: {LocalStorage: {RootVolume: {Size: 50}}}
              ComputeResources:
                - {Name: one, InstanceType: !Ref NodeType}
                - {Name: two, Instances: [{InstanceType: m6i.8xlarge}]}
"""
CONFIGURATION = "Cluster/ClusterConfiguration"


def found(text, *, path=HOUSE_RULES, **parameters):
    report = check_file(text, "hpc.yaml", Inputs(parameters, policies=[Policy.read(path)]))
    assert {each.rule for each in report.findings} <= {"policy"}
    return [(each.place.line, each.path, each.message) for each in report.findings]


@pytest.fixture
def policy(tmp_path):
    """Returns a file with a policy."""

    def policy(content):
        path = tmp_path / "rules.yaml"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return policy


def test_a_good_template_breaks_no_rule():
    assert found(GOOD) == []


FAULTS = [
    ("ImdsSupport: v2.0", "ImdsSupport: v1.0", "/Imds/ImdsSupport", "nodes answer IMDSv2 only"),
    (
        "InstanceType: t3.medium",
        "InstanceType: p5.48xlarge",
        "/HeadNode/InstanceType",
        "head and login nodes are t3.medium, t3.large or m6i.large",
    ),
    (
        "Secured: true",
        "Secured: false",
        "/HeadNode/Imds/Secured",
        "only root and the scheduler read the head node's credentials",
    ),
    (
        "RootVolume: {Size: 50}}\n          Networking",
        "RootVolume: {Encrypted: false}}\n          Networking",
        "/HeadNode/LocalStorage/RootVolume/Encrypted",
        "storage is encrypted",
    ),
    (
        "Networking: {SubnetId: !Ref Subnet}",
        "Networking: {SubnetId: !Ref Subnet, ElasticIp: true}",
        "/HeadNode/Networking/ElasticIp",
        "head nodes have no public address",
    ),
    (
        "InstanceType: t3.large",
        "InstanceType: c6i.large",
        "/LoginNodes/Pools/0/InstanceType",
        "head and login nodes are t3.medium, t3.large or m6i.large",
    ),
    (
        "StorageType: Ebs, MountDir: /data",
        "StorageType: Ebs, MountDir: /data, EbsSettings: {Encrypted: false}",
        "/SharedStorage/0/EbsSettings/Encrypted",
        "storage is encrypted",
    ),
    (
        "EfsSettings: {Encrypted: true}",
        "EfsSettings: {PerformanceMode: generalPurpose}",
        "/SharedStorage/1/EfsSettings",
        "storage is encrypted",
    ),
    (", EfsSettings: {Encrypted: true}", "", "/SharedStorage/1", "storage is encrypted"),
    (
        "Networking: {SubnetIds: [!Ref Subnet]}\n",
        "Networking: {SubnetIds: [!Ref Subnet], AssignPublicIp: true}\n",
        "/Scheduling/SlurmQueues/0/Networking/AssignPublicIp",
        "compute nodes have no public address",
    ),
    (
        "RootVolume: {Size: 50}}}\n              ComputeResources",
        "RootVolume: {Encrypted: false}}}\n              ComputeResources",
        "/Scheduling/SlurmQueues/0/ComputeSettings/LocalStorage/RootVolume/Encrypted",
        "storage is encrypted",
    ),
    (
        "InstanceType: m6i.8xlarge",
        "InstanceType: m6i.32xlarge",
        "/Scheduling/SlurmQueues/0/ComputeResources/1/Instances/0/InstanceType",
        "compute nodes are c6i or m6i, up to 8xlarge",
    ),
]


@pytest.mark.parametrize(("good", "bad", "path", "said"), FAULTS, ids=[path for _, _, path, _ in FAULTS])
def test_each_rule_of_the_example_finds_its_fault_with_its_place(good, bad, path, said):
    faulty = GOOD.replace(good, bad, 1)
    pairs = zip(GOOD.splitlines(), faulty.splitlines(), strict=True)
    (changed,) = [number for number, (before, after) in enumerate(pairs, 1) if before != after]
    assert found(faulty) == [(changed, f"{CONFIGURATION}{path}", f"{said} (rule of {HOUSE_RULES})")]


def test_a_value_of_a_parameter_breaks_a_rule_and_one_that_is_not_known_does_not():
    ((line, path, _),) = found(GOOD, NodeType="p5.48xlarge")
    assert path == f"{CONFIGURATION}/Scheduling/SlurmQueues/0/ComputeResources/0/InstanceType"
    assert "!Ref NodeType" in GOOD.splitlines()[line - 1]
    assert found(GOOD.replace(", Default: c6i.large", "")) == []


def test_a_configuration_as_text_and_as_a_file_of_its_own_is_held_to_the_rules():
    known = GOOD.replace("!Ref Subnet", "subnet-0123456789abcdef0").replace("!Ref ", "")
    inner = yaml.safe_load(known)["Resources"]["Cluster"]["Properties"]["ClusterConfiguration"]
    inner["Scheduling"]["SlurmQueues"][0]["ComputeResources"].pop(0)
    inner["HeadNode"]["InstanceType"] = "p5.48xlarge"
    written = yaml.safe_dump(inner)
    ((line, path, _),) = found(written)
    assert (written.splitlines()[line - 1], path) == ("  InstanceType: p5.48xlarge", "HeadNode/InstanceType")

    indented = "".join(f"          {each}\n" for each in written.splitlines())
    block = GOOD.partition("      ClusterConfiguration:\n")[0] + f"      ClusterConfiguration: |\n{indented}"
    ((line, path, _),) = found(block)
    assert block.splitlines()[line - 1].strip() == "InstanceType: p5.48xlarge"
    assert path == f"{CONFIGURATION}/HeadNode/InstanceType"


def test_a_rule_about_keys_holds_although_a_value_is_not_known(policy):
    head_node = {"required": ["Ssh"], "description": "head nodes have a key pair"}
    ((_, path, message),) = found(GOOD, path=policy({"properties": {"HeadNode": head_node}}))
    assert path == f"{CONFIGURATION}/HeadNode"
    assert message.startswith("head nodes have a key pair (rule of ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "neither YAML nor JSON"),
        ("- a", "is not a map"),
        ({"properties": {"Image": {"type": "objekt"}}}, "is not a JSON Schema: /properties/Image/type"),
        ({"$ref": "#/$defs/none"}, "refers to #/$defs/none"),
        ({"$ref": "https://example.com/rules.json"}, "refers to https://example.com/rules.json"),
    ],
)
def test_a_policy_that_is_none_is_refused_with_its_place(policy, content, said):
    with pytest.raises(CommandError) as refused:
        Policy.read(policy(content))
    assert said in refused.value.what


def test_the_command_reports_a_broken_rule_as_a_mistake(tmp_path):
    template = tmp_path / "hpc.yaml"
    template.write_text(GOOD.replace("ImdsSupport: v2.0", "ImdsSupport: v1.0"))
    arguments = [
        "validate",
        str(template),
        "--policy",
        str(HOUSE_RULES),
        "--json",
        "-p",
        "Subnet=subnet-0123456789abcdef0",
    ]
    result = CliRunner().invoke(main, arguments)
    findings = json.loads(result.stdout)["findings"]
    assert [each["line"] for each in findings if each["rule"] == "policy"] == [12]
    assert result.exit_code == 1


def test_a_plan_ends_before_it_asks_aws_if_a_rule_is_broken(tmp_path):
    template = tmp_path / "hpc.yaml"
    template.write_text(GOOD.replace("ImdsSupport: v2.0", "ImdsSupport: v1.0"))
    subnet = ["-p", "Subnet=subnet-0123456789abcdef0", "--region", "eu-west-1"]
    result = CliRunner().invoke(main, ["plan", str(template), "--policy", str(HOUSE_RULES), *subnet])
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{template}:12:" in result.stderr
    assert "nodes answer IMDSv2 only" in result.stderr
