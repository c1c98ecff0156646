"""From the property ClusterConfiguration as it arrived to the configuration the library is given."""

import base64
import json
import zlib
from typing import Any

from cluster_engine.errors import ConfigurationInvalidError
from cluster_schema import fit
from cluster_schema.conversion import Detail, misfits
from cluster_schema.limits import TEXT_MAX_BYTES, UnreadableError
from cluster_schema.reading import json_value, value_of

Configuration = dict[str, Any]

#: Begins the keys of tags that are the library's own. Source: pcluster/constants.py, PCLUSTER_PREFIX.
RESERVED = "parallelcluster:"
#: What a property takes unpacked: the largest template, each byte of it escaped as JSON does at worst.
PROPERTY_MAX_BYTES = 6 * TEXT_MAX_BYTES
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
    """Returns the property as the provider packed it.

    Raises:
        ConfigurationInvalidError: It exceeds a limit, or has half of a character.
        ValueError: It is not packed as docs/engine.md says.
    """
    text = _unpacked(base64.b64decode(encoded, validate=True)).decode()
    try:
        return json_value(text)
    except UnreadableError as error:
        # The place would be one in the provider's JSON, which the author has never seen.
        raise _invalid_text(error.problem, value=_excerpt(text)) from error


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    unpacked = unpacking.decompress(packed, PROPERTY_MAX_BYTES)
    if unpacking.eof:
        return unpacked
    if len(unpacked) < PROPERTY_MAX_BYTES:
        raise ValueError("the configuration's end is missing")
    raise _invalid_text(
        f"it has more than {PROPERTY_MAX_BYTES:,} bytes, more than a template holds: make it smaller",
        value=_excerpt(unpacked[:80].decode("utf-8", "replace")),
    )


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
        ConfigurationInvalidError: The text is neither, exceeds a limit of docs/engine.md, has a key twice,
            or a value that cannot be or is in itself; says the line and column where there is one.
    """
    try:
        return value_of(text)
    except UnreadableError as error:
        raise _unreadable(text, error) from error


def _summary(found: list[Detail], what: str) -> str:
    first = found[0]
    hint = f" (did you mean {first['suggestion']}?)" if "suggestion" in first else ""
    others = f" {len(found) - 1} more value(s) do not fit." if len(found) > 1 else ""
    if "message" in first:
        return f"The configuration does not fit {what}: {first['path']}: {first['message']}{others}"
    return (
        f"The configuration does not fit {what}: {first['path'] or '/'} is "
        f"{first['value']}, expected {first['expected']}{hint}.{others}"
    )


def _unreadable(text: str, error: UnreadableError) -> ConfigurationInvalidError:
    if error.mark is None:
        return _invalid_text(error.problem, value=_excerpt(text))
    lines = text.splitlines()
    line = lines[error.mark.line] if error.mark.line < len(lines) else ""
    where = f"{error.problem}, line {error.mark.line + 1}, column {error.mark.column + 1}"
    return _invalid_text(where, value=_excerpt(line))


def _excerpt(text: str) -> str:
    """Returns the begin of a text as JSON that can be written as UTF-8, whatever is in it."""
    return json.dumps(text[:80], ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def _invalid_text(problem: str, *, value: str) -> ConfigurationInvalidError:
    detail = {"path": "", "value": value, "expected": f"YAML or JSON ({problem})"}
    return ConfigurationInvalidError(f"The configuration is not valid YAML or JSON: {problem}.", [detail])
