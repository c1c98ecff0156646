"""Entry point of the hook function: Hooks' calls, and the plan that the first of them starts.

Hooks waits 30 s for a call and calls three times at most. So the first call has this function invoked once
more, asynchronously. That invocation plans, with all the time it needs, and keeps the outcome in a table,
where each call looks for it.
Source: CloudFormation Hooks user guide, "Developing a Lambda Hook".
"""

import json
import os
import time
import uuid
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from cluster_hook.answers import Outcome, not_yet, outcome, unable
from cluster_hook.clusters import UnreadableError, changed_in, has_clusters
from cluster_hook.events import CALLS_MAX, CHANGE_SET, EventError, HookEvent
from cluster_hook.judge import DryRunError, Judge
from cluster_hook.payload import PayloadError, fetch
from pcluster_cfn.planning.providers import Providers

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_lambda import LambdaClient

#: How long a call waits for the outcome: the rest of Hooks' 30 s is for a cold start on a slow day.
WAIT_S = 10
#: How long Hooks waits before the next call.
DELAY_S = 40
_POLL_S = 0.5
#: How long an outcome is kept: longer than three calls take.
_KEPT_S = 3600
#: Longer than the dry run's own time-out.
_DRY_RUN_S = 290
_NOTHING = Outcome("No cluster of ParallelCluster is concerned.")

logger = Logger(service="hook")


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Returns the response to a call of Hooks; plans if this function has invoked itself."""
    if "plan_id" in event:
        _work(str(event["plan_id"]), event["event"], context)
        return {}
    token = str(event.get("clientRequestToken") or "")
    try:
        return _answer(event, context)
    except (EventError, PayloadError, UnreadableError) as error:
        logger.warning("not planned", reason=str(error))
        return unable(str(error)).answer(token)
    except Exception:
        logger.exception("the call failed")
        return _failed(context).answer(token)


def _answer(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    call = HookEvent.parse(event)
    logger.info("called", stack_id=call.stack_id, target=call.target, call=call.call)
    plan_id = call.plan_id
    if not plan_id:
        if not _concerns_clusters(call):
            return _NOTHING.answer(call.token)
        plan_id = str(uuid.uuid4())
        _start(plan_id, event, context.invoked_function_arn)
    found = _wait(plan_id)
    if found is not None:
        return found.answer(call.token)
    if call.call < CALLS_MAX:
        return not_yet(call.token, plan_id, DELAY_S)
    waited_s = CALLS_MAX * WAIT_S + (CALLS_MAX - 1) * DELAY_S
    return unable(
        f"ParallelCluster did not answer within {waited_s} s; the log of function {context.function_name} "
        "has more"
    ).answer(call.token)


def _concerns_clusters(call: HookEvent) -> bool:
    """Whether there may be something to plan. A change set that is executed was planned before."""
    if call.is_deletion or (call.target != CHANGE_SET and call.change_set_id):
        return False
    payload = fetch(call.payload_url)
    if call.target == CHANGE_SET:
        return any(True for _ in changed_in(payload, _setting("SERVICE_TOKEN")))
    templates = [payload.get(key) for key in ("template", "previousTemplate")]
    return any(has_clusters(text) for text in templates if text)


def _failed(context: LambdaContext) -> Outcome:
    """Returns the outcome of an error of the hook itself, of which only the log has the words."""
    name, request = context.function_name, context.aws_request_id
    return unable(f"the hook failed; the log of function {name} has the reason, request {request}")


def _start(plan_id: str, event: Mapping[str, Any], function_arn: str) -> None:
    work = json.dumps({"plan_id": plan_id, "event": event})
    _lambda().invoke(FunctionName=function_arn, InvocationType="Event", Payload=work)


def _wait(plan_id: str) -> Outcome | None:
    """Returns the outcome of a plan as soon as there is one; None if there is none in time."""
    give_up_at = time.monotonic() + WAIT_S
    while True:
        item = (
            _table()
            .get_item(TableName=_setting("TABLE"), Key={"id": {"S": plan_id}}, ConsistentRead=True)
            .get("Item")
        )
        if item is not None:
            return Outcome(item["message"]["S"], item["error_code"]["S"])
        if time.monotonic() > give_up_at:
            return None
        time.sleep(_POLL_S)


def _work(plan_id: str, event: Mapping[str, Any], context: LambdaContext) -> None:
    """Plans, and keeps the outcome whatever it is."""
    logger.append_keys(plan_id=plan_id)
    try:
        call = HookEvent.parse(event)
        provider = Providers(_lambda()).of(_setting("SERVICE_TOKEN"))
        judge = Judge(_cloudformation(), ask, _setting("PCLUSTER_VERSION"), provider)
        found = outcome(judge.plan(call, fetch(call.payload_url)), provider)
    except (EventError, PayloadError, UnreadableError, DryRunError) as error:
        found = unable(str(error))
    except Exception:
        logger.exception("the plan failed")
        found = _failed(context)
    logger.info("planned", error_code=found.error_code)
    _table().put_item(
        TableName=_setting("TABLE"),
        Item={
            "id": {"S": plan_id},
            "message": {"S": found.message},
            "error_code": {"S": found.error_code},
            "expires_at": {"N": str(int(time.time()) + _KEPT_S)},
        },
    )


def ask(question: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the dry run's answer to a question of docs/reference/engine.md.

    Raises:
        DryRunError: It ended without an answer.
    """
    answer = _lambda().invoke(FunctionName=_setting("DRY_RUN"), Payload=json.dumps(question))
    if answer.get("FunctionError"):
        raise DryRunError(
            f"the dry run of cluster {question['cluster_name']} ended without an answer; the log of function "
            f"{_setting('DRY_RUN').rpartition(':')[2]} has the reason"
        )
    found: Mapping[str, Any] = json.loads(answer["Payload"].read())
    return found


def _setting(name: str) -> str:
    return os.environ[name]


@cache
def _cloudformation() -> Any:
    return boto3.client("cloudformation", config=Config(retries={"mode": "standard", "max_attempts": 5}))


@cache
def _table() -> "DynamoDBClient":
    return boto3.client("dynamodb")


@cache
def _lambda() -> "LambdaClient":
    # A dry run that is asked twice only costs time, but one that is waited for is not asked again.
    return boto3.client("lambda", config=Config(read_timeout=_DRY_RUN_S, retries={"max_attempts": 2}))
