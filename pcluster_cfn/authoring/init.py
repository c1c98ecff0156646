"""``pcluster-cfn init``: a template for a new cluster."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from cluster_schema import configuration_schema, versions
from pcluster_cfn.authoring.providers import providers, write_template
from pcluster_cfn.authoring.questions import (
    NO_KEY,
    Answers,
    Choice,
    Subnet,
    ask_in_terminal,
    key_pairs,
    require_instance_types,
    subnets,
    vpcs,
)
from pcluster_cfn.aws import Aws, session
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import EXIT_CODES, JSON, aws_options, example

#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_NAME_REGEX).
_CLUSTER_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{1,59}")
_DEFAULT_SYSTEM = "alinux2023"
_KEY_PARAMETER = """\
  KeyName:
    Type: AWS::EC2::KeyPair::KeyName
    Description: Logs in to the head node
    Default: {}
"""
_SSH = """\
          Ssh:
            KeyName: !Ref KeyName
"""
#: What Session Manager needs. Source: Systems Manager user guide, "Configure instance permissions".
_SESSION_MANAGER = """\
          Iam:
            AdditionalIamPolicies:
              - Policy: !Sub arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore
"""
_TEMPLATE = """\
# Check it: pcluster-cfn validate {path}
# Deploy it: pcluster-cfn deploy {path}
AWSTemplateFormatVersion: 2010-09-09
Description: Cluster {name}

Parameters:
  ServiceToken:
    Type: String
    Description: An output of the provider stack
{token}  HeadNodeSubnet:
    Type: AWS::EC2::Subnet::Id
    Default: {head_node_subnet}
  ComputeSubnets:
    Type: List<AWS::EC2::Subnet::Id>
    Default: {compute_subnets}
{key}  MaxCount:
    Type: Number
    Default: {max_count}
    MinValue: 1
    Description: Nodes are started when jobs need them and stopped when they are idle

Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !Ref ServiceToken
      # Seconds that CloudFormation waits for the provider's answer, at most 3600.
      ServiceTimeout: 3600
      ClusterName: {name}
      ClusterConfiguration:
        Image:
          Os: {os}
        HeadNode:
          InstanceType: {head_node_instance_type}
          Networking:
            SubnetId: !Ref HeadNodeSubnet
{access}        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: compute
              ComputeResources:
                - Name: nodes
                  InstanceType: {compute_instance_type}
                  MinCount: 0
                  MaxCount: !Ref MaxCount
              Networking:
                SubnetIds: !Ref ComputeSubnets

Outputs:
  HeadNodeIp:
    Value: !GetAtt Cluster.headNode.{address}
  ValidationMessages:
    Description: What ParallelCluster's validators remarked, as a JSON list
    Value: !GetAtt Cluster.validationMessages
"""


@dataclass(frozen=True)
class Design:
    """A cluster that was decided on; without ``key_name``, its users connect with Session Manager."""

    name: str
    head_node_subnet: str
    is_public: bool
    compute_subnets: list[str]
    key_name: str | None
    os: str
    head_node_instance_type: str
    compute_instance_type: str
    max_count: int
    service_token: str | None

    def template(self, path: Path) -> str:
        """Returns the template of the cluster; ``path`` is for its comments."""
        return _TEMPLATE.format(
            path=path,
            name=self.name,
            token=f"    Default: {self.service_token}\n" if self.service_token else "",
            head_node_subnet=self.head_node_subnet,
            compute_subnets=",".join(self.compute_subnets),
            key=_KEY_PARAMETER.format(json.dumps(self.key_name)) if self.key_name else "",
            max_count=self.max_count,
            os=self.os,
            head_node_instance_type=self.head_node_instance_type,
            compute_instance_type=self.compute_instance_type,
            access=_SSH if self.key_name else _SESSION_MANAGER,
            # An attribute without a value makes an output empty.
            address="publicIpAddress" if self.is_public else "privateIpAddress",
        )


def _operating_systems() -> list[str]:
    image = configuration_schema(versions()[0])["properties"]["Image"]
    systems: list[str] = image["properties"]["Os"]["enum"]
    return systems


@click.command(
    epilog=example(
        "pcluster-cfn init --name hpc --head-node-subnet subnet-1 --compute-subnet subnet-2 --key-name me",
        EXIT_CODES,
    ),
    short_help="Write a template for a new cluster.",
)
@click.option("--name", default="hpc", show_default=True, help="Name of the cluster.")
@click.option("--vpc", help="Network. Default: that of the subnets, or the only one.")
@click.option("--head-node-subnet", help="Subnet of the head node.")
@click.option(
    "--compute-subnet", "compute_subnets", multiple=True, help="Subnet of compute nodes; repeat for more."
)
@click.option("--key-name", help=f"Key pair for ssh, or {NO_KEY}: Session Manager instead.")
@click.option("--os", "system", help="Operating system. Default: alinux2023.")
@click.option("--head-node-instance-type", default="t3.medium", show_default=True)
@click.option("--compute-instance-type", default="c7i.xlarge", show_default=True)
@click.option("--max-count", type=click.IntRange(1), default=4, show_default=True, help="Most compute nodes.")
@click.option(
    "--service-token", help="Output of the provider stack. Default: that of the only one in the Region."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The template to write. Default: NAME.yaml."
)
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
@aws_options
@JSON
def init(
    *,
    name: str,
    vpc: str | None,
    head_node_subnet: str | None,
    compute_subnets: tuple[str, ...],
    key_name: str | None,
    system: str | None,
    head_node_instance_type: str,
    compute_instance_type: str,
    max_count: int,
    service_token: str | None,
    output: Path | None,
    force: bool,
    region: str | None,
    profile: str | None,
    wants_json: bool,
) -> None:
    """Write a template for a new cluster.

    Looks up the networks, subnets and key pairs of your account, and asks you where there is a choice.
    Without a terminal, options answer instead; a message names all that are missing. Nothing is deployed.
    """
    if not _CLUSTER_NAME.fullmatch(name):
        raise CommandError(
            f"--name {name!r} is not a cluster's name",
            "use 2 to 60 letters, digits and hyphens, the first a letter",
        )
    aws = session(region, profile)
    given = {"vpc": vpc, "head-node-subnet": head_node_subnet, "key-name": key_name, "os": system}
    answers = Answers(
        {option: value for option, value in given.items() if value is not None},
        ask_in_terminal if sys.stdin.isatty() and not wants_json else None,
    )
    head, compute = _network(aws, answers, compute_subnets)
    key = answers.choose("key-name", "key pair", key_pairs(aws))
    chosen_system = _system(answers)
    answers.require_all()
    types = {
        "head-node-instance-type": head_node_instance_type,
        "compute-instance-type": compute_instance_type,
    }
    require_instance_types(aws, types)
    tokens = [provider.service_token for provider in providers(aws)]
    design = Design(
        name=name,
        head_node_subnet=head.id if head else "",
        is_public=bool(head and head.is_public),
        compute_subnets=compute,
        key_name=None if key == NO_KEY else key,
        os=chosen_system,
        head_node_instance_type=head_node_instance_type,
        compute_instance_type=compute_instance_type,
        max_count=max_count,
        service_token=service_token or (tokens[0] if len(tokens) == 1 else None),
    )
    path = output or Path(f"{name}.yaml")
    write_template(path, design.template(path), force=force)
    if wants_json:
        click.echo(json.dumps({"template": str(path), **asdict(design)}, indent=2))
    else:
        _print_next(path, design)


def _network(aws: Aws, answers: Answers, compute_subnets: Sequence[str]) -> tuple[Subnet | None, list[str]]:
    """Returns the head node's subnet, and the ids of the compute nodes' subnets; both of one network."""
    everything = subnets(aws)
    named = {answers.given.get("head-node-subnet"), *compute_subnets}
    of_named = {subnet.vpc_id for subnet in everything if subnet.id in named}
    networks = [choice for choice in vpcs(aws) if not of_named or choice.value in of_named]
    vpc = answers.choose("vpc", "network", networks)
    its = [subnet for subnet in everything if vpc is None or subnet.vpc_id == vpc]
    choices = [subnet.choice for subnet in its]
    wanted = answers.choose("head-node-subnet", "subnet of the head node", choices)
    head = next((subnet for subnet in its if subnet.id == wanted), None)
    if compute_subnets:
        for each in compute_subnets:
            chosen = Answers({"compute-subnet": each}, None)
            chosen.choose("compute-subnet", "subnet in this network", choices)
        return head, list(compute_subnets)
    # Private ones first: compute nodes need no public address.
    private_first = sorted(
        its, key=lambda subnet: (subnet.is_public, head is None or subnet.zone != head.zone)
    )
    chosen_one = answers.choose(
        "compute-subnet", "subnet of the compute nodes", [subnet.choice for subnet in private_first]
    )
    return head, [chosen_one] if chosen_one else []


def _system(answers: Answers) -> str:
    """Returns the operating system; there is a default, so nobody has to be asked."""
    systems = [Choice(each) for each in _operating_systems()]
    if "os" not in answers.given and answers.ask is None:
        return _DEFAULT_SYSTEM
    return answers.choose("os", "operating system", systems, _DEFAULT_SYSTEM) or _DEFAULT_SYSTEM


def _print_next(path: Path, design: Design) -> None:
    given = "" if design.service_token else " -p ServiceToken=…"
    click.echo(f"{path}: cluster {design.name}", err=True)
    if not design.service_token:
        click.echo(
            "There is not exactly one provider stack in this Region: name its output ServiceToken.", err=True
        )
    for command in (f"pcluster-cfn validate {path}{given}", f"pcluster-cfn deploy {path}{given}"):
        click.echo(command, err=True)
