"""Writes the published schemas, or checks that the written ones are current.

Usage: ``make schemas``, which is ``python -m tools.published_schemas [--check]``.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from cluster_schema import configuration_schema, versions
from tools.published_schemas.editors import for_editors
from tools.published_schemas.resources import resources

FOLDER = Path(__file__).parents[2] / "schemas"


def main() -> int:
    """Returns the exit status: 1 if ``--check`` found a file missing or out of date."""
    parser = argparse.ArgumentParser(prog="tools.published_schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    check = parser.parse_args().check
    outdated = [name for name, text in published() if not _is_current(name, text)]
    for name, text in published():
        if name in outdated and not check:
            (FOLDER / name).write_text(text, encoding="utf-8")
    if check and outdated:
        sys.stderr.write(f"out of date: {', '.join(outdated)}. Run make schemas\n")
    return 1 if check and outdated else 0


def published() -> Iterator[tuple[str, str]]:
    """Yields the name of each file and what has to be in it."""
    for version in versions():
        schema = for_editors(configuration_schema(version))
        yield f"configuration-{version}.json", json.dumps(schema, indent=1) + "\n"
    yield "resources.json", json.dumps(resources(), indent=1) + "\n"


def _is_current(name: str, text: str) -> bool:
    path = FOLDER / name
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
