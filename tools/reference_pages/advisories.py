"""Renders the page of advisories from the file that the engine and the command read."""

from collections.abc import Mapping
from datetime import date

from cluster_schema.advisories import Advisory, all_advisories
from tools.reference_pages.markdown import joined, table

_FLAW_HEAD = (
    "id",
    "severity",
    "versions",
    "fixed in",
    "concerns",
    "what is wrong",
    "what to do",
    "source of",
)
_END_HEAD = ("id", "last day", "versions", "concerns", "what", "source of")


def advisories_page(words: Mapping[str, str]) -> str:
    """Returns the page of all advisories; its text does not depend on the day.

    Args:
        words: The sentences of ``advisories.yaml`` beside this file.
    """
    entries = all_advisories(date.min)
    flaws = sorted(
        (each for each in entries if each.ends_on is None),
        key=lambda each: (each.severity, -each.dated.toordinal(), each.id),
    )
    ends = sorted((each for each in entries if each.ends_on is not None), key=lambda each: str(each.ends_on))
    return joined([
        "<!-- Made by make reference from provider/engine/cluster_schema/advisories.yaml. -->",
        "# Advisories",
        words["lead"],
        "## Flaws",
        table(_FLAW_HEAD, map(_flaw, flaws)),
        "## Ends of support",
        words["ends"],
        table(_END_HEAD, map(_end, ends)),
        words["json"],
    ])  # fmt: skip


def _flaw(each: Advisory) -> tuple[str, ...]:
    return (
        _link(each),
        each.severity.word,
        each.releases,
        each.fixed_in or "not stated",
        _concerns(each),
        each.what,
        each.fix,
        str(each.dated),
    )


def _end(each: Advisory) -> tuple[str, ...]:
    what = each.what.partition(" ends ")[0]
    return _link(each), str(each.ends_on), each.releases, _concerns(each), what, str(each.dated)


def _link(advisory: Advisory) -> str:
    return f"[{advisory.id}]({advisory.source})"


def _concerns(advisory: Advisory) -> str:
    return ", or ".join(f"`{condition}`" for condition in advisory.concerns) or "all clusters"
