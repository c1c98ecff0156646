"""The library's own rules between several values, as far as they need neither AWS nor a network.

The library registers its validators section by section, with arguments that it partly asks AWS for. Here a
stand-in takes the place of its AWS clients. What it answers is not known, it passes every use, and it counts
them: a validator is carried out only if nothing was asked for between the one before and this one, and what
it says counts only if it asked for nothing itself. So no verdict rests on an answer that nobody gave.
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

#: Validators with an argument of this name judge by the Region, which is not known before a deployment.
_REGION = "region"


class NotAskedError(Exception):
    """A validator asked AWS, which is not asked here."""


@dataclass
class Questions:
    """How often AWS, or the network, would have been asked; whether a question is an error."""

    count: int = 0
    refuse: bool = False

    def note(self) -> None:
        """Counts a question.

        Raises:
            NotAskedError: Questions are refused just now.
        """
        self.count += 1
        if self.refuse:
            raise NotAskedError("AWS is not asked")


class Unknown:
    """What nobody answered: it can be used like anything, and every use is counted."""

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
    """What the library says of a section.

    Args:
        path: The section, or the value, as a JSON Pointer.
        level: ``INFO``, ``WARNING`` or ``ERROR``.
        type: The validator.
        message: Its words.
    """

    path: str
    level: str
    type: str
    message: str


@dataclass
class Judgement:
    """What came of a configuration.

    Args:
        messages: What the library says.
        left_out: The validators that were not carried out, because they need AWS.
    """

    messages: list[Message] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)


def judge_offline(
    name: str, configuration: Configuration, suppressed: list[str], schema: Schema, questions: Questions
) -> Judgement:
    """Returns what the library says of a configuration without AWS.

    Args:
        name: The cluster's name.
        configuration: One that fits the schema.
        suppressed: As ``suppress_validators`` in docs/engine.md.
        schema: The schema of the library's version.
        questions: Counts what would have been asked.
    """
    with _no_aws(questions):
        try:
            config = ClusterSchema(cluster_name=name).load(configuration)
        except ValidationError as error:
            said = _flattened(error.messages, ())
            return Judgement(
                [Message(pointer(path), "ERROR", "ConfigSchemaValidator", text) for path, text in said]
            )
        judge = _Judge(questions, get_validator_suppressors(suppressed), failure_on(configuration))
        judge.section(config, (), schema, configuration)
        return judge.judgement


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


class _Judge:
    """Carries out the validators of a configuration, section by section."""

    def __init__(self, questions: Questions, suppressors: Any, failure: str) -> None:
        self.judgement = Judgement()
        self._questions = questions
        self._suppressors = suppressors
        self._failure = failure

    def section(self, section: Resource, path: Path, schema: Schema, written: Any) -> None:
        """Carries out the validators of a section and of everything in it.

        Args:
            section: The library's.
            path: Its place.
            schema: What the schema says of it.
            written: What the configuration has there.
        """
        for attribute, value in list(vars(section).items()):
            key = _key_of(attribute, schema, written)
            place = schema.get("properties", {}).get(key, {}) if key else {}
            items = value if isinstance(value, list) else [value]
            for number, item in enumerate(items):
                if isinstance(item, Resource):
                    steps = [] if key is None else [key, number] if value is items else [key]
                    inside = _at(written, steps) if steps else None
                    self.section(item, (*path, *steps), place.get("items", place), inside)
        for validator, arguments in self._registered(section):
            self._carry_out(validator, arguments, pointer(path))

    def _registered(self, section: Resource) -> list[tuple[type, dict[str, Any]]]:
        """The validators of a section whose arguments are known."""
        known: list[tuple[type, dict[str, Any]]] = []
        asked = self._questions.count

        def register(validator: type, **arguments: Any) -> None:
            nonlocal asked
            is_known = self._questions.count == asked and not _is_open(arguments)
            if is_known and not issubclass(validator, AsyncValidator):
                known.append((validator, arguments))
            else:
                self.judgement.left_out.add(validator.__name__)
            asked = self._questions.count

        vars(section)["_register_validator"] = register
        try:
            section._register_validators(ValidatorContext())  # noqa: SLF001 - what Resource.validate calls
        except Exception:
            if self._questions.count == asked:
                raise
            logger.debug("the validators of a section could not all be looked at", exc_info=True)
        finally:
            del vars(section)["_register_validator"]
        return known

    def _carry_out(self, kind: type, arguments: dict[str, Any], path: str) -> None:
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
                self.judgement.left_out.add(validator.type)
        finally:
            self._questions.refuse = False
        if self._questions.count != asked:
            self.judgement.left_out.add(validator.type)
            return
        for message, level in said:
            self.judgement.messages.append(Message(path, level.name, validator.type, message))


def _is_open(arguments: dict[str, Any]) -> bool:
    """Whether arguments hold something that nobody answered, or the Region."""
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
    """The key that the configuration has for an attribute of the library's section; None if it has none.

    Most attributes are named as their keys; ``queues`` is the one of SlurmQueues.
    """
    name = to_pascal_case(attribute.strip("_"))
    keys = [key for key in schema.get("properties", {}) if isinstance(written, dict) and key in written]
    found = [key for key in keys if key == name] or [key for key in keys if key.endswith(name)]
    return found[0] if len(found) == 1 else None


def _at(written: Any, steps: list[Any]) -> Any:
    """What the configuration has at a place; None where the library made up what it lacks."""
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
