"""Runs the library's validators that need neither AWS nor a network.

The library registers its validators section by section, with arguments that partly come from AWS. Here a
stand-in replaces its AWS clients. The stand-in accepts every use, answers with a value that is not known, and
counts. A validator runs only if nothing was asked while it was registered, and its messages count only if it
asked nothing itself. So no message rests on an unknown answer.
Source: pcluster/config/common.py, Resource.validate, and pcluster/aws/aws_api.py, AWSApi.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from marshmallow import ValidationError
from pcluster.api.controllers.common import get_validator_suppressors
from pcluster.aws.aws_api import AWSApi
from pcluster.config.common import Resource
from pcluster.schemas.cluster_schema import ClusterSchema
from pcluster.utils import to_pascal_case
from pcluster.validators.common import AsyncValidator, FailureLevel, ValidatorContext

from cluster_engine.library.faults import failure_on, is_python_s
from cluster_schema.conversion import Schema, pointer

logger = logging.getLogger(__name__)

Configuration = dict[str, Any]
Path = tuple[str | int, ...]

#: Validators with an argument of this name depend on the Region, which is not known before a deployment.
_REGION = "region"


class NotAskedError(Exception):
    """A validator would have called AWS."""


@dataclass
class Questions:
    """Counts the questions to AWS and the network that were not asked.

    Args:
        count: How many there were.
        refuse: Whether a question raises an error.
    """

    count: int = 0
    refuse: bool = False

    def note(self) -> None:
        """Counts a question.

        Raises:
            NotAskedError: ``refuse`` is set.
        """
        self.count += 1
        if self.refuse:
            raise NotAskedError("AWS is not asked")


class Unknown:
    """An answer that is not known. It can be used like any value, and counts every use."""

    def __init__(self, questions: Questions) -> None:
        self.__dict__["_questions"] = questions

    def _used(self, *_: Any, **__: Any) -> "Unknown":
        self.__dict__["_questions"].note()
        return self

    __getattr__ = __getitem__ = __call__ = _used
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __truediv__ = _used

    def _yes(self, *_: Any) -> bool:
        self._used()
        return True

    __bool__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _yes

    def __iter__(self) -> Iterator[Any]:
        """Has no items."""
        self._used()
        return iter(())

    def __hash__(self) -> int:
        """Is one value among others."""
        return id(self)


@dataclass(frozen=True)
class Message:
    """A message of a validator.

    Args:
        path: The section or the value that it is about, as a JSON Pointer.
        level: ``INFO``, ``WARNING`` or ``ERROR``.
        type: The validator.
        message: Its text.
    """

    path: str
    level: str
    type: str
    message: str


@dataclass
class Report:
    """The outcome for a configuration.

    Args:
        messages: The library's messages.
        left_out: The validators that did not run, because they need AWS.
    """

    messages: list[Message] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)


def validate_offline(
    name: str, configuration: Configuration, suppressed: list[str], schema: Schema, questions: Questions
) -> Report:
    """Returns the library's messages about a configuration, without AWS.

    Args:
        name: The cluster's name.
        configuration: A configuration that fits the schema.
        suppressed: As ``suppress_validators`` in docs/reference/engine.md.
        schema: The schema of the library's version.
        questions: Counts the questions to AWS that are not asked.
    """
    with _no_aws(questions):
        try:
            config = ClusterSchema(cluster_name=name).load(configuration)
        except ValidationError as error:
            said = _flattened(error.messages, ())
            return Report(
                [Message(pointer(path), "ERROR", "ConfigSchemaValidator", text) for path, text in said]
            )
        runner = _Runner(questions, get_validator_suppressors(suppressed), failure_on(configuration))
        runner.run(config, (), schema, configuration)
        return runner.report


@contextmanager
def _no_aws(questions: Questions) -> Iterator[None]:
    def refuse(**_: Any) -> None:
        questions.note()
        raise NotAskedError("AWS is not asked")

    AWSApi._instance = Unknown(questions)  # noqa: SLF001 - its only door
    # Some validators make clients of their own.
    boto3.DEFAULT_SESSION = boto3.Session()
    boto3.DEFAULT_SESSION.events.register("before-parameter-build", refuse)
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = None
        AWSApi.reset()


class _Runner:
    """Runs the validators of a configuration, section by section."""

    def __init__(self, questions: Questions, suppressors: Any, failure: str) -> None:
        self.report = Report()
        self._questions = questions
        self._suppressors = suppressors
        self._failure = failure

    def run(self, section: Resource, path: Path, schema: Schema, written: Any) -> None:
        """Runs the validators of a section and of the sections in it.

        Args:
            section: The library's object.
            path: Its place.
            schema: The schema of that place.
            written: The configuration at that place.
        """
        for attribute, value in list(vars(section).items()):
            key = _key_of(attribute, schema, written)
            place = schema.get("properties", {}).get(key, {}) if key else {}
            items = value if isinstance(value, list) else [value]
            for number, item in enumerate(items):
                if isinstance(item, Resource):
                    steps = [] if key is None else [key, number] if value is items else [key]
                    inside = _at(written, steps) if steps else None
                    self.run(item, (*path, *steps), place.get("items", place), inside)
        for validator, arguments in self._registered(section):
            self._validate(validator, arguments, pointer(path))

    def _registered(self, section: Resource) -> list[tuple[type, dict[str, Any]]]:
        """Returns the validators of a section whose arguments are known."""
        known: list[tuple[type, dict[str, Any]]] = []
        asked = self._questions.count

        def register(validator: type, **arguments: Any) -> None:
            nonlocal asked
            is_known = self._questions.count == asked and not _is_open(arguments)
            if is_known and not issubclass(validator, AsyncValidator):
                known.append((validator, arguments))
            else:
                self.report.left_out.add(validator.__name__)
            asked = self._questions.count

        vars(section)["_register_validator"] = register
        try:
            section._register_validators(ValidatorContext())  # noqa: SLF001 - what Resource.validate calls
        except Exception:
            if self._questions.count == asked:
                raise
            logger.debug("not all validators of a section could be registered", exc_info=True)
        finally:
            del vars(section)["_register_validator"]
        return known

    def _validate(self, kind: type, arguments: dict[str, Any], path: str) -> None:
        validator = kind()
        if any(suppressor.suppress_validator(validator) for suppressor in self._suppressors):
            return
        asked, self._questions.refuse = self._questions.count, True
        try:
            said = [(result.message, result.level) for result in validator.execute(**arguments)]
        except Exception as error:
            if self._questions.count == asked and is_python_s(error):
                logger.warning("validator %s failed", validator.type, exc_info=True)
                said = [(self._failure, FailureLevel.ERROR)]
            else:
                said = []
                self.report.left_out.add(validator.type)
        finally:
            self._questions.refuse = False
        if self._questions.count != asked:
            self.report.left_out.add(validator.type)
            return
        for message, level in said:
            self.report.messages.append(Message(path, level.name, validator.type, message))


def _is_open(arguments: dict[str, Any]) -> bool:
    """Whether arguments contain an unknown answer, or the Region."""
    return _REGION in arguments or any(_holds_unknown(value) for value in arguments.values())


def _holds_unknown(value: Any) -> bool:
    match value:
        case Unknown():
            return True
        case dict():
            return any(_holds_unknown(item) for pair in value.items() for item in pair)
        case list() | tuple() | set() | frozenset():
            return any(_holds_unknown(item) for item in value)
        case _:
            return False


def _key_of(attribute: str, schema: Schema, written: Any) -> str | None:
    """Returns the configuration's key for an attribute of the library's section; None if there is none.

    Most attributes are named after their keys; ``queues`` stands for SlurmQueues.
    """
    name = to_pascal_case(attribute.strip("_"))
    keys = [key for key in schema.get("properties", {}) if isinstance(written, dict) and key in written]
    found = [key for key in keys if key == name] or [key for key in keys if key.endswith(name)]
    return found[0] if len(found) == 1 else None


def _at(written: Any, steps: list[Any]) -> Any:
    """Returns the configuration's value at a place; None if the library added the section."""
    for step in steps:
        try:
            written = written[step]
        except (LookupError, TypeError):
            return None
    return written


def _flattened(messages: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yields the place and the text of each of marshmallow's messages."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _flattened(inner, path if key == "_schema" else (*path, key))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flattened(inner, path)
    else:
        yield path, str(messages)
