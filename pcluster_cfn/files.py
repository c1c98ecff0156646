"""Files and objects that somebody else wrote, read as text and no further than a template goes."""

import os
from pathlib import Path
from typing import Protocol

from cluster_schema.limits import TEXT_MAX_BYTES
from pcluster_cfn.errors import CommandError


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
