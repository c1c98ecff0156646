"""The checks of ``pcluster-cfn validate`` as cfn-lint rules: ``--append-rules pcluster_cfn.lint_rules``.

Ids that start with E9 are free for custom rules. Source: cfn-lint, docs/rules.md.
"""

from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

from pcluster_cfn.template import read_text
from pcluster_cfn.validation.file_check import check
from pcluster_cfn.validation.report import Finding, Rule


class _ClusterRule(CloudFormationLintRule):  # type: ignore[misc] # cfn-lint has no types for us
    """A rule for one part of a template with clusters."""

    source_url = "https://docs.aws.amazon.com/parallelcluster/latest/ug/cluster-configuration-file-v3.html"
    tags: ClassVar[list[str]] = ["parallelcluster"]
    part: ClassVar[Rule]

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Returns the mistakes in the clusters of a template file; none if the template is not a file."""
        path = Path(str(cfn.filename))
        findings = _findings(path, path.stat().st_mtime_ns) if path.is_file() else ()
        return [_as_match(finding) for finding in findings if finding.rule == self.part]


class ClusterProperties(_ClusterRule):
    """Unknown, missing and invalid properties."""

    id = "E9801"
    shortdesc = "A cluster's properties fit its provider"
    description = "Properties of Custom::PclusterCluster have known names and valid values"
    part = "property"


class ClusterConfigurations(_ClusterRule):
    """Configurations written as a map."""

    id = "E9802"
    shortdesc = "A cluster's configuration fits ParallelCluster's schema"
    description = (
        "Keys of ClusterConfiguration are known, and values have the types that ParallelCluster reads"
    )
    part = "configuration"


class ClusterConfigurationTexts(_ClusterRule):
    """Configurations written as text."""

    id = "E9803"
    shortdesc = "A cluster's configuration, given as text, can be read and fits ParallelCluster's schema"
    description = "A text in ClusterConfiguration is YAML or JSON and fits the schema, checked line by line"
    part = "text"


class ClusterAttributes(_ClusterRule):
    """Attributes that a template reads from clusters."""

    id = "E9804"
    shortdesc = "Attributes that a template reads from a cluster exist"
    description = "Fn::GetAtt and Fn::Sub read attributes that the provider returns"
    part = "attribute"


@lru_cache(maxsize=8)
def _findings(path: Path, _modified_ns: int) -> tuple[Finding, ...]:
    """Returns a file's mistakes; the file is checked once for all rules."""
    return tuple(check(read_text(path)))


def _as_match(finding: Finding) -> RuleMatch:
    line, column = finding.place.line - 1, finding.place.column - 1
    path = ["Resources", *finding.path.split("/")]
    return RuleMatch(path, f"{finding.path}: {finding.message}", location=(line, column, line, column + 1))
