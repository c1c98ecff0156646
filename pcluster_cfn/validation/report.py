"""The result of a check, as findings and as printed output."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import click

from cfn_template.limits import Place
from cluster_schema.advisories import Advisory, Severity
from pcluster_cfn.terminal import one_line
from pcluster_cfn.validation.annotations import annotation

#: The forms of a report.
Output = Literal["text", "json", "github"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
#: Part of the reason for not checking the configuration of a version.
NO_SCHEMA = "has no schema here"
#: The notes of one cluster that a check prints; ``pcluster-cfn advise`` prints all.
NOTES_MAX = 3
_LEAST_PRINTED = Severity.MEDIUM

Rule = Literal["template", "property", "configuration", "text", "attribute", "library", "policy"]


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


@dataclass(frozen=True)
class Note:
    """What is known of the release that a cluster uses. It is not a mistake.

    Args:
        place: Place of the cluster in the file.
        path: The cluster's logical id; empty in a configuration file.
        version: Its ParallelCluster version.
        advisory: What is known.
    """

    place: Place
    path: str
    version: str
    advisory: Advisory


@dataclass
class Report:
    """The result of the check of one file.

    Args:
        source: The file.
        is_template: Whether it is a template; otherwise it is a ParallelCluster configuration.
        clusters: Number of checked clusters.
        findings: The mistakes, in the order of the text.
        skipped: The parts that were not checked, in the order of the text.
        notes: What is known of the clusters' releases, cluster by cluster, the worst first.
        nested: Reports of the nested local templates.
    """

    source: str
    is_template: bool = True
    clusters: int = 0
    findings: list[Finding] = field(default_factory=list)
    skipped: list[NotChecked] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
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

    @property
    def notes(self) -> list[tuple[str, Note]]:
        """Everything that is known of the clusters' releases with its file, each once."""
        return list(dict.fromkeys((report.source, each) for report in self.reports for each in report.notes))

    def summary(self) -> str:
        """Returns a summary such as ``2 clusters checked in 1 template``."""
        templates = [report for report in self.reports if report.is_template]
        files = {report.source for report in templates}
        clusters = sum(report.clusters for report in templates)
        others = len(self.reports) - len(templates)
        parts = [f"{counted(clusters, 'cluster')} checked in {counted(len(files), 'template')}"]
        if others:
            checked = f"{counted(others, 'configuration')} checked"
            parts = [*parts, checked] if templates else [checked]
        if self.findings:
            parts.insert(0, counted(len(self.findings), "mistake"))
        if self.skipped:
            parts.append(f"{len(self.skipped)} not checked")
        if self.notes:
            parts.append(counted(len(self.notes), "advisory", "advisories"))
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
            "advisories": [
                {**_where(source, each), "version": each.version, **each.advisory.document()}
                for source, each in self.notes
            ],
        }


def show(outcome: Outcome, output: Output) -> None:
    """Prints an outcome in a form; the summary of lines goes to standard error."""
    if output == "json":
        click.echo(json.dumps(outcome.document(), indent=1))
        return
    for line in _annotations(outcome) if output == "github" else _lines(outcome):
        click.echo(line)
    click.echo(outcome.summary(), err=True)


def _lines(outcome: Outcome) -> Iterator[str]:
    for source, finding in outcome.findings:
        yield finding_line(source, finding)
    for source, skipped in outcome.skipped:
        yield _line(source, skipped, f"not checked: {skipped.reason}")
    yield from note_lines(outcome.notes)


def _annotations(outcome: Outcome) -> Iterator[str]:
    for source, finding in outcome.findings:
        yield annotated(source, finding)
    for source, skipped in outcome.skipped:
        yield annotation("warning", "Not checked", source, skipped.place, _text(skipped, skipped.reason))
    for source, note, message in _worst_notes(outcome.notes):
        yield annotation("notice", "Advisory", source, note.place, _text(note, message))


def annotated(source: str, finding: Finding) -> str:
    """Returns a mistake as a line by which a job of GitHub Actions shows it at its place."""
    return annotation("error", "Mistake", source, finding.place, _text(finding, finding.message))


def note_lines(notes: Sequence[tuple[str, Note]]) -> Iterator[str]:
    """Yields each cluster's worst notes as ``file:line:column: path: advisory: …``, and how many more."""
    return (_line(*shown) for shown in _worst_notes(notes))


def _worst_notes(notes: Sequence[tuple[str, Note]]) -> Iterator[tuple[str, Note, str]]:
    """Yields each cluster's worst notes with file and message, and how many more there are."""
    clusters: dict[tuple[str, Place, str], list[Note]] = {}
    for source, note in notes:
        clusters.setdefault((source, note.place, note.path), []).append(note)
    for (source, _, _), found in clusters.items():
        shown = [note for note in found if note.advisory.severity <= _LEAST_PRINTED][:NOTES_MAX]
        for note in shown:
            yield source, note, f"advisory: {note.advisory.sentence()}"
        if shown and len(found) > len(shown):
            more = counted(len(found) - len(shown), "more advisory", "more advisories")
            yield source, found[0], f"{more}: pcluster-cfn advise {source or 'TEMPLATE'}"


def finding_line(source: str, finding: Finding) -> str:
    """Returns a mistake as ``file:line:column: path: message``."""
    return _line(source, finding, finding.message)


def _line(source: str, found: Finding | NotChecked | Note, message: str) -> str:
    return one_line(f"{source}:{found.place.line}:{found.place.column}: {_text(found, message)}")


def _text(found: Finding | NotChecked | Note, message: str) -> str:
    return f"{found.path}: {message}" if found.path else message


def _where(source: str, found: Finding | NotChecked | Note) -> dict[str, Any]:
    return {"file": source, "line": found.place.line, "column": found.place.column, "path": found.path}


def counted(number: int, noun: str, several: str = "") -> str:
    """Returns a number with its noun; ``several`` is the plural, if it is not formed with an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or noun + 's'}"
