"""The embedded cloud with the built provider deployed and one cluster that stays in progress."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from localcloud.cloud import Cloud
from pcluster_cfn.aws import find_stack
from pcluster_cfn.package import Bucket, package
from pcluster_cfn.template import Template
from tools.bench.calls import RESOURCE, configuration
from tools.bench.processes import BenchError

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_PROVIDER_STACK, _PARENT_STACK, _CLUSTER = "provider", "bench", "c-bench"
#: Longer than any bench.
_LONG_S = 6 * 3600.0
_PATIENCE_S = 180

Found = TypeVar("Found")


@dataclass(frozen=True)
class World:
    """What the measured processes find.

    Attributes:
        cloud: The embedded cloud.
        variables: Environment variables of the deployed provider function.
        parent_id: The stack whose resource is being created.
        cluster: A cluster that is being created, as long as this lasts.
        cluster_stack_id: Its stack.
    """

    cloud: Cloud
    variables: Mapping[str, str]
    parent_id: str
    cluster: str
    cluster_stack_id: str

    def status(self, stack: str) -> str | None:
        """Returns a stack's status, None where there is none."""
        found = find_stack(self.cloud.client("cloudformation"), stack)
        return found["StackStatus"] if found else None


@contextmanager
def open_world(artefact: Path) -> Iterator[World]:
    """Starts a cloud that runs in real time and brings it to where the measuring starts.

    Args:
        artefact: The folder that ``make build`` filled.

    Raises:
        BenchError: The provider or the cluster did not come up.
    """
    python = artefact / "runtime" / "bin" / "python"
    with Cloud.start(skip_idle=False, function_python=python) as cloud:
        provider = _deploy_provider(cloud, artefact)
        cloud.set_behaviours([{"stack": "c-*", "action": "CREATE", "duration_s": _LONG_S}])
        parent_id = _begin_cluster(cloud, provider["Arn"])
        stack_id = _await(lambda: _cluster_stack_id(cloud), "the cluster's stack", cloud)
        _await(lambda: _provider_heard(cloud, provider["FunctionName"]), "the engine's end", cloud)
        _silence(cloud)
        variables = provider["Environment"]["Variables"]
        yield World(cloud, variables, parent_id, _CLUSTER, stack_id)


def _deploy_provider(cloud: Cloud, artefact: Path) -> Any:
    """Returns the configuration of the deployed provider function."""
    template = Template.read(artefact / "template.yaml")
    bucket = Bucket(cloud.client("s3"), cloud.exports["ARTIFACT_BUCKET"])
    package(template, artefact, bucket)
    address = bucket.url(bucket.put(template.text().encode(), ".template"))
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName=_PROVIDER_STACK, TemplateURL=address, Capabilities=_CAPABILITIES)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=_PROVIDER_STACK, WaiterConfig={"Delay": 1, "MaxAttempts": _PATIENCE_S}
    )
    resource = cloudformation.describe_stack_resource(StackName=_PROVIDER_STACK, LogicalResourceId="Provider")
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    function = cloud.client("lambda").get_function_configuration(FunctionName=name)
    return {**function, "Arn": function["FunctionArn"]}


def _begin_cluster(cloud: Cloud, service_token: str) -> str:
    properties = {
        "ServiceToken": service_token,
        "ClusterName": _CLUSTER,
        "ClusterConfiguration": configuration(cloud.exports),
    }
    template = {"Resources": {RESOURCE: {"Type": "Custom::PclusterCluster", "Properties": properties}}}
    created = cloud.client("cloudformation").create_stack(
        StackName=_PARENT_STACK, TemplateBody=json.dumps(template)
    )
    parent_id: str = created["StackId"]
    return parent_id


def _cluster_stack_id(cloud: Cloud) -> str | None:
    found = find_stack(cloud.client("cloudformation"), _CLUSTER)
    return found["StackId"] if found else None


def _provider_heard(cloud: Cloud, provider: str) -> bool:
    """Whether the provider has taken up the engine's end: its last invocation began after the engine's."""
    functions = [call["function"] for call in cloud.invocations() if call["outcome"] == "success"]
    ours = [name == provider for name in functions]
    return False in ours and ours[-1]


def _silence(cloud: Cloud) -> None:
    """Stops what would wake the provider beside the bench: the sweep."""
    events = cloud.client("events")
    for rule in events.list_rules()["Rules"]:
        events.disable_rule(Name=rule["Name"])


def _await(look: Callable[[], Found | None], what: str, cloud: Cloud) -> Found:
    give_up_at = time.monotonic() + _PATIENCE_S
    while not (found := look()):
        if time.monotonic() > give_up_at:
            raise BenchError(f"{what} did not come:\n{cloud.log}")
        time.sleep(0.2)
    return found
