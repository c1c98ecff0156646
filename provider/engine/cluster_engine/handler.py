"""Entry point of the engine function: one call in, one result out."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from cluster_engine import configuration, images, information, library, result
from cluster_engine.call import Call, MisdirectedCallError
from cluster_engine.comparison import Update, compared
from cluster_engine.configuration import Configuration
from cluster_engine.errors import EngineError
from cluster_engine.gate import Gate

#: What a throttled call needs to end in good order: the library's own pause of 5 s, its clean-up, our answer.
GIVE_UP_BEFORE_END_S = 20.0

#: The arguments each function of the library takes. Source: pcluster/api/openapi/openapi.yaml.
ARGUMENTS = {
    "create": ("suppress_validators", "validation_failure_level", "rollback_on_failure"),
    "update": ("suppress_validators", "validation_failure_level", "force_update"),
    "delete": (),
    "describe": (),
    "stop-fleet": (),
    "start-fleet": (),
}

#: What every line of a call is told apart by.
NAMES = ("request_id", "call_id", "operation", "stack_id", "logical_id", "cluster_name")

logger = Logger(service="engine")
copy_config_to_registered_loggers(source_logger=logger, include={"pcluster", "cluster_engine"})
# This one writes the parameters of every AWS call, the configuration among them.
logging.getLogger("pcluster.aws.common").setLevel(logging.WARNING)
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # On Lambda, what other libraries and warnings say goes the way of our own lines and is named like them.
    logging.captureWarnings(capture=True)
    logging.getLogger().handlers = list(logger.handlers)
    logging.getLogger(logger.service).propagate = False


def handler(event: Any, context: LambdaContext) -> result.Result:
    """Carries out the call in the event and returns its result.

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
        call.operation,
        call.owner["stack_id"],
        call.owner["logical_id"],
        call.cluster_name,
    )
    return dict(zip(NAMES, named, strict=True))


def run(call: Call, *, remaining_s: float, now: Callable[[], datetime]) -> result.Result:
    """Carries out a call.

    Args:
        call: What is asked.
        remaining_s: How long this invocation may still take.
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
        only_own=call.operation == "delete-image",
    )
    try:
        return result.succeeded(call, version, gate, _carry_out(call, version, gate))
    except EngineError as error:
        return result.failed(call, version, gate, error)


def _carry_out(call: Call, version: str, gate: Gate) -> result.Result:
    if call.operation in information.OPERATIONS:
        return information.OPERATIONS[call.operation](call, gate)
    taken = ARGUMENTS.get(call.operation, ())
    arguments = {name: call.arguments[name] for name in taken if name in call.arguments}
    if call.operation in {"create", "update"}:
        arguments["cluster_configuration"] = _wanted(call, version, gate)
    try:
        if call.operation in images.OPERATIONS:
            return images.OPERATIONS[call.operation](call, gate)
        _hold_mark(call, gate)
        answer = library.invoke(call.operation, call.cluster_name, call.region, gate, **arguments)
    except EngineError as error:
        if error.code == "AlreadyExists" and _is_ours(call, gate):
            return {}
        raise
    return _described(answer, gate) if call.operation == "describe" else _started(answer)


def _hold_mark(call: Call, gate: Gate) -> None:
    """Makes sure that the cluster's mark names the call's owner, where the call asks for it."""
    if call.mark is None:
        return
    claimant = library.Claimant(call.owner, call.call_id, call.mark.get("instead_of"))
    library.hold_mark(call.operation, call.cluster_name, call.region, gate, claimant)


def _wanted(call: Call, version: str, gate: Gate) -> Configuration:
    """The configuration that the library is called with; compared with the stored one where the call asks."""
    wanted = configuration.load(call.configuration, call.configuration_tags, version)
    if call.operation == "create":
        return wanted
    try:
        return compared(wanted, Update(call.cluster_name, call.region, call.arguments, gate), version)
    except EngineError as error:
        if error.code == "NoChanges":  # taken over as it is
            _hold_mark(call, gate)
        raise


def _is_ours(call: Call, gate: Gate) -> bool:
    """Whether what is in the way carries this call's owner tags: an earlier delivery made it."""
    if gate.seen is None or not call.stack_tags:
        return call.operation == "build-image" and gate.saw_own_image
    ours = call.stack_tags.items() <= gate.seen.tags.items()
    if ours:
        gate.stack_id = gate.seen.stack_id
    return ours


def _started(answer: library.Answer) -> result.Result:
    names = {"cluster": "cluster", "validationMessages": "validation_messages", "changeSet": "change_set"}
    return {ours: answer[theirs] for theirs, ours in names.items() if answer.get(theirs)}


def _described(answer: library.Answer, gate: Gate) -> result.Result:
    cluster = {key: value for key, value in answer.items() if key != "clusterConfiguration"}
    gate.stack_id = cluster["cloudformationStackArn"]
    return {"cluster": cluster, "head_node": _head_node(cluster, gate)}


def _head_node(cluster: library.Answer, gate: Gate) -> str:
    """The library leaves the head node out both when there is none and when EC2 did not answer."""
    if "headNode" in cluster:
        return "present"
    return "none" if gate.instances_known else "unknown"


def _utc_now() -> datetime:
    return datetime.now(UTC)
