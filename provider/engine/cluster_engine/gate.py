"""The gate: every request of the library to AWS passes it, and it records what AWS answers.

It works on botocore's events, so the library is not modified.
Source: botocore, client.py and endpoint.py: ``before-parameter-build``, ``before-send`` (once per attempt,
retries included), ``after-call`` (error answers included) and ``after-call-error`` (no answer).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from cluster_engine.custom_resource import CustomResource
from cluster_engine.error_codes import DENIED_CODES, THROTTLING_CODES
from cluster_engine.runtimes import Session, TemplateUploads
from cluster_engine.stack_rules import StackRules

MUTATING = ("CreateStack", "UpdateStack", "DeleteStack")

#: Most calls that an error names as denied.
DENIED_MAX = 10

#: The item that the head node and the library share, and the status in which no compute node runs.
#: Source: pcluster/models/compute_fleet_status_manager.py, JsonComputeFleetStatusManager.
_FLEET_ITEM = "COMPUTE_FLEET"
STOPPED = "STOPPED"


class FencedError(Exception):
    """A mutating request was not sent: ``not_after`` has passed, or nobody waits for what it would make."""


class GaveUpError(Exception):
    """AWS still throttles, and the invocation ends soon. The library would retry without end."""


class ProtectedError(BotoCoreError):
    """A clean-up of the library was refused, because something may use what it would delete."""

    fmt = "{what} kept: {reason}"


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation described it."""

    stack_id: str
    status: str
    tags: dict[str, str]


@dataclass(frozen=True)
class Refusal:
    """The error with which CloudFormation refused a mutating request."""

    code: str
    message: str


@dataclass
class Gate:
    """Guards one call's requests to AWS. Each call has a gate of its own.

    Args:
        token: Client request token of the mutating request, so that a second delivery finds the same stack.
        stack_id: ARN of the existing stack; None for a create. No other stack of that name is touched.
        stack_tags: Tags that CreateStack and UpdateStack put on the stack. They override the library's.
        not_after: No mutating request is sent after this instant.
        give_up_at: From this instant on, a throttled request ends the call.
        now: The clock; aware UTC.
        only_own: Whether a stack without ``stack_tags`` counts as missing, unless ``stack_id`` names it.
        awaited_by: The custom resource that must be in progress when something is made or changed; None if
            that does not matter.
    """

    token: str
    stack_id: str | None
    stack_tags: dict[str, str]
    not_after: datetime
    give_up_at: datetime
    now: Callable[[], datetime]
    only_own: bool = False
    awaited_by: CustomResource | None = None

    accepted: bool = field(default=False, init=False)
    #: Why a mutating request was not sent; empty if none was held back.
    fenced: str = field(default="", init=False)
    gave_up: bool = field(default=False, init=False)
    refusal: Refusal | None = field(default=None, init=False)
    #: The stack with the cluster's name, as last described; None if there is none.
    seen: Stack | None = field(default=None, init=False)
    #: Whether EC2 answered the last DescribeInstances; None if there was none.
    instances_known: bool | None = field(default=None, init=False)
    #: The compute fleet's status, as last read from the cluster's table; None if it was not read.
    fleet_status: str | None = field(default=None, init=False)
    _pretends_stopped: bool = field(default=False, init=False)
    #: Whether an image was not deleted, because it does not carry ``stack_tags``.
    protected_image: bool = field(default=False, init=False)
    #: The tags of images, as last described.
    _image_tags: dict[str, dict[str, str]] = field(default_factory=dict, init=False)
    #: AWS operations whose last call got no answer.
    _unanswered: set[str] = field(default_factory=set, init=False)
    #: AWS operations whose last call was denied.
    _denied: set[str] = field(default_factory=set, init=False)
    _in_doubt: bool = field(default=False, init=False)
    _session: Session | None = field(default=None, init=False)
    #: Raises runtimes in the templates that the library uploads.
    uploads: TemplateUploads = field(init=False)
    #: Refuses requests and templates that CloudFormation would refuse.
    rules: StackRules = field(default_factory=StackRules, init=False)
    #: Whether the gate sends nothing that changes anything, so that the fence need not end the call.
    is_dry_run: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.uploads = TemplateUploads(self.now, creates=self.stack_id is None)

    @property
    def unanswered(self) -> bool:
        """Whether AWS throttled, failed or was out of reach in the last attempt at some operation.

        If so, the library's conclusion (a validator's message, for instance) says nothing about the request.
        """
        return self.gave_up or bool(self._unanswered)

    @property
    def denied(self) -> list[str]:
        """The operations that AWS denied when last called, such as ``ec2:DescribeVpcs``; ten at most."""
        return sorted(operation.replace(".", ":", 1) for operation in self._denied)[:DENIED_MAX]

    @property
    def saw_own_image(self) -> bool:
        """Whether EC2 described an image that carries ``stack_tags``."""
        return any(self._is_own(tags) for tags in self._image_tags.values())

    def install(self, session: Session) -> None:
        """Installs the gate in a session, for every client made from the session afterwards."""
        self._session = session
        register = session.events.register
        for operation in MUTATING:
            register(f"before-parameter-build.cloudformation.{operation}", self._complete)
            register(f"before-send.cloudformation.{operation}", self._fence)
            register(f"after-call.cloudformation.{operation}", self._note_answer)
        register("before-parameter-build.cloudformation.DescribeStacks", self._address_own)
        register("after-call.cloudformation.DescribeStacks", self._check_identity)
        register("after-call.ec2.DescribeInstances", self._note_instances)
        register("after-call-error.ec2.DescribeInstances", self._note_no_instances)
        # Handlers of longer names run first. boto3's, of "after-call.dynamodb", would unpack the item before.
        register("after-call.dynamodb.GetItem", self._note_fleet)
        register("before-send.dynamodb.UpdateItem", self._fence_fleet)
        register("before-send.ec2.TerminateInstances", self._protect_nodes)
        register("after-call.ec2.DescribeImages", self._note_images)
        register("before-parameter-build.ec2.DeregisterImage", self._protect_image)
        register("before-send.s3.DeleteObjects", self._protect_artefacts)
        self.uploads.install(session)
        self.rules.install(session)
        register("after-call", self._watch)
        register("after-call-error", self._watch_connection)

    def _complete(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        params["ClientRequestToken"] = self.token
        if model.name != "CreateStack" and self.stack_id:
            params["StackName"] = self.stack_id
        if model.name != "DeleteStack" and self.stack_tags:
            others = [tag for tag in params.get("Tags") or [] if tag["Key"] not in self.stack_tags]
            params["Tags"] = others + [{"Key": key, "Value": value} for key, value in self.stack_tags.items()]

    def check_fence(self) -> None:
        """Refuses once ``not_after`` has passed.

        Raises:
            FencedError: It has. ``fenced`` says so, whatever the library does with the exception.
        """
        if self.now() > self.not_after:
            self._hold_back(f"{self.not_after.isoformat()} had passed.")

    def _check_resource(self) -> None:
        """Refuses once CloudFormation no longer waits for an answer about the custom resource.

        It is asked just before each attempt, because an earlier delivery of this call may have been answered.

        Raises:
            FencedError: It does not wait.
            ClientError: It could not be asked.
        """
        resource = self.awaited_by
        if resource is not None and self._session and not resource.is_in_progress(self._session):
            self._hold_back(f"resource {resource.logical_id} is no longer being created or updated.")

    def _hold_back(self, why: str) -> None:
        self.fenced = why
        raise FencedError(f"not sent to AWS: {why}")

    def _fence(self, **_: Any) -> None:
        self.check_fence()
        self._check_resource()
        self._in_doubt = True  # until CloudFormation answers, the request may have arrived

    def _note_answer(self, http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        if http_response.status_code < 300:  # noqa: PLR2004 - HTTP
            self.accepted = True
            self.stack_id = parsed.get("StackId", self.stack_id)
        elif http_response.status_code < 500:  # noqa: PLR2004 - HTTP; a 5xx answer leaves the doubt
            self._in_doubt = False
            error = parsed.get("Error", {})
            self.refusal = Refusal(error.get("Code", ""), error.get("Message", ""))

    def _address_own(self, params: dict[str, Any], **_: Any) -> None:
        # During a deletion the name stops resolving at some moment; the ARN never does.
        if self.accepted and self.stack_id and "StackName" in params:
            params["StackName"] = self.stack_id

    def _check_identity(self, parsed: dict[str, Any], **_: Any) -> None:
        for described in parsed.get("Stacks", [])[:1]:
            if self.stack_id and described["StackId"] != self.stack_id:
                raise ClientError(_no_such_stack(self.stack_id), "DescribeStacks")
            tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
            if self.only_own and not self.stack_id:
                if not self._is_own(tags):
                    raise ClientError(_no_such_stack(described["StackName"]), "DescribeStacks")
                self.stack_id = described["StackId"]
            self.seen = Stack(described["StackId"], described["StackStatus"], tags)

    def _note_instances(self, http_response: Any, **_: Any) -> None:
        self.instances_known = http_response.status_code < 300  # noqa: PLR2004 - HTTP

    def _note_no_instances(self, **_: Any) -> None:
        self.instances_known = False

    @contextmanager
    def fleet_seen_stopped(self) -> Iterator[None]:
        """Shows the library a stopped fleet, whatever its status is, for a dry run under that condition."""
        self._pretends_stopped = True
        try:
            yield
        finally:
            self._pretends_stopped = False

    def _note_fleet(self, parsed: dict[str, Any], **_: Any) -> None:
        item = parsed.get("Item", {})
        if item.get("Id", {}).get("S") != _FLEET_ITEM:
            return
        status = item["Data"]["M"]["status"]
        if self._pretends_stopped:
            status["S"] = STOPPED
        else:
            self.fleet_status = status["S"]

    def _fence_fleet(self, **_: Any) -> None:
        self.check_fence()  # the library updates no other item than the request to stop or start the fleet
        self._check_resource()

    def _protect_nodes(self, **_: Any) -> None:
        # The library terminates the compute nodes whenever its deletion fails, even if it never started.
        if not self.accepted:
            raise ProtectedError(what="compute nodes", reason="the cluster is not being deleted")

    def _note_images(self, parsed: dict[str, Any], **_: Any) -> None:
        for image in parsed.get("Images", []):
            tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}
            self._image_tags[image["ImageId"]] = tags

    def _protect_image(self, params: dict[str, Any], **_: Any) -> None:
        # The library finds images by tags that anybody can set, and images of failed builds by a prefix of
        # their names.
        self.check_fence()
        if not self._is_own(self._image_tags.get(params["ImageId"], {})):
            self.protected_image = True
            raise ProtectedError(what=f"image {params['ImageId']}", reason="its tags are not this resource's")

    def _is_own(self, tags: dict[str, str]) -> bool:
        return bool(self.stack_tags) and self.stack_tags.items() <= tags.items()

    def _protect_artefacts(self, **_: Any) -> None:
        # The library deletes them when CreateStack fails, even if only the answer was lost and the stack is
        # being built from them.
        if self._in_doubt:
            raise ProtectedError(what="artefacts", reason="the stack may be under construction")

    def _watch(self, http_response: Any, parsed: dict[str, Any], event_name: str, **_: Any) -> None:
        operation = _operation(event_name)
        code = parsed.get("Error", {}).get("Code")
        throttles = code in THROTTLING_CODES
        if code in DENIED_CODES:
            self._denied.add(operation)
        else:
            self._denied.discard(operation)
        if throttles or (http_response.status_code >= 500 and not _is_mutating(operation)):  # noqa: PLR2004 - HTTP
            self._unanswered.add(operation)
        else:
            self._unanswered.discard(operation)
        if throttles and self.now() >= self.give_up_at:
            self.gave_up = True
            raise GaveUpError(f"{operation} is still throttled, and this invocation ends soon")

    def _watch_connection(self, exception: Exception, event_name: str, **_: Any) -> None:
        operation = _operation(event_name)
        if isinstance(
            exception, exceptions.HTTPClientError | exceptions.ConnectionError
        ) and not _is_mutating(operation):
            self._unanswered.add(operation)


def _operation(event_name: str) -> str:
    """Returns ``ec2.DescribeVpcs`` for the event ``after-call.ec2.DescribeVpcs``."""
    return event_name.partition(".")[2]


def _is_mutating(operation: str) -> bool:
    """Whether the operation changes a cluster stack. Without an answer the engine looks for its effect."""
    return operation in {f"cloudformation.{name}" for name in MUTATING}


def _no_such_stack(stack_id: str) -> Any:
    """CloudFormation's own error for a missing stack, which the library understands."""
    message = f"Stack with id {stack_id} does not exist"
    return {"Error": {"Code": "ValidationError", "Message": message}}
