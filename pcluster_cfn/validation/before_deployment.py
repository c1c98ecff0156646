"""What is refused before a deployment: CloudFormation would find it only once the clusters are made."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cfn_template.values import Unknown
from pcluster_cfn.errors import CommandError
from pcluster_cfn.files import read_text
from pcluster_cfn.template import Template
from pcluster_cfn.validation.examination import Inputs, examine
from pcluster_cfn.validation.outcome import finding_line

if TYPE_CHECKING:
    from pcluster_cfn.validation.foresight import Given


def require_attributes(path: Path, parameters: Mapping[str, str]) -> None:
    """Refuses a template that reads an attribute of a cluster that can never exist.

    Args:
        path: The template; local templates that it nests are looked at, too.
        parameters: Those that are given. Another may keep the value that the stack has, so it is not known.

    Raises:
        CommandError: The first such attribute, with its place.
    """
    text = read_text(path)
    declared = Template.parse(text, str(path)).parameters()
    given: dict[str, Given] = {name: Unknown(f"parameter {name} is not given") for name in declared}
    report = examine(text, str(path), Inputs({**given, **parameters}))
    found = [
        (each.source, finding)
        for each in report.all()
        for finding in each.findings
        if finding.rule == "attribute"
    ]
    if found:
        raise CommandError(
            finding_line(*found[0]), f"fix the template; pcluster-cfn validate {path} shows every mistake"
        )
