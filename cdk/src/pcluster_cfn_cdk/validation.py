"""The validation of a cluster when an app is synthesised."""

import json
from collections.abc import Mapping
from typing import Any, Final

import jsii
from aws_cdk import Annotations, CustomResource, IAspect, Stack
from constructs import IConstruct

from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.report import Report

KIND: Final = "Custom::PclusterCluster"
#: The name of the resource in the template that is checked; it precedes every path in the report.
_NAME = "Cluster"


@jsii.implements(IAspect)
class ClusterValidation:
    """Checks a cluster by the rules of ``pcluster-cfn validate``; mistakes become errors of its construct.

    Values that are known on deployment only are assumed to be correct.

    Args:
        properties: The properties of the cluster's resource, which may have tokens.
    """

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = properties

    def visit(self, node: IConstruct) -> None:
        """Adds errors to a cluster's resource, and notes about what could not be checked."""
        if not isinstance(node, CustomResource):
            return
        report = check_properties(Stack.of(node).resolve(dict(self._properties)))
        for finding in report.findings:
            Annotations.of(node).add_error(_text(finding.path, finding.message))
        for skipped in report.skipped:
            Annotations.of(node).add_info(_text(skipped.path, f"not checked: {skipped.reason}"))


def check_properties(properties: Mapping[str, Any]) -> Report:
    """Returns the mistakes in the properties of a cluster, and the parts that could not be checked.

    Args:
        properties: JSON values, as in a template: tokens are functions such as ``Ref`` there.
    """
    template = {"Resources": {_NAME: {"Type": KIND, "Properties": properties}}}
    return check_file(json.dumps(template), "", Inputs())


def _text(path: str, message: str) -> str:
    place = path.removeprefix(f"{_NAME}/")
    return f"{place}: {message}" if place else message
