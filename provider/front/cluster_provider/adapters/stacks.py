"""CloudFormation, read only."""

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

#: Seconds for the list of the stacks in progress: a sweep has 60, and its work has to follow.
LISTING_MAX_S = 15.0

#: CloudFormation answers "does not exist" with this code, as it does many other things.
#: Source: AWS CloudFormation API reference, DescribeStacks.
_VALIDATION_ERROR = "ValidationError"

#: In these states nobody waits for a Create or an Update any more. UPDATE_FAILED is not among them: it may be
#: left from an earlier update, and the rollback's own request supersedes this one anyway.
_OVER = frozenset(
    {"CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED", "DELETE_SKIPPED"}
)

#: What a resource's status is while its answer is waited for. A rollback asks for Updates as well.
#: Source: AWS CloudFormation API reference, StackResourceDetail (ResourceStatus).
_REQUESTED = {
    RequestType.CREATE: frozenset({"CREATE_IN_PROGRESS"}),
    RequestType.UPDATE: frozenset({"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}),
    RequestType.DELETE: frozenset({"DELETE_IN_PROGRESS"}),
}

#: In these a stack has its resource no more.
_GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})

#: A stack's good ends. While it is only cleaned up after an update, that has succeeded already.
_COMPLETED = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_COMPLETE"}
)

#: A cluster has one nested stack per group of queues and one for login nodes, so this is ample.
_NESTED_DEPTH_MAX = 3

#: Every state in which a stack is being changed. Source: AWS CloudFormation API reference, StackSummary.
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

#: What can name a stack. CloudFormation refuses everything else as it refuses a wrong parameter, and does not
#: say that there is no such stack. Sources: AWS CloudFormation API reference, CreateStack (``StackName``);
#: the text of its refusal, as in aws-sam-cli issue 4979.
_NAME_OR_ARN = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}|arn:[-a-zA-Z0-9:/._+]*")


class CloudFormationStacks:
    """The port Stacks on a CloudFormation client.

    Args:
        client: The client; its retries are the patience of this adapter.
    """

    def __init__(self, client: "CloudFormationClient") -> None:
        self._client = client

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        """The stack of this name, or of this ARN even if it is deleted; None if there is none."""
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
        """Failed resources of a stack and its nested stacks since an instant, oldest first."""
        with unavailable_if_transient():
            return tuple(sorted(self._failures(stack_id, since, 0), key=lambda failure: failure.at))

    def ended_at(self, stack_id: str) -> datetime | None:
        """When what was last done to a stack came to its end; None while it goes on."""
        with unavailable_if_transient():
            last = next(self._events(stack_id), None)
        # The last event of all is the stack's own.
        if last is None or last["PhysicalResourceId"] != stack_id:
            return None
        ended: datetime = last["Timestamp"]
        return None if last["ResourceStatus"].endswith("_IN_PROGRESS") else ended

    def has_event_of(self, stack_id: str, client_request_token: str) -> bool:
        """Whether CloudFormation acted on the stack for this client request token."""
        with unavailable_if_transient():
            return any(
                event.get("ClientRequestToken") == client_request_token for event in self._events(stack_id)
            )

    def in_progress(self) -> frozenset[str]:
        """ARNs of stacks that CloudFormation is changing, whoever they belong to.

        All of them, unless it throttles so much that the list does not come to its end in time. What is
        listed by then spares looking at each of those stacks, which would be throttled as well.
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
        """Whether the owner's stack has its resource, with this physical id.

        One that is still being made has none yet: it may get this one.
        """
        resource = self._resource(owner)
        if resource is None or resource["ResourceStatus"] in _GONE:
            return False
        present = resource.get("PhysicalResourceId")
        return present == physical_id or (not present and resource["ResourceStatus"] == "CREATE_IN_PROGRESS")

    def completed_since(self, stack_id: str, since: datetime) -> bool | None:
        """Whether a stack's creation or an update of it came to a good end since an instant.

        None if it did not as far as is known, and its events do not reach back to that instant.
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
        """Since when CloudFormation creates, updates or deletes the owner's resource; None if it does not."""
        resource = self._resource(owner)
        if resource is not None and resource["ResourceStatus"] in _REQUESTED[request_type]:
            since: datetime = resource["LastUpdatedTimestamp"]
            return since
        if request_type is RequestType.DELETE and _may_name_stack(owner.stack_id):
            return self._deleted_since(owner, physical_id)
        return None

    def _deleted_since(self, owner: Owner, physical_id: str | None) -> datetime | None:
        """Since when a stack deletes what its resource was before; only its events name that."""
        with unavailable_if_transient():
            try:
                for event in self._events(owner.stack_id):
                    about = (event["LogicalResourceId"], event.get("PhysicalResourceId"))
                    if about == (owner.logical_id, physical_id):
                        begun: datetime = event["Timestamp"]
                        return begun if event["ResourceStatus"] in _REQUESTED[RequestType.DELETE] else None
                    if about[1] == owner.stack_id:
                        # The clean-up begins with the stack's own event, and deletes nothing before it.
                        return None
            except ClientError as error:
                if not _is_absent(error):
                    raise
        return None

    def awaits_answer(self, owner: Owner) -> bool:
        """Whether the owner's resource may still be being created or updated in its stack."""
        resource = self._resource(owner)
        if resource is None:
            stack = self.describe(owner.stack_id)
            return stack is not None and stack.in_progress and not stack.deleting
        return resource["ResourceStatus"] not in _OVER

    def _resource(self, owner: Owner) -> Any:
        """The owner's resource as its stack knows it; None if the stack has no such resource, or is gone.

        Owners are read from tags, too, and anybody may set those.
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
        """Newest first, page by page, so that a caller who has seen enough costs no further call."""
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
