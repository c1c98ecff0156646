"""Creates, updates and deletes a stack, and shows its progress."""

import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws, find_stack
from pcluster_cfn.deploy.changes import Change, list_changes
from pcluster_cfn.deploy.ctrl_c import StackChange, with_advice
from pcluster_cfn.deploy.events import View
from pcluster_cfn.deploy.feed import EventFeed
from pcluster_cfn.deploy.follow import follow
from pcluster_cfn.deploy.head_node_boot import BootWatch
from pcluster_cfn.deploy.outcome import Operation, Outcome, outcome
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
#: CloudFormation throttles all requests of an account together, and the provider and ParallelCluster need
#: their share.
_REQUESTS_PER_POLL = 6
#: Longer than any stack takes whose resources each end within CloudFormation's own time-outs.
_OPERATION_TIMEOUT_S = 24 * 3600.0
#: CloudFormation computes a change set in seconds, and one with many nested stacks in minutes.
_CHANGE_SET_TIMEOUT_S = 1800.0


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
class PreparedChange:
    """A change set that has been computed and not been executed.

    Attributes:
        name: Name of the change set.
        id: ARN of the change set.
        stack_id: ARN of the stack.
        stack: The stack before the change; None if there was none, not even one in review.
        is_new: Whether the change creates the stack.
        changes: Its changes, those that may lose something first; empty if it changes nothing.
        feed: Reads the events that follow.
        advice: What Ctrl-C prints.
    """

    name: str
    id: str
    stack_id: str
    stack: "StackTypeDef | None"
    is_new: bool
    changes: list[Change]
    feed: EventFeed
    advice: StackChange

    @property
    def is_empty(self) -> bool:
        """Whether the template, the parameters and the tags are those of the stack."""
        return not self.id


class Deployer:
    """Runs stack operations, one at a time."""

    def __init__(
        self,
        aws: Aws,
        *,
        bucket: "Bucket | None" = None,
        poll_s: float = 2.0,
        timeout_s: float = _OPERATION_TIMEOUT_S,
    ) -> None:
        self._cloudformation: CloudFormationClient = aws.client("cloudformation")
        self._aws = aws
        self._region = self._cloudformation.meta.region_name
        self._bucket = bucket
        self._poll_s = poll_s
        self._timeout_s = timeout_s

    def deploy(self, deployment: Deployment, view: View) -> Outcome:
        """Creates or updates the stack through a change set, and waits until the operation ends.

        Raises:
            CommandError: The request cannot be made, CloudFormation refuses it, or it does not end in time.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        return self.execute(self.prepare(deployment), lambda: nullcontext(view))

    def prepare(self, deployment: Deployment) -> PreparedChange:
        """Has CloudFormation compute the change of a stack; nothing is changed yet.

        Raises:
            CommandError: The request cannot be made, or CloudFormation refuses it.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        name = deployment.stack_name
        stack = find_updatable_stack(self._cloudformation, name)
        is_new = stack is None or stack["StackStatus"] == IN_REVIEW
        parameters = parameters_to_send(deployment.template, deployment.parameters, None if is_new else stack)
        advice = StackChange("create" if is_new else "update", name, name, self._region)
        change_set_name = f"pcluster-cfn-{uuid.uuid4()}"
        request = self._request(deployment, parameters, change_set_name)
        with with_advice(advice.before_start(change_set_name, is_new=stack is None)):
            change_set = self._create_change_set(request, "CREATE" if is_new else "UPDATE")
            has_changes = self._await_change_set(change_set, discard_stack=stack is None)
            changes = list_changes(self._cloudformation, change_set["Id"]) if has_changes else []
            # Made last: another update invalidates the change set, so all later events are of this one.
            feed = self._feed(stack["StackId"] if stack else None)
        return PreparedChange(
            name=change_set_name,
            id=change_set["Id"] if has_changes else "",
            stack_id=change_set["StackId"],
            stack=stack,
            is_new=is_new,
            changes=changes,
            feed=feed,
            advice=advice,
        )

    def execute(
        self, prepared: PreparedChange, open_view: Callable[[], AbstractContextManager[View]]
    ) -> Outcome:
        """Executes a change set and waits until the operation ends.

        Args:
            prepared: The change set. If it is empty, nothing is executed.
            open_view: Returns where to show the operation.

        Returns:
            The outcome. Without changes, it has the stack's present status.

        Raises:
            CommandError: CloudFormation refuses, or the operation does not end in time.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        if prepared.is_empty:
            assert prepared.stack is not None  # noqa: S101 - a change set that creates a stack has changes
            return outcome(prepared.stack, [], changed=False)
        with open_view() as view:
            with with_advice(prepared.advice.while_requesting()):
                self._cloudformation.execute_change_set(ChangeSetName=prepared.id)
            with with_advice(prepared.advice.while_running()):
                return self._follow(prepared.stack_id, prepared.feed, view, Operation.DEPLOY)

    def discard(self, prepared: PreparedChange) -> None:
        """Deletes a change set that is not to be executed, and the stack that was made only to have it."""
        self._cloudformation.delete_change_set(ChangeSetName=prepared.id)
        if prepared.stack is None:
            self._cloudformation.delete_stack(StackName=prepared.stack_id)

    def delete(self, stack_name: str, view: View) -> Outcome:
        """Deletes a stack and waits until the deletion ends.

        Raises:
            CommandError: The stack does not exist, CloudFormation refuses, or the time is up.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        stack = find_stack(self._cloudformation, stack_name)
        if stack is None:
            raise CommandError(f"there is no stack {stack_name}", "check the name and the Region")
        feed = self._feed(stack["StackId"])
        change = StackChange("delete", stack["StackName"], stack["StackId"], self._region)
        with with_advice(change.while_requesting()):
            self._cloudformation.delete_stack(StackName=stack["StackId"])
        with with_advice(change.while_running()):
            return self._follow(stack["StackId"], feed, view, Operation.DELETE)

    def _feed(self, stack_id: str | None) -> EventFeed:
        return EventFeed(
            self._cloudformation, stack_id, with_clusters=True, requests_per_poll=_REQUESTS_PER_POLL
        )

    def _follow(self, stack_id: str, feed: EventFeed, view: View, operation: Operation) -> Outcome:
        return follow(
            self._cloudformation,
            stack_id,
            feed,
            BootWatch(self._logs),
            view,
            operation=operation,
            poll_s=self._poll_s,
            timeout_s=self._timeout_s,
        )

    def _logs(self) -> Any:
        return self._aws.client("logs")

    def _request(
        self, deployment: Deployment, parameters: "list[ParameterTypeDef]", change_set_name: str
    ) -> dict[str, Any]:
        """Returns the arguments of a change set; uploads a template that is too large for a request."""
        return {
            "StackName": deployment.stack_name,
            "ChangeSetName": change_set_name,
            "Parameters": parameters,
            "Capabilities": _CAPABILITIES,
            **self._template_argument(deployment.template),
            **_tags_argument(deployment.tags),
        }

    def _create_change_set(self, request: dict[str, Any], kind: Literal["CREATE", "UPDATE"]) -> Any:
        try:
            return self._cloudformation.create_change_set(ChangeSetType=kind, **request)
        except ClientError as error:
            raise CommandError(message_of(error), "correct the template or its parameters") from error

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

    def _await_change_set(self, change_set: Any, *, discard_stack: bool) -> bool:
        """Returns whether the change set has changes; removes one that cannot be executed."""
        timeout_s = min(self._timeout_s, _CHANGE_SET_TIMEOUT_S)
        give_up_at_s = time.monotonic() + timeout_s
        while True:
            described = self._cloudformation.describe_change_set(ChangeSetName=change_set["Id"])
            if described["Status"] == "CREATE_COMPLETE":
                return True
            if described["Status"] == "FAILED":
                break
            if time.monotonic() > give_up_at_s:
                raise CommandError(
                    f"change set {change_set['Id']} is {described['Status']} after {timeout_s:.0f} s",
                    "run the command again; nothing was changed",
                )
            time.sleep(self._poll_s)
        self._cloudformation.delete_change_set(ChangeSetName=change_set["Id"])
        if discard_stack:
            self._cloudformation.delete_stack(StackName=change_set["StackId"])
        reason = described.get("StatusReason", "")
        if any(text in reason for text in _NO_CHANGES):
            return False
        raise CommandError(
            f"CloudFormation refused the change: {reason}", "correct the template or its parameters"
        )


def _tags_argument(tags: Mapping[str, str]) -> dict[str, Any]:
    """Returns no argument without tags: an empty list would remove the stack's tags."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
