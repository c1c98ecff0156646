"""CloudFormation, read only: stacks, their events, and the resources of parent stacks."""

import logging
import re
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from cluster_provider.core.errors import Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack, StackFailure
from cluster_provider.core.request import RequestType
from cluster_provider.sdk import unavailable_if_transient

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.literals import StackStatusType

logger = logging.getLogger(__name__)

#: Maximum time to list the stacks in progress, in seconds. A sweep has 60, and needs the rest for its work.
LISTING_MAX_S = 15.0

#: CloudFormation uses this code for "does not exist", and for many other errors.
#: Source: AWS CloudFormation API reference, DescribeStacks.
_VALIDATION_ERROR = "ValidationError"

#: In these states CloudFormation no longer waits for a Create or an Update. UPDATE_FAILED is not among them:
#: it may be left from an earlier update, and the rollback's request supersedes this one in any case.
_OVER = frozenset(
    {"CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED", "DELETE_SKIPPED"}
)

#: Status of a resource while CloudFormation waits for its response. A rollback sends Update requests, too.
#: Source: AWS CloudFormation API reference, StackResourceDetail (ResourceStatus).
_REQUESTED = {
    RequestType.CREATE: frozenset({"CREATE_IN_PROGRESS"}),
    RequestType.UPDATE: frozenset({"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}),
    RequestType.DELETE: frozenset({"DELETE_IN_PROGRESS"}),
}

#: In these states a stack no longer has the resource.
_GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})

#: States of a stack after a success. An update has already succeeded while its clean-up is in progress.
_COMPLETED = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_COMPLETE"}
)

#: Maximum depth of nested stacks that are read. A cluster has one nested stack per group of queues and one
#: for login nodes, so three levels are ample.
_NESTED_DEPTH_MAX = 3

#: All states of a stack in progress. Source: AWS CloudFormation API reference, StackSummary.
_IN_PROGRESS: Final[Sequence["StackStatusType"]] = (
    "CREATE_IN_PROGRESS",
    "ROLLBACK_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
    "IMPORT_ROLLBACK_IN_PROGRESS",
)

_STACK_TYPE = "AWS::CloudFormation::Stack"

#: The form of a stack's name or ARN. For any other text CloudFormation reports a wrong parameter, not that
#: the stack does not exist.
#: Sources: AWS CloudFormation API reference, CreateStack (``StackName``); the text of its refusal, as in
#: aws-sam-cli issue 4979.
_NAME_OR_ARN = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}|arn:[-a-zA-Z0-9:/._+]*")


class CloudFormationStacks:
    """The port Stacks on a CloudFormation client.

    Args:
        client: The client; this adapter makes no retries of its own.
    """

    def __init__(self, client: "CloudFormationClient") -> None:
        self._client = client

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        """Returns the stack with this name or ARN; None if there is none.

        A deleted stack is found by its ARN only.
        """
        if not _may_name_stack(name_or_arn):
            return None
        with unavailable_if_transient():
            try:
                stack = self._client.describe_stacks(StackName=name_or_arn)["Stacks"][0]
            except ClientError as error:
                if _is_absent(error):
                    return None
                raise
        return _stack(stack)

    def failures(self, stack_id: str, since: datetime | None) -> tuple[StackFailure, ...]:
        """Returns the failed resources of a stack and its nested stacks, oldest first.

        Args:
            stack_id: ARN of the stack.
            since: Earlier failures are left out; None for all.
        """
        with unavailable_if_transient():
            return tuple(sorted(self._failures(stack_id, since, 0), key=lambda failure: failure.at))

    def ended_at(self, stack_id: str) -> datetime | None:
        """Returns when the last operation on a stack ended; None while it is in progress."""
        with unavailable_if_transient():
            last = next(self._events(stack_id), None)
        # The last event of an operation is about the stack itself.
        if last is None or last["PhysicalResourceId"] != stack_id:
            return None
        ended: datetime = last["Timestamp"]
        return None if last["ResourceStatus"].endswith("_IN_PROGRESS") else ended

    def has_event_of(self, stack_id: str, client_request_token: str) -> bool:
        """Returns whether CloudFormation changed the stack on a call with this client request token.

        Args:
            stack_id: ARN of the stack.
            client_request_token: The token, which is the id of an engine call.
        """
        with unavailable_if_transient():
            return any(
                event.get("ClientRequestToken") == client_request_token for event in self._events(stack_id)
            )

    def in_progress(self) -> frozenset[str]:
        """Returns the ARNs of all stacks in the account that are in progress.

        If CloudFormation throttles so much that the list takes more than ``LISTING_MAX_S``, the stacks listed
        by then are returned. Each of those need not be read singly, and such reads would be throttled, too.

        Raises:
            Unavailable: No stack could be listed.
        """
        found: set[str] = set()
        until_s = time.monotonic() + LISTING_MAX_S
        try:
            with unavailable_if_transient():
                pages = self._client.get_paginator("list_stacks").paginate(StackStatusFilter=_IN_PROGRESS)
                for page in pages:
                    found.update(stack["StackId"] for stack in page["StackSummaries"])
                    if page.get("NextToken") and time.monotonic() >= until_s:
                        raise Unavailable(f"the list of stacks took more than {LISTING_MAX_S:.0f} s")
        except Unavailable as error:
            if not found:
                raise
            logger.warning("%s stacks in progress were listed, not all: %s", len(found), error)
        return frozenset(found)

    def lists(self, owner: Owner, physical_id: str) -> bool:
        """Returns whether the owner's stack lists its resource with this physical id.

        A resource that is still being created has no physical id yet. It may get this one, so the result is
        True.

        Args:
            owner: The resource.
            physical_id: The physical id.
        """
        resource = self._resource(owner)
        if resource is None or resource["ResourceStatus"] in _GONE:
            return False
        present = resource.get("PhysicalResourceId")
        return present == physical_id or (not present and resource["ResourceStatus"] == "CREATE_IN_PROGRESS")

    def completed_since(self, stack_id: str, since: datetime) -> bool | None:
        """Returns whether a creation or an update of a stack has succeeded since an instant.

        Args:
            stack_id: ARN of the stack.
            since: The instant.

        Returns:
            None if no success is known, and the stack's events do not reach back to the instant.
        """
        with unavailable_if_transient():
            for event in self._events(stack_id):
                if event["Timestamp"] < since:
                    return False
                if event["PhysicalResourceId"] == stack_id and event["ResourceStatus"] in _COMPLETED:
                    return True
        return None

    def requested_since(
        self, owner: Owner, request_type: RequestType, physical_id: str | None
    ) -> datetime | None:
        """Returns since when CloudFormation has been creating, updating or deleting the resource; else None.

        Args:
            owner: The resource.
            request_type: Which of the three.
            physical_id: The physical id to be deleted.
        """
        resource = self._resource(owner)
        if resource is not None and resource["ResourceStatus"] in _REQUESTED[request_type]:
            since: datetime = resource["LastUpdatedTimestamp"]
            return since
        if request_type is RequestType.DELETE and _may_name_stack(owner.stack_id):
            return self._deleted_since(owner, physical_id)
        return None

    def _deleted_since(self, owner: Owner, physical_id: str | None) -> datetime | None:
        """Returns since when a stack has been deleting an earlier physical id of its resource; else None.

        Only the stack's events name earlier physical ids.
        """
        with unavailable_if_transient():
            try:
                for event in self._events(owner.stack_id):
                    about = (event["LogicalResourceId"], event.get("PhysicalResourceId"))
                    if about == (owner.logical_id, physical_id):
                        begun: datetime = event["Timestamp"]
                        return begun if event["ResourceStatus"] in _REQUESTED[RequestType.DELETE] else None
                    if about[1] == owner.stack_id:
                        # A clean-up starts with an event about the stack, and deletes nothing before that.
                        return None
            except ClientError as error:
                if not _is_absent(error):
                    raise
        return None

    def awaits_answer(self, owner: Owner) -> bool:
        """Returns whether the owner's resource may still be being created or updated in its stack."""
        resource = self._resource(owner)
        if resource is None:
            stack = self.describe(owner.stack_id)
            return stack is not None and stack.in_progress and not stack.deleting
        return resource["ResourceStatus"] not in _OVER

    def _resource(self, owner: Owner) -> Any:
        """Returns the owner's resource as its stack reports it; None if either of them does not exist.

        The owner may come from tags, which everyone may set, so its stack id is checked first.
        """
        if not _may_name_stack(owner.stack_id):
            return None
        with unavailable_if_transient():
            try:
                answer = self._client.describe_stack_resource(
                    StackName=owner.stack_id, LogicalResourceId=owner.logical_id
                )
            except ClientError as error:
                if _is_absent(error):
                    return None
                raise
        return answer["StackResourceDetail"]

    def _events(self, stack_id: str) -> Iterator[Any]:
        """Yields a stack's events, newest first.

        Pages are read on demand, so a caller that stops early causes no further call.
        """
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            yield from page["StackEvents"]

    def _failures(self, stack_id: str, since: datetime | None, depth: int) -> Iterator[StackFailure]:
        for event in self._events(stack_id):
            if since is not None and event["Timestamp"] < since:
                return
            if not event.get("ResourceStatus", "").endswith("_FAILED"):
                continue
            physical_id = event.get("PhysicalResourceId", "")
            nested = event["ResourceType"] == _STACK_TYPE and physical_id not in {"", stack_id}
            if nested and depth < _NESTED_DEPTH_MAX:
                yield from self._failures(physical_id, since, depth + 1)
            if physical_id != stack_id:
                yield StackFailure(
                    logical_id=event["LogicalResourceId"],
                    resource_type=event["ResourceType"],
                    status=event["ResourceStatus"],
                    reason=event.get("ResourceStatusReason", ""),
                    at=event["Timestamp"],
                )


def _may_name_stack(name_or_arn: str) -> bool:
    return _NAME_OR_ARN.fullmatch(name_or_arn) is not None


def _is_absent(error: ClientError) -> bool:
    return (
        error.response["Error"]["Code"] == _VALIDATION_ERROR
        and "does not exist" in error.response["Error"]["Message"]
    )


def _stack(stack: Any) -> ClusterStack:
    parameters = {
        item["ParameterKey"]: item.get("ParameterValue", "") for item in stack.get("Parameters", [])
    }
    return ClusterStack(
        stack_id=stack["StackId"],
        name=stack["StackName"],
        status=stack["StackStatus"],
        reason=stack.get("StackStatusReason", ""),
        tags={tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])},
        parameters=parameters,
        outputs={item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])},
        parent_id=stack.get("ParentId") or None,
        rollback_disabled=stack.get("DisableRollback", False),
        updated_at=stack.get("LastUpdatedTime"),
    )
