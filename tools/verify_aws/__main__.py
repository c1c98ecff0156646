"""Runs the scenarios on an account and on the embedded cloud: docs/how-to/verify-aws.md."""

import argparse
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pcluster_cfn.terminal import Console
from tools.verify_aws import prices, report
from tools.verify_aws.leftovers import Cleaner, Leftover
from tools.verify_aws.run import Run
from tools.verify_aws.scenarios import TimeUpError, log_of, run_scenarios

#: The embedded cloud's run costs nothing and takes minutes.
_EMBEDDED_S = 3600
_CLEANUP_H = 1.25
_INTERRUPTED = 130


class RefusedError(Exception):
    """Nothing was made: what is missing, and what to do."""


def main(arguments: list[str]) -> int:
    """Runs, cleans up and reports; returns 1 if anything failed or is left, 2 for refusals."""
    given = _parse(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        _check_budget(given)
        return _verify(given, console)
    except RefusedError as refused:
        print(f"Nothing was made: {refused}", file=sys.stderr)  # noqa: T201
        return 2


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.verify_aws", description=__doc__)
    parser.add_argument("--region", required=True)
    parser.add_argument("--bucket", required=True, help="a bucket of yours in this Region, for uploads")
    parser.add_argument("--budget", type=float, help="what it may cost at most, in USD")
    parser.add_argument("--subnet", default="", help="a public subnet for clusters; one is made by default")
    parser.add_argument("--hours", type=float, default=4.0, help="when the scenarios are ended")
    parser.add_argument("--aws-only", action="store_true", help="without the embedded cloud to compare with")
    parser.add_argument("--only", default="", help="the scenarios to run, as pytest's -k")
    parser.add_argument("--build", action="store_true", help="build what is deployed first")
    parser.add_argument("--into", type=Path, default=Path("build/verify-aws"), help="where recordings go")
    parser.add_argument("--poll", type=float, default=10.0, help="seconds between two looks at a stack")
    return parser.parse_args(arguments)


def _check_budget(given: argparse.Namespace) -> None:
    """Refuses before anything is sent anywhere."""
    bound = prices.bound_usd(given.hours + _CLEANUP_H, given.region)
    if given.budget is None:
        raise RefusedError(f"name what it may cost, at least {bound:.2f} USD: BUDGET={bound:.2f}")
    if bound > given.budget:
        raise RefusedError(
            f"it may cost {bound:.2f} USD, more than the budget of {given.budget:.2f}; "
            "raise BUDGET or lower HOURS"
        )


def _verify(given: argparse.Namespace, console: Console) -> int:
    run_id = secrets.token_hex(3)
    into = given.into.absolute() / run_id
    aws = Run(
        run_id, str(into / "aws"), True, given.region, given.bucket, given.subnet, given.poll, deadline_s=5400
    )
    session: Any = boto3.Session(region_name=given.region)
    patient = Config(retries={"mode": "standard", "total_max_attempts": 5})

    def client(service: str) -> Any:
        return session.client(service, config=patient)

    account = _account(client, given)
    report.show_plan(console, aws, account, given.hours + _CLEANUP_H, given.budget)
    cleaner = Cleaner(client, given.bucket, given.region)
    if given.build:
        subprocess.run([sys.executable, "-m", "tools.artefacts", "build"], check=True)
    into.mkdir(parents=True)
    with _interruptible(into):
        return _run(given, aws, cleaner, into, console)


def _run(given: argparse.Namespace, aws: Run, cleaner: Cleaner, into: Path, console: Console) -> int:
    embedded = Run(aws.run_id, str(into / "embedded"), region=aws.region)
    status = 1
    left: Sequence[Leftover] | None = []
    try:
        if found := cleaner.find():
            console.print(f"An earlier run left {len(found)} things; they are removed first.", markup=False)
            if (left := _clean(cleaner, given, console)) != []:
                report.show_left(console, left)
                return 1
        if not given.aws_only and not run_scenarios(embedded, console, _EMBEDDED_S, given.only):
            console.print("It fails on the embedded cloud already; nothing was made on AWS.")
            report.show_failures(console, log_of(embedded))
            return 1
        try:
            passed = run_scenarios(aws, console, given.hours * 3600, given.only)
        finally:
            left = _clean(cleaner, given, console)
        status = 0 if passed and left == [] else 1
        if not passed:
            report.show_failures(console, log_of(aws))
    except KeyboardInterrupt:
        console.print("Interrupted.")
        status = _INTERRUPTED
    except TimeUpError as late:
        console.print(f"Ended: {late}.", markup=False)
    with (into / "report.txt").open("w") as file:
        for target in (Console(file=file, width=120, highlight=False), console):
            report.show_table(target, into / "embedded", into / "aws")
            report.show_left(target, left)
    console.print(f"\nRecordings, redacted, and this table: {into}", markup=False)
    return status


def _clean(cleaner: Cleaner, given: argparse.Namespace, console: Console) -> list[Leftover] | None:
    """Removes what is there, whatever comes in between; returns what is left, as ``Cleaner.remove`` does."""

    def say(line: str) -> None:
        # The terminal may be gone, or the program that reads this; rich then ends the program.
        with suppress(OSError, SystemExit):
            console.print(f"clean-up: {line}", markup=False)

    with _uninterruptible(say):
        return cleaner.remove(_CLEANUP_H * 3600, given.poll, say)


def _account(client: Any, given: argparse.Namespace) -> str:
    """The account's id; refuses where there are no credentials, or no such bucket."""
    try:
        account: str = client("sts").get_caller_identity()["Account"]
        client("s3").head_bucket(Bucket=given.bucket)
    except (BotoCoreError, ClientError) as error:
        raise RefusedError(f"{error}; check your credentials, REGION and BUCKET") from error
    return account


@contextmanager
def _interruptible(into: Path) -> Iterator[None]:
    """Lets the end of a session or of a terminal interrupt as Ctrl-C does; output then goes to a file."""

    def hang_up(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            sys.stdout = sys.stderr = (into / "after-hang-up.log").open("a", buffering=1)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, hang_up) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _uninterruptible(say: Callable[[str], None]) -> Iterator[None]:
    """Lets nothing but SIGKILL interrupt a clean-up."""

    def go_on(*_: object) -> None:
        say("goes on; if you kill it, the next start removes what is left")

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, go_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
