"""Template files: read within limits, changed in place, and written with everything else as it was."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from weakref import WeakKeyDictionary

from yaml.nodes import MappingNode

from cfn_template.composing import compose
from cfn_template.limits import TEXT_MAX_BYTES, TemplateError
from cfn_template.nodes import child, empty_map, entries, scalar, serialize, value
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import STANDARD_INPUT


@dataclass(frozen=True)
class Resource:
    """One entry of a template's ``Resources``."""

    logical_id: str
    type: str
    properties: MappingNode


#: Type of a nested stack.
NESTED_STACK = "AWS::CloudFormation::Stack"


def is_custom(kind: str) -> bool:
    """Whether a resource of a type is a custom resource."""
    return kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"


@dataclass(frozen=True)
class Parameter:
    """One entry of a template's ``Parameters``; ``default`` is None where the template has none."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Template:
    """A template as a tree of nodes, which callers read and change in place."""

    root: MappingNode

    @staticmethod
    def parse(text: str, source: str) -> "Template":
        """Reads a template's text.

        Args:
            text: YAML or JSON.
            source: The text's origin, for error messages.

        Raises:
            CommandError: The text is not YAML, or not a CloudFormation template.
        """
        try:
            root = compose(text)
        except TemplateError as error:
            if error.place is None:
                raise CommandError(f"{source}: {error.problem}", "a template is YAML or JSON text") from error
            where = f"{source}:{error.place.line}:{error.place.column}"
            raise CommandError(f"{where}: {error.problem}", "fix the text there") from error
        if not isinstance(root, MappingNode) or not isinstance(child(root, "Resources"), MappingNode):
            raise CommandError(f"{source} has no Resources", "give the path of a CloudFormation template")
        return Template(root)

    @staticmethod
    def read(path: Path) -> "Template":
        """Reads a template file.

        Raises:
            CommandError: The file does not exist, or is not a template.
        """
        return Template.parse(read_text(path), str(path))

    def text(self) -> str:
        """Returns the template as YAML that CloudFormation reads: block style, aliases written out."""
        return serialize(self.root)

    def resources(self) -> Iterator[Resource]:
        """Yields the resources in their order in the text."""
        for logical_id, node in entries(child(self.root, "Resources")):
            properties = child(node, "Properties")
            yield Resource(
                logical_id,
                scalar(child(node, "Type")) or "",
                properties if isinstance(properties, MappingNode) else empty_map(),
            )

    def parameters(self) -> dict[str, Parameter]:
        """Returns the template's parameters by name."""
        return {
            name: Parameter(name, scalar(child(node, "Type")) or "String", value(child(node, "Default")))
            for name, node in entries(child(self.root, "Parameters"))
        }


class Readable(Protocol):
    """A source of bytes: an open file, or the body of an object in S3."""

    def read(self, amt: int, /) -> bytes:
        """Returns at most ``amt`` bytes; fewer only at the end."""


def read_text(path: Path) -> str:
    """Returns the text of a template file, or of standard input for ``-``.

    Raises:
        CommandError: The file does not exist, cannot be read, is too large, or is not UTF-8.
    """
    if path == STANDARD_INPUT:
        return decode(_standard_input(), "the template from standard input")
    try:
        with path.open("rb") as opened:
            # One byte more than a template may have, so that an endless device is not read on.
            return decode(opened.read(TEXT_MAX_BYTES + 1), f"template {path}")
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot read template {path}: {reason(error)}", "check the path") from error


#: A stream can be read only once, but commands read their template several times.
_READ_STREAMS: "WeakKeyDictionary[IO[bytes], bytes]" = WeakKeyDictionary()


def _standard_input() -> bytes:
    stream = sys.stdin.buffer
    if stream not in _READ_STREAMS:
        # One byte more than a template may have, so that an endless stream is not read on.
        _READ_STREAMS[stream] = stream.read(TEXT_MAX_BYTES + 1)
    return _READ_STREAMS[stream]


def read_body(body: Readable, source: str) -> str:
    """Returns the text of an object in S3.

    Args:
        body: The body that ``get_object`` returns.
        source: The object's name in messages.

    Raises:
        CommandError: The object is too large, or is not UTF-8.
    """
    return decode(body.read(TEXT_MAX_BYTES + 1), source)


def decode(content: bytes, source: str) -> str:
    """Returns UTF-8 bytes as text.

    Raises:
        CommandError: There are more bytes than a template may have, or they are not UTF-8.
    """
    if len(content) > TEXT_MAX_BYTES:
        raise CommandError(
            f"{source} has more than {TEXT_MAX_BYTES:,} bytes, CloudFormation's limit for a template",
            "make it smaller, or give the path of a template",
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise CommandError(
            f"cannot read {source}: byte 0x{content[error.start]:02x} in line {line}, column {column} is not "
            "UTF-8",
            "save the file as UTF-8",
        ) from error


def reason(error: Exception) -> str:
    """Returns the operating system's reason for refusing a path, without Python's own words."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "it is not a valid file name"


#: Levels of nested templates, the outermost included. CloudFormation limits the operations of all nested
#: stacks together, to 2,500, and not the levels. Templates in use have two or three.
#: Source: CloudFormation quotas, "Maximum number of operations on nested stacks".
NESTING_MAX = 30


Chain = tuple[Path, ...]


def extend_chain(chain: Chain, path: Path, place: str) -> Chain:
    """Returns a chain of nested templates, extended by one.

    Args:
        chain: Files of templates that nest each other, the outermost first; empty for the first one.
        path: The template that the last one nests.
        place: The property that names ``path``, for messages.

    Raises:
        CommandError: The template is in the chain already, or the chain gets too long.
    """
    resolved = path.resolve()
    if resolved in chain:
        circle = " nests ".join(each.name for each in (*chain[chain.index(resolved) :], resolved))
        raise CommandError(f"{place} makes a circle: {circle}", "name another template there")
    if len(chain) >= NESTING_MAX:
        raise CommandError(
            f"{place} nests a template more than {NESTING_MAX} deep",
            "nest fewer levels, or give an address in S3",
        )
    return (*chain, resolved)
