"""Decisions for the read-only resources: one engine call, answered with what it found."""

from cluster_provider.core import failures
from cluster_provider.core.actions import Action, Fail, Start, Succeed, Wait
from cluster_provider.core.attributes import found_nothing
from cluster_provider.core.decision.case import Case, pause_after, settle_first
from cluster_provider.core.engine import EngineAction, EngineError, EngineResult
from cluster_provider.core.errors import (
    EngineFailed,
    InvalidProperty,
    NotFound,
    ProviderError,
    VersionMismatch,
)
from cluster_provider.core.identity import Kind, read_only_id
from cluster_provider.core.questions import Question


def decide_information(case: Case) -> Action:
    """Returns the action for a request of a read-only resource with valid properties."""
    request, question = case.request, case.request.question
    first = settle_first(case)
    if first is not None:
        return first
    if question is None:  # only a Delete has no question
        return Succeed(request.failure_id)
    if case.progress.engine_version not in case.observed.engines:
        missing = failures.no_engine(question.about, case.progress.engine_version, case.observed)
        return Fail(missing, request.failure_id)
    description = case.progress.description
    if description is not None and _is_whole(case, description):
        if found_nothing(request.kind, description):
            return Fail(_not_found(question, "there is none."), request.failure_id)
        return Succeed(read_only_id(request.owner), description=description)
    refusal = _refusal(case, question)
    if refusal is not None:
        return Fail(refusal, request.failure_id)
    ask = _ask(request.kind, question)
    return _pause(case, ask) or ask


def _ask(kind: Kind, question: Question) -> Start:
    if kind is Kind.OFFICIAL_IMAGE:
        return Start(EngineAction.LIST_OFFICIAL_IMAGES, "", arguments=question.arguments)
    if question.cluster_name:
        return Start(EngineAction.DESCRIBE, question.cluster_name)
    return Start(EngineAction.LIST_CLUSTERS, "", arguments=question.arguments)


def _is_whole(case: Case, description: EngineResult) -> bool:
    """Returns whether the description has EC2's values, too; near the deadline missing values stay empty."""
    return description.head_node != "unknown" or case.is_last_chance


def _refusal(case: Case, question: Question) -> ProviderError | None:
    """Returns the error for a read that the engine finally refused; None if it did not."""
    reads = case.progress.reads
    if reads.error is None or not reads.is_refused():
        return None
    error = reads.error
    return failures.naming_denials(_explained(question, error), error)


def _explained(question: Question, error: EngineError) -> ProviderError:
    message = failures.sentence(error.message)
    match error.code:
        case "NotFound":
            return _not_found(question, "it does not exist.")
        case "BadRequest":
            return InvalidProperty(question.about, message)
        case "VersionMismatch":
            return VersionMismatch(question.about, message)
        case _:
            return EngineFailed(question.about, message, "The engine's log group has the details.")


def _not_found(question: Question, what: str) -> NotFound:
    return NotFound(question.about, what, "It is looked for in the stack's own account and Region.")


def _pause(case: Case, ask: Start) -> Wait | None:
    """Returns the pause after a read that failed or was incomplete; None if there is none."""
    error = case.progress.reads.error
    why = error.message if error is not None else "the head node's values are not known yet"
    return pause_after(case, ask.action, waits_for=f"it was asked for: {why}")
