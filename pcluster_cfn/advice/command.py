"""``pcluster-cfn advise``."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from cluster_schema import versions
from cluster_schema.advisories import Advisory, advisories_for, release
from pcluster_cfn.aws import session
from pcluster_cfn.clusters import finding
from pcluster_cfn.clusters.configuration import stored_configuration
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import EXIT_CODES, PARAMETERS, aws_options, example
from pcluster_cfn.template import read_text
from pcluster_cfn.terminal import Console, one_line
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.report import NO_SCHEMA, Outcome, counted


@dataclass(frozen=True)
class Advice:
    """What is known of the release of one cluster.

    Args:
        where: What the cluster is called in a line.
        about: The same as JSON values.
        version: ParallelCluster version of the cluster.
        advisories: What is known, the worst first.
        unread: Why its configuration is not known, so that conditions are printed; empty if it is.
    """

    where: str
    about: dict[str, Any]
    version: str
    advisories: list[Advisory]
    unread: str = ""


@dataclass
class Advised:
    """What is known of several clusters.

    Args:
        clusters: Number of clusters.
        found: The clusters of which something is known.
        not_checked: What could not be looked at, and why, as JSON values.
    """

    clusters: int = 0
    found: list[Advice] = field(default_factory=list)
    not_checked: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Returns this as JSON values."""
        return {
            "clusters": self.clusters,
            "advisories": [
                {**each.about, "version": each.version, **advisory.document()}
                for each in self.found
                for advisory in each.advisories
            ],
            "notLookedAt": self.not_checked,
        }

    def summary(self) -> str:
        """Returns a summary such as ``2 clusters, 5 advisories``."""
        count = sum(len(each.advisories) for each in self.found)
        parts = [counted(self.clusters, "cluster"), counted(count, "advisory", "advisories")]
        return ", ".join([*parts, *([f"{len(self.not_checked)} not checked"] if self.not_checked else [])])


def _release(ctx: click.Context, param: click.Parameter, version: str) -> str:
    """Refuses what is no release, of which nothing would be known."""
    if release(version) is None:
        raise click.BadParameter(f"{version!r} is not a release, as in 3.14.2", ctx, param)
    return version


@click.command(
    epilog=example("pcluster-cfn advise --all-clusters --region eu-west-1", EXIT_CODES),
    short_help="List known flaws and end dates of clusters' releases.",
)
@click.argument("templates", nargs=-1, metavar="[TEMPLATE]…", type=click.Path(path_type=Path))
@click.option("--all-clusters", is_flag=True, help="Look at the clusters of the account in one Region.")
@PARAMETERS
@click.option(
    "--pcluster-version",
    callback=_release,
    default=versions()[0],
    show_default=True,
    help="ParallelCluster version of clusters without PclusterVersion.",
)
@aws_options
@click.option("--json", "wants_json", is_flag=True, help="Print a JSON object.")
def advise(
    *,
    templates: tuple[Path, ...],
    all_clusters: bool,
    parameters: Iterable[tuple[str, str]],
    pcluster_version: str,
    region: str | None,
    profile: str | None,
    wants_json: bool,
) -> None:
    """List what is known of the ParallelCluster versions of clusters, and what to do.

    Looks at the clusters of each TEMPLATE, without AWS, or with --all-clusters at the clusters of the account
    in one Region, whoever made them. Prints security flaws, losses of files or jobs, failures of creates and
    updates, and ends of support that come within a year, the worst first. What concerns only clusters with
    certain values in their configuration is printed for those.
    """
    if bool(templates) == all_clusters:
        raise click.UsageError("name a template, or give --all-clusters")
    today = datetime.now(UTC).date()
    if all_clusters:
        advised = _account(session(region, profile), today)
    else:
        inputs = Inputs(dict(parameters), version=pcluster_version, advised_on=today)
        advised = _templates(templates, inputs)
    if wants_json:
        click.echo(json.dumps(advised.document(), indent=1))
        return
    for line in _lines(advised):
        click.echo(one_line(line))
    click.echo(advised.summary(), err=True)


def _templates(paths: Iterable[Path], inputs: Inputs) -> Advised:
    """Returns what is known of the clusters of templates.

    Raises:
        CommandError: A file is no template, or a template has mistakes that hide its clusters.
    """
    reports = [report for path in paths for report in check_file(read_text(path), str(path), inputs).all()]
    outcome = Outcome(reports)
    for report in reports:
        if report.findings and not report.clusters:
            finding = report.findings[0]
            raise CommandError(
                f"{report.source}:{finding.place.line}: {finding.message}",
                "pcluster-cfn validate prints all mistakes",
            )
    found: dict[tuple[str, Any, str], Advice] = {}
    for source, note in outcome.notes:
        about = {"file": source, "line": note.place.line, "column": note.place.column, "path": note.path}
        where = ":".join(map(str, (source, note.place.line, note.place.column)))
        advice = Advice(f"{where}: {note.path or 'the cluster'}", about, note.version, [])
        found.setdefault((source, note.place, note.path), advice).advisories.append(note.advisory)
    not_checked = [
        {"file": source, "line": each.place.line, "path": each.path, "reason": each.reason}
        for source, each in outcome.skipped
        if NO_SCHEMA not in each.reason  # what is known of a release needs none
    ]
    return Advised(sum(report.clusters for report in reports), list(found.values()), not_checked)


def _account(aws: Any, today: date) -> Advised:
    """Returns what is known of the clusters of the account in the session's Region."""
    advised = Advised()
    region = aws.client("cloudformation").meta.region_name
    with Console(stderr=True).status(f"Looking at the clusters in {region}"):
        for cluster in finding.all_clusters(aws):
            advised.clusters += 1
            about = {
                "cluster": cluster.name,
                "stackId": cluster.stack["StackId"],
                "status": cluster.status,
            }
            configuration, unread = None, ""
            try:
                configuration = stored_configuration(aws, cluster)
            except CommandError as error:
                unread = str(error)
                advised.not_checked.append({**about, "path": "", "reason": unread})
            version = cluster.version or ""
            if advisories := advisories_for(version, configuration, today):
                where = f"{cluster.name} ({cluster.status})"
                advised.found.append(Advice(where, about, version, advisories, unread))
    return advised


def _lines(advised: Advised) -> Iterator[str]:
    """Yields what is known of each cluster, and what was not looked at."""
    for each in advised.found:
        yield f"{each.where}: ParallelCluster {each.version}"
        for advisory in each.advisories:
            yield f"  {advisory.severity.word:8}  {advisory.id}: {advisory.what}"
            if each.unread and advisory.concerns:
                yield f"            only with {' or '.join(map(str, advisory.concerns))}"
            yield f"            {advisory.fix}"
            yield f"            {advisory.source} ({advisory.dated.isoformat()})"
    for skipped in advised.not_checked:
        where = skipped.get("cluster") or f"{skipped['file']}:{skipped['line']}: {skipped['path']}"
        yield f"{where}: not checked: {skipped['reason']}"
