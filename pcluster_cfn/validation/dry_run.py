"""ParallelCluster's own dry run of the clusters in a template, with the user's credentials.

A program of the engine makes it: the command imports neither the engine's code nor the library.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cfn_template.reading import read
from cfn_template.values import place_of, unknown_parts
from cluster_schema.conversion import pointer
from pcluster_cfn.aws import (
    OWNER_TAG,
    VERSION_TAG,
    Aws,
    child_environment,
    find_cluster_stack,
    is_owned_by,
    tags_of,
)
from pcluster_cfn.errors import CommandError
from pcluster_cfn.validation.deployed_stack import DeployedStack
from pcluster_cfn.validation.engine_program import installed_library, start
from pcluster_cfn.validation.partial_template import (
    Given,
    PartialTemplate,
    as_received,
    evaluate_partially,
    plain_values,
)
from pcluster_cfn.validation.report import Finding
from pcluster_cfn.validation.resource_check import CLUSTER, CONFIGURATION, Resource, resources

_PROGRAM = "cluster_engine.dry_run"
#: The tag that the provider adds to a configuration. Source: docs/reference/cluster.md, "Tags".
_TAG = {"parallelcluster:custom_resource": "cluster"}
#: Properties that do not concern the cluster and are seldom known before a deployment.
_NOT_THE_LIBRARYS = {"ServiceToken", "WaitConditionHandle"}
_OWNER_PREFIX = "pcluster-cfn:"
#: Arguments for an update of a cluster that was created elsewhere.
#: Source: docs/reference/engine.md, "Taking over".
_AS_STORED, _WITHOUT_LOSS = "resemble_stored", "refuse_removals"
#: Longer than the engine's own time-out.
_TIMEOUT_S = 600

#: Asks the engine for a dry run, with the account's credentials. Source: docs/reference/engine.md.
Ask = Callable[[Aws, Mapping[str, Any]], Mapping[str, Any]]
Operation = Literal["create", "update", "take-over"]


@dataclass(frozen=True)
class RequestedCluster:
    """A cluster in a template, all of whose properties are known."""

    resource: Resource
    properties: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The cluster's name."""
        return str(self.properties["ClusterName"])


@dataclass(frozen=True)
class Verdict:
    """The library's answer for a cluster.

    Attributes:
        wanted: The cluster in the template.
        operation: What a deployment would do; ``take-over`` is the update by which it adopts a cluster.
        is_ours: False if the cluster exists and is neither this stack's nor to be adopted.
        answer: The engine's answer, as in docs/reference/engine.md.
    """

    wanted: RequestedCluster
    operation: Operation
    is_ours: bool
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class ExistingCluster:
    """A cluster that exists already."""

    stack_id: str
    tags: Mapping[str, str]

    @property
    def version(self) -> str | None:
        """Its ParallelCluster version."""
        return self.tags.get(VERSION_TAG)

    def is_made_by(self, deployed: DeployedStack, logical_id: str) -> bool:
        """Whether its owner tags name a resource of the stack."""
        return is_owned_by(self.tags, deployed.known.get("AWS::StackId", ""), logical_id)


def requested_clusters(
    text: str, parameters: Mapping[str, Given], deployed: DeployedStack
) -> Iterator[RequestedCluster | Finding]:
    """Yields the clusters of a template, and a finding for each unknown value of a cluster.

    Args:
        text: A template without mistakes.
        parameters: Given values. Other parameters have the deployed stack's values, or their defaults.
        deployed: The template's stack.
    """
    yield from clusters_in(
        evaluate_partially(read(text), {**deployed.parameters, **parameters}, deployed.answers())
    )


def clusters_in(template: PartialTemplate) -> Iterator[RequestedCluster | Finding]:
    """Yields the clusters of an evaluated template, and a finding for each unknown value of a cluster."""
    for resource in resources(template):
        if resource.kind != CLUSTER:
            continue
        values = template.evaluate(resource.properties)
        if not isinstance(values, dict):  # Fn::Transform, for instance
            values = {CONFIGURATION: values}
        needed = {key: value for key, value in values.items() if key not in _NOT_THE_LIBRARYS}
        missing = list(unknown_parts(needed))
        for path, reason in missing:
            place = place_of(values, path) or resource.place
            message = (
                f"is not known before the deployment ({reason}); give parameters with -p or the stack with "
                "--stack-name, or create what it refers to first"
            )
            yield Finding(place, resource.logical_id + pointer(path), message, "template")
        if not missing:
            yield RequestedCluster(resource, plain_values(as_received(needed)))


def ask_engine(aws: Aws, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the answer of the engine's dry run, which runs in a process of its own.

    Raises:
        CommandError: It ended without an answer, or did not answer in time.
    """
    process = start(_PROGRAM, child_environment(aws, os.environ))
    try:
        output, _ = process.communicate(json.dumps(request), timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise CommandError(f"the dry run did not answer within {_TIMEOUT_S} s", "try again") from error
    if process.returncode != 0:
        raise CommandError(
            f"the dry run ended without an answer, with exit status {process.returncode}",
            "check the library's requirements; PCLUSTER_CFN_DEBUG=1 shows its output",
        )
    answer: Mapping[str, Any] = json.loads(output)
    return answer


def dry_run_cluster(
    aws: Aws, wanted: RequestedCluster, deployed: DeployedStack, ask: Ask = ask_engine
) -> Verdict:
    """Returns the library's dry run of a create, or of an update if a cluster of the name exists.

    Args:
        aws: Clients of the account.
        wanted: The cluster in the template.
        deployed: The template's stack.
        ask: Asks the engine; by default in a process of its own.

    Raises:
        CommandError: The library is not installed, or not in the version that the cluster needs, or it ended
            without an answer.
    """
    existing = _existing(aws, wanted.name)
    needed = existing.version if existing else wanted.properties.get("PclusterVersion")
    if needed not in {None, _installed()}:
        raise CommandError(
            f"cluster {wanted.name} needs ParallelCluster {needed}; the installed version is {_installed()}",
            "run the command where that version is installed",
        )
    operation, asked = engine_request(wanted, deployed, existing)
    is_ours = deployed.physical_ids.get(wanted.resource.logical_id) == wanted.name
    return Verdict(wanted, operation, is_ours or operation != "update", ask(aws, asked))


def engine_request(
    wanted: RequestedCluster, deployed: DeployedStack, existing: ExistingCluster | None
) -> tuple[Operation, dict[str, Any]]:
    """Returns what the provider would do, and its request to the engine, as in docs/reference/engine.md.

    Args:
        wanted: The cluster in the template.
        deployed: The template's stack.
        existing: The existing cluster of that name; None if there is none.
    """
    operation, arguments = _intended(wanted, deployed, existing)
    tags = {key: value for key, value in deployed.tags.items() if not key.startswith("aws:")}
    return operation, {
        "operation": "update" if existing else "create",
        "cluster_name": wanted.name,
        "region": deployed.known["AWS::Region"],
        "stack_id": existing.stack_id if existing else None,
        "configuration": wanted.properties[CONFIGURATION],
        # A cluster that was created elsewhere gets no tags.
        "configuration_tags": {} if _AS_STORED in arguments else {**tags, **_TAG},
        "stack_tags": _stack_tags(existing),
        "arguments": arguments,
    }


def _intended(
    wanted: RequestedCluster, deployed: DeployedStack, existing: ExistingCluster | None
) -> tuple[Operation, dict[str, Any]]:
    """Returns what the provider would do, and with which arguments.

    Only the provider's table records whether the stack adopted a cluster. Here a cluster counts as adopted if
    the template has AdoptExisting and the cluster's tags do not name the stack as its creator.
    """
    arguments = _arguments(wanted.properties, update=existing is not None)
    logical_id = wanted.resource.logical_id
    if existing is None:
        return "create", arguments
    if str(wanted.properties.get("AdoptExisting")).lower() != "true":
        return "update", arguments
    if not deployed.physical_ids.get(logical_id):
        return "take-over", arguments | {_AS_STORED: True, _WITHOUT_LOSS: True}
    return "update", arguments | ({} if existing.is_made_by(deployed, logical_id) else {_AS_STORED: True})


def _stack_tags(existing: ExistingCluster | None) -> dict[str, str]:
    """Returns a cluster's owner tags; for a new one a placeholder, because the dry run does not read it."""
    if existing is None:
        return {OWNER_TAG: "not known before the deployment"}
    return {key: value for key, value in existing.tags.items() if key.startswith(_OWNER_PREFIX)}


def _existing(aws: Aws, name: str) -> ExistingCluster | None:
    stack = find_cluster_stack(aws.client("cloudformation"), name)
    return ExistingCluster(stack["StackId"], tags_of(stack)) if stack else None


def _installed() -> str:
    found = installed_library()
    if found is None:
        raise CommandError("the ParallelCluster library is not installed", "pip install aws-parallelcluster")
    return found


def _arguments(properties: Mapping[str, Any], *, update: bool) -> dict[str, Any]:
    """Returns the properties that the provider passes on. Source: docs/reference/engine.md, ``arguments``."""
    arguments: dict[str, Any] = {}
    if suppressed := properties.get("SuppressValidators"):
        arguments["suppress_validators"] = suppressed if isinstance(suppressed, list) else [suppressed]
    if level := properties.get("ValidationFailureLevel"):
        arguments["validation_failure_level"] = level
    if update and "ForceUpdate" in properties:
        arguments["force_update"] = properties["ForceUpdate"].lower() == "true"
    return arguments
