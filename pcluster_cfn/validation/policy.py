"""Rules of the user's own for clusters' configurations, written as JSON Schema."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import click
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError

from cluster_schema.conversion import UNKNOWN, pointer
from pcluster_cfn.errors import CommandError
from pcluster_cfn.template import read_text

#: Keywords that look at the keys of a map or at the length of a list, whatever the values are.
_OF_KEYS = frozenset({"required", "additionalProperties", "propertyNames", "dependentRequired", "minItems"})

policy_option = click.option(
    "--policy",
    "policies",
    type=click.Path(path_type=Path),
    multiple=True,
    help="File with rules of your own for configurations, as JSON Schema.",
)


class Policy:
    """Rules of one file.

    Args:
        schema: A JSON Schema of a cluster's configuration.
        source: Its file, for messages.
    """

    def __init__(self, schema: Mapping[str, Any], source: str) -> None:
        self._schema = schema
        self._source = source

    @classmethod
    def read(cls, path: Path) -> Self:
        """Returns the rules of a file, in YAML or JSON.

        Raises:
            CommandError: The file cannot be read, is no JSON Schema, or refers to another file.
        """
        try:
            schema = yaml.safe_load(read_text(path))
            if not isinstance(schema, dict):
                raise CommandError(f"{path} is not a map", "write a JSON Schema of the configuration")
            Draft202012Validator.check_schema(schema)
        except yaml.YAMLError as error:
            raise CommandError(f"{path} is neither YAML nor JSON: {error}", "correct it") from error
        except SchemaError as error:
            place = pointer(tuple(error.absolute_path)) or "/"
            raise CommandError(
                f"{path} is not a JSON Schema: {place}: {error.message}", "correct it"
            ) from error
        policy = cls(schema, str(path))
        for reference in _references(schema):
            if not policy._has(reference):
                raise CommandError(
                    f"{path} refers to {reference}",
                    "refer to a place under $defs of the same file: #/$defs/…",
                )
        return policy

    def findings(self, configuration: Any) -> Iterator[tuple[str, str]]:
        """Yields each broken rule as its place, a JSON Pointer, and a message.

        What depends on an unknown value is assumed to be right.

        Args:
            configuration: A configuration that fits its version's schema, with UNKNOWN for unknown values.
        """
        for error in Draft202012Validator(self._schema).iter_errors(configuration):
            if not _may_be_right(error):
                said = self._description(error) or error.message
                yield pointer(tuple(error.absolute_path)), f"{said} (rule of {self._source})"

    def _description(self, error: ValidationError) -> str:
        """Returns the innermost description on the way to the broken rule; empty if there is none."""
        node: Any = self._schema
        found = ""
        for part in error.absolute_schema_path:
            # jsonschema leaves $ref out of paths.
            while part not in node and "$ref" in node:
                node = self._referred(node["$ref"])
                found = node.get("description", found)
            node = node[part]
            if isinstance(node, dict):
                found = node.get("description", found)
        return str(found)

    def _has(self, reference: str) -> bool:
        try:
            return reference.startswith("#/") and self._referred(reference) is not None
        except (KeyError, TypeError, IndexError):
            return False

    def _referred(self, reference: str) -> Any:
        """Returns what a JSON Pointer within the file refers to."""
        node: Any = self._schema
        for part in reference.removeprefix("#").split("/")[1:]:
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node


def _may_be_right(error: ValidationError) -> bool:
    return error.instance is UNKNOWN or (error.validator not in _OF_KEYS and _has_unknown(error.instance))


def _has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_unknown(item) for item in value)
    return value is UNKNOWN


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)
