"""The custom resource on crhelper: its decorators and its dispatch, with the unsafe parts replaced.

crhelper 2.0.12 does the following, and ClusterResource replaces each of it:

- It makes an EventBridge rule and a Lambda permission per request.
- It invents random physical ids.
- It keeps only the last 240 characters of a reason.
- It sends a response without checking how the server answered.
- It turns every exception into FAILED.
- It answers from a timer thread.
- It sleeps two minutes on Delete.
- It logs the whole event.

``tests/contract/provider/test_crhelper.py`` pins the overridden methods to that version.
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

#: Marks an event as a poll. crhelper defines this key.
POLL = "CrHelperPoll"
POLL_REQUEUE_AT = "RequeueAt"

#: Key of the instant when an event first arrived; its value is None for an event that arrives now.
RECEIVED_AT = "ReceivedAt"

#: Keys that the provider adds to an event. They are removed from events that arrive.
INTERNAL_KEYS = frozenset({POLL, POLL_REQUEUE_AT, RECEIVED_AT})

Callback = Callable[[Any, Any], str | None]


class ClusterResource(CfnResource):
    """A custom resource with its state in the operations table; answers are recorded before they are sent.

    Args:
        deliver: Sends a recorded answer.
    """

    def __init__(self, deliver: Callable[[Answer], None]) -> None:
        # CfnResource.__init__ is not called, because it makes three SDK clients and replaces the logging
        # set-up. The attributes below are the ones that the inherited methods read.
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
        """Runs the callback for a request or a poll, and delivers the answer that it returns.

        Infrastructure errors are raised. Lambda then retries the event, and the owner stays in the queue, so
        the sweep also continues the work.

        Args:
            event: A request of CloudFormation, or a poll (``poll_event``).
            context: Lambda's context object of this invocation.
        """
        inherited = cast("Any", self)  # crhelper's type stubs omit its private methods
        self.keep(None)
        inherited._crhelper_init(event, context)  # noqa: SLF001 - a subclass calls what it inherits
        if self.PhysicalResourceId:
            inherited._cfn_response(event)  # noqa: SLF001

    def keep(self, answer: Answer | None) -> str | None:
        """Keeps the answer to deliver, and returns its physical id; None if there is no answer yet.

        A callback returns this value. crhelper treats a physical id as "the request has ended" and None as
        "poll again".

        Args:
            answer: The answer; None while the request is in progress.
        """
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
        """Does nothing: the recorded deadline replaces crhelper's timer thread."""

    def generate_physical_id(self, event: Any) -> str:
        """Raises an error: every answer has its physical id, and a random one would lose track of a cluster.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(f"an answer without a physical resource id for {event.get('LogicalResourceId')}")


def build_resource(admission: Admission, reconciler: Reconciler, delivery: Delivery) -> ClusterResource:
    """Returns the resource with its callbacks.

    The callback of a request records the request, and then runs the same pass as every other wake-up.

    Args:
        admission: Records requests.
        reconciler: Runs passes.
        delivery: Sends answers.
    """
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
    """Returns the event of a wake-up, in crhelper's form.

    The event names the owner only, so all polls have the same form. The pass reads the request and its
    response URL under the lease.

    Args:
        owner: The owner to wake.
        requeue_at: When the owner is due again if the pass fails, hangs or dies; None for the shortest delay.
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
