"""The result of a check, as findings and as printed output."""

import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import click

from cfn_template.limits import Place
from pcluster_cfn.terminal import one_line

#: The forms of a report.
Output = Literal["text", "json", "github"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
Rule = Literal["template", "property", "configuration", "text", "attribute", "library"]


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake.

    Args:
        place: Its place in the file.
        path: Logical id, property and keys, separated by slashes.
        message: What is wrong, and what is expected.
        rule: The kind of rule that is broken.
    """

    place: Place
    path: str
    message: str
    rule: Rule

    def only_if(self, condition: str) -> "Finding":
        """Returns the mistake with the condition under which it exists, in words."""
        return replace(self, message=f"{self.message} (only if {condition})")


@dataclass(frozen=True, order=True)
class NotChecked:
    """A part that was not checked and may contain mistakes.

    Args:
        place: Its place in the file.
        path: Logical id, property and keys, separated by slashes.
        reason: Why it was not checked, and how to have it checked.
    """

    place: Place
    path: str
    reason: str

    def only_if(self, condition: str) -> "NotChecked":
        """Returns the part with the condition under which it exists, in words."""
        return replace(self, reason=f"{self.reason} (only if {condition})")


@dataclass
class Report:
    """The result of the check of one file.

    Args:
        source: The file.
        is_template: Whether it is a template; otherwise it is a ParallelCluster configuration.
        clusters: Number of checked clusters.
        findings: The mistakes, in the order of the text.
        skipped: The parts that were not checked, in the order of the text.
        nested: Reports of the nested local templates.
    """

    source: str
    is_template: bool = True
    clusters: int = 0
    findings: list[Finding] = field(default_factory=list)
    skipped: list[NotChecked] = field(default_factory=list)
    nested: list["Report"] = field(default_factory=list)

    def all(self) -> list["Report"]:
        """Returns this report and those of all nested templates."""
        return [self, *(each for inner in self.nested for each in inner.all())]


@dataclass(frozen=True)
class Outcome:
    """The result of the check of several files, nested templates included."""

    reports: list[Report]

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        """Every mistake with its file, each once."""
        found = ((report.source, each) for report in self.reports for each in report.findings)
        return list(dict.fromkeys(found))

    @property
    def skipped(self) -> list[tuple[str, NotChecked]]:
        """Every part that was not checked with its file, each once."""
        found = ((report.source, each) for report in self.reports for each in report.skipped)
        return list(dict.fromkeys(found))

    def summary(self) -> str:
        """Returns a summary such as ``2 clusters checked in 1 template``."""
        templates = [report for report in self.reports if report.is_template]
        files = {report.source for report in templates}
        clusters = sum(report.clusters for report in templates)
        others = len(self.reports) - len(templates)
        parts = [f"{_counted(clusters, 'cluster')} checked in {_counted(len(files), 'template')}"]
        if others:
            checked = f"{_counted(others, 'configuration')} checked"
            parts = [*parts, checked] if templates else [checked]
        if self.findings:
            parts.insert(0, _counted(len(self.findings), "mistake"))
        if self.skipped:
            parts.append(f"{len(self.skipped)} not checked")
        return ", ".join(parts)

    def document(self) -> dict[str, Any]:
        """Returns the result as JSON values."""
        templates = [report for report in self.reports if report.is_template]
        return {
            "clusters": sum(report.clusters for report in templates),
            "templates": len({report.source for report in templates}),
            "configurations": len(self.reports) - len(templates),
            "findings": [
                {**_where(source, each), "message": each.message, "rule": each.rule}
                for source, each in self.findings
            ],
            "notLookedAt": [{**_where(source, each), "reason": each.reason} for source, each in self.skipped],
        }


def show(outcome: Outcome, output: Output) -> None:
    """Prints an outcome in a form; the summary of lines goes to standard error."""
    if output == "json":
        click.echo(json.dumps(outcome.document(), indent=1))
        return
    for source, finding in outcome.findings:
        click.echo(annotation(source, finding) if output == "github" else finding_line(source, finding))
    for source, skipped in outcome.skipped:
        line = _line(source, skipped, f"not checked: {skipped.reason}")
        click.echo(annotation(source, skipped) if output == "github" else line)
    click.echo(outcome.summary(), err=True)


def finding_line(source: str, finding: Finding) -> str:
    """Returns a mistake as ``file:line:column: path: message``."""
    return _line(source, finding, finding.message)


def annotation(source: str, found: Finding | NotChecked) -> str:
    """Returns the line by which GitHub Actions shows a mistake, or an unchecked part, at its place.

    Source: GitHub documentation, "Workflow commands for GitHub Actions": ``error`` and ``warning``; what
    ``@actions/core`` escapes in them.
    """
    command, message = ("error", found.message) if isinstance(found, Finding) else ("warning", found.reason)
    title = "Mistake" if isinstance(found, Finding) else "Not checked"
    place = {"file": source, "line": found.place.line, "col": found.place.column, "title": title}
    properties = ",".join(f"{name}={_escaped(str(value), ',:')}" for name, value in place.items())
    return f"::{command} {properties}::{_escaped(f'{found.path}: {message}' if found.path else message)}"


def _escaped(text: str, further: str = "") -> str:
    """Returns a text with percent signs, line ends and further characters written as ``%XX``."""
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{further}" else each for each in text)


def _line(source: str, found: Finding | NotChecked, message: str) -> str:
    path = f"{found.path}: " if found.path else ""
    return one_line(f"{source}:{found.place.line}:{found.place.column}: {path}{message}")


def _where(source: str, found: Finding | NotChecked) -> dict[str, Any]:
    return {"file": source, "line": found.place.line, "column": found.place.column, "path": found.path}


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
