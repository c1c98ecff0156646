"""Prints the Lambda runtimes in all templates of each engine: ``python -m tools.runtimes [--on 2027-02-01]``.

The exit code is 1 if Lambda would refuse a function on that day even with the runtime that the engine sets,
if a runtime is not in the engine's table, or if a release could not be examined.
"""

import argparse
import sys
from datetime import UTC, date, datetime

from localcloud.cloud import Cloud
from tools.runtimes.installed import NotInstalledError, python, versions
from tools.runtimes.report import find, lines
from tools.runtimes.templates import SynthesisError, synthesised


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.runtimes", description=__doc__)
    today = datetime.now(UTC).date()
    parser.add_argument("--on", type=date.fromisoformat, default=today, help="the day, by default today")
    parser.add_argument(
        "--version", action="append", choices=versions(), help="only this one; may be repeated"
    )
    arguments = parser.parse_args()
    _say(f"Runtimes of functions in stacks that are made on {arguments.on}")
    good = True
    with Cloud.start(skip_idle=False) as cloud:
        for version in arguments.version or versions():
            good &= _report(version, arguments.on, cloud)
    return 0 if good else 1


def _report(version: str, on: date, cloud: Cloud) -> bool:
    try:
        templates = synthesised(version, python(version), cloud)
    except (NotInstalledError, SynthesisError) as error:
        _say(f"\n{error}")
        return False
    findings = list(find(templates, on))
    _say("\n" + "\n".join(lines(version, templates, findings, on)))
    return bool(findings) and all(finding.is_good(on) for finding in findings)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
