"""Writes the reference pages, or checks that the written ones are current.

Usage: ``make reference``, which is ``python -m tools.reference_pages [--check]``.
"""

import argparse
import sys
from pathlib import Path

from tools.reference_pages.pages import ROOT, pages


def main() -> int:
    """Returns the exit status: 1 if ``--check`` found a page missing or out of date."""
    parser = argparse.ArgumentParser(prog="tools.reference_pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page would change")
    check = parser.parse_args().check
    made = list(pages())
    outdated = [(path, text) for path, text in made if not _is_current(ROOT / path, text)]
    if not check:
        for path, text in outdated:
            (ROOT / path).write_text(text, encoding="utf-8")
    elif outdated:
        sys.stderr.write(f"out of date: {', '.join(str(path) for path, _ in outdated)}. Run make reference\n")
    return 1 if check and outdated else 0


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
