"""Collects the templates that one release uploads: the engine's calls, and the objects in the bucket."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster_schema import configuration_schema
from localcloud.cloud import Cloud
from tools.runtimes.installed import ROOT

_ENGINE = ROOT / "provider" / "engine"
_SYNTHESISE = Path(__file__).with_name("synthesise.py")
_TIMEOUT_S = 600
_SAID_CHARACTERS = 2000
_QUEUES = 10
#: Logical id of the resource that the engine's calls are made for.
_AWAITED = "Cluster"


class SynthesisError(Exception):
    """A release's library did not synthesise a template."""


@dataclass(frozen=True)
class Uploaded:
    """A template in the bucket.

    Args:
        of: ``cluster`` or ``image``, and which kind.
        name: ``stack`` or ``nested stack``.
        text: YAML or JSON.
    """

    of: str
    name: str
    text: str


def synthesised(version: str, python: Path, cloud: Cloud) -> list[Uploaded]:
    """Returns every template that a release's library uploads for clusters of all kinds and an image.

    Args:
        version: The release.
        python: An interpreter that has the release's library.
        cloud: The embedded cloud.

    Raises:
        SynthesisError: A call failed.
    """
    configurations = _configurations(version, cloud)
    calls = [_call(version, name, configuration, cloud) for name, configuration in configurations.items()]
    done = subprocess.run(
        [python, _SYNTHESISE],
        input=json.dumps(calls),
        env={"PATH": os.environ["PATH"], **cloud.environment, "PYTHONPATH": str(_ENGINE)},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise SynthesisError(f"ParallelCluster {version}: {done.stderr[-_SAID_CHARACTERS:]}")
    for name, result in zip(configurations, json.loads(done.stdout), strict=True):
        if result["status"] != "succeeded":
            raise SynthesisError(f"ParallelCluster {version}, {name}: {json.dumps(result['error'])}")
    uploaded = []
    for name, call in zip(configurations, calls, strict=True):
        found = [Uploaded(name, *template) for template in _templates(call["cluster_name"], cloud)]
        if not found:
            raise SynthesisError(f"ParallelCluster {version}, {name}: no template reached the bucket")
        uploaded += found
    return uploaded


def _configurations(version: str, cloud: Cloud) -> dict[str, dict[str, Any]]:
    schema = json.dumps(configuration_schema(version))
    subnets = cloud.exports["HEAD_NODE_SUBNET"], cloud.exports["COMPUTE_SUBNET"]
    slurm = _cluster(subnets)
    found = {"cluster": slurm}
    if '"LoginNodes"' in schema:
        pool = {"Name": "login", "InstanceType": "t3.medium", "Count": "1"}
        network = {"Networking": {"SubnetIds": [subnets[0]]}}
        found["cluster with login nodes"] = slurm | {"LoginNodes": {"Pools": [pool | network]}}
    if '"AwsBatchQueues"' in schema:
        found["cluster of AWS Batch"] = slurm | {"Scheduling": _batch(subnets[1])}
    image = cloud.client("ec2").describe_images()["Images"][0]["ImageId"]
    return found | {"image": {"Build": {"InstanceType": "c5.xlarge", "ParentImage": image}}}


def _cluster(subnets: tuple[str, str]) -> dict[str, Any]:
    queues = [
        {
            "Name": f"queue{number}",
            "ComputeResources": [{"Name": "nodes", "InstanceType": "c5.large", "MaxCount": "4"}],
            "Networking": {"SubnetIds": [subnets[1]]},
        }
        for number in range(_QUEUES)
    ]
    return {
        "HeadNode": {"InstanceType": "t3.small", "Networking": {"SubnetId": subnets[0]}},
        "Scheduling": {"Scheduler": "slurm", "SlurmQueues": queues},
    }


def _batch(subnet: str) -> dict[str, Any]:
    resources = {
        "Name": "nodes",
        "InstanceTypes": ["c5.large"],
        "MinvCpus": "0",
        "DesiredvCpus": "0",
        "MaxvCpus": "4",
    }
    queue = {"Name": "batch", "ComputeResources": [resources], "Networking": {"SubnetIds": [subnet]}}
    return {"Scheduler": "awsbatch", "AwsBatchQueues": [queue]}


def _call(version: str, kind: str, configuration: dict[str, Any], cloud: Cloud) -> dict[str, Any]:
    name = f"{kind}-{version}".lower().replace(" ", "-").replace(".", "-")  # as its folder is named
    return {
        "contract": 1,
        "call_id": name,
        "operation": "build-image" if "Build" in configuration else "create",
        "owner": {"stack_id": _parent(name, cloud), "logical_id": _AWAITED},
        "request_id": name,
        "region": cloud.region,
        "cluster_name": name,
        "stack_id": None,
        "not_after": "2020-01-01T00:10:00.000Z",
        "configuration": configuration,
        "configuration_tags": {},
        "stack_tags": {},
        "arguments": {"suppress_validators": ["ALL"]},
    }


def _parent(name: str, cloud: Cloud) -> str:
    """Returns a stack with a resource that is being created: the engine makes nothing for any other."""
    condition = {"Handle": {"Ref": "Handle"}, "Timeout": "43200"}
    resources = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        _AWAITED: {"Type": "AWS::CloudFormation::WaitCondition", "Properties": condition},
    }
    cloudformation, parent = cloud.client("cloudformation"), f"parent-of-{name}"
    template = json.dumps({"Resources": resources})
    made = cloudformation.create_stack(StackName=parent, TemplateBody=template)
    stack_id: str = made["StackId"]
    for _ in range(_TIMEOUT_S):
        events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
        if any(event["LogicalResourceId"] == _AWAITED for event in events):
            return stack_id
        time.sleep(0.1)
    raise SynthesisError(f"{parent} does not begin")


def _templates(name: str, cloud: Cloud) -> Iterator[tuple[str, str]]:
    s3 = cloud.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
        for key in (item["Key"] for page in pages for item in page.get("Contents", [])):
            kind = {"templates": "stack", "assets": "nested stack"}.get(
                key.split("/")[-2] if "/" in key else ""
            )
            if kind and f"/{name}-" in key:
                yield kind, s3.get_object(Bucket=bucket["Name"], Key=key)["Body"].read().decode()
