"""Transforms that are applied to a template before its deployment."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from cfn_template.loops import LANGUAGE_EXTENSIONS, LoopError, expand_loops, transforms_of
from localcloud.cloudformation.errors import ValidationError
from localcloud.gaps import gap

SAM = "AWS::Serverless-2016-10-31"


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
            template = _expanded(template, evaluate)
        else:
            raise ValidationError(f"No transform named {name} found {gap('cloudformation.templates')}")
    return {key: value for key, value in template.items() if key != "Transform"}


def _expanded(template: dict[str, Any], evaluate: Callable[[Any], Any]) -> dict[str, Any]:
    """Returns a template with its loops expanded."""
    try:
        expanded, _ = expand_loops(template, evaluate)
    except LoopError as error:
        raise ValidationError(f"Transform {LANGUAGE_EXTENSIONS} failed with: {error}.") from error
    return expanded


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
