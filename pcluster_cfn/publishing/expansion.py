"""Expands a template's serverless resources, so that whoever deploys it need not let CloudFormation do so."""

import json
from typing import Any, Final

import boto3
from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from cfn_template.reading import read_plain
from pcluster_cfn.errors import CommandError

_TRANSFORM = "AWS::Serverless-2016-10-31"
#: Pseudo parameters that the translator would write down as they are where it runs.
_PSEUDO_PARAMETERS = ("AWS::Region", "AWS::Partition")
#: The translator wants a Region; nothing of it reaches the result, because it is a reference as well.
_ANY_REGION: Final = "us-east-1"


def expand(text: str) -> str:
    """Returns a template as CloudFormation's serverless transform would make it, as JSON.

    CloudFormation transforms a template for one stack and puts that stack's parameters in where a serverless
    resource names them. What is published is for stacks to come, so every reference stays a reference.

    Args:
        text: A template whose one transform is the serverless one.

    Raises:
        CommandError: It has another transform, or this one refuses it.
    """
    template: dict[str, Any] = read_plain(text)
    if template.get("Transform") != _TRANSFORM:
        raise CommandError(
            f"the template's transform is {template.get('Transform')!r}", f"only {_TRANSFORM} can be expanded"
        )
    names = (*template.get("Parameters", {}), *_PSEUDO_PARAMETERS)
    metrics = Metrics("ServerlessTransform", DummyMetricsPublisher())
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=boto3.Session(region_name=_ANY_REGION),
        metrics=metrics,
    )
    try:
        expanded = translator.translate(template, {name: {"Ref": name} for name in names})
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise CommandError(f"the serverless transform refuses the template: {causes}", "mend it") from error
    finally:
        metrics.publish()  # to nobody; it would warn of what was not published
    expanded.pop("Transform", None)
    return json.dumps(expanded, indent=1) + "\n"
