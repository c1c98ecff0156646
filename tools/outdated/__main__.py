"""Lists every package that is deployed, with its age and whether there is a newer one.

Queries the package index that pip uses on this machine, once for each package. The exit code is 1 if the
index did not answer for a package.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime

from tools.artefacts.parts import packages
from tools.artefacts.requirements import normalised
from tools.outdated.index import Index, IndexUnavailableError
from tools.outdated.releases import Age, Releases, age, releases
from tools.outdated.report import Pin, pins, summary, table

#: After so many failures in a row, from the first package on, the index is not queried again.
_PATIENCE = 3


def main() -> int:
    """Prints the list and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.outdated", description=__doc__)
    parser.add_argument("package", nargs="*", help="only these")
    arguments = parser.parse_args()
    try:
        chosen = pins(packages(), map(normalised, arguments.package))
        index = Index.of_pip()
    except (ValueError, IndexUnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    rows, complaints = ages(chosen, index, datetime.now(UTC).date())
    sys.stdout.write(f"{table(rows)}\n\n{summary(rows)}\n")
    sys.stderr.writelines(f"{complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


def ages(chosen: Sequence[Pin], index: Index, today: date) -> tuple[list[tuple[Pin, Age | None]], list[str]]:
    """Returns each pin with its age, None if the index did not answer, and the index's failures.

    Args:
        chosen: The pins.
        index: The package index.
        today: The day that ages are counted to.
    """
    known: dict[str, Releases] = {}
    complaints: dict[str, str] = {}
    for package in dict.fromkeys(pin.package for pin in chosen):
        if not known and len(complaints) >= _PATIENCE:
            break
        try:
            known[package] = releases(index.page(package))
        except IndexUnavailableError as error:
            complaints[package] = str(error)
    rows = [
        (pin, age(pin.version, known[pin.package], today) if pin.package in known else None) for pin in chosen
    ]
    return rows, list(dict.fromkeys(complaints.values()))


if __name__ == "__main__":
    sys.exit(main())
