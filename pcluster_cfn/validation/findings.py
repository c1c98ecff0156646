"""What a check found, and what it did not look at."""

from dataclasses import dataclass, field
from typing import Literal

from cfn_template.limits import Place

Rule = Literal["template", "property", "configuration", "text", "attribute", "library"]


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake.

    Args:
        place: Where it is in the file.
        path: The logical id of the resource, its property, and what is in it, with slashes between.
        message: What is wrong and what is expected.
        rule: Which part of the template breaks its rules.
    """

    place: Place
    path: str
    message: str
    rule: Rule


@dataclass(frozen=True, order=True)
class NotLookedAt:
    """Something that may hold mistakes, and that was not checked.

    Args:
        place: Where it is in the file.
        path: As of a finding.
        reason: Why it was not checked, and what to do so that it is.
    """

    place: Place
    path: str
    reason: str


@dataclass
class Report:
    """What was checked in one file, and what came of it.

    Args:
        source: The file.
        is_template: Whether it is a template, and not a ParallelCluster configuration.
        clusters: How many clusters were checked.
        findings: What is wrong, in the order of the text.
        skipped: What was not checked, in the order of the text.
        nested: Reports of the local templates that it nests.
    """

    source: str
    is_template: bool = True
    clusters: int = 0
    findings: list[Finding] = field(default_factory=list)
    skipped: list[NotLookedAt] = field(default_factory=list)
    nested: list["Report"] = field(default_factory=list)

    def all(self) -> list["Report"]:
        """Returns this report and those of everything nested in it."""
        return [self, *(each for inner in self.nested for each in inner.all())]
