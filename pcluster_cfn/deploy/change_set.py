"""Has CloudFormation compute what a deployment would change, and removes what was made for that."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from pcluster_cfn.aws import find_stack
from pcluster_cfn.deploy.changes import Change, list_changes
from pcluster_cfn.deploy.ctrl_c import StackChange, ctrl_c_deferred, with_advice
from pcluster_cfn.deploy.parameters import parameters_to_send
from pcluster_cfn.deploy.updatable import IN_REVIEW, find_updatable_stack
from pcluster_cfn.errors import CommandError, message_of

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

    from pcluster_cfn.package import Bucket
    from pcluster_cfn.template import Template

#: A nested provider has a transform and makes roles. Source: API reference, CreateStack, Capabilities.
_CAPABILITIES: list[Literal["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]] = [
    "CAPABILITY_IAM",
    "CAPABILITY_NAMED_IAM",
    "CAPABILITY_AUTO_EXPAND",
]
#: Larger templates must come from S3. Source: CloudFormation quotas, "Template body size in a request".
_INLINE_TEMPLATE_BYTES = 51_200
#: CloudFormation's words for a change set without changes; it has no code for this case.
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
#: The error for a change set that is not there, and for one that cannot be deleted because it is still being
#: computed. Source: CloudFormation API reference, DescribeChangeSet and DeleteChangeSet, "Errors".
_IS_GONE, _IS_COMPUTED = "ChangeSetNotFound", "InvalidChangeSetStatus"
#: CloudFormation computes a change set in seconds, and one with many nested stacks in minutes.
CHANGE_SET_TIMEOUT_S = 1800.0


class NotRemovedError(CommandError):
    """A change set, or a stack that was made only to have it, is left behind."""


@dataclass(frozen=True)
class Deployment:
    """A packaged template, and the name, parameters and tags of its stack."""

    stack_name: str
    template: "Template"
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def is_too_large(template: "Template") -> bool:
    """Whether a template must be uploaded because no request can hold it."""
    return len(template.text().encode()) > _INLINE_TEMPLATE_BYTES


@dataclass(frozen=True)
class ChangeSet:
    """A change set that was asked for.

    Attributes:
        id: ARN of the change set; empty once it is known to change nothing.
        stack_id: ARN of the stack.
        stack: The stack before the change; None if there was none, not even one in review.
        advice: What Ctrl-C prints.
        changes: Its changes, those that may lose something first; empty until they are computed.
    """

    id: str
    stack_id: str
    stack: "StackTypeDef | None"
    advice: StackChange
    changes: tuple[Change, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether the change creates the stack."""
        return _is_new(self.stack)

    @property
    def is_empty(self) -> bool:
        """Whether the template, the parameters and the tags are those of the stack."""
        return not self.id


class ChangeSets:
    """Makes change sets and removes them.

    Args:
        cloudformation: The client.
        bucket: Where a template goes that is too large for a request; None if there is none.
        poll_s: Seconds between two looks at a change set that is being computed.
        timeout_s: Seconds after which it is given up.
    """

    def __init__(
        self,
        cloudformation: "CloudFormationClient",
        *,
        bucket: "Bucket | None" = None,
        poll_s: float = 2.0,
        timeout_s: float = CHANGE_SET_TIMEOUT_S,
    ) -> None:
        self._cloudformation = cloudformation
        self._bucket = bucket
        self._poll_s = poll_s
        self._timeout_s = timeout_s

    def prepare(self, deployment: Deployment) -> ChangeSet:
        """Has CloudFormation compute the change of a stack; nothing is changed yet.

        Raises:
            CommandError: The request cannot be made, or CloudFormation refuses it.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        name, stack, request = self._request(deployment)
        advice = self._advice(deployment, stack)
        with with_advice(advice.before_start(name, is_new=stack is None)):
            return self._computed(self._create(request, stack, advice))

    @contextmanager
    def preview(self, deployment: Deployment) -> Iterator[ChangeSet]:
        """Yields the change of a stack and of its nested stacks, and removes the change set afterwards.

        The change set is removed whatever ends the block, and so is the stack that it made. Ctrl-C waits for
        the request that makes the change set, so that the command knows what to remove.

        Raises:
            CommandError: The request cannot be made, or CloudFormation refuses it.
            NotRemovedError: The credentials do not allow the removal, or it takes too long.
            InterruptedOperationError: A second Ctrl-C, which also ends the removal.
        """
        name, stack, request = self._request(deployment)
        advice = self._advice(deployment, stack)
        left = advice.before_start(name, is_new=stack is None)
        made: ChangeSet | None = None
        try:
            with ctrl_c_deferred():
                made = self._create(request | {"IncludeNestedStacks": True}, stack, advice)
            yield self._computed(made, discard=False)
        finally:
            if made is not None:
                with with_advice(left), ctrl_c_deferred():
                    self.discard(made)

    def discard(self, change_set: ChangeSet) -> None:
        """Deletes a change set that is not to be executed, and the stack that was made only to have it.

        Nested change sets and their stacks are deleted in the background; the stack is deleted after them.
        Source: CloudFormation user guide, "Delete a change set for nested stacks".

        Raises:
            NotRemovedError: The credentials do not allow it, or CloudFormation takes too long.
        """
        left = change_set.advice.left_behind(change_set.id, is_new=change_set.stack is None)
        try:
            self._delete(change_set.id)
            if change_set.stack is None:
                self._await_removal(change_set.id, left)
                self._delete_if_in_review(change_set.stack_id)
        except ClientError as error:
            raise NotRemovedError(f"cannot remove the change set: {message_of(error)}", left) from error

    def _delete(self, change_set_id: str) -> None:
        try:
            self._cloudformation.delete_change_set(ChangeSetName=change_set_id)
        except ClientError as error:
            if _code(error) != _IS_COMPUTED:
                raise
            self._await_change_set(change_set_id)
            self._cloudformation.delete_change_set(ChangeSetName=change_set_id)

    def _delete_if_in_review(self, stack_id: str) -> None:
        """Deletes a stack unless somebody else has begun to use it: it may have another change set by now."""
        stack = find_stack(self._cloudformation, stack_id)
        if stack is None or stack["StackStatus"] != IN_REVIEW:
            return
        if not self._cloudformation.list_change_sets(StackName=stack_id)["Summaries"]:
            self._cloudformation.delete_stack(StackName=stack_id)

    def _await_removal(self, change_set_id: str, left: str) -> None:
        give_up_at_s = time.monotonic() + self._timeout_s
        while True:
            try:
                self._cloudformation.describe_change_set(ChangeSetName=change_set_id)
            except ClientError as error:
                if _code(error) != _IS_GONE:
                    raise
                return
            if time.monotonic() > give_up_at_s:
                what = f"change set {change_set_id} is still being removed after {self._timeout_s:.0f} s"
                raise NotRemovedError(what, left)
            time.sleep(self._poll_s)

    def _advice(self, deployment: Deployment, stack: "StackTypeDef | None") -> StackChange:
        name, region = deployment.stack_name, self._cloudformation.meta.region_name
        return StackChange("create" if _is_new(stack) else "update", name, name, region)

    def _request(self, deployment: Deployment) -> "tuple[str, StackTypeDef | None, dict[str, Any]]":
        """Returns a change set's name, its stack and its arguments; uploads a template that is too large."""
        stack = find_updatable_stack(self._cloudformation, deployment.stack_name)
        is_new = _is_new(stack)
        parameters: list[ParameterTypeDef] = parameters_to_send(
            deployment.template, deployment.parameters, None if is_new else stack
        )
        name = f"pcluster-cfn-{uuid.uuid4()}"
        request = {
            "StackName": deployment.stack_name,
            "ChangeSetName": name,
            "ChangeSetType": "CREATE" if is_new else "UPDATE",
            "Parameters": parameters,
            "Capabilities": _CAPABILITIES,
            **self._template_argument(deployment.template),
            **_tags_argument(deployment.tags),
        }
        return name, stack, request

    def _create(
        self, request: dict[str, Any], stack: "StackTypeDef | None", advice: StackChange
    ) -> ChangeSet:
        try:
            created = self._cloudformation.create_change_set(**request)
        except ClientError as error:
            raise CommandError(message_of(error), "correct the template or its parameters") from error
        return ChangeSet(created["Id"], created["StackId"], stack, advice)

    def _template_argument(self, template: "Template") -> dict[str, Any]:
        text = template.text()
        if not is_too_large(template):
            return {"TemplateBody": text}
        if self._bucket is None:
            raise CommandError(
                f"the template is larger than {_INLINE_TEMPLATE_BYTES:,} bytes",
                "name a bucket to upload it to with --bucket, or have one made with --resolve-s3",
            )
        return {"TemplateURL": self._bucket.url(self._bucket.put(text.encode(), ".template"))}

    def _computed(self, made: ChangeSet, *, discard: bool = True) -> ChangeSet:
        """Returns a change set with its changes, once CloudFormation has computed them.

        Args:
            made: The change set.
            discard: Whether to remove one that cannot be executed.
        """
        described = self._await_change_set(made.id)
        if described["Status"] == "CREATE_COMPLETE":
            changes = list_changes(self._cloudformation, made.id)
            return ChangeSet(made.id, made.stack_id, made.stack, made.advice, tuple(changes))
        if discard:
            self.discard(made)
        reason = described.get("StatusReason", "")
        if any(text in reason for text in _NO_CHANGES):
            return ChangeSet("", made.stack_id, made.stack, made.advice)
        raise CommandError(
            f"CloudFormation refused the change: {reason}", "correct the template or its parameters"
        )

    def _await_change_set(self, change_set_id: str) -> Any:
        give_up_at_s = time.monotonic() + self._timeout_s
        while True:
            described = self._cloudformation.describe_change_set(ChangeSetName=change_set_id)
            if described["Status"] in {"CREATE_COMPLETE", "FAILED"}:
                return described
            if time.monotonic() > give_up_at_s:
                raise CommandError(
                    f"change set {change_set_id} is {described['Status']} after {self._timeout_s:.0f} s",
                    "run the command again; nothing was changed",
                )
            time.sleep(self._poll_s)


def _is_new(stack: "StackTypeDef | None") -> bool:
    return stack is None or stack["StackStatus"] == IN_REVIEW


def _tags_argument(tags: Mapping[str, str]) -> dict[str, Any]:
    """Returns no argument without tags: an empty list would remove the stack's tags."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
