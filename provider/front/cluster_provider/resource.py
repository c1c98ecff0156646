"""The crhelper front: its decorators and its dispatch, without what is unsafe in it.

crhelper 2.0.12 makes a rule and a permission per request, invents physical ids, keeps the last 240
characters of a reason, sends without looking at the answer, turns every exception into FAILED, answers from
a timer thread, sleeps two minutes on Delete and logs the whole event. ClusterResource replaces each of
these; ``tests/contract/test_crhelper.py`` pins what it overrides to that version.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from crhelper import CfnResource

from cluster_provider.answers import Answer
from cluster_provider.core import response
from cluster_provider.core.errors import DeliveryFailed, MalformedRequest, Undeliverable
from cluster_provider.core.identity import Owner, marker_id
from cluster_provider.core.request import RequestType, is_answerable, parse_request
from cluster_provider.operation import OperationService

logger = logging.getLogger(__name__)

#: Marks an event as a poll, in crhelper's own way.
POLL = "CrHelperPoll"

Callback = Callable[[Any, Any], str | None]


@dataclass(frozen=True)
class Malformed:
    """What is known of an event that is no request: whom to answer."""

    owner: Owner
    request_id: str


class ClusterResource(CfnResource):
    """A custom resource whose state lives in the operations table, its answers written down first."""

    def __init__(self, deliver: Callable[[Answer], None]) -> None:
        # Not CfnResource.__init__: it makes three SDK clients and sets logging up anew. These are the
        # attributes that the inherited methods read.
        self._deliver = deliver
        self._answer: Answer | None = None
        for request_type in RequestType:
            setattr(self, f"_{request_type.lower()}_func", None)
            setattr(self, f"_poll_{request_type.lower()}_func", None)
        self._timer = None
        self._init_failed = None
        self._send_response = False
        self.Data: dict[str, Any] = {}
        self.NoEcho = False

    def __call__(self, event: dict[str, Any], context: Any) -> None:
        """Runs the callback of a request or a poll, and delivers the answer it comes back with.

        Errors of the infrastructure leave: Lambda repeats the delivery, and the armed wake-up goes on.
        """
        inherited = cast("Any", self)  # crhelper's stubs leave its inner methods out
        self.keep(None)
        inherited._crhelper_init(event, context)  # noqa: SLF001 - a subclass calls what it inherits
        if self.PhysicalResourceId:
            inherited._cfn_response(event)  # noqa: SLF001

    def keep(self, answer: Answer | None) -> str | None:
        """What a callback returns: the physical id of its answer, crhelper's way to say that it is done."""
        self._answer = answer
        return answer.outcome.physical_id if answer is not None else None

    def _wrap_function(self, func: Callback) -> None:
        inherited = cast("Any", self)
        self.PhysicalResourceId = func(inherited._event, inherited._context) or ""  # noqa: SLF001

    def _send(self, *_: Any, **__: Any) -> None:
        if self._answer is None:
            raise RuntimeError("crhelper wants to send an answer that was not written down")
        self._deliver(self._answer)

    def _set_timeout(self) -> None:
        """No thread answers for us: the deadline is in the record."""

    def generate_physical_id(self, event: Any) -> str:
        """Raises, since every answer has its id; a random one would lose a cluster."""
        raise RuntimeError(f"an answer without a physical resource id for {event.get('LogicalResourceId')}")


def build_resource(service: OperationService, now: Callable[[], datetime]) -> ClusterResource:
    """The resource with its callbacks: a request is recorded, and then treated like any wake-up."""
    resource = ClusterResource(lambda answer: deliver(service, answer))

    @resource.create
    @resource.update
    @resource.delete
    def begin(event: Any, context: Any) -> str | None:
        try:
            request = parse_request(event, now())
        except MalformedRequest as error:
            return resource.keep(refuse(event, error))
        service.accept(request)
        return resource.keep(_step(service, request.owner, context))

    @resource.poll_create
    @resource.poll_update
    @resource.poll_delete
    def poll(event: Any, context: Any) -> str | None:
        owner = Owner(event["StackId"], event["LogicalResourceId"])
        return resource.keep(_step(service, owner, context))

    return resource


def poll_event(owner: Owner) -> dict[str, Any]:
    """The event of a wake-up, in crhelper's form.

    Which request it is about, and where its answer goes, is read under the lease; all polls are the same.
    """
    return {
        "RequestType": RequestType.UPDATE.value,
        "RequestId": "",
        "StackId": owner.stack_id,
        "LogicalResourceId": owner.logical_id,
        "ResponseURL": "",
        POLL: True,
    }


def refuse(event: dict[str, Any], error: MalformedRequest) -> Answer:
    """The answer to an event that is no request but says where an answer goes.

    Raises:
        MalformedRequest: It does not even say that.
    """
    if not is_answerable(event):
        raise error
    owner = Owner(event["StackId"], event["LogicalResourceId"])
    physical_id = event.get("PhysicalResourceId")
    request_id = event["RequestId"]
    failure_id = physical_id if isinstance(physical_id, str) and physical_id else marker_id(owner)
    outcome = response.failure(Malformed(owner, request_id), failure_id, error, log_group="")
    return Answer(owner, request_id, event["ResponseURL"], outcome)


def deliver(service: OperationService, answer: Answer) -> None:
    """Delivers an answer; one that did not arrive stays written down for the next wake-up."""
    names = {"request_id": answer.request_id, "status": answer.outcome.status, "code": answer.outcome.code}
    try:
        service.deliver(answer)
    except DeliveryFailed as error:
        logger.warning("the answer is sent again at the next wake-up: %s", error, extra=names)
        raise
    except Undeliverable as error:
        logger.error("the answer can never arrive: %s", error, extra=names)
        service.abandon(answer)
    else:
        logger.info("answered", extra={**names, "reason": answer.outcome.reason})


def _step(service: OperationService, owner: Owner, context: Any) -> Answer | None:
    remaining_s = context.get_remaining_time_in_millis() / 1000
    return service.step(owner, context.aws_request_id, remaining_s)
