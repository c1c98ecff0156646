"""Turns what an engine or a cluster's stack reported into an error for the template's author."""

from collections.abc import Iterable
from typing import Any

from cluster_provider.core import compute_fleet, consent, head_node
from cluster_provider.core.consent import Consent
from cluster_provider.core.engine import EngineError, HeadNodeLogs
from cluster_provider.core.errors import (
    BudgetExceeded,
    ClusterFailed,
    ClusterRejected,
    EngineFailed,
    InvalidProperty,
    NotOwner,
    ProviderError,
    VersionMismatch,
)
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import PCLUSTER_NAME_TAG, ClusterStack, Observed, StackFailure
from cluster_provider.core.properties import Properties
from cluster_provider.core.request import Request

#: The engine's cure for a refused change that a stopped fleet would allow. Source: docs/reference/engine.md.
FLEET_STOP = "fleet-stop"

#: What an engine says of a call with something that it does not know: an argument of a later release, say.
#: Source: cluster_engine/contract.py, Call.parse.
_OTHER_CONTRACT = "breaks the engine's contract"

#: What the reader can do about a change that needs a new cluster while ClusterName is given.
FIXED_NAME = (
    "The cluster was not changed. ReplacementPolicy: Replace needs a name for the new cluster: give another "
    "ClusterName, or leave it out."
)

_LEVELS = {"ERROR": 0, "WARNING": 1, "INFO": 2}

#: Part of the reason of a resource that CloudFormation stopped because another one had failed. It explains
#: nothing.
_CANCELLED = "cancelled"


def worst_first(messages: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Returns ParallelCluster's messages, the most severe first, each text once."""
    seen: dict[str, dict[str, str]] = {}
    for message in messages:
        known = seen.setdefault(message["message"], message)
        if _rank(message) < _rank(known):
            seen[message["message"]] = message
    return sorted(seen.values(), key=_rank)


def _rank(message: dict[str, str]) -> int:
    return _LEVELS.get(message["level"], len(_LEVELS))


def rejection(error: EngineError, messages: Iterable[dict[str, str]], cluster_name: str) -> ProviderError:
    """Returns the error for a call that the engine refused before anything was changed."""
    return naming_denials(_rejection(error, messages, cluster_name), error)


def naming_denials(refusal: ProviderError, error: EngineError) -> ProviderError:
    """Returns a refusal that also names the calls that AWS denied, which may be its only cause."""
    if not error.denied:
        return refusal
    denied = f"AWS denied the engine {', '.join(error.denied)}; its role may lack the permission."
    return refusal.but(" ".join(filter(None, [refusal.next_step, denied])))


def _rejection(error: EngineError, messages: Iterable[dict[str, str]], cluster_name: str) -> ProviderError:
    match error.code:
        case "ConfigurationInvalid":
            return _configuration_invalid(error)
        case "ClusterRejected":
            first, *others = validation_texts(error, messages)
            return ClusterRejected("ClusterConfiguration", first, others=others)
        case "UpdateRejected":
            return _update_rejected(error)
        case "BudgetExceeded":
            return _budget_exceeded(error)
        case "VersionMismatch":
            return VersionMismatch(f"cluster {cluster_name}", sentence(error.message))
        case "BadRequest":
            return ClusterRejected(f"cluster {cluster_name}", sentence(error.message))
        case "NotFound":
            return ClusterFailed(f"cluster {cluster_name}", "it does not exist any more.")
        case _:
            next_step = "The engine's log group has the details."
            if _OTHER_CONTRACT in error.message:
                next_step = "The engine is of another release of this provider: deploy it anew."
            what = sentence(error.message)
            return EngineFailed(f"cluster {cluster_name}", what, f"Nothing was changed. {next_step}")


def cluster_failure(
    stack: ClusterStack,
    failures: tuple[StackFailure, ...],
    pcluster_failures: Iterable[dict[str, str]] = (),
    logs: HeadNodeLogs | None = None,
) -> ClusterFailed:
    """Returns the error for a failed cluster stack: the root cause, ParallelCluster's codes, and the logs.

    The lines of the head node's logs are left out first where the answer has too little room.

    Args:
        stack: The cluster's stack.
        failures: Its failed resources, nested stacks included, oldest first.
        pcluster_failures: ParallelCluster's failure codes, as describe-cluster returns them.
        logs: The decisive lines of the head node's logs; None if they were not read.
    """
    parts = [root_cause(stack, failures)]
    parts += [f"{item['failureCode']}: {sentence(item['failureReason'])}" for item in pcluster_failures]
    where = f"cluster {stack.name}"
    return ClusterFailed(where, " ".join(parts), head_node.where_logs_are(stack), head_node.sentences(logs))


def root_cause(stack: ClusterStack, failures: tuple[StackFailure, ...]) -> str:
    """Returns why a stack failed: its first failed resource, else CloudFormation's reason for the status.

    Args:
        stack: The stack.
        failures: Its failed resources, oldest first.
    """
    root = oldest(failures)
    if root is None:
        return f"the stack is {stack.status}: {sentence(stack.reason or 'no reason was given')}"
    return failed_resource(root)


def oldest(failures: tuple[StackFailure, ...]) -> StackFailure | None:
    """Returns the first failure that is not a consequence of another; None if there is none."""
    causes = (failure for failure in failures if _CANCELLED not in failure.reason.lower())
    return next(causes, None)


def failed_resource(failure: StackFailure) -> str:
    """Returns a sentence with a failed resource and CloudFormation's reason."""
    return f"{failure.logical_id} ({failure.resource_type}) {failure.status}: {sentence(failure.reason)}"


def taken(cluster: ClusterStack, request: Request, *, disowned: bool) -> NotOwner:
    """Returns the error for the name of a new cluster that is in use.

    Args:
        cluster: The stack that has the name.
        request: The refused request.
        disowned: Whether the resource disowned the cluster, whose tags may still name it.
    """
    if cluster.belongs_to(request.owner) and not disowned:
        what = "an earlier request of this resource made a cluster of this name, and it still exists."
    elif cluster.version is not None:
        what = "a cluster of this name exists and does not belong to this resource; it was not touched."
    else:
        what = "a stack of this name exists and is no cluster; it was not touched."
    way_out = "Choose another name, or delete that stack first."
    if cluster.version is not None:
        way_out = "Choose another name, take it over with AdoptExisting: true, or delete that stack first."
    return NotOwner(f"ClusterName {cluster.name}", what, way_out)


def not_consented(cluster: ClusterStack, choice: Consent) -> NotOwner:
    """Returns the error for a cluster that the provider's operator does not permit to be adopted.

    Args:
        cluster: The cluster's stack.
        choice: The operator's choice.
    """
    suggestion, change = (
        f"{PCLUSTER_NAME_TAG}={cluster.name}",
        f"set {consent.PARAMETER} of the provider stack",
    )
    if choice.tag is None:
        what = f"the provider stack lets no cluster be taken over ({consent.PARAMETER}: {choice.text})"
        way_out = f"have the provider's operator {change} to {suggestion}"
    else:
        key, value = choice.tag
        found = cluster.tags.get(key)
        carries = f"has {key}={found}" if found is not None else "has no such tag"
        what = f"the provider stack lets only clusters with tag {key}={value} be taken over, and it {carries}"
        way_out = f"give the cluster that tag, or have the provider's operator {change} to {suggestion}"
    return NotOwner(
        f"ClusterName {cluster.name}",
        f"AdoptExisting is refused: {what}; it was not touched.",
        f"Choose another name; or {way_out}.",
    )


def owned_by_another(cluster: ClusterStack, current_owner: Owner) -> NotOwner:
    """Returns the error for a cluster that is an existing resource of another stack.

    Args:
        cluster: The cluster's stack.
        current_owner: The other resource.
    """
    return NotOwner(
        f"ClusterName {cluster.name}",
        f"the cluster belongs to resource {current_owner.logical_id} of stack {current_owner.stack_id}; "
        "it was not touched.",
        "Have that stack give it up first: with DeletionPolicy: Retain, then without the resource.",
    )


def unreadable_mark(cluster: ClusterStack, error: EngineError) -> NotOwner:
    """Returns the error for a cluster whose mark names no owner."""
    return NotOwner(
        f"cluster {cluster.name}",
        f"{sentence(error.message)} The cluster was not touched.",
        "Delete that object if no stack has the cluster; then try again.",
    )


def not_adoptable(cluster: ClusterStack) -> ClusterFailed:
    """Returns the error for a cluster that is to be adopted and does not work."""
    return ClusterFailed(
        f"cluster {cluster.name}",
        f"it exists and is {cluster.status}, so it cannot be taken over; it was not touched.",
        "Repair it first, or delete it and have the template make a new one.",
    )


def foreign(cluster: ClusterStack) -> NotOwner:
    """Returns the error for a cluster of this name that belongs to another owner."""
    return NotOwner(
        f"cluster {cluster.name}",
        "it does not belong to this resource; it was not touched.",
        "Another stack's cluster took the name after this one was deleted.",
    )


def absent(name: str) -> ClusterFailed:
    """Returns the error for an Update of a cluster that does not exist."""
    return ClusterFailed(
        f"cluster {name}",
        "it does not exist any more; it was deleted outside of this stack.",
        "Give the resource a new logical id to get a new cluster.",
    )


def renamed(wanted: Properties, physical_id: str) -> InvalidProperty:
    """Returns the error for an Update that would need another cluster.

    Args:
        wanted: The wanted state, with the new name.
        physical_id: The present name.
    """
    return InvalidProperty(
        "ClusterName",
        f"a cluster cannot be renamed from {physical_id!r} to {wanted.cluster_name!r}.",
        "Put the old name back, or give the resource a new logical id to get a second cluster.",
    )


def version_mismatch(cluster: ClusterStack, wanted: Properties, observed: Observed) -> VersionMismatch | None:
    """Returns the error if no engine may update a cluster; else None.

    Args:
        cluster: The cluster's stack.
        wanted: The wanted state.
        observed: The facts that this pass observed.
    """
    made_with = cluster.version or "an unknown version"
    if wanted.version is not None and wanted.version != made_with:
        return VersionMismatch(
            "PclusterVersion",
            f"cluster {cluster.name} was made with {made_with}, and {wanted.version} is asked for.",
            "A cluster keeps its version: remove the property, or have a new cluster made "
            "(ReplacementPolicy: Replace, without ClusterName or with another one).",
        )
    if made_with not in observed.engines:
        return no_engine(f"cluster {cluster.name}", made_with, observed)
    return None


def no_engine(where: str, version: str, observed: Observed) -> VersionMismatch:
    """Returns the error for a version without an engine.

    Args:
        where: The place, for the error.
        version: The ParallelCluster version.
        observed: The facts that this pass observed.
    """
    return VersionMismatch(
        where,
        f"it needs an engine for ParallelCluster {version}; "
        f"the provider has {', '.join(sorted(observed.engines)) or 'none'}.",
        "Add one to the provider stack (parameter AdditionalEngines).",
    )


def _configuration_invalid(error: EngineError) -> ProviderError:
    if not error.details:
        return InvalidProperty("ClusterConfiguration", sentence(error.message))
    first, *others = [_configuration_fault(detail) for detail in error.details]
    return InvalidProperty(*first, others=[f"{place}: {fault}" for place, fault in others])


def _configuration_fault(detail: dict[str, str]) -> tuple[str, str]:
    what = f"{detail.get('value', '')} is not valid; expected {detail.get('expected', '')}."
    if detail.get("message"):  # ParallelCluster's own message
        what = sentence(detail["message"])
    if detail.get("suggestion"):
        what += f" Did you mean {detail['suggestion']}?"
    return f"ClusterConfiguration{detail.get('path', '')}", what


def validation_texts(error: EngineError, messages: Iterable[dict[str, str]]) -> list[str]:
    """Returns the messages of ParallelCluster's validators, the worst first; without any, the engine's."""
    lines = [f"{item['level']} {item['type']}: {sentence(item['message'])}" for item in worst_first(messages)]
    return lines or [sentence(error.message)]


def _budget_exceeded(error: EngineError) -> BudgetExceeded:
    """Returns the refusal of a cluster beyond its bounds, each bound at its largest part."""
    next_step = " ".join(["Nothing was changed.", *(detail["way_out"] for detail in error.details)])
    first, *others = [
        (f"ClusterConfiguration{detail['parts'][0]['path']}", sentence(detail["message"]))
        for detail in error.details
    ]
    return BudgetExceeded(*first, next_step, [f"{place}: {what}" for place, what in others])


def is_cured_by_fleet_stop(error: EngineError) -> bool:
    """Returns whether a refused update needs nothing but a stopped compute fleet."""
    return bool(error.details) and not _uncured(error)


def _uncured(error: EngineError) -> list[dict[str, Any]]:
    return [item for item in error.details if item.get("cure") != FLEET_STOP]


def _update_rejected(error: EngineError) -> ClusterRejected:
    lines = [
        f"{item.get('parameter')} from {item.get('currentValue')!r} to {item.get('requestedValue')!r}: "
        f"{sentence(str(item.get('message', '')))}"
        for item in error.details
    ]
    next_step = "The cluster was not changed."
    uncured = _uncured(error)
    if error.details and not uncured:
        next_step += (
            f" Set {compute_fleet.POLICY} to have the compute fleet stopped for updates, and started again."
        )
    elif len(uncured) < len(error.details):
        others = ", ".join(str(item.get("parameter")) for item in uncured)
        next_step += f" A stopped compute fleet would allow all of it but {others}."
    first, *more = lines or [sentence(error.message)]
    return ClusterRejected("ClusterConfiguration", first, next_step, more)


def sentence(text: str) -> str:
    """Returns a text on one line, with a full stop."""
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
