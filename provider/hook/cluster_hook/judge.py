"""Plans clusters: reads the stack and its clusters, and has the dry run asked. It changes nothing."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cluster_hook.clusters import ChangedCluster, changed_in, in_template, retained_in
from cluster_hook.events import CHANGE_SET, HookEvent
from pcluster_cfn.planning.clusters import (
    REMOVAL,
    REPLACEMENT,
    Deployed,
    Place,
    PlannedAction,
    PlannedCluster,
    is_untouched,
    plan_removal,
    plan_requested,
    plan_unknown,
    untouched,
)
from pcluster_cfn.planning.guardrails import Provider
from pcluster_cfn.planning.requests import (
    CLUSTER,
    CLUSTER_NAME_TAG,
    ExistingCluster,
    Library,
    OtherVersionError,
    RequestedCluster,
    Verdict,
    dry_run,
)

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

#: Answers a question of docs/reference/engine.md, "Dry runs"; raises DryRunError.
Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]
#: Dry runs at once; each has an execution environment of its own.
_PARALLEL = 8


class DryRunError(Exception):
    """The dry run ended without an answer; the text says how."""


@dataclass(frozen=True)
class Stack:
    """The stack of an event, which may have no resources yet."""

    known: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    physical_ids: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Judge:
    """Plans the clusters of a change set or a stack.

    Args:
        cloudformation: The client, for reading only.
        ask: Asks the dry run.
        version: ParallelCluster version of the dry run.
        provider: The provider whose clusters are planned.
    """

    cloudformation: "CloudFormationClient"
    ask: Ask
    version: str
    provider: Provider

    def plan(self, event: HookEvent, payload: Mapping[str, Any]) -> Sequence[PlannedCluster]:
        """Returns what an operation would do to each cluster that it concerns.

        Raises:
            UnreadableError: A template or a change cannot be read.
            DryRunError: A dry run ended without an answer.
        """
        stack = self._stack(event.stack_id)
        if event.target == CHANGE_SET:
            found = list(changed_in(payload, self.provider.service_token))
        else:
            found = list(
                in_template(
                    str(payload.get("template") or ""),
                    stack.parameters,
                    stack.known,
                    self.provider.service_token,
                )
            )
            present = {each.logical_id for each in found}
            removed = [key for key, kind in stack.types.items() if kind == CLUSTER and key not in present]
            found += [ChangedCluster(logical_id, is_removed=True) for logical_id in removed]
        retained = {REPLACEMENT: retained_in(str(payload.get("template") or "{}"), REPLACEMENT)}
        if any(each.is_removed for each in found):
            retained[REMOVAL] = self._kept_when_removed(event, payload)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(lambda each: self._cluster(stack, each, retained), found))

    def _cluster(
        self, stack: Stack, changed: ChangedCluster, retained: Mapping[str, frozenset[str]]
    ) -> PlannedCluster:
        attribute = REMOVAL if changed.is_removed else REPLACEMENT
        place = Place("", (changed.logical_id,))
        deployed = self._deployed(
            stack, changed, attribute if changed.logical_id in retained[attribute] else ""
        )
        if changed.is_removed:
            return plan_removal(place, deployed)
        if changed.wanted is None:
            return plan_unknown(place, changed.missing, deployed)
        if is_untouched(changed.wanted, deployed):
            return untouched(place, changed.wanted, deployed)
        try:
            return plan_requested(
                place, changed.wanted, deployed, lambda cluster: self._asked(stack, cluster, deployed)
            )
        except OtherVersionError as error:
            name = changed.wanted.of(deployed.physical_id).name
            return place.planned(name, PlannedAction.UNKNOWN, f"{error}; this hook asks {self.version}")

    def _asked(self, stack: Stack, wanted: RequestedCluster, deployed: Deployed) -> Verdict:
        """Returns the dry run's answer.

        Raises:
            OtherVersionError: The cluster needs another version than that of the dry run.
        """
        existing = deployed.existing if deployed.cluster_name == wanted.name else self._existing(wanted.name)
        library = Library(lambda: self.version, self.ask)
        return dry_run(wanted, stack, existing, self.provider, library)

    def _deployed(self, stack: Stack, changed: ChangedCluster, retained_by: str) -> Deployed:
        deployed = Deployed(stack.physical_ids.get(changed.logical_id, ""), changed.previous, retained_by)
        if not deployed.cluster_name:
            return deployed
        existing = self._existing(deployed.cluster_name)
        if existing is None:
            return deployed
        created_here = existing.is_made_by(stack, changed.logical_id)
        return replace(deployed, existing=existing, created_here=created_here)

    def _existing(self, name: str) -> ExistingCluster | None:
        if not name:
            return None
        try:
            (found,) = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        tags = _tags(found)
        return ExistingCluster(found["StackId"], tags) if tags.get(CLUSTER_NAME_TAG) == name else None

    def _stack(self, stack_id: str) -> Stack:
        _, partition, _, region, account, path = stack_id.split(":", 5)
        known = {
            "AWS::AccountId": account,
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::StackId": stack_id,
            "AWS::StackName": path.split("/")[1],
        }
        (found,) = self.cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        given = {item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])}
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        listed = [item for page in pages for item in page["StackResourceSummaries"]]
        living = [item for item in listed if item["ResourceStatus"] != "DELETE_COMPLETE"]
        ids = {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in living}
        return Stack(
            known=known | {key: value for key, value in ids.items() if value},
            parameters={key: value for key, value in given.items() if value != "****"},
            tags=_tags(found),
            physical_ids=ids,
            types={item["LogicalResourceId"]: item["ResourceType"] for item in living},
        )

    def _kept_when_removed(self, event: HookEvent, payload: Mapping[str, Any]) -> frozenset[str]:
        text = payload.get("previousTemplate")
        if event.target == CHANGE_SET:
            body: Any = self.cloudformation.get_template(StackName=event.stack_id)["TemplateBody"]
            text = body if isinstance(body, str) else json.dumps(body)
        return retained_in(text, REMOVAL) if text else frozenset()


def _tags(stack: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
