"""Writes the schema of the installed ParallelCluster version, or checks that the written one is current.

Usage: ``python -m tools.configuration_schema [--check | --into FILE]``.
"""

import argparse
import json
import sys
from pathlib import Path

from pcluster.utils import get_installed_version

from tools.configuration_schema.generator import configuration_schema

SCHEMAS = Path(__file__).parents[2] / "provider" / "engine" / "cluster_schema" / "schemas"


def main() -> int:
    """Returns the exit status: 1 if ``--check`` found the committed file missing or out of date."""
    parser = argparse.ArgumentParser(prog="tools.configuration_schema", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file would change")
    parser.add_argument("--into", type=Path, help="the file; by default the committed one")
    given = parser.parse_args()
    path = given.into or SCHEMAS / f"{get_installed_version()}.json"
    text = json.dumps(configuration_schema(), indent=1) + "\n"
    if given.check:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{path.name} is out of date: run python -m tools.configuration_schema\n")
            return 1
        return 0
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
