"""What a deployment would do to a cluster; pure decisions on what is deployed and what the library answers.

The rows are those of docs/explanation/decision-table.md, as far as they can be known before the request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pcluster_cfn.planning.changes import Policy, changes_of, messages_of
from pcluster_cfn.planning.requests import (
    CONFIGURATION,
    ExistingCluster,
    RequestedCluster,
    Verdict,
    adopts,
    cluster_of,
)
from pcluster_cfn.planning.storage import Storage, storage_of

#: The attributes that decide about a resource that goes, and the values with which it stays.
REMOVAL, REPLACEMENT = "DeletionPolicy", "UpdateReplacePolicy"
_KEEPING = {"Retain", "RetainExceptOnCreate"}
#: The engine's code for an update that the library refuses, and for one that changes nothing.
#: Source: docs/reference/engine.md.
_REFUSED, _NO_CHANGES = "UpdateRejected", "NoChanges"


class PlannedAction(StrEnum):
    """What happens to a cluster."""

    CREATE = "create"
    UPDATE = "update"
    UPDATE_STOPPED = "update with a stopped fleet"
    REPLACE = "replace"
    ADOPT = "adopt"
    DELETE = "delete"
    RETAIN = "retain"
    UNCHANGED = "no change"
    REFUSED = "refused"
    UNKNOWN = "not known"


#: What a plan cannot promise to succeed.
FAILING = frozenset({PlannedAction.REFUSED, PlannedAction.UNKNOWN})
#: What makes a cluster.
MAKING = frozenset({PlannedAction.CREATE, PlannedAction.REPLACE})
#: What makes or changes a cluster, or may.
CHANGING = MAKING | {
    PlannedAction.UPDATE,
    PlannedAction.UPDATE_STOPPED,
    PlannedAction.ADOPT,
    PlannedAction.UNKNOWN,
}


@dataclass(frozen=True)
class PlannedCluster:
    """One cluster of a plan.

    Attributes:
        source: File of the template; of the deployed template for a resource that the new one lacks.
        place: Logical ids from the stack to the cluster, separated by slashes.
        name: The cluster's name; empty if it is not known.
        action: What happens to it.
        reason: Why, where the action alone does not say it.
        version: ParallelCluster version of the library that answered; empty if it was not asked.
        changes: Changed parameters, as ``changes_of`` yields them.
        messages: Messages of the library's validators, the worst first.
        replaced: Name of the old cluster of a replacement.
        storage: Storage of a cluster that goes, each with its fate.
        configuration: The configuration that the template asks for, as far as it is known; None for a cluster
            that it does not have.
        applied: The configuration that the deployed template has; None if it has none.
    """

    source: str
    place: str
    name: str
    action: PlannedAction
    reason: str = ""
    version: str = ""
    changes: Sequence[Mapping[str, str]] = ()
    messages: Sequence[Mapping[str, Any]] = ()
    replaced: str = ""
    storage: Sequence[Storage] = ()
    configuration: Mapping[str, Any] | None = None
    applied: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Deployed:
    """What is deployed of one resource.

    Args:
        physical_id: Its physical id; empty if there is no such resource.
        previous: The cluster as the deployed template has it; None if there is none, or not all is known.
        retained_by: The attribute that has CloudFormation keep what the resource has now; empty if none does:
            ``DeletionPolicy`` where the resource is removed, ``UpdateReplacePolicy`` where it is replaced.
        existing: The stack of the cluster that the physical id names; None if there is none.
        created_here: Whether that stack's tags name the resource as its creator.
    """

    physical_id: str = ""
    previous: RequestedCluster | None = None
    retained_by: str = ""
    existing: ExistingCluster | None = None
    created_here: bool = True

    @property
    def cluster_name(self) -> str:
        """Name of the resource's cluster; empty if it made none."""
        return cluster_of(self.physical_id)

    def permissions(self, wanted: RequestedCluster) -> tuple[RequestedCluster, ...]:
        """Returns the two sets of properties of an update: the policies of either count.

        A rollback arrives with the sets swapped, and needs what the update was permitted.
        """
        return (wanted,) if self.previous is None else (wanted, self.previous)

    @property
    def properties(self) -> Mapping[str, Any]:
        """Properties in the deployed template; empty if they are not known."""
        return self.previous.properties if self.previous is not None else {}


@dataclass(frozen=True)
class Place:
    """Where a cluster is.

    Args:
        source: File of the template.
        path: Logical ids, the cluster's own last.
    """

    source: str
    path: Sequence[str] = field(default_factory=tuple)

    def planned(self, name: str, action: PlannedAction, reason: str = "", **more: Any) -> PlannedCluster:
        """Returns a cluster of a plan at this place."""
        return PlannedCluster(self.source, "/".join(self.path), name, action, reason, **more)


def kept_by(attribute: str, resources: Mapping[str, Any]) -> frozenset[str]:
    """Returns the logical ids of the resources that an attribute has CloudFormation keep.

    Args:
        attribute: ``REMOVAL`` or ``REPLACEMENT``.
        resources: The section of a template.

    Source: CloudFormation user guide, "DeletionPolicy attribute" and "UpdateReplacePolicy attribute".
    """
    return frozenset(
        logical_id
        for logical_id, definition in resources.items()
        if isinstance(definition, dict) and definition.get(attribute) in _KEEPING
    )


def is_untouched(wanted: RequestedCluster, deployed: Deployed) -> bool:
    """Returns whether its properties are the deployed ones, for which CloudFormation sends no request."""
    return deployed.previous is not None and deployed.properties == wanted.properties


def untouched(place: Place, wanted: RequestedCluster, deployed: Deployed) -> PlannedCluster:
    """Returns the plan of a cluster for which CloudFormation sends no request."""
    wanted = wanted.of(deployed.physical_id)
    gone = deployed.cluster_name == wanted.name and deployed.existing is None
    reason = (
        f"cluster {wanted.name} no longer exists, and a deployment without a change does not make it again"
        if gone
        else ""
    )
    return place.planned(wanted.name, PlannedAction.UNCHANGED, reason)


def plan_requested(
    place: Place,
    wanted: RequestedCluster,
    deployed: Deployed,
    ask: Callable[[RequestedCluster], Verdict],
    policy: Policy = lambda *_: "",
) -> PlannedCluster:
    """Returns what a deployment would do to a cluster; asks for a new one too if this one would be replaced.

    Args:
        place: Where the cluster is.
        wanted: The cluster in the template.
        deployed: What is deployed of its resource.
        ask: Asks the library.
        policy: See ``changes_of``.
    """
    wanted = wanted.of(deployed.physical_id)
    if not wanted.may_be_replaced:
        return plan_cluster(place, ask(wanted), deployed, policy)
    if _has_other_version(wanted, deployed):
        return plan_cluster(place, ask(wanted.anew()), deployed, policy)
    verdict = ask(wanted)
    if not _is_beyond_cure(verdict):
        return plan_cluster(place, verdict, deployed, policy)
    planned = plan_cluster(place, ask(wanted.anew()), deployed, policy)
    return replace(planned, changes=list(changes_of(verdict, policy)))


def _has_other_version(wanted: RequestedCluster, deployed: Deployed) -> bool:
    version = deployed.existing.version if deployed.existing is not None else None
    return version is not None and wanted.properties.get("PclusterVersion", version) != version


def plan_cluster(
    place: Place, verdict: Verdict, deployed: Deployed, policy: Policy = lambda *_: ""
) -> PlannedCluster:
    """Returns what a deployment would do to a cluster of the template.

    Args:
        place: Where the cluster is.
        verdict: The library's answer.
        deployed: What is deployed of its resource.
        policy: See ``changes_of``.
    """
    answered = PlannedCluster(
        place.source,
        "/".join(place.path),
        verdict.wanted.name,
        PlannedAction.REFUSED,
        version=verdict.answer["version"],
        changes=list(changes_of(verdict, policy)),
        messages=messages_of(verdict),
    )
    if refusal := _refusal(verdict, deployed):
        return replace(answered, reason=refusal)
    if _is_renamed(verdict.wanted, deployed):
        return _replacement(answered, verdict.wanted, deployed)
    if verdict.operation == "create":
        return replace(answered, action=PlannedAction.CREATE)
    if verdict.operation == "take-over":
        return replace(answered, action=PlannedAction.ADOPT)
    return _update(answered, verdict, deployed)


def _refusal(verdict: Verdict, deployed: Deployed) -> str:
    """Returns why the provider refuses the request; empty if it does not."""
    wanted, error = verdict.wanted, verdict.answer.get("error", {})
    may_be_renamed = any(each.may_be_renamed for each in deployed.permissions(wanted))
    if _is_renamed(wanted, deployed) and not may_be_renamed:
        return (
            f"cluster {deployed.cluster_name} cannot be renamed; put its name back, or set "
            "ReplacementPolicy: Replace"
        )
    if not verdict.is_ours:
        return f"cluster {wanted.name} exists and does not belong to this resource; it stays unchanged"
    if verdict.forbidden:
        return verdict.forbidden
    if verdict.operation != "create" and (other := _other_version(verdict)):
        return other
    if error.get("code") not in {None, _REFUSED, _NO_CHANGES}:
        return f"{error['code']}: {error['message']}"
    if error.get("code") == _REFUSED and not _is_cured(verdict, deployed):
        return f"ParallelCluster refuses to change a living cluster like this{_without_name(wanted)}"
    return ""


def _without_name(wanted: RequestedCluster) -> str:
    """Returns the rest of a sentence about a change that cannot be made in place."""
    if wanted.properties.get("ReplacementPolicy") != "Replace" or wanted.may_be_replaced:
        return ""
    return "; ReplacementPolicy: Replace needs another ClusterName, or none"


def _is_renamed(wanted: RequestedCluster, deployed: Deployed) -> bool:
    return deployed.cluster_name not in {"", wanted.name}


def _replacement(answered: PlannedCluster, wanted: RequestedCluster, deployed: Deployed) -> PlannedCluster:
    kept = _keeps(deployed)
    return replace(
        answered,
        action=PlannedAction.REPLACE,
        reason=f"cluster {deployed.cluster_name} is kept: {kept}" if kept else _drain(wanted, deployed),
        replaced=deployed.cluster_name,
        storage=[] if kept else storage_of(deployed.properties.get(CONFIGURATION)),
    )


def _drain(wanted: RequestedCluster, deployed: Deployed) -> str:
    """Returns how long the old cluster of a replacement may drain; empty if it does not.

    Source: docs/how-to/replacing.md, "Let jobs end".
    """
    given = (str(each.properties.get("DrainTimeout", "")) for each in deployed.permissions(wanted))
    longest = max((int(each) for each in given if each.isdecimal()), default=0)
    if not longest:
        return ""
    old = deployed.cluster_name
    return f"cluster {old} is deleted once no dynamic node of it runs, {longest} s later at most"


def _update(answered: PlannedCluster, verdict: Verdict, deployed: Deployed) -> PlannedCluster:
    code = verdict.answer.get("error", {}).get("code")
    if code == _NO_CHANGES:
        return replace(answered, action=PlannedAction.UNCHANGED)
    if deployed.properties.get(CONFIGURATION) == verdict.wanted.properties[CONFIGURATION]:
        reason = (
            "the cluster was changed elsewhere; it stays so, because the template asks for no other "
            "configuration than before"
        )
        return replace(answered, action=PlannedAction.UNCHANGED, reason=reason)
    removed = _removed_storage(verdict.wanted, deployed)
    if code == _REFUSED:
        of = "" if verdict.wanted.may_stop_fleet else " in the deployed template, which still counts"
        reason = f"running jobs are lost: ComputeFleetUpdatePolicy is StopAndRestart{of}"
        return replace(answered, action=PlannedAction.UPDATE_STOPPED, reason=reason, storage=removed)
    return replace(answered, action=PlannedAction.UPDATE, storage=removed)


def plan_unknown(place: Place, missing: str, deployed: Deployed) -> PlannedCluster:
    """Returns the plan of a cluster of which not everything is known before the deployment.

    Args:
        place: Where the cluster is.
        missing: The first value that is not known, and how to give it.
        deployed: What is deployed of its resource.
    """
    if deployed.cluster_name:
        return place.planned(deployed.cluster_name, PlannedAction.UNKNOWN, missing)
    return place.planned("", PlannedAction.CREATE, f"ParallelCluster was not asked: {missing}")


def plan_removal(place: Place, deployed: Deployed) -> PlannedCluster:
    """Returns what happens to the cluster of a resource that the template no longer has."""
    name = deployed.cluster_name
    if not name:
        return place.planned("", PlannedAction.UNCHANGED, "the resource made no cluster")
    if deployed.existing is None:
        return place.planned(name, PlannedAction.UNCHANGED, f"cluster {name} no longer exists")
    if deployed.previous is None:
        reason = "the deployed template has values that cannot be read here, its DeletionPolicy perhaps"
        return place.planned(name, PlannedAction.UNKNOWN, reason)
    if kept := _keeps(deployed):
        return place.planned(name, PlannedAction.RETAIN, kept)
    storage = storage_of(deployed.properties.get(CONFIGURATION))
    return place.planned(name, PlannedAction.DELETE, storage=storage)


def _keeps(deployed: Deployed) -> str:
    return why_kept(deployed.properties, deployed.retained_by, created_here=deployed.created_here)


def why_kept(properties: Mapping[str, Any], retained_by: str, *, created_here: bool) -> str:
    """Returns why a cluster is kept when its resource goes; empty if it is deleted.

    Args:
        properties: Those of the resource.
        retained_by: The attribute that has CloudFormation keep it; empty if none does.
        created_here: Whether the resource made the cluster.

    Source: docs/explanation/decision-table.md, rows "Delete".
    """
    policy = properties.get("DeletionPolicy", "")
    if retained_by:
        return f"the template's attribute {retained_by} keeps it"
    if policy == "Retain":
        return "its property DeletionPolicy is Retain"
    if adopts(properties) and not created_here and policy != "Delete":
        return "it was adopted, and its property DeletionPolicy is not Delete"
    return ""


def _other_version(verdict: Verdict) -> str:
    """Returns why a version that the template names is refused; empty if it is the cluster's, or none."""
    asked = verdict.wanted.properties.get("PclusterVersion")
    has = verdict.answer["version"]
    if asked in {None, has}:
        return ""
    kept = f"the cluster has ParallelCluster {has} and keeps it; PclusterVersion asks for {asked}"
    return kept + _without_name(verdict.wanted)


def _is_beyond_cure(verdict: Verdict) -> bool:
    """Whether the library refuses a change that no stopped fleet would allow."""
    error = verdict.answer.get("error", {})
    details = error.get("details", [])
    return error.get("code") == _REFUSED and not (details and all(detail.get("cure") for detail in details))


def _is_cured(verdict: Verdict, deployed: Deployed) -> bool:
    """Whether the provider stops the fleet for every change that the library refuses."""
    may_stop_fleet = any(each.may_stop_fleet for each in deployed.permissions(verdict.wanted))
    return may_stop_fleet and not _is_beyond_cure(verdict)


def _removed_storage(wanted: RequestedCluster, deployed: Deployed) -> list[Storage]:
    """Returns the storage that the deployed template has and the new one lacks."""
    left = {each.name for each in storage_of(wanted.properties[CONFIGURATION])}
    before = storage_of(deployed.properties.get(CONFIGURATION))
    return [each for each in before if each.name not in left]
