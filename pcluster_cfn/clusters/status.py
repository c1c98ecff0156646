"""``pcluster-cfn status``."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from botocore.exceptions import ClientError

from cluster_schema.advisories import Advisory, advisories_for
from pcluster_cfn.aws import Aws, find_stack, session
from pcluster_cfn.clusters.cluster import Cluster, Health, age
from pcluster_cfn.clusters.configuration import Drift, applied_properties, drift, stored_configuration
from pcluster_cfn.clusters.finding import Ownership, clusters_named, ownership
from pcluster_cfn.clusters.nodes import COMPUTE, HEAD, LOGIN, Fleet, Node, fleet_of, living, nodes_of
from pcluster_cfn.cost.estimate import Estimate, estimate, meters_of
from pcluster_cfn.cost.quotes import Quotes, read_quotes
from pcluster_cfn.cost.report import document, not_priced_names, origin, quotes_document, summary
from pcluster_cfn.errors import CommandError, message_of
from pcluster_cfn.options import JSON, aws_options, example

_EXIT_CODES = (
    "Exit codes: 0 the cluster works, 1 failure, 2 wrong usage, 3 the cluster does not work, 4 it is being "
    "changed, 130 interrupted."
)
#: Advisories that are shown as lines; ``advise`` and ``--json`` have all of them.
_ADVISORIES_SHOWN = 3
#: Of several clusters, the one that needs you most decides.
_EXIT_CODES_BY_URGENCY = {Health.BROKEN: 3, Health.CHANGING: 4, Health.WORKS: 0}


@dataclass(frozen=True)
class Status:
    """How a cluster is.

    Args:
        cluster: The cluster.
        owner: Who owns it.
        owner_status: Status of the owner's stack; None if it is not known.
        provider: The service token of the owner: the provider that changes the cluster; None if not known.
        nodes: Its instances.
        fleet: Its compute fleet.
        drift: The template compared with the configuration in force.
        advisories: What is known of the cluster's release, the worst first; where the configuration could not
            be read, also what concerns only some configurations.
        cost: What the configuration in force costs; None if it could not be read.
        quotes: The prices of that.
    """

    cluster: Cluster
    owner: Ownership
    owner_status: str | None
    provider: str | None
    nodes: list[Node]
    fleet: Fleet
    drift: Drift
    advisories: list[Advisory]
    cost: Estimate | None = None
    quotes: Quotes | None = None

    @property
    def health(self) -> Health:
        """Whether the cluster works: its stack does, and its head node runs."""
        heads = living(self.nodes, HEAD)
        if self.cluster.health is Health.WORKS and not (heads and heads[0].is_running):
            return Health.BROKEN
        return self.cluster.health

    def next_commands(self) -> list[str]:
        """Returns the commands that help next, the most useful one first."""
        name = self.cluster.name
        if self.health is Health.CHANGING:
            return [f"pcluster-cfn events {name} --follow", f"pcluster-cfn logs {name} --follow"]
        if self.health is Health.BROKEN:
            return [f"pcluster-cfn events {name} --failed", f"pcluster-cfn logs {name} --errors"]
        own = [f"pcluster-cfn connect {name}", f"pcluster-cfn logs {name} --since 1h"]
        return own if self.owner.owner and self.owner.is_current else [*own, f"pcluster-cfn import {name}"]

    def as_json(self) -> dict[str, Any]:
        """Returns the status as JSON values."""
        owner = self.owner.as_json()
        if owner and self.owner.owner:
            owner |= {"stackStatus": self.owner_status, "serviceToken": self.provider}
        heads, compute = living(self.nodes, HEAD), living(self.nodes, COMPUTE)
        return {
            **self.cluster.as_json(),
            "health": str(self.health),
            "computeFleet": self.fleet.as_json(),
            "headNode": heads[0].as_json() if heads else None,
            "loginNodes": [node.as_json() for node in living(self.nodes, LOGIN)],
            "computeNodes": [node.as_json() for node in compute],
            "owner": owner,
            "drift": self.drift.as_json(),
            "advisories": [each.document() for each in self.advisories],
            "cost": document(self.cost) if self.cost else None,
            "prices": quotes_document(self.quotes) if self.quotes else None,
            "nextCommands": self.next_commands(),
        }

    def lines(self, now: datetime) -> Iterator[str]:
        """Yields the status as lines of text."""
        cluster = self.cluster
        yield f"Cluster        {cluster.name}: {self.health}"
        reason = f" ({reason})" if (reason := cluster.stack.get("StackStatusReason")) else ""
        yield f"Stack          {cluster.status}{reason}, {age(cluster.created_at, now)} old"
        yield f"Version        ParallelCluster {cluster.version or 'not known'}"
        yield f"Compute fleet  {self.fleet.status or f'not known: {self.fleet.note}'}"
        for title, kind in (("Head node", HEAD), ("Login node", LOGIN)):
            found = living(self.nodes, kind)
            for node in found:
                addresses = " ".join(each for each in (node.public_ip, node.private_ip) if each)
                yield f"{title:<15}{node.instance_id} {node.state} {node.instance_type} {addresses}"
            if not found and kind == HEAD:
                yield f"{title:<15}none"
        yield f"Compute nodes  {len(living(self.nodes, COMPUTE))}"
        yield from self._owner_lines()
        yield from self._drift_lines()
        yield from self._advisory_lines()
        yield from self._cost_lines()
        yield "Next           " + self.next_commands()[0]
        yield from (f"{'':<15}{command}" for command in self.next_commands()[1:])

    def _owner_lines(self) -> Iterator[str]:
        its = self.owner
        if its.owner is None:
            yield "Owner          " + (its.note or f"none: made by {self.cluster.origin}")
            return
        how = {"tag": "made it", "mark": "took it over"}.get(its.source or "", "has it")
        stack = f"stack {its.owner.stack_name} ({self.owner_status or 'status not known'})"
        yield f"Owner          resource {its.owner.logical_id} of {stack}, which {how}"
        if not its.is_current:
            state = "it does not have the cluster any more" if its.is_current is False else "not confirmed"
            yield f"{'':<15}{state}{f': {its.note}' if its.note else ''}"
        if self.provider:
            yield f"Provider       {self.provider}"

    def _drift_lines(self) -> Iterator[str]:
        found = self.drift.differences
        if self.drift.note:
            yield f"Template       not compared: {self.drift.note}"
        elif not found:
            yield "Template       the same configuration as the cluster's"
        else:
            noun = "difference" if len(found) == 1 else "differences"
            yield f"Template       {len(found)} {noun} from the cluster's configuration"
        for each in found:
            template, cluster = json.dumps(each.template), json.dumps(each.cluster)
            yield f"{'':<15}{each.path}: template {template}, cluster {cluster}"

    def _cost_lines(self) -> Iterator[str]:
        if self.cost is None or self.quotes is None:
            yield "Cost           not known: the configuration cannot be read"
            return
        yield f"Cost           {summary(self.cost)}"
        yield f"{'':<15}{not_priced_names(self.cost)}"
        yield f"{'':<15}{origin(self.cost, self.quotes)}"

    def _advisory_lines(self) -> Iterator[str]:
        if not self.advisories:
            yield "Advisories     none known"
            return
        yield f"Advisories     {len(self.advisories)}, all of them with pcluster-cfn advise --all-clusters"
        for each in self.advisories[:_ADVISORIES_SHOWN]:
            yield f"{'':<15}{each.severity.word} {each.id}: {each.what}"


def read_status(aws: Aws, cluster: Cluster) -> Status:
    """Returns how a cluster is. What may not be read is noted in its place."""
    cloudformation = aws.client("cloudformation")
    its = ownership(aws, cluster)
    stored, unread = _stored(aws, cluster)
    stack = properties = None
    if its.owner:
        try:
            stack = find_stack(cloudformation, its.owner.stack_id)
            properties = applied_properties(cloudformation, its.owner) if stack else None
        except ClientError as error:
            stack = None
            its = Ownership(its.owner, its.source, None, its.status, message_of(error))
    quotes = None
    if stored is not None:
        quotes = read_quotes(aws, cloudformation.meta.region_name, meters_of(stored))
    return Status(
        cluster=cluster,
        owner=its,
        owner_status=stack["StackStatus"] if stack else None,
        provider=(properties or {}).get("ServiceToken"),
        nodes=nodes_of(aws, cluster.name),
        fleet=fleet_of(aws, cluster.name),
        drift=_drift(cluster, its, properties, stored, unread),
        advisories=advisories_for(cluster.version or "", stored, datetime.now(UTC).date()),
        cost=estimate(stored, quotes.prices) if stored is not None and quotes else None,
        quotes=quotes,
    )


def _stored(aws: Aws, cluster: Cluster) -> tuple[dict[str, Any] | None, str]:
    """Returns the configuration in force; or None, and why it could not be read."""
    try:
        return stored_configuration(aws, cluster), ""
    except CommandError as error:
        return None, str(error)


def _drift(
    cluster: Cluster, its: Ownership, properties: Any, stored: dict[str, Any] | None, unread: str
) -> Drift:
    if its.owner is None or not its.is_current:
        return Drift(note="no stack is known to have the cluster")
    if cluster.health is Health.CHANGING:
        return Drift(note="the cluster is being changed")
    if stored is None:
        return Drift(note=unread)
    return drift(properties, stored, cluster.version or "")


@click.command(
    epilog=example("pcluster-cfn status hpc --json", _EXIT_CODES), short_help="Show how a cluster is."
)
@click.argument("name", metavar="CLUSTER|STACK")
@aws_options
@JSON
def status(name: str, region: str | None, profile: str | None, wants_json: bool) -> None:
    """Show how a cluster is, or all clusters of a stack.

    Shows the cluster's stack, its compute fleet and nodes, who owns it, and where its configuration differs
    from the one that its template has, and what it costs at rest and at most. What cannot be known is named,
    with the reason.
    """
    aws = session(region, profile)
    found = [read_status(aws, cluster) for cluster in clusters_named(aws, name)]
    if wants_json:
        click.echo(json.dumps({"clusters": [each.as_json() for each in found]}, indent=2))
    else:
        now = datetime.now(UTC)
        click.echo("\n\n".join("\n".join(each.lines(now)) for each in found))
    healths = {each.health for each in found}
    sys.exit(next(code for health, code in _EXIT_CODES_BY_URGENCY.items() if health in healths))
