"""Turns what an engine or an image's stack reported into an error for the template's author."""

from collections.abc import Iterable

from cluster_provider.core import failures
from cluster_provider.core.attributes import IMAGE_LOG_TAG
from cluster_provider.core.engine import EngineError
from cluster_provider.core.errors import (
    EngineFailed,
    ImageFailed,
    ImageRejected,
    InvalidProperty,
    NotOwner,
    ProviderError,
    VersionMismatch,
)
from cluster_provider.core.image_properties import CONFIGURATION
from cluster_provider.core.observed import ClusterStack, StackFailure


def rejection(error: EngineError, messages: Iterable[dict[str, str]], image_id: str) -> ProviderError:
    """Returns the error for a call that the engine refused before anything was changed."""
    return failures.naming_denials(_rejection(error, messages, image_id), error)


def _rejection(error: EngineError, messages: Iterable[dict[str, str]], image_id: str) -> ProviderError:
    message = failures.sentence(error.message)
    match error.code:
        case "ConfigurationInvalid":
            return InvalidProperty(CONFIGURATION, message)
        case "ClusterRejected":
            first, *others = failures.validation_texts(error, messages)
            return ImageRejected(CONFIGURATION, first, others=others)
        case "BadRequest":
            return ImageRejected(f"image {image_id}", message)
        case "VersionMismatch":
            return VersionMismatch(f"image {image_id}", message)
        case "AlreadyExists":
            return taken(image_id)
        case _:
            return EngineFailed(
                f"image {image_id}", message, "Nothing was changed. The engine's log group has the details."
            )


def failure(stack: ClusterStack, causes: tuple[StackFailure, ...]) -> ImageFailed:
    """Returns the error for an image without an AMI whose stack failed: the root cause and the log.

    Args:
        stack: The image's stack.
        causes: Its failed resources, oldest first.
    """
    logs = stack.tags.get(IMAGE_LOG_TAG, "")
    hint = f"The build's log: {logs}." if logs else ""
    return ImageFailed(f"image {stack.name}", failures.root_cause(stack, causes), hint)


def vanished(image_id: str) -> ImageFailed:
    """Returns the error for an image without an AMI, and without a stack that could still build one."""
    return ImageFailed(
        f"image {image_id}",
        "there is no AMI of it that belongs to this resource; it was deleted outside of this stack.",
        "Give ImageId another value to get a new image.",
    )


def taken(image_id: str) -> NotOwner:
    """Returns the error for the id of a new image that is in use."""
    return NotOwner(
        f"ImageId {image_id}",
        "an image or a stack of this name exists and was not made for this; it was not touched.",
        "Choose another id, or delete what has it first.",
    )


def changed(image_id: str) -> InvalidProperty:
    """Returns the error for an Update that would need another image."""
    return InvalidProperty(
        CONFIGURATION,
        f"image {image_id} is built, and a built image cannot be changed.",
        "Give ImageId another value to get a new image in its place, or put the old configuration back.",
    )
