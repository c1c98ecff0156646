"""``pcluster-cfn open``: links to a cluster's pages in the AWS console."""

import json
from dataclasses import dataclass
from urllib.parse import quote

import click

from pcluster_cfn.aws import Aws, session
from pcluster_cfn.clusters.cluster import Cluster
from pcluster_cfn.clusters.finding import clusters_named, ownership
from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch.link import Region, region_named
from pcluster_cfn.options import EXIT_CODES, JSON, aws_options, example
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG

PAGES = ("stack", "owner", "instances", "dashboard", "logs")


@dataclass(frozen=True)
class ConsoleLinks:
    """Links into the console of one Region.

    The console documents no form for them: these are the addresses that it shows itself.
    """

    region: Region

    def _page(self, service: str, rest: str) -> str:
        domain = self.region.partition.console_domain
        name = self.region.name
        return f"https://{name}.console.{domain}/{service}/home?region={name}#{rest}"

    def stack(self, stack_id: str) -> str:
        """Returns the link to a stack."""
        return self._page("cloudformation", f"/stacks/stackinfo?stackId={quote(stack_id, safe='')}")

    def instances(self, cluster_name: str) -> str:
        """Returns the link to the instances of a cluster."""
        return self._page("ec2", f"Instances:tag:{CLUSTER_NAME_TAG}={quote(cluster_name, safe='')}")

    def dashboard(self, name: str) -> str:
        """Returns the link to a dashboard."""
        return self._page("cloudwatch", f"dashboards/dashboard/{quote(name, safe='')}")

    def log_group(self, name: str) -> str:
        """Returns the link to a log group; the console encodes its name twice, with $ in place of %."""
        encoded = quote(quote(name, safe=""), safe="").replace("%", "$")
        return self._page("cloudwatch", f"logsV2:log-groups/log-group/{encoded}")


def links_of(aws: Aws, cluster: Cluster) -> dict[str, str]:
    """Returns the links to a cluster's pages by their names, without those that it does not have."""
    links = ConsoleLinks(region_named(aws.client("cloudformation").meta.region_name))
    found = {"stack": links.stack(cluster.stack_id)}
    owner = ownership(aws, cluster).owner
    if owner:
        found["owner"] = links.stack(owner.stack_id)
    found["instances"] = links.instances(cluster.name)
    pages = aws.client("cloudformation").get_paginator("list_stack_resources")
    resources = (
        each
        for page in pages.paginate(StackName=cluster.stack_id)
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::CloudWatch::Dashboard" and each.get("PhysicalResourceId")
    )
    dashboard = next(resources, None)
    if dashboard:
        found["dashboard"] = links.dashboard(dashboard["PhysicalResourceId"])
    if cluster.log_group:
        found["logs"] = links.log_group(cluster.log_group)
    return found


@click.command(
    "open",
    epilog=example("pcluster-cfn open hpc --page logs", EXIT_CODES),
    short_help="Open a cluster's pages in the AWS console.",
)
@click.argument("name", metavar="CLUSTER|STACK")
@click.option(
    "--page",
    type=click.Choice(PAGES),
    help="The cluster's stack, its owner's stack, its instances, its dashboard, or its logs. Default: stack; "
    "with --print, all.",
)
@click.option("--print", "only_prints", is_flag=True, help="Print the links, and open no browser.")
@aws_options
@JSON
def open_command(
    *,
    name: str,
    page: str | None,
    only_prints: bool,
    region: str | None,
    profile: str | None,
    wants_json: bool,
) -> None:
    """Open a cluster's pages in the AWS console, in the Region's own partition.

    With --json, prints the links and opens no browser.
    """
    aws = session(region, profile)
    found = {cluster.name: links_of(aws, cluster) for cluster in clusters_named(aws, name)}
    if wants_json:
        click.echo(json.dumps({"clusters": [{"name": its, "links": links} for its, links in found.items()]}))
        return
    for its, links in found.items():
        wanted = page or ("" if only_prints else PAGES[0])
        if wanted and wanted not in links:
            raise CommandError(f"cluster {its} has no {wanted}", f"it has: {', '.join(links)}")
        for each, link in links.items():
            if wanted in {"", each}:
                click.echo(link if wanted else f"{each:<10} {link}")
        if not only_prints and click.launch(links[wanted]) != 0:
            click.echo("No browser could be started; open the link above.", err=True)
