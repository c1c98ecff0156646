"""Replaces the text of Python errors in the library's messages by sentences for the template's author.

If a validator fails with an exception, the library shows the exception's text as the validator's message.
Only its log shows that the validator failed. Source: pcluster/config/common.py,
Resource._validator_execute_sync.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pcluster.utils import get_installed_version

from cluster_engine.contract import EngineError

Configuration = dict[str, Any]

#: Errors whose texts mean nothing to an author of a template; other errors have texts written for people.
_PYTHONS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
#: Texts of such errors in messages that a validator made of them itself.
_PYTHONS_WORDS = re.compile(
    r"index out of range|pop from empty|is an empty sequence|"
    r"object (has no attribute|is not|does not support)"
)
_LOGGER = logging.getLogger("pcluster.config.common")
_FAILED = "Validator %s unexpected failure: %s"


class ValidatorFailures(logging.Filter):
    """Records the validators that failed, and keeps records below the logger's own level out of the log."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level
        self._found: set[tuple[str, str]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether the record is logged."""
        if record.msg == _FAILED and isinstance(record.args, tuple):
            validator, error = record.args
            if isinstance(error, _PYTHONS):
                self._found.add((str(validator), str(error)))
                _LOGGER.warning("validator %s failed", validator, exc_info=error)
        return record.levelno >= self._level

    def is_failure(self, message: dict[str, Any]) -> bool:
        """Returns whether a validator's message is the text of a Python error."""
        failed = (message["type"], message["message"]) in self._found
        return failed or _PYTHONS_WORDS.search(message["message"]) is not None

    def in_words(self, messages: list[dict[str, Any]], configuration: Configuration) -> list[dict[str, Any]]:
        """Returns validators' messages, with a readable one for each validator that failed.

        Args:
            messages: The library's messages.
            configuration: The configuration that was validated.
        """
        fault = failure_on(configuration)
        return [
            {**message, "message": fault} if self.is_failure(message) else message for message in messages
        ]


@contextmanager
def noted_failures() -> Iterator[ValidatorFailures]:
    """Records the validators that fail in its context."""
    level, before = _LOGGER.getEffectiveLevel(), _LOGGER.level
    failures = ValidatorFailures(level)
    _LOGGER.setLevel(logging.DEBUG)
    _LOGGER.addFilter(failures)
    try:
        yield failures
    finally:
        _LOGGER.removeFilter(failures)
        _LOGGER.setLevel(before)


def refused_for_emptiness(
    refusal: EngineError, wanted: Configuration, stored: Configuration
) -> EngineError | None:
    """Returns the refusal of an update on which a validator fails, with the lists that the update empties.

    Args:
        refusal: The validators' refusal.
        wanted: The wanted configuration.
        stored: The cluster's configuration.

    Returns:
        The refusal; None if the update empties no list.
    """
    before = dict(lists(stored))
    emptied = [(path, before[path]) for path, _ in empty_lists(wanted) if before.get(path)]
    if not emptied:
        return None
    details = [
        {
            "parameter": ".".join(path),
            "currentValue": str(items),
            "requestedValue": "[]",
            "message": f"{fault_here()}: it fails where this is empty. Keep at least one item",
            "cure": "",
        }
        for path, items in emptied
    ]
    changes = [
        {key: detail[key] for key in ("parameter", "currentValue", "requestedValue")} for detail in details
    ]
    return EngineError(
        "UpdateRejected",
        refusal.message,
        details=details,
        validation_messages=refusal.validation_messages,
        change_set=changes,
    )


def fault_here() -> str:
    """Returns the start of a sentence about a fault of the library."""
    return f"ParallelCluster {get_installed_version()} has a fault here"


def failure_on(configuration: Configuration) -> str:
    """Returns the message for a validator that failed on a configuration."""
    empty = [".".join(path) for path, _ in empty_lists(configuration)]
    kind = f"in which {' and '.join(empty)} is empty: give it an item" if empty else "like this one"
    return f"{fault_here()}: this validator fails on a configuration {kind}."


def is_python_s(error: BaseException) -> bool:
    """Returns whether the text of an error means nothing to an author of a template."""
    return isinstance(error, _PYTHONS)


def without_python(message: str, causes: Iterator[BaseException]) -> str:
    """Returns a message of the library without the text of a Python error.

    Args:
        message: The library's message.
        causes: The exception that it raised, and its causes.
    """
    for cause in causes:
        if is_python_s(cause) and str(cause) in message:
            kind = type(cause).__name__
            fault = f"{fault_here()} ({kind}); the engine's log has the details"
            return message.replace(str(cause), fault) if str(cause) else fault
    return message


def empty_lists(configuration: Configuration) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yields every empty list with its place, as the library names places."""
    return ((path, items) for path, items in lists(configuration) if not items)


def lists(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yields every list with its place, as the library names places: items of a list by name."""
    match value:
        case dict():
            for key, item in value.items():
                yield from lists(item, (*path, str(key)))
        case list():
            yield path, value
            for place, item in enumerate(value):
                name = item.get("Name", place) if isinstance(item, dict) else place
                yield from lists(item, (*path[:-1], f"{path[-1]}[{name}]"))
