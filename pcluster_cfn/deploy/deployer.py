"""Creates, updates and deletes a stack, and shows its progress."""

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws, find_stack
from pcluster_cfn.deploy.ctrl_c import StackChange, with_advice
from pcluster_cfn.deploy.events import EventFeed, Operation, Outcome, View, follow, outcome
from pcluster_cfn.errors import CommandError, message_of, suggest

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
#: A stack in one of these states cannot be updated. Source: CloudFormation, "Stack status codes".
_ONLY_DELETABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
#: A stack that failed with rollback disabled can be retried, corrected or rolled back, but only with rollback
#: disabled, which no change set here asks for. Source: CloudFormation user guide, "Stack failure options".
_FAILED = {"CREATE_FAILED", "UPDATE_FAILED"}
#: A stack whose rollback stopped half-way can only continue the rollback, or be deleted.
#: Source: CloudFormation user guide, "Continue rolling back an update".
_HALF_ROLLED_BACK = "UPDATE_ROLLBACK_FAILED"

#: Longer than any stack takes whose resources each end within CloudFormation's own time-outs.
_OPERATION_TIMEOUT_S = 24 * 3600.0
#: CloudFormation computes a change set in seconds, and one with many nested stacks in minutes.
_CHANGE_SET_TIMEOUT_S = 1800.0
#: A stack that has only had change sets so far.
_IN_REVIEW = "REVIEW_IN_PROGRESS"


@dataclass(frozen=True)
class Deployment:
    """A packaged template, and the name, parameters and tags of its stack."""

    stack_name: str
    template: "Template"
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


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
        self._region = self._cloudformation.meta.region_name
        self._bucket = bucket
        self._poll_s = poll_s
        self._timeout_s = timeout_s

    def deploy(self, deployment: Deployment, view: View) -> Outcome:
        """Creates or updates the stack through a change set, and waits until the operation ends.

        Returns:
            The outcome. Without changes, it has the stack's present status.

        Raises:
            CommandError: The request cannot be made, CloudFormation refuses it, or it does not end in time.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        name = deployment.stack_name
        stack = find_stack(self._cloudformation, name)
        if stack:
            _require_updatable(stack, self._region)
        new = stack is None or stack["StackStatus"] == _IN_REVIEW
        parameters = _parameters(deployment, None if new else stack)
        change = StackChange("create" if new else "update", name, name, self._region)
        change_set_name = f"pcluster-cfn-{uuid.uuid4()}"
        request = self._request(deployment, parameters, change_set_name)
        with with_advice(change.before_start(change_set_name, is_new=stack is None)):
            change_set = self._create_change_set(request, "CREATE" if new else "UPDATE")
            has_changes = self._await_change_set(change_set, discard_stack=stack is None)
            # Made last: another update invalidates the change set, so all later events are of this one.
            feed = EventFeed(self._cloudformation, stack["StackId"] if stack else None)
        if not has_changes:
            assert stack is not None  # noqa: S101 - a change set that creates a stack has changes
            return outcome(stack, [], changed=False)
        with with_advice(change.while_requesting()):
            self._cloudformation.execute_change_set(ChangeSetName=change_set["Id"])
        with with_advice(change.while_running()):
            return self._follow(change_set["StackId"], feed, view, Operation.DEPLOY)

    def delete(self, stack_name: str, view: View) -> Outcome:
        """Deletes a stack and waits until the deletion ends.

        Raises:
            CommandError: The stack does not exist, CloudFormation refuses, or the time is up.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        stack = find_stack(self._cloudformation, stack_name)
        if stack is None:
            raise CommandError(f"there is no stack {stack_name}", "check the name and the Region")
        feed = EventFeed(self._cloudformation, stack["StackId"])
        change = StackChange("delete", stack["StackName"], stack["StackId"], self._region)
        with with_advice(change.while_requesting()):
            self._cloudformation.delete_stack(StackName=stack["StackId"])
        with with_advice(change.while_running()):
            return self._follow(stack["StackId"], feed, view, Operation.DELETE)

    def _follow(self, stack_id: str, feed: EventFeed, view: View, operation: Operation) -> Outcome:
        return follow(
            self._cloudformation,
            stack_id,
            feed,
            view,
            operation=operation,
            poll_s=self._poll_s,
            timeout_s=self._timeout_s,
        )

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
        if len(text.encode()) <= _INLINE_TEMPLATE_BYTES:
            return {"TemplateBody": text}
        if self._bucket is None:
            raise CommandError(
                f"the template is larger than {_INLINE_TEMPLATE_BYTES:,} bytes",
                "name a bucket to upload it to with --bucket",
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


def _require_updatable(stack: "StackTypeDef", region: str) -> None:
    name, status = stack["StackName"], stack["StackStatus"]
    if status in _ONLY_DELETABLE:
        raise CommandError(
            f"stack {name} is {status} and cannot be updated",
            f"delete it: pcluster-cfn delete {name} --region {region}",
        )
    if status in _FAILED:
        named = f"--stack-name {name} --region {region}"
        raise CommandError(
            f"stack {name} is {status}: it failed with rollback disabled, and updates need it disabled, too",
            "retry or correct it: aws cloudformation update-stack --disable-rollback with the "
            f"template, its parameters and {named}; or roll it back: "
            f"aws cloudformation rollback-stack {named}",
        )
    if status == _HALF_ROLLED_BACK:
        raise CommandError(
            f"stack {name} is {status} and cannot be updated",
            "fix what the rollback failed at and continue it: "
            f"aws cloudformation continue-update-rollback --stack-name {name} --region {region}",
        )
    if status.endswith("_IN_PROGRESS") and status != _IN_REVIEW:
        raise CommandError(f"stack {name} is {status}", "try again when the operation has ended")


def _parameters(deployment: Deployment, stack: "StackTypeDef | None") -> "list[ParameterTypeDef]":
    """Returns the parameters to send: the given values, and the previous ones of an existing stack."""
    declared = deployment.template.parameters()
    refuse_unknown_parameters(deployment.template, deployment.parameters)
    present = {item["ParameterKey"] for item in stack.get("Parameters", [])} if stack else set()
    sent: list[ParameterTypeDef] = []
    missing = []
    for name, parameter in declared.items():
        if name in deployment.parameters:
            sent.append({"ParameterKey": name, "ParameterValue": deployment.parameters[name]})
        elif name in present:
            sent.append({"ParameterKey": name, "UsePreviousValue": True})
        elif parameter.default is None:
            missing.append(name)
    if missing:
        raise missing_parameters(missing)
    return sent


def refuse_unknown_parameters(template: "Template", given: Iterable[str]) -> None:
    """Refuses values for parameters that a template does not have.

    Raises:
        CommandError: Names all of them. For a single one, it suggests the nearest parameter.
    """
    declared = template.parameters()
    unknown = [name for name in given if name not in declared]
    if not unknown:
        return
    known = f"it has: {', '.join(declared) or 'none'}"
    next_step = suggest(unknown[0], declared, known) if len(unknown) == 1 else known
    raise CommandError(f"the template has no parameter {', '.join(unknown)}", next_step)


def missing_parameters(names: Sequence[str]) -> CommandError:
    """Returns one error for all parameters of a template that have no value."""
    options = " ".join(f"-p {name}=…" for name in names)
    if len(names) == 1:
        return CommandError(f"parameter {names[0]} has no value", f"give it one: {options}")
    return CommandError(f"parameters {', '.join(names)} have no value", f"give each one: {options}")


def _tags_argument(tags: Mapping[str, str]) -> dict[str, Any]:
    """Returns no argument without tags: an empty list would remove the stack's tags."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
