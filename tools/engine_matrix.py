"""Builds and tests the engine of every ParallelCluster release: ``python -m tools.engine_matrix``.

For each release on the package index: its engine is built as for Lambda, its sizes are held against Lambda's
limits, and the engine's contract tests run with what was built. The newest release of each minor version is
also deployed beside the provider on the embedded cloud, where a cluster is created, updated and deleted. What
was seen is kept in ``docs/reference/engines.json``, of which ``make reference`` makes a page.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from cluster_schema import configuration_schema
from cluster_schema.releases import newest_first
from tools import pip
from tools.artefacts import built, releases
from tools.artefacts.parts import ROOT

#: What was seen of each release, the newest first.
RESULTS = ROOT / "docs" / "reference" / "engines.json"
_BUILD = ROOT / "build"
_MIB = 2**20
_SUMMARY = re.compile(r"^(?:(?P<failed>\d+) failed, )?(?P<passed>\d+) passed", re.MULTILINE)
_VERSIONS = re.compile(r"^Available versions: (.*)$", re.MULTILINE)
_SHOWN_LINES = 25


def main() -> int:
    """Judges releases, keeps what was seen, and returns the exit code: 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.engine_matrix", description=__doc__)
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help="by default all from 3.6.0 on")
    parser.add_argument("--keep", action="store_true", help="keep what was built, 400 MiB for each release")
    given = parser.parse_args()
    console = Console(highlight=False)
    there = available()
    if unknown := set(given.releases) - set(there):
        parser.error(f"not on the package index: {', '.join(sorted(unknown))}; there is {', '.join(there)}")
    lives = newest_of_each_minor(there)
    failed = []
    for number, version in enumerate(chosen := given.releases or there, 1):
        console.print(f"{number}/{len(chosen)} ParallelCluster {version}", style="bold")
        seen, problem = judge(version, with_life=version in lives)
        if problem:
            failed.append(version)
            console.print(problem, markup=False)
        else:
            keep(seen)
            console.print(line(seen))
        if not given.keep and version not in releases.committed():
            shutil.rmtree(_BUILD / f"engine-{version}", ignore_errors=True)
    console.print(
        f"{len(chosen) - len(failed)} of {len(chosen)} releases: built, within limits, tests passed"
    )
    if failed:
        console.print(f"failed: {', '.join(failed)}")
    return int(bool(failed))


def available() -> list[str]:
    """Returns the releases on the package index that an engine can be built for, the newest first."""
    found = _VERSIONS.search(pip.output("index", "versions", "aws-parallelcluster"))
    versions = found[1].split(", ") if found else []
    return [version for version in versions if tuple(map(int, version.split("."))) >= releases.FIRST]


def newest_of_each_minor(versions: Iterable[str]) -> set[str]:
    """Returns the newest release of each minor version, of versions that are sorted, the newest first."""
    newest: dict[str, str] = {}
    for version in versions:
        newest.setdefault(version.rpartition(".")[0], version)
    return set(newest.values())


def judge(version: str, *, with_life: bool) -> tuple[dict[str, Any], str]:
    """Builds the engine of a release and runs its tests.

    Args:
        version: The release.
        with_life: Whether a cluster is created, updated and deleted with it.

    Returns:
        What was seen, and what is wrong; the latter is empty if nothing is.
    """
    make = ("-m", "tools.artefacts", "engine-stack", "--runnable", "--pcluster-version", version)
    code, output = _python(make)
    if code:
        return {}, output
    folder = _BUILD / f"engine-{version}"
    sizes = built.sizes_of(built.ENGINE_STACK, folder)
    seen = {
        "release": version,
        "python": json.loads((folder / "build.json").read_text(encoding="utf-8"))["python"],
        "unzipped_mib": round(sum(size.unzipped_bytes for size in sizes) / _MIB, 1),
        "zipped_mib": round(sum(size.zipped_bytes for size in sizes) / _MIB, 1),
        "operating_systems": operating_systems(version),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    for name, tests in {"contract": "test_contract.py", "life": "test_lives.py"}.items():
        if name == "life" and not with_life:
            continue
        code, output = _python(("-m", "pytest", "-q", "-s", f"tests/engines/{tests}"), RELEASES=version)
        summary = _SUMMARY.search(output)
        if code or summary is None:
            return seen, output
        seen[name] = int(summary["passed"])
    return seen, ""


def operating_systems(version: str) -> list[str]:
    """Returns the operating systems that a release's schema accepts."""
    made = releases.generated_schema(version)
    schema = json.loads(made.read_text(encoding="utf-8")) if made else configuration_schema(version)
    names: list[str] = schema["properties"]["Image"]["properties"]["Os"]["enum"]
    return names


def _python(arguments: tuple[str, ...], **environment: str) -> tuple[int, str]:
    """Runs this interpreter; returns its exit code and the last lines that it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "ARTEFACT": "build", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, "\n".join(done.stdout.splitlines()[-_SHOWN_LINES:])


def line(seen: dict[str, Any]) -> str:
    """Returns what was seen of a release as one line."""
    life = "created, updated, deleted" if "life" in seen else "no cluster made"
    size = f"{seen['unzipped_mib']} MiB unzipped, {seen['zipped_mib']} MiB zipped"
    return f"  {size}; {seen['contract']} contract tests passed; {life}"


def keep(seen: dict[str, Any]) -> None:
    """Writes what was seen of a release into the results."""
    kept = {each["release"]: each for each in results()} | {seen["release"]: seen}
    ordered = [kept[release] for release in newest_first(kept)]
    RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def results() -> list[dict[str, Any]]:
    """Returns what was seen of each release, the newest first; empty if nothing was."""
    if not RESULTS.is_file():
        return []
    kept: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return kept


if __name__ == "__main__":
    sys.exit(main())
