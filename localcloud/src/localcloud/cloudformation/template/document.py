"""The text of a template, JSON or YAML with short forms, as plain data."""

from typing import Any

from cfn_template.limits import AliasError, TemplateError
from cfn_template.reading import read_plain
from localcloud.cloudformation.errors import ValidationError

#: Source: CloudFormation user guide, "Template formats": YAML 1.1 without aliases; its words for it are in
#: seeebiii/aws-cloudformation-templates issue 1.
_NO_ALIASES = "Template error: YAML aliases are not allowed in CloudFormation templates"


def parse(text: str) -> dict[str, Any]:
    """Reads a template as CloudFormation does.

    Args:
        text: JSON or YAML.

    Raises:
        ValidationError: The text is neither, not a mapping, or has YAML aliases.
    """
    try:
        document = read_plain(text, aliases=False)
    except AliasError as error:
        raise ValidationError(_NO_ALIASES) from error
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
