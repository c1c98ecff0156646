"""Rows for the resources that only ask: one engine call, answered with what it found."""

from datetime import timedelta

from cluster_provider.core import failures
from cluster_provider.core.actions import Action, Fail, Start, Succeed, Wait
from cluster_provider.core.decision.case import ATTEMPTS_MAX, RETRY_AFTER_S, Case, settle_first
from cluster_provider.core.engine_call import RETRIED, TRANSIENT, EngineError, EngineResult, Operation
from cluster_provider.core.errors import (
    EngineFailed,
    InvalidProperty,
    NotFound,
    ProviderError,
    VersionMismatch,
)
from cluster_provider.core.identity import read_only_id
from cluster_provider.core.information import is_empty
from cluster_provider.core.kinds import Kind
from cluster_provider.core.questions import Question


def decide_information(case: Case) -> Action:
    """What to do for a request of a read-only resource with usable properties."""
    request, question = case.request, case.request.question
    first = settle_first(case)
    if first is not None:
        return first
    if question is None:  # a Delete: every other request that is not refused asks something
        return Succeed(request.failure_id)
    if case.progress.engine_version not in case.observed.engines:
        missing = failures.no_engine(question.about, case.progress.engine_version, case.observed)
        return Fail(missing, request.failure_id)
    description = case.progress.description
    if description is not None and _is_whole(case, description):
        if is_empty(request.kind, description):
            return Fail(_not_found(question, "there is none."), request.failure_id)
        return Succeed(read_only_id(request.owner), description=description)
    refusal = _refusal(case, question)
    if refusal is not None:
        return Fail(refusal, request.failure_id)
    return _pause(case) or _ask(request.kind, question)


def _ask(kind: Kind, question: Question) -> Start:
    if kind is Kind.OFFICIAL_IMAGE:
        return Start(Operation.LIST_OFFICIAL_IMAGES, "", arguments=question.arguments)
    if question.cluster_name:
        return Start(Operation.DESCRIBE, question.cluster_name)
    return Start(Operation.LIST_CLUSTERS, "", arguments=question.arguments)


def _is_whole(case: Case, description: EngineResult) -> bool:
    """Whether EC2 gave what it has, too; what it did not give in time is left empty."""
    return description.head_node != "unknown" or case.is_last_chance


def _refusal(case: Case, question: Question) -> ProviderError | None:
    """What the engine refused for good."""
    error = case.progress.not_described
    if error is None or error.code in TRANSIENT:
        return None
    if error.code in RETRIED and case.progress.describe_failures < ATTEMPTS_MAX:
        return None
    return failures.naming_denials(_explained(question, error), error)


def _explained(question: Question, error: EngineError) -> ProviderError:
    told = failures.sentence(error.message)
    match error.code:
        case "NotFound":
            return _not_found(question, "it does not exist.")
        case "BadRequest":
            return InvalidProperty(question.about, told)
        case "VersionMismatch":
            return VersionMismatch(question.about, told)
        case _:
            return EngineFailed(question.about, told, "The engine's log group has the details.")


def _not_found(question: Question, what: str) -> NotFound:
    return NotFound(question.about, what, "It is looked for in the stack's own account and Region.")


def _pause(case: Case) -> Wait | None:
    """Leaves AWS alone for a while after a try that came to nothing, or to less than everything."""
    if case.progress.described_at is None:
        return None
    until = case.progress.described_at + timedelta(seconds=RETRY_AFTER_S)
    error = case.progress.not_described
    why = error.message if error is not None else "the head node's values are not known yet"
    return Wait(f"it was asked for: {why}", until) if case.now < until else None
