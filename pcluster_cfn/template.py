"""Templates that the command changes and passes on; what is not changed leaves as it came."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from yaml.nodes import MappingNode

from cfn_template.composing import compose
from cfn_template.limits import TemplateError
from cfn_template.nodes import child, empty_map, entries, scalar, serialize, value
from cluster_schema.limits import TEXT_MAX_BYTES
from pcluster_cfn.errors import CommandError


@dataclass(frozen=True)
class Resource:
    """One entry of a template's ``Resources``."""

    logical_id: str
    type: str
    properties: MappingNode


@dataclass(frozen=True)
class Parameter:
    """One entry of a template's ``Parameters``; ``default`` is None where the template has none."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Template:
    """A template's node tree, which its methods hand out for reading and changing in place."""

    root: MappingNode

    @staticmethod
    def parse(text: str, source: str) -> "Template":
        """Reads a template's text.

        Args:
            text: YAML or JSON.
            source: Where the text comes from, for error messages.

        Raises:
            CommandError: The text is no YAML, or is no CloudFormation template.
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
            CommandError: There is no such file, or it holds no template.
        """
        return Template.parse(read_text(path), str(path))

    def text(self) -> str:
        """Returns the template as YAML, as CloudFormation reads it: in block style, aliases written out."""
        return serialize(self.root)

    def resources(self) -> Iterator[Resource]:
        """Yields the resources in the order of the text."""
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
    """Whatever hands out bytes: an open file, or the body of an object in S3."""

    def read(self, amt: int, /) -> bytes:
        """Returns at most so many bytes, fewer only if there are no more."""


def read_text(path: Path) -> str:
    """Returns the text of a file that is a template or may be one.

    Raises:
        CommandError: There is no such file, it may not be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as opened:
            # One byte more than a template may have: a device without an end is left at that.
            return decode(opened.read(TEXT_MAX_BYTES + 1), f"template {path}")
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot read template {path}: {reason(error)}", "check the path") from error


def read_body(body: Readable, source: str) -> str:
    """Returns the text of an object in S3.

    Args:
        body: What ``get_object`` answers.
        source: What it is called in messages.

    Raises:
        CommandError: It is too large, or is not UTF-8.
    """
    return decode(body.read(TEXT_MAX_BYTES + 1), source)


def decode(content: bytes, source: str) -> str:
    """Returns bytes as text.

    Raises:
        CommandError: They are more than a template has, or not UTF-8.
    """
    if len(content) > TEXT_MAX_BYTES:
        raise CommandError(
            f"{source} has more than {TEXT_MAX_BYTES:,} bytes, CloudFormation's limit for a template",
            "make it smaller, or name a template",
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise CommandError(
            f"cannot read {source}: byte 0x{content[error.start]:02x} in line {line}, column {column} is not "
            "UTF-8, which CloudFormation reads",
            "save the file as UTF-8",
        ) from error


def reason(error: Exception) -> str:
    """Returns why the system refuses a path, in its own words and without Python's."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "no file can have that name"


#: Templates in each other, the outermost included. CloudFormation limits only how many changes all stacks
#: that are nested in one make at a time, to 2,500; nobody nests a tenth of this.
#: Source: CloudFormation quotas, "Maximum number of operations on nested stacks".
NESTING_MAX = 30


Chain = tuple[Path, ...]


def nested(chain: Chain, path: Path, place: str) -> Chain:
    """Returns a chain of templates that nest each other with one more at its end.

    Args:
        chain: Files of templates, the outermost first, as this function returned them; empty to begin with.
        path: The template that the last one nests.
        place: The property that names it, for messages.

    Raises:
        CommandError: It is in the chain already, or the chain gets too long.
    """
    resolved = path.resolve()
    if resolved in chain:
        circle = " nests ".join(each.name for each in (*chain[chain.index(resolved) :], resolved))
        raise CommandError(f"{place} makes a circle: {circle}", "name another template there")
    if len(chain) >= NESTING_MAX:
        raise CommandError(
            f"{place} nests a template more than {NESTING_MAX} deep", "nest less, or name an address in S3"
        )
    return (*chain, resolved)
