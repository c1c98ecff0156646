"""Reports functions' runtimes in templates: Lambda's dates, and the runtime that the engine sets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from cfn_template.reading import read_plain
from cluster_engine.runtimes import LIFECYCLES, BlockedRuntimeError, Lifecycle, raise_runtimes
from tools.runtimes.templates import Uploaded

_FUNCTION = "AWS::Lambda::Function"


@dataclass(frozen=True)
class Finding:
    """One function.

    Args:
        of: The kind of cluster or image that the stack is for.
        template: The template in that stack.
        function: The logical id.
        runtime: The runtime in the library's template.
        given: The runtime that the engine sets on the day of the report; None if it refuses the stack.
    """

    of: str
    template: str
    function: str
    runtime: str
    given: str | None

    def lifecycle(self) -> Lifecycle | None:
        """The dates of the library's runtime; None if it is not in the engine's table."""
        return LIFECYCLES.get(self.runtime)

    def is_good(self, on: date) -> bool:
        """Whether Lambda creates the function on the day."""
        given = LIFECYCLES.get(self.given or "")
        return given is not None and on < given.create_block


def find(templates: Iterable[Uploaded], on: date) -> Iterator[Finding]:
    """Yields every function in templates, also those with code other than the library's."""
    for template in templates:
        given = _given(template.text, on)
        for name, runtime in _runtimes(template.text).items():
            yield Finding(template.of, template.name, name, runtime, None if given is None else given[name])


def _given(text: str, on: date) -> dict[str, str] | None:
    try:
        return _runtimes(raise_runtimes(text, on, creates=True))
    except BlockedRuntimeError:
        return None


def _runtimes(text: str) -> dict[str, str]:
    resources: dict[str, Any] = read_plain(text).get("Resources", {})
    return {
        name: resource["Properties"]["Runtime"]
        for name, resource in resources.items()
        if resource["Type"] == _FUNCTION
    }


def lines(version: str, templates: list[Uploaded], findings: list[Finding], on: date) -> Iterator[str]:
    """Yields the lines of one release's report."""
    yield f"ParallelCluster {version}: {len(findings)} functions in {len(templates)} templates"
    for of in dict.fromkeys(template.of for template in templates):
        found = [finding for finding in findings if finding.of == of]
        read = [template.name for template in templates if template.of == of]
        nested = read.count("nested stack")
        yield f"  {of} (its stack's template, {nested} of nested stacks)"
        for finding in found:
            yield f"    {finding.function} in its {finding.template}: {_said(finding, on)}"


def _said(finding: Finding, on: date) -> str:
    lifecycle = finding.lifecycle()
    if lifecycle is None:
        return f"{finding.runtime}, which cluster_engine/runtimes.py does not know"
    dates = (
        f"{finding.runtime}, deprecated {lifecycle.deprecated}, "
        f"not created from {lifecycle.create_block}, not updated from {lifecycle.update_block}"
    )
    if finding.given is None:
        return f"{dates}; BLOCKED: the engine refuses new stacks"
    if not finding.is_good(on):
        return f"{dates}; BLOCKED, and not raised"
    return f"{dates}; {'kept' if finding.given == finding.runtime else f'raised to {finding.given}'}"
