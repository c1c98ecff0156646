"""The text of a template, JSON or YAML with short forms, as plain data."""

from typing import Any

from cfn_template.limits import TemplateError
from cfn_template.reading import read_plain
from localcloud.cloudformation.errors import ValidationError


def parse(text: str) -> dict[str, Any]:
    """Reads a template.

    Args:
        text: JSON or YAML.

    Raises:
        ValidationError: The text is neither, or not a mapping.
    """
    try:
        document = read_plain(text)
    except TemplateError as error:
        raise ValidationError(f"Template format error: {_one_line(error)}") from error
    if not isinstance(document, dict):
        raise ValidationError("Template format error: unsupported structure.")
    return document


def _one_line(error: TemplateError) -> str:
    if error.place is None:
        return error.problem
    where = f"(line {error.place.line}, column {error.place.column})"
    if error.language == "JSON":
        return f"JSON not well-formed. {where}"
    return f"YAML not well-formed. {where} {error.problem}"
