"""Finds what is wrong with a cluster's configuration, as a map or as text, and where."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cfn_template.limits import Place
from cfn_template.values import List, Map, place_of, repeated_keys
from cluster_schema import fit
from cluster_schema.conversion import Detail, pointer
from pcluster_cfn.validation.findings import Finding, Rule
from pcluster_cfn.validation.foresight import settled
from pcluster_cfn.validation.text import ConfigurationText

_KNOWN_KEY = "a known key: "
_REQUIRED = "a value, because "


class LibraryRules(Protocol):
    """Rules between several values, which the library knows and no schema says."""

    def findings(
        self, configuration: Any, version: str, properties: Mapping[str, Any]
    ) -> Iterable[tuple[str, str]]:
        """Returns the place of each mistake, as a JSON Pointer, and what is wrong.

        Args:
            configuration: One that fits the version's schema; UNKNOWN stands for what is not known.
            version: The ParallelCluster version it is for.
            properties: The resource's other properties; UNKNOWN stands for what is not known.
        """
        ...


@dataclass(frozen=True)
class Rules:
    """What a configuration is held against.

    Args:
        version: One of ``versions()``.
        properties: The properties of the resource that it belongs to.
        library: The library's own rules; None leaves them out.
    """

    version: str
    properties: Mapping[str, Any]
    library: LibraryRules | None = None

    def findings(self, plain: Any, values: Any, rule: Rule, otherwise: Place) -> Iterator[Finding]:
        """Yields everything that is wrong; the library is asked about what the schema takes.

        Args:
            plain: The configuration as JSON values; UNKNOWN stands for what is not known.
            values: The same with places.
            rule: Whose the schema's findings are.
            otherwise: The place of what has none.
        """
        fitted = fit(plain, self.version)
        yield from misfit_findings(fitted.misfits, values, rule, otherwise)
        if self.library is None or fitted.misfits:
            return
        for path, message in self.library.findings(fitted.typed, self.version, settled(self.properties)):
            yield Finding(place_of(values, _parts(path)) or otherwise, path, message, "library")


def text_findings(text: ConfigurationText, rules: Rules, key_at: Place) -> Iterator[Finding]:
    """Yields what is wrong in a configuration's text; what it lacks as a whole is at its key."""
    for problem in text.problems:
        yield Finding(problem.place, problem.path, problem.message, "text")
    for path, place in repeated_keys(text.value):
        yield Finding(place, pointer(path), f"the key {path[-1]} is there twice", "text")
    if isinstance(text.value, Map | List):
        text.value.place = key_at
    plain = settled(text.value if text.typed is None else text.typed)
    yield from rules.findings(plain, text.value, "text", key_at)


def misfit_findings(details: list[Detail], values: Any, rule: Rule, otherwise: Place) -> Iterator[Finding]:
    """Yields what a schema refuses, with its place in the values.

    Args:
        details: The misfits.
        values: With places.
        rule: Whose the findings are.
        otherwise: The place of what has none.
    """
    # A key that is misspelt is missing as well; that is one mistake.
    misspelt = {detail["path"].rpartition("/")[0] + "/" + detail.get("suggestion", "") for detail in details}
    for detail in details:
        if detail["expected"].startswith(_REQUIRED) and detail["path"] in misspelt:
            continue
        of_key = detail["expected"].startswith(_KNOWN_KEY)
        place = place_of(values, _parts(detail["path"]), of_key=of_key) or otherwise
        shown = detail["value"].replace('"UNKNOWN"', "…")
        yield Finding(place, detail["path"], _message({**detail, "value": shown}), rule)


def _parts(path: str) -> tuple[str, ...]:
    """Returns the parts of a JSON Pointer. Source: RFC 6901, section 4."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def login_pools(plain: Any) -> int | None:
    """Returns how many login node pools a configuration has; None if that is not known."""
    if not isinstance(plain, dict):
        return None
    nodes = plain.get("LoginNodes", {})
    pools = nodes.get("Pools", []) if isinstance(nodes, dict) else None
    if not isinstance(pools, list) or not all(isinstance(pool, dict) for pool in pools):
        return None
    return len(pools)


def _message(detail: Detail) -> str:
    expected = detail["expected"]
    if "message" in detail:  # the library's own words
        own = detail["message"]
        return own if expected.startswith(_KNOWN_KEY) else f"{detail['value']} is not valid: {own}"
    if "suggestion" in detail:
        return f"there is no such key, did you mean {detail['suggestion']}?"
    if expected.startswith(_KNOWN_KEY):
        return f"there is no such key, expected {expected}"
    if expected.startswith(_REQUIRED):
        return expected.removeprefix(_REQUIRED)
    return f"{detail['value']} is not valid, expected {expected}"
