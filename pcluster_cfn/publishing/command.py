"""``pcluster-cfn publish``."""

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import click

from pcluster_cfn.options import EXIT_CODES, INTERRUPTED
from pcluster_cfn.publishing import sources
from pcluster_cfn.publishing.publisher import Plan, Publishing
from pcluster_cfn.publishing.report import Report, upload
from pcluster_cfn.session import session
from pcluster_cfn.terminal import Console


@click.command("publish", epilog=EXIT_CODES, short_help="Upload the provider for others to nest or launch.")
@click.option(
    "--bucket",
    required=True,
    help="Bucket of yours; {region} in it stands for the name of each Region, which needs one of its own.",
)
@click.option("--prefix", default="pcluster-cfn", help="What all keys begin with.", show_default=True)
@click.option("--region", "regions", multiple=True, help="Region, once or more; the configured one without.")
@click.option("--version", help="What to publish it as; this project's version without one.")
@click.option(
    "--engine", "engines", multiple=True, help="A further ParallelCluster version whose engine is published."
)
@click.option(
    "--build",
    type=click.Path(path_type=Path),
    help="Folder that make build filled; without one everything is built first.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be uploaded, and upload nothing.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON, for scripts.")
def publish(
    *,
    bucket: str,
    prefix: str,
    regions: Sequence[str],
    version: str | None,
    engines: Sequence[str],
    build: Path | None,
    dry_run: bool,
    wants_json: bool,
) -> None:
    """Upload the provider stack for others to nest or to launch by its URL.

    Each version has a prefix of its own that never changes once it is complete. What was interrupted is
    taken up where it stopped. Nothing is made public: who may read is up to the bucket's policy.
    """
    clients = [session(region).client("s3") for region in dict.fromkeys(regions) or (None,)]
    publishing = Publishing(bucket, prefix.strip("/"), version or metadata.version("pcluster-cfn"))
    stores = publishing.stores(clients)
    for store in stores:
        store.check()
    stacks = sources.read(build, engines) if build else sources.build(engines)
    plans = publishing.plans(stores, stacks)
    if not dry_run:
        _upload(plans)
    report = Report(publishing, plans, uploaded=not dry_run)
    click.echo(report.json() if wants_json else report.text())


def _upload(plans: Sequence[Plan]) -> None:
    """Uploads; on Ctrl-C, says that nothing was lost."""
    try:
        upload(plans, Console(stderr=True))
    except KeyboardInterrupt:
        click.echo("\nStopped. The same command goes on where this one stopped.", err=True)
        sys.exit(INTERRUPTED)
