"""From the property ClusterConfiguration as it arrived to the configuration the library is given."""

import base64
import json
import zlib
from collections.abc import Hashable
from typing import Any

import yaml

from cluster_engine.errors import ConfigurationInvalidError
from cluster_schema import fit
from cluster_schema.conversion import Detail, misfits

Configuration = dict[str, Any]

#: Begins the keys of tags that are the library's own. Source: pcluster/constants.py, PCLUSTER_PREFIX.
RESERVED = "parallelcluster:"
#: Lists and maps within each other. No configuration needs a fifth of it; all that reads one copes with it.
DEPTH_MAX = 100
_TAGS = {
    "type": "array",
    "x-expected": "a list of maps with Key and Value",
    "items": {
        "type": "object",
        "x-expected": "a map with Key and Value",
        "additionalProperties": False,
        "required": ["Key", "Value"],
        "properties": {"Key": {"type": "string"}, "Value": {"type": "string"}},
    },
}
#: Where an image's configuration has tags, which are merged with others here; the rest is the library's.
_TAGGED_PARTS = ("Build", "Image")
_IMAGE_TAGS = {"properties": {part: {"properties": {"Tags": _TAGS}} for part in _TAGGED_PARTS}}


def load(encoded: str, tags: dict[str, str], version: str) -> Configuration:
    """Returns the configuration the library is called with.

    An object gets its types back from the schema of the version, because CloudFormation has turned its
    scalars into text. A text is read as YAML or JSON and keeps its values; it has to fit the schema too.

    Args:
        encoded: Base64 of zlib of the property's JSON.
        tags: Added to ``Tags`` unless the configuration sets the same key, in the order of their keys.
        version: The ParallelCluster version whose schema applies.

    Raises:
        ConfigurationInvalidError: With everything found wrong, at once.
    """
    return read(_decoded(encoded), tags, version)


def read(arrived: Any, tags: dict[str, str], version: str) -> Configuration:
    """Returns the configuration the library is called with, as ``load`` does, from the property itself.

    Raises:
        ConfigurationInvalidError: With everything found wrong, at once.
    """
    written = parse(arrived) if isinstance(arrived, str) else arrived
    typed = apply_types(written, version)
    return with_tags(written if isinstance(arrived, str) else typed, tags)


def load_image(encoded: str, tags: dict[str, str], owner_tags: dict[str, str]) -> Configuration:
    """Returns the image configuration the library is called with.

    The library itself reads text as numbers and booleans here, so there is nothing to type back.

    Args:
        encoded: Base64 of zlib of the property's JSON.
        tags: Put on what the build makes and on the image, unless the configuration sets the same key.
        owner_tags: Put on the image, whatever the configuration says.

    Raises:
        ConfigurationInvalidError: It is no map, neither YAML nor JSON, or its tags are not tags.
    """
    arrived = _decoded(encoded)
    written = parse(arrived) if isinstance(arrived, str) else arrived
    if not isinstance(written, dict):
        raise _invalid_text("a map is expected", value=json.dumps(written, default=str)[:80])
    wanted = {"Image": {}, **written}
    parts = {name: _tagged(wanted[name]) for name in _TAGGED_PARTS if isinstance(wanted.get(name), dict)}
    if found := misfits(parts, parts, _IMAGE_TAGS):
        raise ConfigurationInvalidError(_summary(found, "an image"), found)
    # What the library reserves for itself, it refuses in an image's configuration.
    added = {key: value for key, value in tags.items() if not key.startswith(RESERVED)}
    for name, part in parts.items():
        forced = owner_tags if name == "Image" else {}
        own = [tag for tag in part["Tags"] if tag["Key"] not in forced]
        wanted[name] = with_tags({**part, "Tags": own}, added | forced)
    return wanted


def _tagged(part: dict[str, Any]) -> dict[str, Any]:
    """Returns a part of an image's configuration with a list of tags, where it has none with an empty one."""
    return part if part.get("Tags") is not None else {**part, "Tags": []}


def _decoded(encoded: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(encoded, validate=True)))


def apply_types(written: Any, version: str) -> Configuration:
    """Returns the configuration with text converted to the types of the version's schema.

    Raises:
        ConfigurationInvalidError: A value does not fit; each is named by path, value and expectation.
    """
    fitted = fit(written, version)
    if fitted.misfits:
        raise ConfigurationInvalidError(
            _summary(fitted.misfits, f"ParallelCluster {version}"), fitted.misfits
        )
    return dict(fitted.typed)


def with_tags(configuration: Configuration, tags: dict[str, str]) -> Configuration:
    """Returns the configuration with the tags it does not set itself."""
    own = configuration.get("Tags") or []
    taken = {tag["Key"] for tag in own}
    added = [{"Key": key, "Value": tags[key]} for key in sorted(tags) if key not in taken]
    return {**configuration, "Tags": [*own, *added]} if added else configuration


def parse(text: str) -> Any:
    """Returns the value of a YAML or JSON text, read as safely and as strictly as the library reads it.

    Raises:
        ConfigurationInvalidError: The text is neither, or a key is there twice, or a value cannot be, or is
            in itself; says the line and column where there is one.
    """
    try:
        value = _value_of(text)
    except yaml.YAMLError as error:
        raise _unreadable(text, error) from error
    except RecursionError as error:
        raise _too_deep(text) from error
    if not _is_shallow(value):
        raise _too_deep(text)
    return value


def _value_of(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except ValueError:
        pass  # not JSON, or a number of thousands of digits: then it has to be YAML, which knows the line
    return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader


def _is_shallow(value: Any) -> bool:
    """Whether a value ends within the permitted depth; one that an alias puts into itself never does."""
    level = [value]
    for _ in range(DEPTH_MAX):
        inner = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        level = list({id(item): item for item in inner}.values())
        if not level:
            return True
    return False


def _summary(found: list[Detail], what: str) -> str:
    first = found[0]
    hint = f" (did you mean {first['suggestion']}?)" if "suggestion" in first else ""
    others = f" {len(found) - 1} more value(s) do not fit." if len(found) > 1 else ""
    return (
        f"The configuration does not fit {what}: {first['path'] or '/'} is "
        f"{first['value']}, expected {first['expected']}{hint}.{others}"
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _invalid_text(f"the key {key} is there twice", value=json.dumps(key))
        found[key] = value
    return found


#: What PyYAML's constructors stumble over, as in 2026-31-12, 0b_ and !!int ''; they say nothing of the place.
_SCALAR_ERRORS = (ArithmeticError, AttributeError, LookupError, ValueError)
_KINDS = {"timestamp": "date", "int": "whole number", "float": "number", "bool": "boolean"}


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, as the library does. Source: pcluster/utils.py, yaml_load.

    A scalar that looks like a date or a number and is none is refused as YAML is, with its place.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except _SCALAR_ERRORS as error:
            if not isinstance(node, yaml.ScalarNode):
                raise
            kind = _KINDS.get(node.tag.rpartition(":")[2], "value")
            problem = f"{node.value[:40]} is read as a {kind} and is none: quote it if it is meant as text"
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # may be there once per mapping it merges
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # the base class refuses it
            if key in seen:
                problem = f"the key {key} is there twice"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _construct_map(loader: Any, node: Any) -> Any:
    return loader.construct_yaml_map(node)


# The library replaces this constructor for every SafeLoader of the process; this loader keeps its own.
# Source: pcluster/utils.py, yaml_load.
_StrictLoader.add_constructor("tag:yaml.org,2002:map", _construct_map)


def _too_deep(text: str) -> ConfigurationInvalidError:
    problem = f"lists and maps are more than {DEPTH_MAX} deep in each other"
    return _invalid_text(problem, value=json.dumps(text[:80], ensure_ascii=False))


def _unreadable(text: str, error: yaml.YAMLError) -> ConfigurationInvalidError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    if mark is None:
        return _invalid_text(problem, value=json.dumps(text[:80], ensure_ascii=False))
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    where = f"{problem}, line {mark.line + 1}, column {mark.column + 1}"
    return _invalid_text(where, value=json.dumps(line[:80], ensure_ascii=False))


def _invalid_text(problem: str, *, value: str) -> ConfigurationInvalidError:
    detail = {"path": "", "value": value, "expected": f"YAML or JSON ({problem})"}
    return ConfigurationInvalidError(f"The configuration is not valid YAML or JSON: {problem}.", [detail])
