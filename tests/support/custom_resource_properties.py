"""Configurations as CloudFormation delivers them to a custom resource."""

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

#: Small configurations written for these tests, one feature each.
CONFIGURATIONS = Path(__file__).parent / "configurations"


def load(name: str) -> dict[str, Any]:
    """Returns one of the configurations, typed."""
    loaded: dict[str, Any] = yaml.safe_load((CONFIGURATIONS / name).read_text(encoding="utf-8"))
    return loaded


def scalars(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yields every scalar of a value with its path."""
    match value:
        case dict():
            for key, item in value.items():
                yield from scalars(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                yield from scalars(item, (*path, index))
        case _:
            yield path, value


def stringified(value: Any) -> Any:
    """Returns the value with every scalar turned into text, as CloudFormation does at any depth.

    Source: aws-cloudformation/cloudformation-coverage-roadmap issue 1037.
    """
    match value:
        case dict():
            return {key: stringified(item) for key, item in value.items()}
        case list():
            return [stringified(item) for item in value]
        case str():
            return value
        case _:
            return json.dumps(value)


def encoded(configuration: Any) -> str:
    """Returns the property as a call carries it. Source: docs/reference/engine.md."""
    return base64.b64encode(zlib.compress(json.dumps(configuration).encode())).decode()
