"""What publishing tells: progress on a terminal, then what others need to use what was published."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from pcluster_cfn.publishing.publication import File
from pcluster_cfn.publishing.publisher import REGION, Plan, Publishing, carry_out
from pcluster_cfn.quick_create.link import QuickCreateLink
from pcluster_cfn.terminal import Console

_STACK_NAME = "pcluster-provider"
_SNIPPET = """\
  Provider:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: {url}
      TimeoutInMinutes: 10"""
#: The Region, where CloudFormation puts it in.
_ANY_REGION = "${AWS::Region}"


def upload(plans: Sequence[Plan], console: Console) -> None:
    """Carries plans out, with a bar for each file on a terminal and silently anywhere else.

    Raises:
        CommandError: S3 refuses an upload, or holds something else than was sent.
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
    """What was done, or would be, and what comes of it."""

    publishing: Publishing
    plans: Sequence[Plan]
    uploaded: bool

    def json(self) -> str:
        """Returns everything for scripts."""
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
        """Returns everything for people."""
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
                yield "  Note: built with changes that its commit does not have."
            yield ""
        if self.uploaded:
            yield "To nest it (needs CAPABILITY_IAM, and no CAPABILITY_AUTO_EXPAND):"
            yield self._snippet()
        else:
            yield "This was a dry run: nothing was uploaded."

    def _what_happened(self, plan: Plan) -> str:
        version = f"version {self.publishing.version}"
        if plan.is_done:
            return f"{version} is already published with these very contents"
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
        if built.kind == "provider":
            described["quickCreateUrl"] = QuickCreateLink(
                plan.store.region, plan.template_url, _STACK_NAME
            ).url()
        return described

    def _state(self, *, missing: bool) -> str:
        if not missing:
            return "present"
        return "uploaded" if self.uploaded else "missing"

    def _snippet(self) -> str:
        """Returns a resource that nests the provider: in every Region, where each has a bucket."""
        plan = self.plans[0]
        bucket, url = self.publishing.bucket, plan.template_url
        here = f"https://{plan.store.bucket}.s3.{plan.store.region}."
        if REGION in bucket and url.startswith(here):
            anywhere = f"https://{bucket.replace(REGION, _ANY_REGION)}.s3.{_ANY_REGION}."
            url = f"!Sub {anywhere}{url.removeprefix(here)}"
        return _SNIPPET.format(url=url)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB" if size_bytes >= 2**20 else f"{size_bytes / 2**10:.1f} KiB"
