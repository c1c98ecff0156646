"""The library's own dry run of the clusters in a template, with the user's credentials, before a deployment.

The engine makes it, started as a program: the command knows neither the engine's code nor the library.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cfn_template.reading import read
from cfn_template.values import place_of, unknown_parts
from cluster_schema.conversion import pointer
from pcluster_cfn.clusters import CLUSTER_NAME_TAG
from pcluster_cfn.errors import CommandError, wants_tracebacks
from pcluster_cfn.stacks import Aws, find_stack
from pcluster_cfn.validation.clusters import CLUSTER, CONFIGURATION, Resource, resources
from pcluster_cfn.validation.deployed import Deployed
from pcluster_cfn.validation.engine_program import command, environment, installed_library
from pcluster_cfn.validation.findings import Finding
from pcluster_cfn.validation.foresight import as_received, foresee, settled

_PROGRAM = "cluster_engine.dry_run"
#: What the provider adds to a configuration's tags. Source: docs/contract.md, "Properties".
_TAG = {"parallelcluster:custom_resource": "cluster"}
#: Properties that say nothing of the cluster, and are seldom known before.
_NOT_THE_LIBRARYS = {"ServiceToken", "WaitConditionHandle"}
#: Source: pcluster.constants, PCLUSTER_VERSION_TAG.
_VERSION_TAG = "parallelcluster:version"
#: Whose a cluster is that the provider made: its stack's path and logical id come first, with spaces between.
#: Source: docs/contract.md, "Who owns a cluster".
OWNER_TAG = "pcluster-cfn:owner"
#: What clusters of earlier versions have instead.
_OWNER_TAGS = ("pcluster-cfn:stack-id", "pcluster-cfn:logical-id")
_OWNER_PREFIX = "pcluster-cfn:"
#: Arguments of an update of a cluster that was made elsewhere. Source: docs/engine.md, "Taking over".
_AS_STORED, _WITHOUT_LOSS = "resemble_stored", "refuse_removals"
#: Longer than the engine's own patience.
_TIMEOUT_S = 600

Operation = Literal["create", "update", "take-over"]


@dataclass(frozen=True)
class Wanted:
    """A cluster that a template asks for, with nothing left unknown."""

    resource: Resource
    properties: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The cluster's name."""
        return str(self.properties["ClusterName"])


@dataclass(frozen=True)
class Verdict:
    """What the library said of a cluster, in the words of docs/engine.md.

    ``operation`` is ``take-over`` for the update that a create with AdoptExisting makes. ``is_ours`` is false
    for a cluster that exists and is neither this stack's nor to be adopted.
    """

    wanted: Wanted
    operation: Operation
    is_ours: bool
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Existing:
    """A cluster that there is already."""

    stack_id: str
    tags: Mapping[str, str]

    @property
    def version(self) -> str | None:
        """Its ParallelCluster version."""
        return self.tags.get(_VERSION_TAG)

    def is_made_by(self, deployed: Deployed, logical_id: str) -> bool:
        """Whether its owner tags name a resource of a stack."""
        stack_id = deployed.known.get("AWS::StackId", "")
        path = stack_id.partition(":stack/")[2] or stack_id
        if self.tags.get(OWNER_TAG, "").split(" ")[:2] == [path, logical_id]:
            return True
        return [self.tags.get(name) for name in _OWNER_TAGS] == [stack_id, logical_id]


def wanted_clusters(
    text: str, parameters: Mapping[str, str], deployed: Deployed
) -> Iterator[Wanted | Finding]:
    """Yields the clusters of a template, or for one that is not known well enough what is missing, and where.

    Args:
        text: A template without mistakes.
        parameters: Given values; others are those of the deployed stack, then the defaults.
        deployed: The stack that the template is or will be.
    """
    template = foresee(read(text), {**deployed.parameters, **parameters}, deployed.answers())
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
                f"is not known before the deployment ({reason}): give parameters with -p or the stack with "
                "--stack-name, or make what it refers to first"
            )
            yield Finding(place, resource.logical_id + pointer(path), message, "template")
        if not missing:
            yield Wanted(resource, settled(as_received(needed)))


def run(aws: Aws, wanted: Wanted, deployed: Deployed) -> Verdict:
    """Has the library look at a cluster as a create would, or as an update if there is one of the name.

    Raises:
        CommandError: The library, or the version that the cluster needs, is not installed, or it ended
            without an answer.
    """
    existing = _existing(aws, wanted.name)
    needed = existing.version if existing else wanted.properties.get("PclusterVersion")
    if needed not in {None, _installed()}:
        raise CommandError(
            f"cluster {wanted.name} needs ParallelCluster {needed}, and the library here is {_installed()}",
            "make the dry run where that version is installed",
        )
    operation, asked = question(wanted, deployed, existing)
    is_ours = deployed.physical_ids.get(wanted.resource.logical_id) == wanted.name
    return Verdict(wanted, operation, is_ours or operation != "update", _ask(asked))


def question(
    wanted: Wanted, deployed: Deployed, existing: Existing | None
) -> tuple[Operation, dict[str, Any]]:
    """Returns what the provider would do, and what the engine is asked for it, as docs/engine.md says.

    Args:
        wanted: What the template asks for.
        deployed: The template's stack.
        existing: The cluster of that name, if there is one.
    """
    operation, arguments = _intended(wanted, deployed, existing)
    tags = {key: value for key, value in deployed.tags.items() if not key.startswith("aws:")}
    return operation, {
        "operation": "update" if existing else "create",
        "cluster_name": wanted.name,
        "region": deployed.known["AWS::Region"],
        "stack_id": existing.stack_id if existing else None,
        "configuration": wanted.properties[CONFIGURATION],
        # A cluster that was made elsewhere gets none.
        "configuration_tags": {} if _AS_STORED in arguments else {**tags, **_TAG},
        "stack_tags": _stack_tags(existing),
        "arguments": arguments,
    }


def _intended(
    wanted: Wanted, deployed: Deployed, existing: Existing | None
) -> tuple[Operation, dict[str, Any]]:
    """What the provider would do, and with which arguments.

    Whether a cluster that the stack has was adopted stands in the provider's table only. Here it counts as
    adopted if the template still says AdoptExisting and the cluster's tags do not say that the stack made it.
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


def _stack_tags(existing: Existing | None) -> dict[str, str]:
    """The owner tags that a cluster will have, or has; what a new one's will say counts for nothing yet."""
    if existing is None:
        return {OWNER_TAG: "not known before the deployment"}
    return {key: value for key, value in existing.tags.items() if key.startswith(_OWNER_PREFIX)}


def _existing(aws: Aws, name: str) -> Existing | None:
    stack = find_stack(aws.client("cloudformation"), name)
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])} if stack else {}
    if stack is None or tags.get(CLUSTER_NAME_TAG) != name:
        return None
    return Existing(stack["StackId"], tags)


def _installed() -> str:
    found = installed_library()
    if found is None:
        raise CommandError("the ParallelCluster library is not installed", "pip install aws-parallelcluster")
    return found


def _ask(question: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - this project's own program
            command(_PROGRAM),
            input=json.dumps(question),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=None if wants_tracebacks() else subprocess.DEVNULL,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"the dry run had no answer after {_TIMEOUT_S} s", "try again") from error
    if done.returncode != 0:
        raise CommandError(
            f"the dry run ended without an answer, with exit status {done.returncode}",
            "see the library's requirements; with PCLUSTER_CFN_DEBUG=1 you see what it printed",
        )
    answer: Mapping[str, Any] = json.loads(done.stdout)
    return answer


def _arguments(properties: Mapping[str, Any], *, update: bool) -> dict[str, Any]:
    """The properties that the provider passes to the library. Source: docs/engine.md, ``arguments``."""
    arguments: dict[str, Any] = {}
    if suppressed := properties.get("SuppressValidators"):
        arguments["suppress_validators"] = suppressed if isinstance(suppressed, list) else [suppressed]
    if level := properties.get("ValidationFailureLevel"):
        arguments["validation_failure_level"] = level
    if update and "ForceUpdate" in properties:
        arguments["force_update"] = properties["ForceUpdate"].lower() == "true"
    return arguments
