#!/usr/bin/env python3
"""ParallelCluster from Python, without CloudFormation templates: the library alone.

    python library.py images
    python library.py list
    python library.py check  my-cluster cluster.yaml
    python library.py create my-cluster cluster.yaml
    python library.py describe my-cluster
    python library.py delete my-cluster

Needs ``pip install aws-parallelcluster`` and, for check and create, Node.js on the PATH. Each command prints
the library's answer as YAML.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import boto3
import pcluster.lib as pc
import yaml
from pcluster.api.errors import (
    CreateClusterBadRequestException,
    DryrunOperationException,
    ParallelClusterApiException,
)
from pcluster.cli.exceptions import ParameterException


def images(arguments: argparse.Namespace) -> Any:
    """Lists the official images of this version in the Region."""
    answer = pc.list_official_images(region=arguments.region)
    return [f"{image['amiId']}  {image['os']}  {image['architecture']}" for image in answer["images"]]


def list_all(arguments: argparse.Namespace) -> Any:
    """Lists the clusters in the Region."""
    clusters: list[Any] = []
    token = None
    while True:
        page = pc.list_clusters(region=arguments.region, **({"next_token": token} if token else {}))
        clusters += page["clusters"]
        token = page.get("nextToken")
        if not token:
            return clusters


def check(arguments: argparse.Namespace) -> Any:
    """Runs every validator and creates nothing."""
    try:
        pc.create_cluster(
            region=arguments.region,
            cluster_name=arguments.name,
            cluster_configuration=configuration(arguments.configuration),
            dryrun=True,
        )
    except DryrunOperationException as answer:  # this is how a good dry run ends
        return answer.content.to_dict()
    raise RuntimeError("a dry run always ends in an exception")


def create(arguments: argparse.Namespace) -> Any:
    """Starts the creation and returns at once; ``describe`` follows it."""
    return pc.create_cluster(
        region=arguments.region,
        cluster_name=arguments.name,
        cluster_configuration=configuration(arguments.configuration),
    )


def describe(arguments: argparse.Namespace) -> Any:
    """Describes a cluster: its status, and its head node once it has one."""
    return pc.describe_cluster(region=arguments.region, cluster_name=arguments.name)


def delete(arguments: argparse.Namespace) -> Any:
    """Starts the deletion and returns at once."""
    return pc.delete_cluster(region=arguments.region, cluster_name=arguments.name)


def configuration(path: Path) -> dict[str, Any]:
    """Reads a cluster configuration; the library wants it as a dictionary, not as text."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's arguments; ``run`` is the function to call with them."""
    parser = argparse.ArgumentParser(description="Drive ParallelCluster from Python.")
    region = boto3.Session().region_name
    parser.add_argument("--region", default=region, required=region is None, help="default: as configured")
    commands = parser.add_subparsers(required=True)
    for name, run in {"images": images, "list": list_all}.items():
        commands.add_parser(name, help=run.__doc__).set_defaults(run=run)
    for name, run in {"check": check, "create": create, "describe": describe, "delete": delete}.items():
        command = commands.add_parser(name, help=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument("name", help="name of the cluster")
        if run in {check, create}:
            command.add_argument("configuration", type=Path, help="cluster configuration, YAML")
    return parser.parse_args()


def main() -> int:
    """Runs the command and prints the library's answer, or its reasons to refuse."""
    arguments = parse_arguments()
    try:
        answer = arguments.run(arguments)
    except CreateClusterBadRequestException as error:
        print(f"refused: {error.content.message}", file=sys.stderr)
        for problem in error.content.configuration_validation_errors or []:
            print(f"  {problem.level} {problem.type}: {problem.message}", file=sys.stderr)
        return 1
    except ParallelClusterApiException as error:
        print(f"refused: {error.content.message}", file=sys.stderr)
        return 1
    except ParameterException as error:
        print(f"wrong argument: {error.data['message']}", file=sys.stderr)
        return 1
    print(yaml.safe_dump(answer, sort_keys=False), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
