"""Lines by which a job of GitHub Actions shows a message at its place in a file."""

from typing import Literal

from cfn_template.limits import Place

Level = Literal["error", "warning", "notice"]


def annotation(level: Level, title: str, file: str, place: Place, message: str) -> str:
    """Returns the line that makes an annotation.

    Args:
        level: How much it weighs.
        title: Its title.
        file: The file, relative to the repository.
        place: The place in the file.
        message: The message; may have several lines.

    Source: GitHub documentation, "Workflow commands for GitHub Actions": setting a message; what
    ``@actions/core`` escapes in one.
    """
    where = {"file": file, "line": place.line, "col": place.column, "title": title}
    properties = ",".join(f"{name}={_escaped(str(value), ',:')}" for name, value in where.items())
    return f"::{level} {properties}::{_escaped(message)}"


def _escaped(text: str, further: str = "") -> str:
    """Returns a text with percent signs, line ends and further characters written as ``%XX``."""
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{further}" else each for each in text)
