"""The errors of docs/engine.md: what the engine answers instead of a cluster."""

from collections.abc import Sequence
from typing import Any, Literal

Code = Literal[
    "ConfigurationInvalid",
    "ClusterRejected",
    "UpdateRejected",
    "NoChanges",
    "AlreadyExists",
    "NotFound",
    "VersionMismatch",
    "ClusterBusy",
    "OtherOwner",
    "Throttled",
    "Fenced",
    "BadRequest",
    "Internal",
]


class EngineError(Exception):
    """The call cannot be carried out; the code says whose fault it is and what may come next.

    Args:
        code: One of the codes of docs/engine.md.
        message: Sentences for the template's author.
        details: Objects whose keys docs/engine.md states per code.
        validation_messages: The messages of the library's validators, all levels.
        change_set: What an update would change.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        details: Sequence[dict[str, Any]] = (),
        validation_messages: Sequence[dict[str, Any]] = (),
        change_set: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
        self.details = list(details)
        self.validation_messages = list(validation_messages)
        self.change_set = list(change_set)


class ConfigurationInvalidError(EngineError):
    """The configuration is not YAML or JSON, or does not fit the schema; nothing was asked of AWS."""

    def __init__(self, message: str, details: Sequence[dict[str, Any]]) -> None:
        super().__init__("ConfigurationInvalid", message, details=details)
