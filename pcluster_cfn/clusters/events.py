"""``pcluster-cfn events``."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pcluster_cfn.aws import Aws, find_stack, session
from pcluster_cfn.clusters.cluster import Cluster
from pcluster_cfn.clusters.finding import clusters_named, clusters_of, ownership, stack_named
from pcluster_cfn.clusters.history import Happening, History, Watched
from pcluster_cfn.options import EXIT_CODES, aws_options, example

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

_POLL_S = 3.0


@click.command(
    epilog=example("pcluster-cfn events hpc --failed", EXIT_CODES),
    short_help="Show what happened to a cluster, root cause first.",
)
@click.argument("name", metavar="CLUSTER|STACK")
@click.option("--failed", is_flag=True, help="Only failures.")
@click.option("--follow", is_flag=True, help="Go on until no operation runs any more.")
@aws_options
@click.option("--json", "wants_json", is_flag=True, help="Print a JSON object per line, for scripts.")
def events(
    *, name: str, failed: bool, follow: bool, region: str | None, profile: str | None, wants_json: bool
) -> None:
    """Show what happened to a cluster or a stack, oldest event first.

    Has the events of the cluster's stack, of the stacks nested in it, and of the resource that owns it; for
    STACK, those of the stack and of its clusters. The failure that caused the others of an operation is
    marked with > and repeated at the end. The last stack of a name counts, also after its deletion.
    """
    aws = session(region, profile)
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    history = History(cloudformation)
    while True:
        # Looked up again each time: a cluster's stack may not be there yet.
        watched = list(_watched(aws, cloudformation, name))
        history.watch(watched)
        # Asked before the events are, so that the last ones are not missed.
        is_running = follow and any(_is_running(cloudformation, each) for each in watched)
        fresh, causes = history.poll(), history.root_causes()
        for each in fresh:
            is_root_cause = each.event in causes
            if not failed or each.event.failed or is_root_cause:
                _show(each, is_root_cause=is_root_cause, wants_json=wants_json)
        if not is_running:
            break
        time.sleep(_POLL_S)
    if causes and not wants_json:
        click.echo(f"\nRoot cause of the last failure: {'/'.join(causes[-1].path)}: {causes[-1].reason}")


def _show(happening: Happening, *, is_root_cause: bool, wants_json: bool) -> None:
    if wants_json:
        click.echo(json.dumps(happening.as_json(is_root_cause=is_root_cause)))
    else:
        click.echo(happening.line(is_root_cause=is_root_cause))


def _watched(aws: Aws, cloudformation: "CloudFormationClient", name: str) -> Iterator[Watched]:
    """Yields the stacks whose events belong to a name.

    Raises:
        CommandError: There is no stack of that name, and there was none.
    """
    stack = stack_named(cloudformation, name) or _deleted(cloudformation, name)
    if stack is None:
        clusters_named(aws, name)  # says which there are
        return
    cluster = Cluster.of(stack)
    if cluster is None:
        yield Watched(stack["StackName"], stack["StackId"])
        clusters = clusters_of(aws, stack["StackId"])
    else:
        clusters = [cluster]
        owner = ownership(aws, cluster).owner
        if owner and find_stack(cloudformation, owner.stack_id):
            yield Watched(owner.stack_name, owner.stack_id, owner.logical_id)
    for each in clusters:
        yield Watched(each.name, each.stack_id)


def _deleted(cloudformation: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    """Returns the stack of a name that was deleted last; CloudFormation remembers it for 90 days."""
    pages = cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    its = [each for page in pages for each in page["StackSummaries"] if each["StackName"] == name]
    newest = max(its, key=lambda each: each["CreationTime"], default=None)
    return find_stack(cloudformation, newest["StackId"]) if newest else None


def _is_running(cloudformation: "CloudFormationClient", watched: Watched) -> bool:
    stack = find_stack(cloudformation, watched.stack_id)
    return bool(stack and stack["StackStatus"].endswith("_IN_PROGRESS"))
