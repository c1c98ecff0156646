"""Decisions for a custom image: built once, judged by its AMI, and deleted with it."""

from cluster_provider.core import attributes, failures, image_failures
from cluster_provider.core.actions import Action, Fail, Start, Succeed, Wait, wait_for
from cluster_provider.core.decision.case import (
    Case,
    delete_image,
    left_over,
    pause_after,
    settle_first,
)
from cluster_provider.core.decision.delete import is_retained
from cluster_provider.core.engine import EngineAction
from cluster_provider.core.errors import EngineFailed
from cluster_provider.core.identity import is_marker
from cluster_provider.core.ledger import ATTEMPTS_MAX
from cluster_provider.core.observed import Cluster, ClusterStack
from cluster_provider.core.request import RequestType

#: Statuses after which no AMI can appear. In other statuses one may, or the stack has finished and deleted
#: itself.
#: Source: aws-parallelcluster 3.16.1, models/imagebuilder.py (ImageBuilderStatusMapping).
_FAILED = frozenset({"CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"})

#: Engine errors that may pass. An image that exists already belongs to another owner, and will not pass.
_RETRIED = frozenset({"Internal"})


def decide_image(case: Case) -> Action:
    """Returns the action for a request about an image with valid properties."""
    first = settle_first(case)
    if first is not None:
        return first
    match case.request.type:
        case RequestType.DELETE:
            return _delete(case)
        case RequestType.CREATE:
            return _make(case)
        case RequestType.UPDATE:
            return _keep(case) if _is_kept(case) else _make(case)


def _is_kept(case: Case) -> bool:
    """Returns whether an Update is about an image that was reported to CloudFormation; else it replaces."""
    known, wanted = case.observed.known, case.wanted.cluster_name
    if known is not None and known.request_id == case.request.request_id:
        return False
    return wanted == case.request.physical_id or (known is not None and known.reported)


def _make(case: Case) -> Action:
    stack, name = case.observed.cluster, case.wanted.cluster_name
    failed_id = case.request.left_behind_id(name)
    if case.stuck is not None:
        return Fail(left_over(case.progress, case.stuck), case.request.failure_id)
    if stack is None:
        return _judged(case, failed_id) if _was_built(case) else _build(case)
    if not case.made_by_request(stack):
        return Fail(image_failures.taken(name), case.request.failure_id)
    return _judged(case, failed_id)


def _was_built(case: Case) -> bool:
    """Returns whether the engine found the image already built, by a call whose end was not reported."""
    built = case.progress.history(EngineAction.BUILD_IMAGE).success
    return built is not None and built.stack_id is None


def _build(case: Case) -> Action:
    progress, request, name = case.progress, case.request, case.wanted.cluster_name
    if progress.stack_id is not None:
        return Wait(f"stack {progress.stack_id} cannot be seen yet")
    if progress.engine_version not in case.observed.engines:
        missing = failures.no_engine(f"ImageId {name}", progress.engine_version, case.observed)
        return Fail(missing, request.failure_id)
    history = progress.history(EngineAction.BUILD_IMAGE)
    error = history.error
    if error is not None and history.is_refused(_RETRIED):
        refusal = image_failures.rejection(error, progress.validation_messages, name)
        refused = Fail(refusal, request.failure_id)
        return _unless_built(case, refused) if history.tries > 1 else refused
    if error is None and history.is_exhausted:
        nothing = f"the engine was called {ATTEMPTS_MAX} times and nothing came of it."
        failed = EngineFailed(f"image {name}", nothing, "Its log group says why.")
        return _unless_built(case, Fail(failed, request.failure_id))
    build = Start(EngineAction.BUILD_IMAGE, name, stack_tags=request.owner.tags(name, request.request_id))
    return pause_after(case, EngineAction.BUILD_IMAGE) or build


def _unless_built(case: Case, failure: Fail) -> Action:
    """Returns a failure, once it is known that there is no image.

    An earlier call whose end was not reported may have built it, by a stack that has deleted itself since.
    """
    judged = _judged(case, failure.physical_id)
    return failure if isinstance(judged, Fail) else judged


def _keep(case: Case) -> Action:
    """Returns the action for an image that was made before, which cannot be changed."""
    known, failed_id = case.observed.known, case.request.failure_id
    if known is None:
        return Fail(image_failures.vanished(case.wanted.cluster_name), failed_id)
    if (
        known.last_applied is not None
        and known.last_applied.configuration_digest != case.wanted.configuration_digest
    ):
        return Fail(image_failures.changed(known.name), failed_id)
    return _judged(case, failed_id)


def _judged(case: Case, failed_id: str) -> Action:
    """Returns the action once the image's stack has ended; only the AMI proves that the image is built."""
    stack, name, progress = case.observed.cluster, case.wanted.cluster_name, case.progress
    if stack is not None and stack.in_progress:
        return wait_for(stack, f"image {name} is {stack.status}")
    described = progress.description.image if progress.description is not None else None
    if attributes.has_built_image(described, case.request.owner, name):
        return Succeed(name, stack, description=progress.description)
    error = progress.reads.error
    answered = described is not None or (error is not None and error.code == "NotFound")
    if answered and stack is not None and stack.status in _FAILED:
        return Fail(image_failures.failure(stack, case.observed.failures), failed_id)
    if error is not None and progress.reads.is_exhausted:
        gone = error.code == "NotFound"
        why = image_failures.vanished(name) if gone else image_failures.rejection(error, (), name)
        return Fail(why, failed_id)
    # The AMI may get its tags a little after the stack has ended.
    pause = pause_after(case, EngineAction.DESCRIBE_IMAGE, waits_for="the image's AMI is not there yet")
    return pause or _describe(case, stack)


def _describe(case: Case, stack: ClusterStack | None) -> Start:
    stack_id, version = _identity(case, stack)
    return Start(EngineAction.DESCRIBE_IMAGE, case.wanted.cluster_name, stack_id, version=version)


def _identity(case: Case, stack: ClusterStack | None) -> tuple[str | None, str | None]:
    """Returns ARN and version of the image's stack, as observed or as recorded."""
    if stack is not None:
        return stack.stack_id, stack.version
    known = case.observed.known
    return (known.stack_id, known.version) if known is not None else (None, None)


def _delete(case: Case) -> Action:
    known, stack, physical_id = case.observed.known, case.living, case.request.failure_id
    if is_marker(physical_id) and known is None:
        return Succeed(physical_id)
    if (stack is None and known is None) or (stack is not None and not case.owns(stack)) or is_retained(case):
        return Succeed(physical_id, gone=True)
    if stack is not None and stack.in_progress:
        return wait_for(stack, f"image {stack.name} is {stack.status} and cannot be deleted until it settles")
    name = case.progress.cluster_name
    if stack is None and case.progress.has_deleted_image(name):
        return Succeed(physical_id, gone=True)
    history = case.progress.history(EngineAction.DELETE_IMAGE)
    error = history.error
    if error is not None and error.code != "NotFound" and history.is_refused(_RETRIED):
        return Fail(image_failures.rejection(error, (), name), physical_id)
    if stack is not None and history.is_exhausted:
        return Fail(image_failures.failure(stack, case.observed.failures), physical_id)
    known = known or Cluster(name, case.request.request_id)
    return pause_after(case, EngineAction.DELETE_IMAGE) or delete_image(case.request.owner, known, stack)
