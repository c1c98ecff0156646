"""Walks the library's marshmallow schema and states the same rules as JSON Schema (draft 2020-12).

The schema constrains single values: type, range, length, pattern, required and known keys. Rules between
several values (``validates_schema``, ``validates``) and validators that are functions are left to the
library. So the schema refuses nothing that the library accepts, with two exceptions: what the library drops
silently (the fraction of a number given for an integer, and keys beside ``Sequence`` in a custom action), and
what CloudFormation refuses of the stack (``STACK_RULES``). If the library has its own message for a broken
rule, the schema has it, too.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from pcluster.schemas.cluster_schema import ClusterSchema, OneOrManyCustomActionField
from pcluster.utils import get_installed_version

JsonSchema = dict[str, Any]

#: Fields without a type in the library, and the types that it accepts.
#: Source: pcluster/config/cluster_config.py, HeadNodeNetworking.headnode_elastic_ip (3.16.1).
RAW_FIELDS: dict[str, JsonSchema] = {"ElasticIp": {"type": ["boolean", "string"]}}

#: Rules that only CloudFormation has, by place: about tags of the cluster's stack, and about the nested stack
#: of login nodes, which has no resource without a pool. Source: CloudFormation API reference, Tag;
#: CloudFormation user guide, "Resources": at least one.
STACK_RULES: dict[tuple[str, ...], JsonSchema] = {
    ("Tags", "Key"): {
        "minLength": 1,
        "pattern": "^(?![aA][wW][sS]:)",
        "x-expected": "text of 1 to 128 characters that does not begin with aws:, which AWS reserves",
    },
    ("Tags", "Value"): {"minLength": 1},
    ("LoginNodes", "Pools"): {"minItems": 1},
}

#: JSON Schema's name for each simple field of marshmallow. A ``Dict`` is free-form: any key, any value.
TYPES: dict[type[fields.Field], str] = {
    fields.Boolean: "boolean",
    fields.Dict: "object",
    fields.Float: "number",
    fields.Integer: "integer",
    fields.String: "string",
}

#: Source: marshmallow, Schema.error_messages.
_UNKNOWN = Schema().error_messages["unknown"]


class UnknownConstructError(TypeError):
    """The library's schema uses a field or validator that this generator cannot translate."""


def configuration_schema() -> JsonSchema:
    """Returns the schema of the installed ParallelCluster version's cluster configuration.

    Raises:
        UnknownConstructError: The library's schema has an unknown construct.
    """
    version = get_installed_version()
    whole = section(ClusterSchema(cluster_name="any"))
    for path, rules in STACK_RULES.items():
        _place(whole, path).update(rules)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:pcluster-cfn:configuration:{version}",
        "title": f"Cluster configuration of AWS ParallelCluster {version}",
        "x-booleans": {
            "true": _spellings(fields.Boolean.truthy),
            "false": _spellings(fields.Boolean.falsy),
        },
        **whole,
    }


def _place(schema: JsonSchema, path: tuple[str, ...]) -> JsonSchema:
    """Returns the schema of a key; an unused one if the version does not have the key."""
    for key in path:
        schema = schema.get("items", schema).get("properties", {}).get(key, {})
    return schema


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
        **_messages_of_unknown_keys(schema),
    }


def _messages_of_unknown_keys(schema: Schema) -> JsonSchema:
    """Returns the library's own messages about keys that this section does not have (any more).

    The messages are made by code, so it is run for every key that a configuration can have anywhere.
    """
    if type(schema).handle_error is Schema.handle_error:
        return {}
    said = {key: _said_of_unknown(schema, key) for key in sorted(_all_keys() - set(_keys_of(schema)))}
    own = {key: text for key, text in said.items() if text != _UNKNOWN}
    return {"x-unknown-keys": own} if own else {}


def _said_of_unknown(schema: Schema, key: str) -> str:
    error = ValidationError({key: [_UNKNOWN]})
    try:
        schema.handle_error(error, {key: ""}, many=False, partial=False)
    except ValidationError as raised:
        error = raised
    messages = error.messages_dict[key]
    return " ".join(str(message) for message in messages)


@cache
def _all_keys() -> frozenset[str]:
    return frozenset(_keys_below(ClusterSchema(cluster_name="any")))


def _keys_below(schema: Schema) -> Iterator[str]:
    for field in schema.fields.values():
        yield str(field.data_key)
        if isinstance(field, fields.Nested):
            yield from _keys_below(field.schema)


def _keys_of(schema: Schema) -> Iterator[str]:
    return (str(field.data_key) for field in schema.fields.values())


def _property(field: fields.Field) -> JsonSchema:
    if field.allow_none:
        raise UnknownConstructError(f"{field.data_key} allows null")
    described = _field(field)
    messages: dict[str, str] = {}
    for validator in field.validators:
        described |= _constraints(validator, described)
        messages |= _own_messages(validator, described)
    if messages:
        described["x-messages"] = messages
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


def _own_messages(validator: Any, described: JsonSchema) -> dict[str, str]:
    """Returns the library's own message for each broken rule that has one."""
    if isinstance(validator, validate.And):
        parts = [_own_messages(each, described) for each in validator.validators]
        return {keyword: text for part in parts for keyword, text in part.items()}
    message = getattr(validator, "error", None)
    if not message or message == getattr(validator, "default_message", None):
        return {}
    return dict.fromkeys(_constraints(validator, described), str(message))


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
    """Returns a pattern that is anchored: JSON Schema searches, and marshmallow matches from the start."""
    if regex.flags & ~re.UNICODE.value:
        raise UnknownConstructError(f"flags of the expression {regex.pattern}")
    pattern = str(regex.pattern)
    if all(alternative.startswith("^") for alternative in pattern.split("|")):
        return pattern
    return f"^(?:{pattern})"
