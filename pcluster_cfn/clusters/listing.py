"""``pcluster-cfn list``."""

import json
from datetime import UTC, datetime

import click

from pcluster_cfn.aws import session
from pcluster_cfn.clusters.cluster import Cluster, age
from pcluster_cfn.clusters.finding import Ownership, all_clusters, ownerships
from pcluster_cfn.options import EXIT_CODES, JSON, aws_options, example
from pcluster_cfn.terminal import columns


@click.command(
    "list",
    epilog=example("pcluster-cfn list --region eu-west-1", EXIT_CODES),
    short_help="List the clusters of a Region and their owners.",
)
@aws_options
@JSON
def list_command(region: str | None, profile: str | None, wants_json: bool) -> None:
    """List the clusters of a Region and their owners.

    OWNER is the stack and the resource that have the cluster. A cluster without one was made by other means;
    an owner in parentheses does not have the cluster any more.
    """
    aws = session(region, profile)
    clusters = all_clusters(aws)
    owners = ownerships(aws, clusters)
    if wants_json:
        described = [
            {**cluster.as_json(), "owner": owner.as_json()}
            for cluster, owner in zip(clusters, owners, strict=True)
        ]
        click.echo(json.dumps({"clusters": described}, indent=2))
        return
    if not clusters:
        click.echo(f"There is no cluster in {aws.client('cloudformation').meta.region_name}.", err=True)
        return
    now = datetime.now(UTC)
    rows = [
        (
            cluster.name,
            cluster.status,
            cluster.version or "-",
            age(cluster.created_at, now),
            _owner(cluster, its),
        )
        for cluster, its in zip(clusters, owners, strict=True)
    ]
    for line in columns([("NAME", "STATUS", "VERSION", "AGE", "OWNER"), *rows]):
        click.echo(line)


def _owner(cluster: Cluster, its: Ownership) -> str:
    if its.owner is None:
        return f"unknown: {its.note}" if its.note else f"none (made by {cluster.origin})"
    name = f"{its.owner.stack_name}/{its.owner.logical_id}"
    if its.is_current is None:
        return f"{name} (unconfirmed)"
    return name if its.is_current else f"({name})"
