"""``pcluster-cfn upgrade``."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cluster_schema import versions
from pcluster_cfn.authoring.providers import write_template
from pcluster_cfn.aws import Aws, find_cluster_stack, session, tags_of
from pcluster_cfn.deploy.parameters import refuse_unknown_parameters
from pcluster_cfn.errors import CommandError
from pcluster_cfn.options import (
    CHANGES,
    FAILURE,
    NOTHING,
    PARAMETERS,
    STANDARD_INPUT,
    ChangesCommand,
    aws_options,
    example,
    named_after,
)
from pcluster_cfn.planning.providers import Providers
from pcluster_cfn.planning.requests import VERSION_TAG, Verdict
from pcluster_cfn.template import Template, is_custom, read_text
from pcluster_cfn.terminal import Console, one_line
from pcluster_cfn.upgrade.reading import Reader
from pcluster_cfn.upgrade.template import Passed, pass_template
from pcluster_cfn.upgrade.translation import Target, systems
from pcluster_cfn.validation.deployed_stack import DeployedStack, read_deployed_stack
from pcluster_cfn.validation.dry_run import dry_run_cluster, requested_clusters
from pcluster_cfn.validation.dry_run_report import document, is_refused, lines
from pcluster_cfn.validation.engine_program import installed_library
from pcluster_cfn.validation.report import Finding, counted, finding_line

_EXIT_CODES = (
    "Exit codes: 0 nothing changes, 2 the template changes, 1 a cluster is refused or not known, or the "
    "usage is wrong, 130 interrupted."
)


@dataclass
class _DryRun:
    """What the library of the new version answered.

    Args:
        verdicts: Its answer for each cluster, or the value that was missing.
        left_out: Why it was not asked; empty if it was.
    """

    verdicts: list[Verdict | Finding] = field(default_factory=list)
    left_out: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether a cluster would be refused, or could not be asked about."""
        return any(isinstance(each, Finding) or is_refused(each) for each in self.verdicts)


@click.command(
    cls=ChangesCommand,
    epilog=example("pcluster-cfn upgrade hpc.yaml --to 3.16.1 --write", _EXIT_CODES),
    short_help="Write a template's passage to another version.",
)
@click.argument("template", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "version",
    type=click.Choice(versions()),
    default=versions()[0],
    show_default=True,
    metavar="VERSION",
    help="ParallelCluster version to go to.",
)
@click.option(
    "--os", "system", default="", help="Operating system in place of one that VERSION does not have."
)
@click.option("--name", default="", help="Name of the new cluster. Default: the old one with the version.")
@PARAMETERS
@click.option(
    "--pcluster-version",
    type=click.Choice(versions()),
    default=versions()[0],
    show_default=True,
    metavar="VERSION",
    help="Present version of clusters that are not deployed and have no PclusterVersion.",
)
@click.option("--stack-name", help="Name of the stack. Default: the template's file name.")
@aws_options
@click.option("--write", is_flag=True, help="Change the file TEMPLATE.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the new template there.")
@click.option("--force", is_flag=True, help="With --output: overwrite the file if it exists.")
@click.option("--no-dry-run", is_flag=True, help="Use no AWS: neither the deployed stack nor a dry run.")
@click.option("--json", "wants_json", is_flag=True, help="Print a JSON object.")
def upgrade(
    *,
    template: Path,
    version: str,
    system: str,
    name: str,
    parameters: Iterable[tuple[str, str]],
    pcluster_version: str,
    stack_name: str | None,
    region: str | None,
    profile: str | None,
    write: bool,
    output: Path | None,
    force: bool,
    no_dry_run: bool,
    wants_json: bool,
) -> None:
    """Write the passage of TEMPLATE's clusters to another ParallelCluster version, and say what it means.

    A cluster keeps its version for life, so the passage makes a new cluster and then deletes the old one.
    The template gets the new version, a new ClusterName and ClusterNameUpdatePolicy: Replace. Keys that the
    version no longer has are removed where nothing is lost. All else stays as it is written, with comments.

    Prints what is refused, what is lost with the old cluster, what you have to do, what the new version does
    otherwise, and which known flaws go and stay, the worst first. Without --write and --output the changes
    are printed as a diff. Nothing is written if a cluster is refused.

    Looks at the deployed stack, and asks the dry run of ParallelCluster's library if VERSION is installed.
    """
    if write and (output or template == STANDARD_INPUT):
        raise click.UsageError(
            "--write changes a file, and cannot be combined with --output or standard input"
        )
    if output == STANDARD_INPUT and wants_json:
        raise click.UsageError("--output - cannot be combined with --json")
    if system and system not in systems(version):
        known = ", ".join(systems(version))
        raise CommandError(
            f"ParallelCluster {version} has no operating system {system}", f"there are {known}"
        )
    text, given = read_text(template), dict(parameters)
    refuse_unknown_parameters(Template.parse(text, str(template)), given)
    aws = None if no_dry_run else session(region, profile)
    target = Target(version, datetime.now(UTC).date(), system, name)
    with Console(stderr=True).status("Comparing with the deployed stack …") as status:
        stack = read_deployed_stack(aws, stack_name or named_after(template)) if aws else None
        deployed = _deployed_versions(aws, stack) if aws and stack else {}
        passed = pass_template(text, str(template), Reader(given, pcluster_version, stack, deployed), target)
        if name and sum(each.translated is not None for each in passed.passages) > 1:
            raise CommandError("the template has several clusters, and --name is for one", "leave --name out")
        status.update(f"Asking ParallelCluster {version} …")
        tried = _dry_run(aws, stack, passed, {**given, **passed.parameters}, version)
    refused, path = passed.is_refused or tried.is_refused, template if write else output
    written = None if refused or passed.after == text or path == STANDARD_INPUT else path
    if written:
        write_template(written, passed.after, force=write or force)
    if wants_json:
        click.echo(json.dumps(_document(passed, tried, str(template), written), indent=1))
    else:
        for line in _lines(passed, tried, str(template), shows_difference=path is None):
            click.echo(line, err=path == STANDARD_INPUT)
        if path == STANDARD_INPUT and not refused:
            click.echo(passed.after, nl=False)
        for line in _summary(passed, tried, given, template, written):
            click.echo(line, err=True)
    sys.exit(FAILURE if refused else NOTHING if passed.after == text else CHANGES)


def _deployed_versions(aws: Aws, stack: DeployedStack) -> dict[str, str]:
    """Returns the ParallelCluster version of each deployed cluster of a stack, by logical id."""
    found = {}
    for logical_id, kind in stack.types.items():
        name = stack.physical_ids[logical_id]
        if is_custom(kind) and name and ":" not in name:  # other ids are no names of clusters
            cluster = find_cluster_stack(aws.client("cloudformation"), name)
            version = tags_of(cluster).get(VERSION_TAG) if cluster else None
            if version:
                found[logical_id] = version
    return found


def _dry_run(
    aws: Aws | None, stack: DeployedStack | None, passed: Passed, given: Mapping[str, str], version: str
) -> _DryRun:
    """Returns what the library of the new version answers for the clusters that change."""
    changed = {each.logical_id for each in passed.passages if each.translated is not None}
    if aws is None or stack is None or passed.is_refused or not changed:
        return _DryRun()
    if (installed := installed_library()) != version:
        found = f"{installed} is" if installed else "none is"
        return _DryRun(
            left_out=f"no dry run: it needs ParallelCluster {version}, and {found} installed; run the "
            f"command in a virtual environment with pip install aws-parallelcluster=={version}"
        )
    providers = Providers(aws.client("lambda"))
    verdicts: list[Verdict | Finding] = []
    for wanted in requested_clusters(passed.after, given, stack):
        if isinstance(wanted, Finding):
            if wanted.path.partition("/")[0] in changed:
                verdicts.append(wanted)
        elif wanted.resource.logical_id in changed:
            verdicts.append(dry_run_cluster(aws, wanted, stack, providers))
    return _DryRun(verdicts)


def _lines(passed: Passed, tried: _DryRun, source: str, *, shows_difference: bool) -> Iterator[str]:
    """Yields the remarks of each cluster, the answers of the dry run, and the changes as a diff."""
    for passage in passed.passages:
        where = f"{source}:{passage.place.line}:{passage.place.column}: {passage.logical_id}"
        if not passage.remarks:
            yield one_line(f"{where}: ParallelCluster {passage.after} already")
            continue
        yield one_line(f"{where}: ParallelCluster {passage.before or '…'} to {passage.after}")
        for each in passage.sorted():
            at = f"{source}:{each.place.line}:{each.place.column}: {each.path}: " if each.path else ""
            noted = f" ({each.place.note})" if each.place.note else ""
            yield one_line(f"  {each.weight.word:9}  {at}{each.what}{noted}")
            if each.fix:
                yield one_line(f"             {each.fix}")
            if each.source:
                yield one_line(f"             {each.source}")
    for inner in passed.elsewhere:
        yield one_line(f"{inner}: not changed: pass it as well if it has clusters")
    for verdict in tried.verdicts:
        if isinstance(verdict, Finding):
            yield finding_line(source, verdict)
        else:
            yield from map(one_line, lines(verdict, source))
    if shows_difference:
        yield from passed.difference(source)


def _summary(
    passed: Passed, tried: _DryRun, given: Mapping[str, str], template: Path, written: Path | None
) -> Iterator[str]:
    """Yields what was done, and the next command."""
    if tried.left_out:
        yield tried.left_out
    refused = sum(each.is_refused for each in passed.passages)
    changed = sum(each.translated is not None and not each.is_refused for each in passed.passages)
    parts = [counted(len(passed.passages), "cluster")]
    parts += [f"{changed} changed"] if changed and not refused else []
    parts += [f"{refused} refused"] if refused else []
    parts += (
        ["the dry run refuses; --no-dry-run writes the template all the same"] if tried.is_refused else []
    )
    parts += [f"{written} is written"] if written else []
    yield one_line(", ".join(parts))
    if changed and not refused and not tried.is_refused:
        values = "".join(f" -p {key}={value}" for key, value in {**given, **passed.parameters}.items())
        yield one_line(f"Next: pcluster-cfn plan {written or template}{values}")


def _document(passed: Passed, tried: _DryRun, source: str, path: Path | None) -> dict[str, Any]:
    verdicts = [each for each in tried.verdicts if isinstance(each, Verdict)]
    return {
        "file": source,
        "clusters": [each.document() for each in passed.passages],
        "notLookedAt": [
            {"file": inner, "reason": "a nested template, which is not changed"} for inner in passed.elsewhere
        ],
        "dryRun": {
            "verdicts": [document(each, source) for each in verdicts],
            "missing": [
                f"{each.path} {each.message}" for each in tried.verdicts if isinstance(each, Finding)
            ],
            "leftOut": tried.left_out,
        },
        "template": passed.after,
        "written": str(path) if path else None,
    }
