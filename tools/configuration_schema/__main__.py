"""Writes the schema of the installed ParallelCluster release, or checks that the kept one is current.

Usage: ``python -m tools.configuration_schema [--check | --into FILE]``.
"""

import argparse
import json
import sys
from pathlib import Path

from pcluster.utils import get_installed_version

from cluster_schema.releases import RELEASES, configuration_schema, difference, newest_first, versions
from tools.configuration_schema import generator

FILE = Path(__file__).parents[2] / "provider" / "engine" / "cluster_schema" / "schemas" / RELEASES


def main() -> int:
    """Returns the exit status: 1 if ``--check`` found that the kept schema is missing or out of date."""
    parser = argparse.ArgumentParser(prog="tools.configuration_schema", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the schema would change")
    parser.add_argument(
        "--into", type=Path, help="a file for the whole schema; by default it is kept with others"
    )
    given = parser.parse_args()
    release, schema = get_installed_version(), generator.configuration_schema()
    if given.check:
        if release not in versions() or configuration_schema(release) != schema:
            sys.stderr.write(f"{release} is out of date: run python -m tools.configuration_schema\n")
            return 1
    elif given.into:
        given.into.write_text(json.dumps(schema, indent=1) + "\n", encoding="utf-8")
    else:
        schemas = {each: configuration_schema(each) for each in versions()} | {release: schema}
        FILE.write_text(json.dumps(patches(schemas), indent=1) + "\n", encoding="utf-8")
    return 0


def patches(schemas: dict[str, generator.JsonSchema]) -> dict[str, generator.JsonSchema]:
    """Returns what is kept of the schemas of releases: the difference of each from the release after it."""
    made: dict[str, generator.JsonSchema] = {}
    before: generator.JsonSchema = {}
    for release in newest_first(schemas):
        # Sorted, so that the same schemas give the same text, whatever they were made from.
        made[release] = json.loads(json.dumps(difference(before, schemas[release]), sort_keys=True))
        before = schemas[release]
    return made


if __name__ == "__main__":
    sys.exit(main())
