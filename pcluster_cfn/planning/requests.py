"""Clusters that a template asks for, and the engine's dry run of what the provider would do for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self

from pcluster_cfn.planning.guardrails import UNREAD, Provider

#: The resource type, and its property with the configuration.
CLUSTER, CONFIGURATION = "Custom::PclusterCluster", "ClusterConfiguration"
#: The property that names the provider.
PROVIDER = "ServiceToken"
#: Properties that do not concern the cluster and are seldom known before a deployment.
NOT_THE_LIBRARYS = frozenset({PROVIDER, "WaitConditionHandle"})
#: Source: pcluster.constants, PCLUSTER_CLUSTER_NAME_TAG and PCLUSTER_VERSION_TAG.
CLUSTER_NAME_TAG, VERSION_TAG = "parallelcluster:cluster-name", "parallelcluster:version"
#: Owner of a cluster that the provider created. It starts with the stack's path and the logical id.
#: Source: docs/explanation/ownership.md.
OWNER_TAG = "pcluster-cfn:owner"
#: Owner tags of clusters that earlier versions created, or whose owner tag would be too long.
OWNER_TAGS = ("pcluster-cfn:stack-id", "pcluster-cfn:logical-id")
_OWNER_PREFIX = "pcluster-cfn:"
#: The tag that the provider adds to a configuration. Source: docs/reference/cluster.md, "Tags".
_TAG = {"parallelcluster:custom_resource": "cluster"}
#: Arguments for an update of a cluster that was created elsewhere.
#: Source: docs/reference/engine.md, "Taking over".
_AS_STORED, _WITHOUT_LOSS = "resemble_stored", "refuse_removals"
#: A resource that made no cluster has an id with this prefix.
#: Source: docs/explanation/decision-table.md, "marker id" and "failed id".
_NOT_MADE = "pcluster-cfn:"
#: The name that a dry run is asked about if the provider will generate the cluster's.
_GENERATED = "generated-by-the-provider"

#: The properties that permit another ClusterName.
_POLICIES = ("ClusterNameUpdatePolicy", "ReplacementPolicy")

Operation = Literal["create", "update", "take-over"]


class NamedResource(Protocol):
    """A resource of a template."""

    @property
    def logical_id(self) -> str:
        """Its logical id."""
        ...


class OwnStack(Protocol):
    """The part of a deployed stack that a request depends on."""

    @property
    def known(self) -> Mapping[str, Any]:
        """Values of pseudo parameters."""
        ...

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags of the stack."""
        ...

    @property
    def physical_ids(self) -> Mapping[str, str]:
        """Physical ids of its resources by logical id."""
        ...


@dataclass(frozen=True)
class RequestedCluster:
    """A cluster in a template, all of whose properties are known.

    Args:
        resource: The resource.
        properties: Its properties.
        present_name: Name of the cluster that it has now; empty if it has none, or is to get a new one.
        service_token: Names its provider; empty if that is not known before the deployment.
    """

    resource: NamedResource
    properties: Mapping[str, Any]
    present_name: str = ""
    service_token: str = ""

    @property
    def name(self) -> str:
        """The cluster's name; empty if the provider will generate it."""
        return str(self.properties.get("ClusterName", self.present_name))

    @property
    def title(self) -> str:
        """The cluster's name in a sentence."""
        return self.name or "with a generated name"

    @property
    def may_be_renamed(self) -> bool:
        """Whether the provider makes a new cluster if the name is another."""
        return "Replace" in {self.properties.get(policy) for policy in _POLICIES}

    @property
    def may_stop_fleet(self) -> bool:
        """Whether the provider stops the compute fleet for an update that needs it."""
        return self.properties.get("ComputeFleetUpdatePolicy") == "StopAndRestart"

    @property
    def may_be_replaced(self) -> bool:
        """Whether the provider makes a new cluster if this one cannot be changed in place."""
        return self.properties.get("ReplacementPolicy") == "Replace" and "ClusterName" not in self.properties

    def of(self, physical_id: str) -> Self:
        """Returns the cluster as one of a resource with this physical id."""
        return replace(self, present_name=cluster_of(physical_id))

    def anew(self) -> Self:
        """Returns the cluster as one that is made in place of the present one."""
        return replace(self, present_name="")


@dataclass(frozen=True)
class Verdict:
    """The library's answer for a cluster.

    Attributes:
        wanted: The cluster in the template.
        operation: What a deployment would do; ``take-over`` is the update by which it adopts a cluster.
        is_ours: False if the cluster exists and is neither this stack's nor to be adopted.
        answer: The engine's answer, as in docs/reference/engine.md.
        forbidden: Why the provider's operator does not permit it, or that there is no such provider; empty if
            neither is so. The library is not asked then.
        provider: The provider, as far as it was read.
    """

    wanted: RequestedCluster
    operation: Operation
    is_ours: bool
    answer: Mapping[str, Any]
    forbidden: str = ""
    provider: Provider = UNREAD


@dataclass(frozen=True)
class ExistingCluster:
    """A cluster that exists already."""

    stack_id: str
    tags: Mapping[str, str]

    @property
    def version(self) -> str | None:
        """Its ParallelCluster version."""
        return self.tags.get(VERSION_TAG)

    def is_made_by(self, deployed: OwnStack, logical_id: str) -> bool:
        """Whether its owner tags name a resource of the stack."""
        return is_owned_by(self.tags, deployed.known.get("AWS::StackId", ""), logical_id)


def cluster_of(physical_id: str) -> str:
    """Returns the name of the cluster that a physical id names; empty if it names none."""
    return "" if physical_id.startswith(_NOT_MADE) else physical_id


def adopts(properties: Mapping[str, Any]) -> bool:
    """Returns whether a cluster's properties ask to take an existing cluster over."""
    return str(properties.get("AdoptExisting")).lower() == "true"


def is_owned_by(tags: Mapping[str, str], stack_id: str, logical_id: str) -> bool:
    """Whether a cluster's owner tags name a resource of a stack."""
    path = stack_id.partition(":stack/")[2] or stack_id
    if tags.get(OWNER_TAG, "").split(" ")[:2] == [path, logical_id]:
        return True
    return [tags.get(name) for name in OWNER_TAGS] == [stack_id, logical_id]


@dataclass(frozen=True)
class Library:
    """The ParallelCluster library, as far as a plan asks it.

    Args:
        version: Returns its version.
        ask: Answers the engine's dry run, as in docs/reference/engine.md.
    """

    version: Callable[[], str]
    ask: Callable[[Mapping[str, Any]], Mapping[str, Any]]


class OtherVersionError(Exception):
    """A cluster needs another version of the library than the one that can be asked; the text says which."""

    def __init__(self, wanted: RequestedCluster, version: str) -> None:
        super().__init__(f"cluster {wanted.title} needs ParallelCluster {version}")


def dry_run(
    wanted: RequestedCluster,
    deployed: OwnStack,
    existing: ExistingCluster | None,
    provider: Provider,
    library: Library,
) -> Verdict:
    """Returns the library's answer to what the provider would ask it for a cluster.

    Args:
        wanted: The cluster in the template.
        deployed: The template's stack.
        existing: The existing cluster of that name; None if there is none.
        provider: The cluster's provider.
        library: The library.

    Raises:
        OtherVersionError: The cluster needs another version.
    """
    operation, question = engine_request(wanted, deployed, existing, provider)
    version = _version_of(wanted, existing, provider)
    adopted = existing if operation == "take-over" else None
    verdict = Verdict(
        wanted,
        operation,
        is_ours=operation != "update" or deployed.physical_ids.get(wanted.resource.logical_id) == wanted.name,
        answer={"version": version, "change_set": [], "validation_messages": []},
        forbidden=(provider.unread if provider.is_missing else "")
        or (_unpermitted_adoption(wanted, deployed, adopted, provider) if adopted else "")
        or _lacks_engine(version, provider),
        provider=provider,
    )
    if verdict.forbidden:
        return verdict
    if version and version != library.version():
        raise OtherVersionError(wanted, version)
    return replace(verdict, answer=library.ask(question))


def _version_of(wanted: RequestedCluster, existing: ExistingCluster | None, provider: Provider) -> str:
    """Returns the ParallelCluster version that a cluster has or gets; empty if it is not known."""
    if existing is not None:
        return existing.version or ""
    return str(wanted.properties.get("PclusterVersion") or provider.guardrails.default_version)


def _unpermitted_adoption(
    wanted: RequestedCluster, deployed: OwnStack, existing: ExistingCluster, provider: Provider
) -> str:
    """Returns why the operator does not permit an adoption; empty if it is permitted.

    The resource that made a cluster may always adopt it.
    """
    guardrails = provider.guardrails
    is_own = existing.is_made_by(deployed, wanted.resource.logical_id)
    if is_own or guardrails.permits_adoption(existing.tags):
        return ""
    return (
        f"ClusterAdoption of the provider stack ({guardrails.adoption}) does not permit taking over cluster "
        f"{wanted.name}; ask the provider's operator"
    )


def _lacks_engine(version: str, provider: Provider) -> str:
    """Returns that a provider has no engine of a version; empty if it has one, or that is not known."""
    versions = provider.guardrails.versions
    if not versions or version in {"", *versions}:
        return ""
    return (
        f"the provider has no engine of ParallelCluster {version}, only of {', '.join(versions)}; ask its "
        "operator to add one to AdditionalEngines"
    )


def engine_request(
    wanted: RequestedCluster,
    deployed: OwnStack,
    existing: ExistingCluster | None,
    provider: Provider = UNREAD,
) -> tuple[Operation, dict[str, Any]]:
    """Returns what the provider would do, and its request to the engine, as in docs/reference/engine.md.

    Args:
        wanted: The cluster in the template.
        deployed: The template's stack.
        existing: The existing cluster of that name; None if there is none.
        provider: The cluster's provider.
    """
    operation, arguments = _intended(wanted, deployed, existing)
    arguments |= provider.guardrails.arguments(wanted.properties, makes=existing is None)
    tags = {key: value for key, value in deployed.tags.items() if not key.startswith("aws:")}
    return operation, {
        "operation": "update" if existing else "create",
        "cluster_name": wanted.name or _GENERATED,
        "region": deployed.known["AWS::Region"],
        "stack_id": existing.stack_id if existing else None,
        "configuration": wanted.properties[CONFIGURATION],
        # A cluster that was created elsewhere gets no tags.
        "configuration_tags": {} if _AS_STORED in arguments else {**tags, **_TAG},
        "stack_tags": _stack_tags(existing),
        "arguments": arguments,
    }


def _intended(
    wanted: RequestedCluster, deployed: OwnStack, existing: ExistingCluster | None
) -> tuple[Operation, dict[str, Any]]:
    """Returns what the provider would do, and with which arguments.

    Only the provider's table records whether the stack adopted a cluster. Here a cluster counts as adopted if
    the template has AdoptExisting and the cluster's tags do not name the stack as its creator.
    """
    arguments = _arguments(wanted.properties, update=existing is not None)
    logical_id = wanted.resource.logical_id
    if existing is None:
        return "create", arguments
    if not adopts(wanted.properties):
        return "update", arguments
    if not deployed.physical_ids.get(logical_id):
        return "take-over", arguments | {_AS_STORED: True, _WITHOUT_LOSS: True}
    return "update", arguments | ({} if existing.is_made_by(deployed, logical_id) else {_AS_STORED: True})


def _stack_tags(existing: ExistingCluster | None) -> dict[str, str]:
    """Returns a cluster's owner tags; for a new one a placeholder, because the dry run does not read it."""
    if existing is None:
        return {OWNER_TAG: "not known before the deployment"}
    return {key: value for key, value in existing.tags.items() if key.startswith(_OWNER_PREFIX)}


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
