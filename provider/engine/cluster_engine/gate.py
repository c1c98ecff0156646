"""The gate: what leaves the library for CloudFormation passes here, and what comes back is noted.

It works from outside, on botocore's events, so the library stays as it is. Source: botocore, client.py and
endpoint.py: ``before-parameter-build``, ``before-send`` (once per attempt, retries included), ``after-call``
(error answers included) and ``after-call-error`` (no answer).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

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
    """A mutating request was not sent, because the call's ``not_after`` had passed."""


class GaveUpError(Exception):
    """AWS still throttles and the invocation ends soon; the library would go on for ever."""


class ProtectedError(BotoCoreError):
    """A clean-up of the library was refused, because what it cleans may be in use."""

    fmt = "{what} left alone: {reason}"


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation described it."""

    stack_id: str
    status: str
    tags: dict[str, str]


@dataclass(frozen=True)
class Refusal:
    """CloudFormation's answer to a mutating request that it did not accept."""

    code: str
    message: str


@dataclass
class Gate:
    """One call's passage to AWS. A gate serves one call and is then thrown away.

    Args:
        token: Client request token of the mutating request: a second delivery finds the same stack.
        stack_id: ARN of the existing stack; None for a create. No other stack of that name is touched.
        stack_tags: Put on the stack by CreateStack and UpdateStack; they win over the library's.
        not_after: No mutating request is sent later than this.
        give_up_at: From here on a throttled request is not waited for any longer.
        now: The clock; aware UTC.
        only_own: Whether a stack that does not carry ``stack_tags`` counts as none, if no ARN names it.
    """

    token: str
    stack_id: str | None
    stack_tags: dict[str, str]
    not_after: datetime
    give_up_at: datetime
    now: Callable[[], datetime]
    only_own: bool = False

    accepted: bool = field(default=False, init=False)
    fenced: bool = field(default=False, init=False)
    gave_up: bool = field(default=False, init=False)
    refusal: Refusal | None = field(default=None, init=False)
    #: The stack of the cluster's name, as last described; None while there is none.
    seen: Stack | None = field(default=None, init=False)
    #: Whether EC2 answered the last question for instances; None if it was not asked.
    instances_known: bool | None = field(default=None, init=False)
    #: The compute fleet's status, as last read from the cluster's table; None if it was not.
    fleet_status: str | None = field(default=None, init=False)
    _pretends_stopped: bool = field(default=False, init=False)
    #: Whether an image was left alone, because it does not carry ``stack_tags``.
    protected_image: bool = field(default=False, init=False)
    #: The tags of images, as last described.
    _image_tags: dict[str, dict[str, str]] = field(default_factory=dict, init=False)
    #: Operations that were not answered when they were last called.
    _unanswered: set[str] = field(default_factory=set, init=False)
    #: Operations that were denied when they were last called.
    _denied: set[str] = field(default_factory=set, init=False)
    _in_doubt: bool = field(default=False, init=False)
    #: The templates that the library uploads on the way.
    uploads: TemplateUploads = field(init=False)
    #: What CloudFormation would refuse of requests and templates.
    rules: StackRules = field(default_factory=StackRules, init=False)
    #: Whether nothing that changes anything is sent, so that no fence has to end the call.
    is_dry_run: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.uploads = TemplateUploads(self.now, creates=self.stack_id is None)

    @property
    def unanswered(self) -> bool:
        """Whether AWS throttled an operation, failed or was out of reach, past its retries and to the end.

        What the library made of it (a validator's message, for instance) says nothing about the request.
        """
        return self.gave_up or bool(self._unanswered)

    @property
    def denied(self) -> list[str]:
        """The calls that AWS denied when they were last made, as in ``ec2:DescribeVpcs``; ten at most."""
        return sorted(operation.replace(".", ":", 1) for operation in self._denied)[:DENIED_MAX]

    @property
    def saw_own_image(self) -> bool:
        """Whether an image that carries ``stack_tags`` was described."""
        return any(self._is_own(tags) for tags in self._image_tags.values())

    def install(self, session: Session) -> None:
        """Puts the gate into a session; it holds for every client made from the session afterwards."""
        register = session.events.register
        for operation in MUTATING:
            register(f"before-parameter-build.cloudformation.{operation}", self._complete)
            register(f"before-send.cloudformation.{operation}", self._fence)
            register(f"after-call.cloudformation.{operation}", self._note_answer)
        register("before-parameter-build.cloudformation.DescribeStacks", self._address_own)
        register("after-call.cloudformation.DescribeStacks", self._check_identity)
        register("after-call.ec2.DescribeInstances", self._note_instances)
        register("after-call-error.ec2.DescribeInstances", self._note_no_instances)
        # The handlers of a longer name run first: boto3's, for "after-call.dynamodb", unpacks the item.
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
            FencedError: It has; ``fenced`` says so from now on, whatever becomes of the exception.
        """
        if self.now() > self.not_after:
            self.fenced = True
            raise FencedError(f"nothing is sent to CloudFormation after {self.not_after.isoformat()}")

    def _fence(self, **_: Any) -> None:
        self.check_fence()
        self._in_doubt = True  # from here until CloudFormation's answer the request may have arrived

    def _note_answer(self, http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        if http_response.status_code < 300:  # noqa: PLR2004 - HTTP
            self.accepted = True
            self.stack_id = parsed.get("StackId", self.stack_id)
        elif http_response.status_code < 500:  # noqa: PLR2004 - HTTP; a 5xx answer leaves the doubt
            self._in_doubt = False
            error = parsed.get("Error", {})
            self.refusal = Refusal(error.get("Code", ""), error.get("Message", ""))

    def _address_own(self, params: dict[str, Any], **_: Any) -> None:
        # Once accepted, the name may stop to resolve at any moment (a deletion): the ARN never does.
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
        """Has the library see a stopped fleet, whatever its status is: for a dry run on that condition."""
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
        self.check_fence()  # the library writes one item only: the request to stop or start the fleet

    def _protect_nodes(self, **_: Any) -> None:
        # The library terminates the compute nodes whenever its deletion fails, also when it never began.
        if not self.accepted:
            raise ProtectedError(what="compute nodes", reason="the cluster is not being deleted")

    def _note_images(self, parsed: dict[str, Any], **_: Any) -> None:
        for image in parsed.get("Images", []):
            tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}
            self._image_tags[image["ImageId"]] = tags

    def _protect_image(self, params: dict[str, Any], **_: Any) -> None:
        # The library finds images by tags that anybody may set, and those of failed builds by how their
        # names begin.
        self.check_fence()
        if not self._is_own(self._image_tags.get(params["ImageId"], {})):
            self.protected_image = True
            raise ProtectedError(what=f"image {params['ImageId']}", reason="its tags are not this resource's")

    def _is_own(self, tags: dict[str, str]) -> bool:
        return bool(self.stack_tags) and self.stack_tags.items() <= tags.items()

    def _protect_artefacts(self, **_: Any) -> None:
        # The library deletes them when CreateStack fails, also when the stack is being built from them
        # and only the answer was lost.
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
            raise GaveUpError(f"{operation} is throttled and the time of this invocation is used up")

    def _watch_connection(self, exception: Exception, event_name: str, **_: Any) -> None:
        operation = _operation(event_name)
        if isinstance(
            exception, exceptions.HTTPClientError | exceptions.ConnectionError
        ) and not _is_mutating(operation):
            self._unanswered.add(operation)


def _operation(event_name: str) -> str:
    """Service and operation of an event such as ``after-call.ec2.DescribeVpcs``."""
    return event_name.partition(".")[2]


def _is_mutating(operation: str) -> bool:
    """Whether it changes a cluster stack: without an answer it may have taken effect, which is looked for."""
    return operation in {f"cloudformation.{name}" for name in MUTATING}


def _no_such_stack(stack_id: str) -> Any:
    """CloudFormation's own words for a stack that is not there, which the library understands."""
    message = f"Stack with id {stack_id} does not exist"
    return {"Error": {"Code": "ValidationError", "Message": message}}
