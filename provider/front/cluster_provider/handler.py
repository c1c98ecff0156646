"""Entry point of the provider function: routes every event by its source.

This is the first stage of the flow event -> request -> decision -> effect -> response. Four sources send
events:

- CloudFormation sends a request.
- The destination of an engine function sends the end of an engine call.
- The rule on stack events sends a change of a stack's status.
- The schedule of the sweep sends one event a minute.

Every event wakes the owners that it concerns. A wake-up is one call of ``Reconciler.reconcile``. This module
is the outermost boundary for exceptions.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import boto3

from cluster_provider.adapters.claims import DynamoClaims
from cluster_provider.adapters.clock import SystemClock
from cluster_provider.adapters.dead_letters import SqsDeadLetters
from cluster_provider.adapters.engines import LambdaEngines, parse_functions
from cluster_provider.adapters.metrics import EmfMetrics
from cluster_provider.adapters.notifications import AwsNotifications
from cluster_provider.adapters.responses import HttpResponses
from cluster_provider.adapters.stacks import CloudFormationStacks
from cluster_provider.adapters.store import DynamoStore
from cluster_provider.admission import Admission
from cluster_provider.core.advisories import NONE, parse_refused
from cluster_provider.core.budget import MAX_COST, MAX_NODES, Budget
from cluster_provider.core.consent import FORBID, Consent
from cluster_provider.core.engine_protocol import may_be_ours, parse_end
from cluster_provider.core.errors import Unanswerable, Unavailable
from cluster_provider.core.guardrails import UNGUARDED, Guardrails
from cluster_provider.core.identity import Owner, StackArn, may_be_cluster
from cluster_provider.core.request import RequestType
from cluster_provider.delivery import Delivery
from cluster_provider.logs import (
    begin_invocation,
    bind_log_context,
    bind_source,
    logger,
    names_of_call,
    names_of_request,
    route_library_logs,
)
from cluster_provider.ports import Ports
from cluster_provider.queue import SWEEP_RESERVE_S, Queue
from cluster_provider.reconciler import Reconciler
from cluster_provider.repository import Repository
from cluster_provider.resource import (
    INTERNAL_KEYS,
    RECEIVED_AT,
    ClusterResource,
    build_resource,
    poll_event,
)
from cluster_provider.sdk import ADAPTIVE_CONFIG, CLIENT_CONFIG, NOTIFYING_CONFIG, SINGLE_ATTEMPT_CONFIG

_STACK_EVENT = "CloudFormation Stack Status Change"
_SWEEP_EVENT = "Scheduled Event"

#: The variables with the operator's bounds, by the parameters of the provider stack.
_BOUNDS = {MAX_NODES: "MAX_NODES", MAX_COST: "MAX_HOURLY_COST_AT_SCALE"}


class Provider:
    """The provider function without its SDK clients: it routes events to the parts that handle them.

    Args:
        ports: The outside world.
        log_group: Name of this function's log group; failure reasons refer the reader to it.
        guardrails: What the operator permits.
        version: Version of the provider, for notifications.
    """

    def __init__(
        self,
        ports: Ports,
        log_group: str,
        guardrails: Guardrails = UNGUARDED,
        version: str = "unknown",
    ) -> None:
        self._ports = ports
        repository = Repository(ports, version)
        self._reconciler = Reconciler(ports, repository, log_group, guardrails)
        self._delivery = Delivery(ports, repository)
        self._queue = Queue(ports)
        self._admission = Admission(ports, repository, guardrails)
        self._resource: ClusterResource = build_resource(self._admission, self._reconciler, self._delivery)

    def handle(self, event: dict[str, Any], context: Any) -> None:
        """Routes an event by its source.

        An error is logged here once, redacted, and then raised. Lambda retries asynchronous events. After the
        last attempt, the dead-letter queue keeps the event.

        Args:
            event: The event, as Lambda passes it.
            context: Lambda's context object of this invocation.

        Raises:
            ValueError: The event has none of the four known forms.
        """
        begin_invocation(context.aws_request_id)
        try:
            self._route(event, context)
        except Exception:
            logger.exception("the event could not be handled")
            raise

    def _route(self, event: dict[str, Any], context: Any, received_at: datetime | None = None) -> None:
        if "ResponseURL" in event:
            bind_source("request")
            self._request(event, context, received_at)
        elif "requestPayload" in event:
            bind_source("engine end")
            self._engine_end(event, context)
        elif event.get("detail-type") == _STACK_EVENT:
            bind_source("stack event")
            self._stack_event(event, context)
        elif event.get("detail-type") == _SWEEP_EVENT:
            bind_source("sweep")
            self._sweep(context)
        else:
            raise ValueError(f"not an event of this function; its keys are {sorted(event)}")

    def _request(self, event: dict[str, Any], context: Any, received_at: datetime | None) -> None:
        bind_log_context(names_of_request(event))
        claimed = {name: value for name, value in event.items() if name not in INTERNAL_KEYS}
        try:
            if claimed.get("RequestType") in list(RequestType):
                self._resource({**claimed, RECEIVED_AT: received_at}, context)
            elif refusal := self._admission.admit(claimed):
                self._delivery.deliver(refusal)
        except Unanswerable as error:
            # CloudFormation always sends the fields that an answer needs, so this event was made by another
            # caller.
            logger.error("dropped: an event that cannot be answered: %s", error)

    def _engine_end(self, event: dict[str, Any], context: Any) -> None:
        names = names_of_call(event["requestPayload"])
        bind_log_context(names)
        owner, call_id, result = parse_end(event)
        code = result.error.code if result.error is not None else None
        logger.info("engine ended", extra={"status": result.status, "code": code})
        self._reconciler.record_engine_end(owner, call_id, result)
        self._wake(owner, context, names)

    def _stack_event(self, event: dict[str, Any], context: Any) -> None:
        detail = event["detail"]
        name = StackArn.parse(detail["stack-id"]).name
        if not may_be_cluster(name) or not may_be_ours(detail.get("client-request-token")):
            return
        bind_log_context({"cluster_name": name})
        for owner in self._ports.store.owners_of(name):
            self._wake(owner, context, {"cluster_name": name})

    def _sweep(self, context: Any) -> None:
        """Wakes the owners that are due, and handles the events in the dead-letter queue again.

        Raises:
            ExceptionGroup: Some owners could not be woken, for a reason other than an unavailable service.
        """

        def remaining_s() -> float:
            return float(context.get_remaining_time_in_millis() / 1000)

        try:
            self._queue.sweep(
                lambda owner, requeue_at: self._wake(owner, context, requeue_at=requeue_at),
                lambda: self._redrive(context, remaining_s),
                remaining_s,
            )
        finally:
            bind_log_context({})

    def _redrive(self, context: Any, remaining_s: Callable[[], float]) -> None:
        """Handles events from the dead-letter queue again.

        An event gets there when all attempts of Lambda failed, for example while the table was unavailable
        for minutes. An event that fails again stays in the queue. The queue deletes it after about an hour.
        """
        letters = self._ports.dead_letters
        while remaining_s() > SWEEP_RESERVE_S:
            try:
                received = letters.receive()
            except Unavailable as error:
                logger.warning("the queue of retries could not be read: %s", error)
                return
            if not received:
                return
            for letter in received:
                if remaining_s() < SWEEP_RESERVE_S:
                    return
                bind_log_context({})
                if letter.event.get("detail-type") == _SWEEP_EVENT:
                    letters.remove(letter)  # the current sweep does the same work
                    continue
                try:
                    self._route(letter.event, context, letter.put_at)
                except Exception:
                    logger.exception("a dead letter could not be handled; a later sweep tries again")
                else:
                    letters.remove(letter)

    def _wake(
        self,
        owner: Owner,
        context: Any,
        names: Mapping[str, str] | None = None,
        requeue_at: datetime | None = None,
    ) -> None:
        """Runs passes over an owner's open request.

        Log lines carry ``names`` until the pass has loaded the request and binds its own names.

        Args:
            owner: The owner to wake.
            context: Lambda's context object of this invocation.
            names: What is known about the request, for log lines.
            requeue_at: When the owner is due again if the pass fails, hangs or dies.
        """
        bind_log_context({**(names or {}), "stack_id": owner.stack_id, "logical_id": owner.logical_id})
        self._resource(poll_event(owner, requeue_at), context)


@cache
def provider() -> Provider:
    """Returns the provider with its AWS clients, made once per execution environment."""
    route_library_logs()
    clock = SystemClock()
    functions = parse_functions(os.environ["ENGINES"])
    dynamodb, table = boto3.client("dynamodb", config=CLIENT_CONFIG), os.environ["OPERATIONS_TABLE"]
    ports = Ports(
        clock=clock,
        stacks=CloudFormationStacks(boto3.client("cloudformation", config=ADAPTIVE_CONFIG)),
        engines=LambdaEngines(
            boto3.client("lambda", config=SINGLE_ATTEMPT_CONFIG),
            functions,
            os.environ["DEFAULT_ENGINE_VERSION"],
        ),
        responses=HttpResponses(),
        store=DynamoStore(dynamodb, table, clock),
        claims=DynamoClaims(dynamodb, table, clock),
        metrics=EmfMetrics(os.environ["AWS_LAMBDA_FUNCTION_NAME"]),
        dead_letters=SqsDeadLetters(
            lambda: boto3.client("sqs", config=SINGLE_ATTEMPT_CONFIG), os.environ["RETRY_QUEUE"]
        ),
        notifications=AwsNotifications(
            lambda: boto3.client("sns", config=NOTIFYING_CONFIG),
            lambda: boto3.client("events", config=NOTIFYING_CONFIG),
            os.environ.get("NOTIFICATION_TOPIC", ""),
            os.environ.get("NOTIFICATION_BUS", ""),
        ),
    )
    guardrails = Guardrails(
        Consent.parse(os.environ.get("CLUSTER_ADOPTION", FORBID)),
        Budget.parse({name: os.environ.get(variable, "0") for name, variable in _BOUNDS.items()}),
        parse_refused(os.environ.get("REFUSE_ADVISORIES", NONE)),
    )
    log_group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
    return Provider(ports, log_group, guardrails, os.environ.get("PROVIDER_VERSION", "unknown"))


def handler(event: dict[str, Any], context: Any) -> None:
    """Handles one event; this is the function that Lambda invokes."""
    provider().handle(event, context)


# Lambda runs the initialisation on a full processor, but an invocation only on the share that belongs to its
# memory size. Every event needs the clients, so they are made during initialisation. A process without the
# function's environment variables, such as a test, makes none.
if "OPERATIONS_TABLE" in os.environ:
    provider()
