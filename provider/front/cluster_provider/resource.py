"""The crhelper front: its decorators and its dispatch, without what is unsafe in it.

crhelper 2.0.12 makes a rule and a permission per request, invents physical ids, keeps the last 240
characters of a reason, sends without looking at the answer, turns every exception into FAILED, answers from
a timer thread, sleeps two minutes on Delete and logs the whole event. ClusterResource replaces each of
these; ``tests/contract/test_crhelper.py`` pins what it overrides to that version.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from crhelper import CfnResource

from cluster_provider.admission import Admission
from cluster_provider.core.identity import Owner
from cluster_provider.core.request import RequestType
from cluster_provider.delivery import Answer, Delivery
from cluster_provider.reconciler import Reconciler

#: Marks an event as a poll, in crhelper's own way.
POLL = "CrHelperPoll"
POLL_REQUEUE_AT = "RequeueAt"

#: When an event arrived first, where that was not now.
RECEIVED_AT = "ReceivedAt"

#: Keys that only the provider itself puts into an event.
INTERNAL_KEYS = frozenset({POLL, POLL_REQUEUE_AT, RECEIVED_AT})

Callback = Callable[[Any, Any], str | None]


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


def build_resource(admission: Admission, reconciler: Reconciler, delivery: Delivery) -> ClusterResource:
    """The resource with its callbacks: a request is recorded, and then treated like any wake-up."""
    resource = ClusterResource(delivery.deliver)

    @resource.create
    @resource.update
    @resource.delete
    def begin(event: Any, context: Any) -> str | None:
        refusal = admission.admit(event, event.get(RECEIVED_AT))
        if refusal is not None:
            return resource.keep(refusal)
        owner = Owner(event["StackId"], event["LogicalResourceId"])
        return resource.keep(_reconcile(reconciler, owner, context))

    @resource.poll_create
    @resource.poll_update
    @resource.poll_delete
    def poll(event: Any, context: Any) -> str | None:
        owner = Owner(event["StackId"], event["LogicalResourceId"])
        return resource.keep(_reconcile(reconciler, owner, context, event[POLL_REQUEUE_AT]))

    return resource


def poll_event(owner: Owner, requeue_at: datetime | None = None) -> dict[str, Any]:
    """The event of a wake-up, in crhelper's form.

    Which request it is about, and where its answer goes, is read under the lease; all polls are the same.

    Args:
        owner: Who is woken.
        requeue_at: When the owner is looked at again, should this pass never come to its end.
    """
    return {
        "RequestType": RequestType.UPDATE.value,
        "RequestId": "",
        "StackId": owner.stack_id,
        "LogicalResourceId": owner.logical_id,
        "ResponseURL": "",
        POLL: True,
        POLL_REQUEUE_AT: requeue_at,
    }


def _reconcile(
    reconciler: Reconciler, owner: Owner, context: Any, requeue_at: datetime | None = None
) -> Answer | None:
    remaining_s = context.get_remaining_time_in_millis() / 1000
    return reconciler.reconcile(owner, context.aws_request_id, remaining_s, requeue_at)
