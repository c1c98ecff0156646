"""Entry point of the engine function: one call in, one result out."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from cluster_engine import actions, contract, library
from cluster_engine.contract import AWAITED, Call, EngineError, MisdirectedCallError, Result
from cluster_engine.custom_resource import CustomResource
from cluster_engine.gate import Gate

#: A throttled call needs this to end cleanly: the library's own pause of 5 s, its clean-up, the result.
GIVE_UP_BEFORE_END_S = 20.0

#: The fields of every log line of a call.
NAMES = ("request_id", "call_id", "operation", "stack_id", "logical_id", "cluster_name")

logger = Logger(service="engine")
copy_config_to_registered_loggers(source_logger=logger, include={"pcluster", "cluster_engine"})
# This logger writes the parameters of every AWS call, the configuration included.
logging.getLogger("pcluster.aws.common").setLevel(logging.WARNING)
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # On Lambda, the lines of other libraries and warnings get this logger's format and fields.
    logging.captureWarnings(capture=True)
    logging.getLogger().handlers = list(logger.handlers)
    logging.getLogger(logger.service).propagate = False


def handler(event: Any, context: LambdaContext) -> Result:
    """Returns the result of the call in an event.

    Raises:
        CallMalformedError: The event is not a call of the contract.
        MisdirectedCallError: The call is for an engine of another version.
    """
    logger.remove_keys(NAMES)
    logger.append_keys(invocation_id=context.aws_request_id)
    call = Call.parse(event)
    logger.append_keys(**_names(call))
    logger.info("call begun")
    try:
        answer = run(call, remaining_s=context.get_remaining_time_in_millis() / 1000, now=_utc_now)
    except Exception:
        logger.exception("the call could not be carried out")
        raise
    logger.info("call ended", status=answer["status"], code=answer.get("error", {}).get("code"))
    return answer


def _names(call: Call) -> dict[str, str]:
    named = (
        call.request_id,
        call.call_id,
        call.action,
        call.owner["stack_id"],
        call.owner["logical_id"],
        call.cluster_name,
    )
    return dict(zip(NAMES, named, strict=True))


def run(call: Call, *, remaining_s: float, now: Callable[[], datetime]) -> Result:
    """Returns the result of a call, whether it succeeded or failed.

    Args:
        call: The call.
        remaining_s: Seconds until Lambda ends this invocation.
        now: The clock; aware UTC.

    Raises:
        MisdirectedCallError: The call is for an engine of another version.
    """
    version = library.version()
    if call.version not in {None, version}:
        raise MisdirectedCallError(f"this engine is {version}, and the call is for {call.version}")
    gate = Gate(
        token=call.call_id,
        stack_id=call.stack_id,
        stack_tags=call.stack_tags,
        not_after=call.not_after,
        give_up_at=now() + timedelta(seconds=remaining_s - GIVE_UP_BEFORE_END_S),
        now=now,
        only_own=call.action == "delete-image",
        awaited_by=CustomResource(**call.owner, region=call.region) if call.action in AWAITED else None,
    )
    try:
        outcome = actions.carry_out(call, version, gate)
    except EngineError as error:
        return contract.failed(call, version, gate, error)
    return contract.succeeded(call, version, gate, outcome)


def _utc_now() -> datetime:
    return datetime.now(UTC)
