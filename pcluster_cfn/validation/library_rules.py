"""The library's own rules about several values together, checked without AWS by a program of the engine.

The library checks complete configurations. So unknown values are filled in several times, each time with
other values that the schema allows, and a mistake counts if the library reports it every time.
"""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Self

from cluster_schema import configuration_schema
from cluster_schema.conversion import UNKNOWN, Schema
from pcluster_cfn.validation.engine_program import installed_library, start

_PROGRAM = "cluster_engine.offline"
#: The library takes a few seconds to load, and less than one for a configuration.
_TIMEOUT_S = 120.0
_LEVELS = ("INFO", "WARNING", "ERROR")
#: Source: pcluster/api/openapi/openapi.yaml, validationFailureLevel.
_DEFAULT_LEVEL = "ERROR"
_UNKNOWN_NAME = "unknown-{}"
#: The validator that the library names if it cannot load a configuration.
#: Source: pcluster/models/cluster.py, Cluster._load_config.
_LOADING = "ConfigSchemaValidator"

#: Level of each message by its place, validator and text.
Messages = dict[tuple[str, str, str], str]


class LibraryRules:
    """A context in which the library can be asked. Its program starts at the first question.

    Args:
        installed: Returns the installed version of the library; None if it is not installed.

    Attributes:
        notes: Reasons why rules were not checked, each once.
    """

    def __init__(self, installed: Callable[[], str | None] = installed_library) -> None:
        self._installed = installed
        self.notes: dict[str, None] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Returns itself; the program is not started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the program."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def findings(
        self, configuration: Any, version: str, properties: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        """Yields each mistake that needs no AWS to be found, as its place and a message.

        Args:
            configuration: A configuration that fits the version's schema, with UNKNOWN for unknown values.
            version: ParallelCluster version of the configuration.
            properties: The resource's properties: its name, and which validators count.
        """
        answers: list[Messages] = []
        for turn, each in enumerate(self._samples(configuration, version, properties)):
            answer = self._ask(each, properties, turn)
            if answer is None:
                return
            answers.append(
                {(one["path"], one["type"], one["message"]): one["level"] for one in answer["messages"]}
            )
        least = _LEVELS.index(_known(properties.get("ValidationFailureLevel"), _DEFAULT_LEVEL))
        for (path, kind, message), level in _common(answers).items():
            if _LEVELS.index(level) >= least:
                yield path, f"{kind}: {message}"

    def _samples(self, configuration: Any, version: str, properties: Mapping[str, Any]) -> list[Any]:
        suppressed, installed = properties.get("SuppressValidators"), self._installed()
        filled = sample_configurations(configuration, version)
        if installed is None:
            self._note("the ParallelCluster library is not installed: pip install aws-parallelcluster")
        elif installed != version:
            self._note(f"a cluster is for ParallelCluster {version}; the installed version is {installed}")
        elif not filled or suppressed is UNKNOWN:
            self._note("parts of a configuration are unknown before the deployment")
        else:
            return filled
        return []

    def _note(self, reason: str) -> None:
        self.notes[f"rules about several values were not checked: {reason}"] = None

    def _ask(self, configuration: Any, properties: Mapping[str, Any], turn: int) -> Mapping[str, Any] | None:
        suppressed = properties.get("SuppressValidators") or []
        engine_request = {
            "cluster_name": _known(properties.get("ClusterName"), _UNKNOWN_NAME.format(turn)),
            "configuration": configuration,
            "suppress_validators": suppressed if isinstance(suppressed, list) else [suppressed],
        }
        process = self._started()
        watch = threading.Timer(_TIMEOUT_S, process.kill)
        watch.start()
        try:
            assert process.stdin is not None  # noqa: S101 - both are pipes
            assert process.stdout is not None  # noqa: S101
            process.stdin.write(json.dumps(engine_request, default=str) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watch.cancel()
        if not line:
            self._note("the library ended without an answer; PCLUSTER_CFN_DEBUG=1 shows its output")
            return None
        answer: Mapping[str, Any] = json.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = start(_PROGRAM)
        return self._process


def _common(answers: list[Messages]) -> Messages:
    """Returns the messages that the library gives for every sample.

    A sample that cannot be loaded has messages about that only. They count if no sample can be loaded.
    """
    loaded = [each for each in answers if not any(kind == _LOADING for _, kind, _ in each)]
    first, *others = loaded or answers or [{}]
    return {one: level for one, level in first.items() if all(one in other for other in others)}


def _known(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise


#: Number of samples with all values filled in: enough for both values of a boolean. One more omits them.
SAMPLES = 2
#: A number without a maximum is its minimum in one sample, and higher by this in another.
_SPREAD = 10_000
#: Texts for different patterns; the number makes each text unique.
_TEXTS = (
    "unknown-{0}",
    "unknown{0}",
    "subnet-{0:017x}",
    "sg-{0:017x}",
    "ami-{0:017x}",
    "vol-{0:017x}",
    "snap-{0:017x}",
    "fs-{0:017x}",
    "fsvol-{0:017x}",
    "fc-{0:017x}",
    "fsap-{0:017x}",
    "eipalloc-{0:017x}",
    "cr-{0:017x}",
    "lt-{0:017x}",
    "backup-{0:017x}",
    "arn:aws:iam::123456789012:policy/unknown-{0}",
    "arn:aws:iam::123456789012:role/unknown-{0}",
    "arn:aws:iam::123456789012:instance-profile/unknown-{0}",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:unknown-{0}",
    "s3://unknown-{0}/key",
    "https://unknown-{0}.example/key",
    "10.{0}.0.0/16",
    "/unknown/{0}",
    "1:{0:02d}:00",
    "{0:02d}:00",
    "{0}",
)


class _NoSampleError(Exception):
    """No known text or number fits the schema."""


def sample_configurations(configuration: Any, version: str) -> list[Any]:
    """Returns samples of a configuration with different values for its unknown ones.

    The last sample omits unknown values, where the schema allows it: a function may return AWS::NoValue. A
    configuration without unknown values is its own only sample.

    Args:
        configuration: A configuration that fits the version's schema, with UNKNOWN for unknown values.
        version: ParallelCluster version of the schema.

    Returns:
        The samples; none if an unknown value cannot be filled in.
    """
    if not _is_open(configuration):
        return [configuration]
    numbers = count(1)
    try:
        return [
            _sampled(configuration, configuration_schema(version), turn, numbers)
            for turn in range(SAMPLES + 1)
        ]
    except _NoSampleError:
        return []


def _is_open(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is UNKNOWN or any(_is_open(item) for item in items)


def _sampled(value: Any, schema: Schema, turn: int, numbers: Iterator[int]) -> Any:
    is_left_out = turn == SAMPLES
    items: Any
    match value:
        case dict():
            places, needed = schema.get("properties", {}), _needed(schema)
            kept = {key: item for key, item in value.items() if item is not UNKNOWN or key in needed}
            items = kept if is_left_out else value
            return {key: _sampled(item, places.get(key, {}), turn, numbers) for key, item in items.items()}
        case list():
            known = [item for item in value if item is not UNKNOWN]
            items = known if is_left_out and len(known) >= schema.get("minItems", 0) else value
            return [_sampled(item, schema.get("items", {}), turn, numbers) for item in items]
        case _:
            return _sample(schema, turn, numbers) if value is UNKNOWN else value


def _needed(schema: Schema) -> set[str]:
    """Returns the keys that a section requires, alternatives included."""
    alternatives = [key for choice in schema.get("oneOf", []) for key in choice["required"]]
    return {*schema.get("required", []), *alternatives}


def _sample(schema: Schema, turn: int, numbers: Iterator[int]) -> Any:
    if "enum" in schema:
        return schema["enum"][turn % len(schema["enum"])]
    named = schema.get("type", "string")
    match named if isinstance(named, str) else named[-1]:
        case "boolean":
            return bool(turn % 2)
        case "integer" | "number":
            return _number(schema, turn)
        case "array":
            return [
                _sample(schema.get("items", {}), turn, numbers) for _ in range(schema.get("minItems", 1) or 1)
            ]
        case "string":
            return _text(schema, next(numbers))
        case _:
            raise _NoSampleError  # a section, whose keys are unknown, too


def _number(schema: Schema, turn: int) -> int:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    highest = schema.get("maximum", schema.get("exclusiveMaximum", lowest + _SPREAD + 1) - 1)
    return int(highest if turn % SAMPLES else lowest)


def _text(schema: Schema, number: int) -> str:
    texts = (text.format(number) for text in _TEXTS)
    fitting = (text for text in texts if _allows(schema, text))
    found = next(fitting, None)
    if found is None:
        raise _NoSampleError
    return found


def _allows(schema: Schema, text: str) -> bool:
    within = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return within and re.search(schema.get("pattern", ""), text) is not None
