"""``pcluster-cfn logs``."""

import json
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from pcluster_cfn.aws import Aws, session
from pcluster_cfn.clusters.finding import cluster_named, stack_named
from pcluster_cfn.clusters.log_reading import Line, LogGroup, console_lines
from pcluster_cfn.clusters.log_streams import ERRORS, KINDS, Stream, chosen, instant, kinds_of, require_some
from pcluster_cfn.clusters.nodes import Node, nodes_of
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import EXIT_CODES, aws_options, example
from pcluster_cfn.template import reason
from pcluster_cfn.terminal import Console

_POLL_S = 2.0
_ARCHIVES = (".tar.gz", ".tgz")
#: How far back ``--follow`` begins without ``--since``.
_FOLLOWED = timedelta(minutes=10)


@dataclass(frozen=True)
class Wanted:
    """Which lines are wanted."""

    node: str | None
    log: str | None
    since: datetime | None
    pattern: str | None
    errors: bool

    def streams(self, streams: list[Stream], nodes: list[Node]) -> list[Stream]:
        """Returns the wanted ones of a group's streams."""
        return chosen(streams, kinds_of(streams, nodes), self.node, self.log)

    def is_wanted(self, line: Line) -> bool:
        """Whether a line of a wanted stream is wanted."""
        return not self.errors or bool(ERRORS.search(line.message))


@click.command(
    epilog=example("pcluster-cfn logs hpc --node head --stream chef-client --errors", EXIT_CODES),
    short_help="Show the logs of a cluster's nodes.",
)
@click.argument("name", metavar="CLUSTER|STACK")
@click.option("--node", help="head, compute, login, an instance id or a host name. Default: all nodes.")
@click.option("--stream", "log", help="Name of a log, as in chef-client or 'slurm*'. Default: all logs.")
@click.option("--since", help="A time span as in 15m, 1h or 2d, or a date and time. Default: everything.")
@click.option("--filter", "pattern", help="A filter pattern of CloudWatch Logs.")
@click.option("--errors", is_flag=True, help="Only lines that report an error.")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C; without --since, from 10 minutes ago.")
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    help="Write a file: for .tar.gz or .tgz an archive with a file per log, else text. - is standard output.",
)
@click.option("--console", "wants_console", is_flag=True, help="The console output of the instances instead.")
@aws_options
@click.option("--json", "wants_json", is_flag=True, help="Print a JSON object per line, for scripts.")
def logs(
    *,
    name: str,
    node: str | None,
    log: str | None,
    since: str | None,
    pattern: str | None,
    errors: bool,
    follow: bool,
    export: Path | None,
    wants_console: bool,
    region: str | None,
    profile: str | None,
    wants_json: bool,
) -> None:
    """Show the logs of a cluster's nodes, oldest line first.

    They are in the newest CloudWatch log group of the cluster's name, which outlives the cluster. A cluster
    without a log group has the console output of its instances only.
    """
    if follow and (export or wants_console):
        raise click.UsageError("--follow cannot be combined with --export or --console")
    now = datetime.now(UTC)
    aws = session(region, profile)
    wanted = Wanted(node, log, instant(since, now) if since else None, pattern, errors)
    cluster_name, group = _cluster_and_group(aws, name)
    nodes = nodes_of(aws, cluster_name)
    if wants_console:
        group = None
    lines = (
        _console(aws, nodes, wanted, cluster_name, was_chosen=wants_console)
        if group is None
        else _of_group(
            group, nodes, wanted, wanted.since or (now - _FOLLOWED if follow else None), follow=follow
        )
    )
    shown = (line for line in lines if wanted.is_wanted(line))
    if export and str(export) != "-":
        _write(export, shown, cluster_name)
        return
    for line in shown:
        click.echo(json.dumps(line.as_json()) if wants_json else line.text())


def _cluster_and_group(aws: Aws, name: str) -> tuple[str, LogGroup | None]:
    """Returns the name of a cluster and its log group; that of a deleted cluster is the newest of its name.

    Raises:
        CommandError: There is no such cluster, and no log group of one.
    """
    if stack_named(aws.client("cloudformation"), name) is None:
        left = LogGroup.newest(aws, name)
        return (name, left) if left else (cluster_named(aws, name).name, None)
    cluster = cluster_named(aws, name)
    return cluster.name, LogGroup.named(aws, cluster.log_group) if cluster.log_group else None


def _of_group(
    group: LogGroup, nodes: list[Node], wanted: Wanted, since: datetime | None, *, follow: bool
) -> Iterator[Line]:
    if follow and since:
        yield from group.follow(
            lambda streams: wanted.streams(streams, nodes),
            since=since,
            pattern=wanted.pattern,
            poll_s=_POLL_S,
        )
        return
    streams = group.streams()
    found = wanted.streams(streams, nodes)
    require_some(streams, found, wanted.node, wanted.log)
    if not streams:
        click.echo(f"{group.name} has no log yet.", err=True)
    yield from group.lines(found, since=since, pattern=wanted.pattern)


def _console(
    aws: Aws, nodes: list[Node], wanted: Wanted, cluster_name: str, *, was_chosen: bool
) -> Iterator[Line]:
    if not was_chosen:
        click.echo(
            f"Cluster {cluster_name} has no log group (Monitoring/Logs/CloudWatch); this is the console "
            "output of its instances.",
            err=True,
        )
    kind = KINDS.get(wanted.node or "")
    of_node = [
        node for node in nodes if wanted.node is None or node.kind == kind or node.instance_id == wanted.node
    ]
    if not of_node:
        known = ", ".join(node.instance_id for node in nodes) or "none"
        raise CommandError(
            f"cluster {cluster_name} has no instance {wanted.node or ''}".rstrip(), f"its instances: {known}"
        )
    yield from console_lines(aws, of_node)


def _write(path: Path, lines: Iterator[Line], cluster_name: str) -> None:
    """Writes lines into a file, or into an archive with a file per stream.

    Raises:
        CommandError: The file cannot be written.
    """
    try:
        with Console(stderr=True).status(f"Reading the logs of {cluster_name}"):
            if path.name.endswith(_ARCHIVES):
                count = _write_archive(path, lines, cluster_name)
            else:
                count = _write_text(path, lines)
    except OSError as error:
        raise CommandError(
            f"cannot write {path}: {reason(error)}", "name another file with --export"
        ) from error
    click.echo(f"{path}: {count:,} lines", err=True)


def _write_text(path: Path, lines: Iterator[Line]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as opened:
        for count, line in enumerate(lines, 1):  # noqa: B007 - the last count is the result
            opened.write(f"{line.text()}\n")
    return count


def _write_archive(path: Path, lines: Iterator[Line], cluster_name: str) -> int:
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for count, line in enumerate(lines, 1):  # noqa: B007 - the last count is the result
            file = Path(folder) / f"{line.stream.name.replace('/', '_')}.log"
            # A large cluster has more streams than a process may have files open.
            with file.open("a", encoding="utf-8") as opened:
                opened.write(f"{line.at.isoformat()} {line.message.rstrip()}\n")
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, arcname=f"{cluster_name}-logs")
    return count
