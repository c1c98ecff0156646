"""Renders the page of ParallelCluster's releases from what ``make engines-matrix`` saw of each."""

from collections.abc import Iterable, Mapping
from typing import Any

from tools.reference_pages.markdown import joined, table

_HEAD = (
    "release",
    "Python",
    "unzipped",
    "zipped",
    "operating systems",
    "contract tests",
    "a cluster's life",
    "on",
)


def engines_page(words: Mapping[str, str], results: Iterable[Mapping[str, Any]]) -> str:
    """Returns the page of releases.

    Args:
        words: The sentences of ``engines.yaml`` beside this file.
        results: What was seen of each release, as in ``docs/reference/engines.json``.
    """
    return joined([
        "<!-- Made by make reference from engines.json, which make engines-matrix writes. -->",
        "# Engines of ParallelCluster's releases",
        words["lead"],
        table(_HEAD, map(_row, results)),
        words["columns"],
    ])  # fmt: skip


def _row(seen: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        seen["release"],
        seen["python"],
        f"{seen['unzipped_mib']} MiB",
        f"{seen['zipped_mib']} MiB",
        ", ".join(f"`{name}`" for name in seen["operating_systems"]),
        f"{seen['contract']} passed",
        "created, updated, deleted" if "life" in seen else "",
        seen["date"],
    )
