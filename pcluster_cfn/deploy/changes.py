"""What a change set would do, as lines for its reader."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import ResourceChangeTypeDef

Kind = Literal["replace", "remove", "may replace", "change", "import", "add"]
#: The kinds, those that may lose something first, each with its sign.
_KINDS: dict[Kind, str] = {
    "replace": "±",
    "remove": "-",
    "may replace": "±?",
    "change": "~",
    "import": "»",
    "add": "+",
}
_PAST: dict[Kind, str] = {
    "replace": "replaced",
    "remove": "removed",
    "may replace": "perhaps replaced",
    "change": "changed",
    "import": "imported",
    "add": "added",
}
_CLUSTER = "Custom::PclusterCluster"
#: Lines about changes of the kind "add", which lose nothing; more are counted.
_ADDED_MAX = 20


@dataclass(frozen=True)
class Change:
    """A change of one resource.

    Attributes:
        kind: What happens to it.
        place: Logical ids from the stack to the resource, separated by slashes.
        type: Its type.
        properties: Names of the properties, or of tags and other attributes, that change.
    """

    kind: Kind
    place: str
    type: str
    properties: tuple[str, ...] = ()

    def line(self) -> str:
        """Returns the change in one line."""
        changed = f": {', '.join(self.properties)}" if self.properties and self.kind != "add" else ""
        return f"  {_KINDS[self.kind]:<2} {self.place} ({self.type}){changed}"


def list_changes(cloudformation: "CloudFormationClient", change_set_id: str) -> list[Change]:
    """Returns the changes of a change set and of its nested ones, those that may lose something first."""
    found = _changes(cloudformation, change_set_id, "")
    return sorted(found, key=lambda change: list(_KINDS).index(change.kind))


def _changes(cloudformation: "CloudFormationClient", change_set_id: str, prefix: str) -> Iterator[Change]:
    """Yields changes; what is in a nested stack stands for the change of that stack itself.

    CloudFormation reports a nested stack as changed whether or not anything in it changes.
    Source: CloudFormation user guide, "Change sets for nested stacks".
    """
    for page in cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set_id):
        for each in page.get("Changes", []):
            if "ResourceChange" not in each:
                continue
            raw = each["ResourceChange"]
            change = _change(raw, prefix)
            nested = raw.get("ChangeSetId")
            if not nested or change.kind != "change":
                yield change
            if nested:
                yield from _changes(cloudformation, nested, f"{change.place}/")


def _change(raw: "ResourceChangeTypeDef", prefix: str) -> Change:
    names = (
        target.get("Name") or target.get("Attribute", "")
        for detail in raw.get("Details", [])
        if (target := detail.get("Target", {}))
    )
    place = prefix + raw["LogicalResourceId"]
    return Change(_kind(raw), place, raw["ResourceType"], tuple(dict.fromkeys(names)))


def _kind(raw: "ResourceChangeTypeDef") -> Kind:
    """Returns the kind of a change. Source: CloudFormation API reference, ResourceChange."""
    match raw["Action"], raw.get("Replacement", "False"):
        case "Add", _:
            return "add"
        case "Remove", _:
            return "remove"
        case "Import", _:
            return "import"
        case _, "True":
            return "replace"
        case _, "Conditional":
            return "may replace"
        case _:
            return "change"


def changes_a_cluster(changes: Sequence[Change]) -> bool:
    """Whether a cluster that exists is changed or removed."""
    return any(change.type == _CLUSTER and change.kind != "add" for change in changes)


def review(changes: Sequence[Change]) -> list[str]:
    """Returns the lines of a review: each change that may lose something, then the numbers of all kinds."""
    shown, left = shorten(changes)
    lines = [change.line() for change in shown]
    if left:
        lines.append(f"  … and {left} more that are added")
    return [*lines, f"  {tally(changes) or 'tags and outputs only'}"]


def shorten(changes: Sequence[Change]) -> tuple[list[Change], int]:
    """Returns the changes to show, additions last, and how many additions are left out."""
    added = [change for change in changes if change.kind == "add"]
    others = [change for change in changes if change.kind != "add"]
    return [*others, *added[:_ADDED_MAX]], max(len(added) - _ADDED_MAX, 0)


def tally(changes: Sequence[Change]) -> str:
    """Returns the number of changes of each kind; empty without changes."""
    counts = {kind: sum(change.kind == kind for change in changes) for kind in _KINDS}
    return ", ".join(f"{count} {_PAST[kind]}" for kind, count in counts.items() if count)
