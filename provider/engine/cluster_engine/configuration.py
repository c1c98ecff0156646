"""Makes the library's configuration of the property ClusterConfiguration or ImageConfiguration."""

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

from cluster_engine.contract import ConfigurationInvalidError
from cluster_schema import accepting_versions, fit, in_words
from cluster_schema.conversion import Detail, misfits
from cluster_schema.limits import TEXT_MAX_BYTES, UnreadableError
from cluster_schema.reading import json_value, value_of

Configuration = dict[str, Any]

#: The prefix of the library's own tag keys. Source: pcluster/constants.py, PCLUSTER_PREFIX.
RESERVED = "parallelcluster:"
#: The largest property, unpacked: the largest template with every byte escaped as JSON does at worst.
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
#: The parts of an image's configuration with tags, which are merged here. The library checks the rest.
_TAGGED_PARTS = ("Build", "Image")
_IMAGE_TAGS = {"properties": {part: {"properties": {"Tags": _TAGS}} for part in _TAGGED_PARTS}}


def load(encoded: str, tags: dict[str, str], version: str) -> Configuration:
    """Returns the cluster configuration that the library is called with.

    CloudFormation turns the scalars of an object into text; the schema of the version restores their types. A
    text is read as YAML or JSON and keeps its values. Both must fit the schema.

    Args:
        encoded: Base64 of zlib of the property's JSON.
        tags: Added to ``Tags`` in the order of their keys, unless the configuration sets the same key.
        version: The ParallelCluster version whose schema applies.

    Raises:
        ConfigurationInvalidError: Something is not valid. The details name all of it.
    """
    return read(_decoded(encoded), tags, version)


def read(arrived: Any, tags: dict[str, str], version: str) -> Configuration:
    """Returns the configuration that the library is called with, as ``load`` does, from the property itself.

    Raises:
        ConfigurationInvalidError: Something is not valid. The details name all of it.
    """
    written = parse(arrived) if isinstance(arrived, str) else arrived
    typed = apply_types(written, version)
    return with_tags(written if isinstance(arrived, str) else typed, tags)


def load_image(encoded: str, tags: dict[str, str], owner_tags: dict[str, str]) -> Configuration:
    """Returns the image configuration that the library is called with.

    Here the library itself reads text as numbers and booleans, so no types are restored.

    Args:
        encoded: Base64 of zlib of the property's JSON.
        tags: Put on the build's resources and on the image, unless the configuration sets the same key.
        owner_tags: Put on the image; they override the configuration's.

    Raises:
        ConfigurationInvalidError: It is no map, neither YAML nor JSON, or its tags are not valid.
    """
    arrived = _decoded(encoded)
    written = parse(arrived) if isinstance(arrived, str) else arrived
    if not isinstance(written, dict):
        raise _invalid_text("a map is expected", value=json.dumps(written, default=str)[:80])
    wanted = {"Image": {}, **written}
    parts = {name: _tagged(wanted[name]) for name in _TAGGED_PARTS if isinstance(wanted.get(name), dict)}
    if found := misfits(parts, parts, _IMAGE_TAGS):
        raise ConfigurationInvalidError(_summary(found, "an image"), found)
    # The library refuses its own prefix in an image's configuration.
    added = {key: value for key, value in tags.items() if not key.startswith(RESERVED)}
    for name, part in parts.items():
        forced = owner_tags if name == "Image" else {}
        own = [tag for tag in part["Tags"] if tag["Key"] not in forced]
        wanted[name] = with_tags({**part, "Tags": own}, added | forced)
    return wanted


def _tagged(part: dict[str, Any]) -> dict[str, Any]:
    """Returns a part of an image's configuration with its list of tags, empty if it has none."""
    return part if part.get("Tags") is not None else {**part, "Tags": []}


def _decoded(encoded: str) -> Any:
    """Returns the property that the provider packed.

    Raises:
        ConfigurationInvalidError: It exceeds a limit, or has half of a character.
        ValueError: It is not packed as docs/reference/engine.md states.
    """
    text = _unpacked(base64.b64decode(encoded, validate=True)).decode()
    try:
        return json_value(text)
    except UnreadableError as error:
        # Its place is one in the provider's JSON, which the author has never seen.
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
        misfits_with_releases = list(_with_accepting_releases(written, fitted.misfits, version))
        raise ConfigurationInvalidError(
            _summary(misfits_with_releases, f"ParallelCluster {version}"), misfits_with_releases
        )
    return dict(fitted.typed)


def _with_accepting_releases(written: Any, refused: list[Detail], version: str) -> Iterator[Detail]:
    """Yields what a version refuses, with the releases that accept it in the words about it."""
    accepting = accepting_versions(written, refused, version)
    for detail in refused:
        said = "message" if "message" in detail else "expected"
        releases = in_words(accepting.get(detail["path"], ()))
        yield (
            {**detail, said: f"{detail[said]} (valid with PclusterVersion {releases})"}
            if releases
            else detail
        )


def with_tags(configuration: Configuration, tags: dict[str, str]) -> Configuration:
    """Returns the configuration with the tags it does not set itself."""
    own = configuration.get("Tags") or []
    taken = {tag["Key"] for tag in own}
    added = [{"Key": key, "Value": tags[key]} for key in sorted(tags) if key not in taken]
    return {**configuration, "Tags": [*own, *added]} if added else configuration


def parse(text: str) -> Any:
    """Returns the value of a YAML or JSON text, read as strictly as the library reads it.

    Raises:
        ConfigurationInvalidError: The text is neither, exceeds a limit of
            docs/reference/engine.md, repeats a key, or has a value that is not valid or
            contains itself. The message has the line and column if known.
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
    """Returns the start of a text as JSON that can be written as UTF-8, whatever it contains."""
    return json.dumps(text[:80], ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def _invalid_text(problem: str, *, value: str) -> ConfigurationInvalidError:
    detail = {"path": "", "value": value, "expected": f"YAML or JSON ({problem})"}
    return ConfigurationInvalidError(f"The configuration is not valid YAML or JSON: {problem}.", [detail])
