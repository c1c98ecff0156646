"""``pcluster-cfn import``: a template that takes over a cluster."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

import click
import yaml

from cluster_schema import versions
from pcluster_cfn.authoring.providers import ProviderStack, providers, write_template
from pcluster_cfn.aws import session
from pcluster_cfn.clusters.cluster import Cluster
from pcluster_cfn.clusters.configuration import stored_configuration
from pcluster_cfn.clusters.finding import Ownership, cluster_named, ownership
from pcluster_cfn.options import EXIT_CODES, JSON, STANDARD_INPUT, aws_options, example
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG

#: Beginnings of tag keys that a configuration may not have: they are ParallelCluster's, the provider's and
#: AWS's own. A cluster keeps its tags, whatever the template says.
_RESERVED = ("parallelcluster:", "pcluster-cfn:", "aws:")
_TEMPLATE = """\
# Takes over cluster {name}, which stays as it is: docs/how-to/taking-over.md.
AWSTemplateFormatVersion: 2010-09-09
Description: Cluster {name}

Parameters:
  ServiceToken:
    Type: String
    Description: An output of the provider stack
{default}
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !Ref ServiceToken
      # Seconds that CloudFormation waits for the provider's answer, at most 3600.
      ServiceTimeout: 3600
      AdoptExisting: true
      # Deleting this stack releases the cluster. To have it deleted with the stack: DeletionPolicy: Delete
      ClusterName: {name}
      ClusterConfiguration:
{configuration}
Outputs:
  HeadNodeIp:
    Value: !GetAtt Cluster.headNode.privateIpAddress
  ValidationMessages:
    Value: !GetAtt Cluster.validationMessages
"""


def adopting_template(name: str, configuration: Mapping[str, Any], service_token: str | None) -> str:
    """Returns a template that takes over a cluster with the configuration that it has.

    Args:
        name: Name of the cluster.
        configuration: The configuration in force.
        service_token: Default of the parameter ServiceToken; None for no default.
    """
    tags = [tag for tag in configuration.get("Tags") or [] if not str(tag["Key"]).startswith(_RESERVED)]
    rest = {key: value for key, value in configuration.items() if key != "Tags"}
    written = yaml.safe_dump(rest | ({"Tags": tags} if tags else {}), sort_keys=False, width=1_000)
    return _TEMPLATE.format(
        name=name,
        default=f"    Default: {service_token}\n" if service_token else "",
        configuration=indent(written, " " * 8),
    )


@dataclass(frozen=True)
class Requirements:
    """What a take-over needs: somebody's consent, an engine, and a cluster that is free."""

    cluster: Cluster
    owner: Ownership
    providers: list[ProviderStack]

    @property
    def consent(self) -> str:
        """The narrowest value of ``ClusterAdoption`` that covers the cluster."""
        return f"{CLUSTER_NAME_TAG}={self.cluster.name}"

    @property
    def allowing(self) -> list[ProviderStack]:
        """The provider stacks that allow the take-over already."""
        return [each for each in self.providers if each.allows(self.cluster.tags)]

    @property
    def current_owner(self) -> str | None:
        """The resource that has the cluster, as STACK/RESOURCE; None if it is free."""
        its = self.owner
        return f"{its.owner.stack_name}/{its.owner.logical_id}" if its.owner and its.is_current else None

    def lines(self) -> list[str]:
        """Returns what has to be done before the template is deployed, one thing a line."""
        found = []
        if self.current_owner:
            found.append(
                f"Owner: {self.current_owner} has this cluster, and no other resource can take it "
                "over. Release it there first: set DeletionPolicy: Retain, update, then remove the "
                "resource and update."
            )
        if not self.providers:
            found.append("Provider: there is no provider stack in this Region. Deploy one first.")
        for each in self.providers:
            if each in self.allowing:
                found.append(f"Consent: provider stack {each.stack_name} allows it (ClusterAdoption).")
            else:
                found.append(
                    f"Consent: provider stack {each.stack_name} does not allow it. Its operator sets "
                    f"parameter ClusterAdoption to {self.consent} until the take-over is done."
                )
        version = self.cluster.version or "of an unknown version"
        is_known = "" if version in versions() else ", which you have to make first"
        found.append(f"Engine: the provider needs the engine for ParallelCluster {version}{is_known}.")
        return found

    def as_json(self) -> dict[str, Any]:
        """Returns the requirements as JSON values."""
        return {
            "clusterAdoption": self.consent,
            "allowedBy": [each.stack_name for each in self.allowing],
            "providers": [each.stack_name for each in self.providers],
            "currentOwner": self.current_owner,
            "engineVersion": self.cluster.version,
        }


@click.command(
    "import",
    epilog=example("pcluster-cfn import hpc --output hpc.yaml", EXIT_CODES),
    short_help="Write a template that takes over an existing cluster.",
)
@click.argument("name", metavar="CLUSTER")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The template to write; - is standard output. Default: CLUSTER.yaml.",
)
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
@aws_options
@JSON
def import_command(
    *, name: str, output: Path | None, force: bool, region: str | None, profile: str | None, wants_json: bool
) -> None:
    """Write a template that takes over an existing cluster, with the configuration that the cluster has.

    Nothing is changed. Lists what a take-over needs: the consent of the provider's operator, an engine of the
    cluster's version, and that no other resource has the cluster.
    """
    aws = session(region, profile)
    cluster = cluster_named(aws, name)
    needed = Requirements(cluster, ownership(aws, cluster), providers(aws))
    known = needed.allowing or needed.providers
    token = known[0].service_token if len(known) == 1 else None
    path = output or Path(f"{cluster.name}.yaml")
    text = adopting_template(cluster.name, stored_configuration(aws, cluster), token)
    if path == STANDARD_INPUT:
        if wants_json:
            raise click.UsageError("--output - cannot be combined with --json")
        click.echo(text, nl=False)
    else:
        write_template(path, text, force=force)
    if wants_json:
        click.echo(json.dumps({"template": str(path), **needed.as_json()}, indent=2))
        return
    for line in needed.lines():
        click.echo(line, err=True)
    if path != STANDARD_INPUT:
        given = "" if token else " -p ServiceToken=…"
        click.echo(
            f"{path} takes over cluster {cluster.name}. What would happen, and the take-over:", err=True
        )
        click.echo(f"pcluster-cfn validate {path} --dry-run{given}", err=True)
        click.echo(f"pcluster-cfn deploy {path}{given}", err=True)
