"""Transforms: what a template becomes before it is deployed."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from localcloud.cloudformation.errors import ValidationError
from localcloud.cloudformation.template.loops import expand_loops

SAM = "AWS::Serverless-2016-10-31"
#: Adds functions, which are always there, and loops.
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"


def transforms_of(template: Mapping[str, Any]) -> list[str]:
    """Returns the transforms a template declares, in order."""
    declared = template.get("Transform", [])
    return [declared] if isinstance(declared, str) else list(declared)


def apply_transforms(
    template: dict[str, Any],
    parameters: Mapping[str, str],
    region: str,
    evaluate: Callable[[Any], Any],
) -> dict[str, Any]:
    """Returns the processed template.

    Args:
        template: As given.
        parameters: Texts of all parameters, defaults included.
        region: Where it is deployed.
        evaluate: Evaluates what refers to parameters and mappings only.

    Raises:
        ValidationError: A transform is unknown or refuses the template.
    """
    for name in transforms_of(template):
        if name == SAM:
            template = _serverless(template, parameters, region)
        elif name == LANGUAGE_EXTENSIONS:
            template = expand_loops(template, evaluate)
        else:
            raise ValidationError(f"No transform named {name} found: localcloud does not know it")
    return {key: value for key, value in template.items() if key != "Transform"}


def _serverless(template: dict[str, Any], parameters: Mapping[str, str], region: str) -> dict[str, Any]:
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=boto3.Session(region_name=region),
    )
    try:
        processed = translator.translate(copy.deepcopy(template), dict(parameters))
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise ValidationError(f"Transform {SAM} failed with: {error.message} {causes}") from error
    return dict(processed)
