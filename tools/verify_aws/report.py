"""The plan before a run, and the table after it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.verify_aws import prices
from tools.verify_aws.leftovers import Leftover
from tools.verify_aws.recording import Recording, differences
from tools.verify_aws.run import TAG, Run

#: What more lines would hide is in the log.
_ERRORS_MAX = 20
#: In the order in which they run.
SCENARIOS = (
    "provider",
    "create",
    "update",
    "update-refused",
    "fleet-stop",
    "update-failed",
    "adoption",
    "delete",
    "create-refused",
    "create-failed",
    "retry",
    "create-cancelled",
    "wait-condition",
)


def show_plan(console: Console, run: Run, account: str, hours: float, budget_usd: float) -> None:
    """Prints what a run makes, for how long, and what that costs at most."""
    network = f"clusters in your subnet {run.subnet}" if run.subnet else "a VPC with one public subnet"
    console.print(
        f"In account {account}, {run.region}, this makes the provider stack, {network},\n"
        "and five clusters one after the other: each a t3.small head node without compute nodes.\n"
        f"Names begin with {run.name('')} or c-{run.name('')}; everything has the tag\n"
        f"{TAG}={run.run_id}. Uploads go to s3://{run.bucket}/{run.uploads}/.\n"
        f"Everything is deleted at the end, after at most {hours:g} hours, clean-up included.\n"
        "ParallelCluster's own bucket, parallelcluster-…-v1-do-not-delete, stays.\n",
        markup=False,
        highlight=False,
    )
    table = Table("at most", "amount", "unit", "USD", box=None)
    for item in prices.items(hours):
        table.add_row(item.what, f"{item.amount:,.1f}", item.unit, f"{item.usd:.2f}")
    total, factor = sum(item.usd for item in prices.items(hours)), prices.margin(run.region)
    table.add_row("all of it", "", "", f"{total:.2f}")
    console.print(table)
    bound, left = prices.bound_usd(hours, run.region), prices.left_usd_an_hour(run.region)
    console.print(
        f"\nAt most {bound:.2f} USD of your budget of {budget_usd:.2f}: {factor:g} times the sum at\n"
        f"us-east-1's list prices of {prices.WRITTEN_ON}, since prices differ by Region and may have\n"
        "changed. If this machine is lost meanwhile, what is left costs at most\n"
        f"{left:.2f} USD an hour until you start this again.\n",
        markup=False,
        highlight=False,
    )


def show_table(console: Console, embedded: Path, aws: Path) -> bool:
    """Prints each scenario in both places and what differs; returns whether all passed on AWS."""
    caption = "statuses, reasons, order: in how many places the two differ"
    columns = ("scenario", "embedded cloud", "AWS", "statuses", "reasons", "order")
    table = Table(*columns, box=None, caption=caption, caption_justify="left", caption_style="")
    details: list[str] = []
    passed = True
    for scenario in SCENARIOS:
        here, there = _read(embedded, scenario), _read(aws, scenario)
        if here is None and there is None:
            continue
        found = differences(here, there) if here is not None and there is not None else {}
        table.add_row(scenario, _shown(here), _shown(there), *_counts(found))
        passed = passed and there is not None and there.outcome == "passed"
        details += [
            f"{scenario}: {place}: {recording.outcome.splitlines()[0]}"
            for place, recording in (("embedded cloud", here), ("AWS", there))
            if recording is not None and recording.outcome != "passed"
        ]
        details += [
            f"{scenario}: {kind}: {each.text('embedded cloud', 'AWS')}"
            for kind, differing in found.items()
            for each in differing
        ]
    console.print(table)
    for line in details:
        console.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)
    return passed


def show_failures(console: Console, log: Path) -> None:
    """Prints the errors that pytest shows, each once, and where the rest of its output is."""
    errors = [line[1:].strip() for line in log.read_text().splitlines() if line.startswith("E  ")]
    for error in list(dict.fromkeys(errors))[:_ERRORS_MAX]:
        console.print(f"failed: {error}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"All of pytest's output, not redacted: {log}", markup=False, highlight=False)


def show_left(console: Console, left: Sequence[Leftover] | None) -> None:
    """Prints what could not be removed, and the commands that remove it."""
    if left is None:
        console.print(
            f"AWS could not be asked what is left. Start again, or look for stacks with the tag {TAG}."
        )
    for item in left or ():
        console.print(f"not removed: {item}\n  {item.command}", markup=False, highlight=False, soft_wrap=True)


def _read(folder: Path, scenario: str) -> Recording | None:
    path = folder / f"{scenario}.json"
    return Recording.read(path) if path.exists() else None


def _shown(recording: Recording | None) -> str:
    if recording is None:
        return "not run"
    minutes, seconds = divmod(round(recording.duration_s), 60)
    return f"{recording.outcome.split(':')[0]}, {minutes}m {seconds:02}s"


def _counts(found: Mapping[str, Sequence[object]]) -> list[str]:
    return [str(len(found[kind])) if kind in found else "-" for kind in ("statuses", "reasons", "order")]
