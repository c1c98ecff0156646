"""``pcluster-cfn publish``: its options, its progress, and its report."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from pcluster_cfn.aws import session
from pcluster_cfn.launch.link import QuickCreateLink
from pcluster_cfn.options import EXIT_CODES, INTERRUPTED, aws_options_with_regions
from pcluster_cfn.publishing.build import FOLDER, build_stacks, read_stacks, unpacked
from pcluster_cfn.publishing.publication import File
from pcluster_cfn.publishing.upload import REGION, Plan, Publishing, carry_out
from pcluster_cfn.terminal import Console

#: Names of the stacks that links propose. An engine is one of many.
_STACK_NAMES = {"provider": "pcluster-provider", "hook": "pcluster-hook"}
_SNIPPET = """\
  Provider:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: {url}
      TimeoutInMinutes: 10"""
#: The Region, which CloudFormation fills in.
_ANY_REGION = "${AWS::Region}"


def upload(plans: Sequence[Plan], console: Console) -> None:
    """Carries out plans; on a terminal, shows a progress bar for each file.

    Raises:
        CommandError: S3 refuses an upload, or has other contents than were sent.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = [
            {
                file.name: bars.add_task(f"{plan.store.region}  {file.name}", total=len(file.body))
                for file in plan.missing
            }
            for plan in plans
        ]
        for plan, its_tasks in zip(plans, tasks, strict=True):
            carry_out(plan, partial(_move, bars, its_tasks))


def _move(bars: Progress, tasks: dict[str, TaskID], file: File, sent_bytes: int) -> None:
    bars.update(tasks[file.name], completed=sent_bytes)


@dataclass(frozen=True)
class Report:
    """What was published, or would be, and how to use it."""

    publishing: Publishing
    plans: Sequence[Plan]
    uploaded: bool

    def json(self) -> str:
        """Returns the report as JSON."""
        return json.dumps(
            {
                "version": self.publishing.version,
                "uploaded": self.uploaded,
                "publications": [self._described(plan) for plan in self.plans],
                "snippet": self._snippet(),
            },
            indent=1,
        )

    def text(self) -> str:
        """Returns the report as text."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for plan in self.plans:
            built, described = plan.publication.built, self._described(plan)
            yield f"{plan.store.region}: {built.name}, {self._what_happened(plan)}"
            yield f"  s3://{plan.store.bucket}/{plan.publication.prefix}"
            for file in described["files"]:
                yield f"    {file['state']:<9} {_size(file['sizeBytes']):>10}  {file['name']}"
            yield f"  TemplateURL: {described['templateUrl']}"
            if "quickCreateUrl" in described:
                yield f"  Quick create: {described['quickCreateUrl']}"
            if built.about["modified"]:
                yield "  Note: built with uncommitted changes."
            yield ""
        if self.uploaded:
            yield "To nest it (needs CAPABILITY_IAM, and no CAPABILITY_AUTO_EXPAND):"
            yield self._snippet()
        else:
            yield "This was a dry run: nothing was uploaded."

    def _what_happened(self, plan: Plan) -> str:
        version = f"version {self.publishing.version}"
        if plan.is_done:
            return f"{version} is already published with the same contents"
        return f"{version} is published" if self.uploaded else f"{version} would be published"

    def _described(self, plan: Plan) -> dict[str, Any]:
        built = plan.publication.built
        missing = {file.name for file in plan.missing}
        described = {
            "region": plan.store.region,
            "kind": built.kind,
            "pclusterVersion": built.about["pclusterVersion"],
            "bucket": plan.store.bucket,
            "prefix": plan.publication.prefix,
            "templateUrl": plan.template_url,
            "alreadyPublished": plan.is_done,
            "files": [
                {**file.described(), "state": self._state(missing=file.name in missing)}
                for file in plan.publication.files
            ],
        }
        if built.kind in _STACK_NAMES:
            described["quickCreateUrl"] = QuickCreateLink(
                plan.store.region, plan.template_url, _STACK_NAMES[built.kind]
            ).url()
        return described

    def _state(self, *, missing: bool) -> str:
        if not missing:
            return "present"
        return "uploaded" if self.uploaded else "missing"

    def _snippet(self) -> str:
        """Returns a resource that nests the provider; it works in every Region that has a bucket."""
        plan = self.plans[0]
        bucket, url = self.publishing.bucket, plan.template_url
        here = f"https://{plan.store.bucket}.s3.{plan.store.region}."
        if REGION in bucket and url.startswith(here):
            anywhere = f"https://{bucket.replace(REGION, _ANY_REGION)}.s3.{_ANY_REGION}."
            url = f"!Sub {anywhere}{url.removeprefix(here)}"
        return _SNIPPET.format(url=url)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB" if size_bytes >= 2**20 else f"{size_bytes / 2**10:.1f} KiB"


@click.command("publish", epilog=EXIT_CODES, short_help="Upload the provider for others to nest or launch.")
@click.option(
    "--bucket",
    required=True,
    help="Your bucket. Each Region needs its own: {region} in the name stands for the Region's name.",
)
@click.option("--prefix", default="pcluster-cfn", help="Start of all keys.", show_default=True)
@aws_options_with_regions
@click.option("--version", help="Version to publish as. Default: this project's version.")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    help="Another ParallelCluster version whose engine is published, too.",
)
@click.option("--hook", is_flag=True, help="Publish the hook, too, which shows the plan in change sets.")
@click.option(
    "--build",
    type=click.Path(path_type=Path),
    help="Folder of a build, or a release's provider-VERSION.zip. Default: everything is built first.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be uploaded, and upload nothing.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON, for scripts.")
def publish(
    *,
    bucket: str,
    prefix: str,
    regions: Sequence[str],
    profile: str | None,
    version: str | None,
    engines: Sequence[str],
    hook: bool,
    build: Path | None,
    dry_run: bool,
    wants_json: bool,
) -> None:
    """Upload the provider stack for others to nest or to launch by its URL.

    Each version has its own prefix and never changes once it is complete. After an interruption, the same
    command continues where it stopped. Nothing is made public: the bucket's policy decides who may read it.
    """
    clients = [session(region, profile).client("s3") for region in dict.fromkeys(regions) or (None,)]
    publishing = Publishing(bucket, prefix.strip("/"), version or metadata.version("pcluster-cfn"))
    stores = publishing.stores(clients)
    for store in stores:
        store.check()
    if build is None:
        build_stacks(FOLDER, engines, hook=hook)
    with unpacked(build or FOLDER) as folder:
        plans = publishing.plans(stores, read_stacks(folder, engines, hook=hook))
    if not dry_run:
        _upload_or_stop(plans)
    report = Report(publishing, plans, uploaded=not dry_run)
    click.echo(report.json() if wants_json else report.text())


def _upload_or_stop(plans: Sequence[Plan]) -> None:
    """Uploads; on Ctrl-C, prints how to continue."""
    try:
        upload(plans, Console(stderr=True))
    except KeyboardInterrupt:
        click.echo("\nStopped. The same command continues where this one stopped.", err=True)
        sys.exit(INTERRUPTED)
