"""Walks the library's marshmallow schema and states the same rules as JSON Schema (draft 2020-12).

The result names what a single value must look like: type, range, length, pattern, required and known
keys. Rules that relate several values (``validates_schema``, ``validates``) and validators written as
functions are left to the library, so the schema refuses nothing that the library accepts, but for two
things that the library swallows without a word: the fraction of a decimal number given for an integer,
and keys beside ``Sequence`` in a custom action.
"""

import re
from collections.abc import Iterable
from typing import Any

from marshmallow import Schema, fields, validate
from pcluster.schemas.cluster_schema import ClusterSchema, OneOrManyCustomActionField
from pcluster.utils import get_installed_version

JsonSchema = dict[str, Any]

#: Fields that the library leaves untyped, and what it does with them.
#: Source: pcluster/config/cluster_config.py, HeadNodeNetworking.headnode_elastic_ip (3.16.1).
RAW_FIELDS: dict[str, JsonSchema] = {"ElasticIp": {"type": ["boolean", "string"]}}

#: JSON Schema's name for each simple field of marshmallow. A ``Dict`` is free-form: any key, any value.
TYPES: dict[type[fields.Field], str] = {
    fields.Boolean: "boolean",
    fields.Dict: "object",
    fields.Float: "number",
    fields.Integer: "integer",
    fields.String: "string",
}


class UnknownConstructError(TypeError):
    """The library's schema uses a field or validator that this generator cannot translate."""


def configuration_schema() -> JsonSchema:
    """Returns the schema of the installed ParallelCluster version's cluster configuration.

    Raises:
        UnknownConstructError: The library's schema holds a construct not seen before.
    """
    version = get_installed_version()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:pcluster-cfn:configuration:{version}",
        "title": f"Cluster configuration of AWS ParallelCluster {version}",
        "x-booleans": {
            "true": _spellings(fields.Boolean.truthy),
            "false": _spellings(fields.Boolean.falsy),
        },
        **section(ClusterSchema(cluster_name="any")),
    }


def _spellings(values: Iterable[Any]) -> list[str]:
    return sorted(value for value in values if isinstance(value, str))


def section(schema: Schema) -> JsonSchema:
    """Returns the JSON Schema of one schema class and everything below it."""
    bound = sorted(schema.fields.values(), key=lambda field: str(field.data_key))
    required = [field.data_key for field in bound if field.required]
    return {
        "type": "object",
        "properties": {field.data_key: _property(field) for field in bound},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _property(field: fields.Field) -> JsonSchema:
    if field.allow_none:
        raise UnknownConstructError(f"{field.data_key} allows null")
    described = _field(field)
    for validator in field.validators:
        described |= _constraints(validator, described)
    policy = field.metadata.get("update_policy")
    if policy is not None:
        described["x-update-policy"] = policy.name
    if "update_key" in field.metadata:
        described["x-update-key"] = field.metadata["update_key"]
    return described


def _field(field: fields.Field) -> JsonSchema:
    # Subclasses come before their bases: OneOrManyCustomActionField is a Nested field.
    match field:
        case OneOrManyCustomActionField():
            return _one_or_many_scripts(section(field.schema))
        case fields.Nested():
            described = section(field.schema)
            return {"type": "array", "items": described} if field.many else described
        case fields.List():
            return {"type": "array", "items": _property(field.inner)}
        case fields.Raw() if field.data_key in RAW_FIELDS:
            return dict(RAW_FIELDS[field.data_key])
    for kind, name in TYPES.items():
        if isinstance(field, kind):
            return {"type": name}
    raise UnknownConstructError(f"field {field.data_key} of type {type(field).__name__}")


def _one_or_many_scripts(script: JsonSchema) -> JsonSchema:
    """One script's keys directly, or a list of scripts under ``Sequence``.

    Source: pcluster/schemas/cluster_schema.py, OneOrManyCustomActionField._deserialize (3.16.1).
    """
    return {
        "type": "object",
        "properties": {**script["properties"], "Sequence": {"type": "array", "items": script}},
        "oneOf": [{"required": ["Script"]}, {"required": ["Sequence"]}],
        "additionalProperties": False,
    }


def _constraints(validator: Any, described: JsonSchema) -> JsonSchema:
    match validator:
        case validate.And():
            merged: JsonSchema = {}
            for each in validator.validators:
                merged |= _constraints(each, described)
            return merged
        case validate.OneOf():
            return {"enum": list(validator.choices)}
        case validate.Range():
            return _range(validator)
        case validate.Length():
            return _length(validator, "Items" if described["type"] == "array" else "Length")
        case validate.Regexp():
            return {"pattern": _anchored(validator.regex)}
    if callable(validator) and not isinstance(validator, validate.Validator):
        return {}  # a function of the library; the library runs it
    raise UnknownConstructError(f"validator {type(validator).__name__}")


def _range(validator: validate.Range) -> JsonSchema:
    lowest = "minimum" if validator.min_inclusive else "exclusiveMinimum"
    highest = "maximum" if validator.max_inclusive else "exclusiveMaximum"
    return _known({lowest: validator.min, highest: validator.max})


def _length(validator: validate.Length, unit: str) -> JsonSchema:
    if validator.equal is not None:
        return {f"min{unit}": validator.equal, f"max{unit}": validator.equal}
    return _known({f"min{unit}": validator.min, f"max{unit}": validator.max})


def _known(limits: dict[str, Any]) -> JsonSchema:
    return {keyword: limit for keyword, limit in limits.items() if limit is not None}


def _anchored(regex: re.Pattern[Any]) -> str:
    """JSON Schema searches where marshmallow matches from the start of the text."""
    if regex.flags & ~re.UNICODE.value:
        raise UnknownConstructError(f"flags of the expression {regex.pattern}")
    pattern = str(regex.pattern)
    if all(alternative.startswith("^") for alternative in pattern.split("|")):
        return pattern
    return f"^(?:{pattern})"
