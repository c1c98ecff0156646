"""Passes a template to another ParallelCluster version."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cfn_template.limits import TemplateError
from pcluster_cfn.upgrade.edits import TemplateEdits
from pcluster_cfn.upgrade.reading import Reader
from pcluster_cfn.upgrade.remarks import Passage, Remark, Weight
from pcluster_cfn.upgrade.translation import Target, is_translated, pass_cluster
from pcluster_cfn.validation.file_check import Nested, find_nested


@dataclass(frozen=True)
class Passed:
    """A template that was passed to another version.

    Args:
        before: Its text.
        after: The new text; the same if a passage is refused or nothing changes.
        passages: The passages of its clusters.
        elsewhere: Nested local templates, which are not changed.
    """

    before: str
    after: str
    passages: list[Passage]
    elsewhere: list[str]

    @property
    def is_refused(self) -> bool:
        """Whether a passage is refused, so that nothing is changed."""
        return any(each.is_refused for each in self.passages)

    @property
    def parameters(self) -> dict[str, str]:
        """Values that parameters must have in the deployment."""
        return {name: value for each in self.passages for name, value in each.parameters.items()}

    def difference(self, source: str) -> Iterator[str]:
        """Yields the lines of a unified diff of the two texts."""
        before, after = self.before.splitlines(), self.after.splitlines()
        yield from difflib.unified_diff(before, after, source, source, lineterm="")


def pass_template(text: str, source: str, reader: Reader, target: Target) -> Passed:
    """Returns a template passed to another version.

    Args:
        text: A template that can be read.
        source: Its file, from which nested local templates are found; empty if there is none.
        reader: Reads it with the values that are known.
        target: What it is passed to.
    """
    edits = TemplateEdits(text)
    passages = [pass_cluster(cluster, target, edits) for cluster in reader.clusters(text)]
    nested = find_nested(reader.template(text), source, ())
    passed = Passed(text, text, passages, [each.source for each in nested if isinstance(each, Nested)])
    if passed.is_refused:
        return passed
    changed = replace(passed, after=edits.apply())
    for passage in _misread(changed, reader):
        what = "The change cannot be made in this text without a mistake"
        fix = "Write what belongs to the configuration plainly, or make the changes by hand"
        passage.remarks.append(Remark(Weight.REFUSED, passage.place, "", what, fix))
    return passed if changed.is_refused else changed


def _misread(changed: Passed, reader: Reader) -> Iterator[Passage]:
    """Yields the passages whose cluster is not in the new text as it should be."""
    new = replace(reader, given={**reader.given, **changed.parameters}, deployed={})
    try:
        found = {cluster.logical_id: cluster for cluster in new.clusters(changed.after)}
    except TemplateError:
        yield from changed.passages
        return
    for passage in changed.passages:
        if passage.translated is not None and (
            passage.logical_id not in found or not is_translated(found[passage.logical_id], passage)
        ):
            yield passage
