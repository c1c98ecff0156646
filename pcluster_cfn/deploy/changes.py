"""What a change set would do, as lines for its reader."""

from collections.abc import Sequence
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
        logical_id: Its logical id.
        type: Its type.
        properties: Names of the properties, or of tags and other attributes, that change.
    """

    kind: Kind
    logical_id: str
    type: str
    properties: tuple[str, ...] = ()

    def line(self) -> str:
        """Returns the change in one line."""
        changed = f": {', '.join(self.properties)}" if self.properties and self.kind != "add" else ""
        return f"  {_KINDS[self.kind]:<2} {self.logical_id} ({self.type}){changed}"


def list_changes(cloudformation: "CloudFormationClient", change_set_id: str) -> list[Change]:
    """Returns the changes of a change set, those that may lose something first."""
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set_id)
    found = [
        _change(each["ResourceChange"])
        for page in pages
        for each in page.get("Changes", [])
        if "ResourceChange" in each
    ]
    return sorted(found, key=lambda change: list(_KINDS).index(change.kind))


def _change(raw: "ResourceChangeTypeDef") -> Change:
    names = (
        target.get("Name") or target.get("Attribute", "")
        for detail in raw.get("Details", [])
        if (target := detail.get("Target", {}))
    )
    return Change(_kind(raw), raw["LogicalResourceId"], raw["ResourceType"], tuple(dict.fromkeys(names)))


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
    added = [change for change in changes if change.kind == "add"]
    others = [change for change in changes if change.kind != "add"]
    lines = [change.line() for change in [*others, *added[:_ADDED_MAX]]]
    if len(added) > _ADDED_MAX:
        lines.append(f"  … and {len(added) - _ADDED_MAX} more that are added")
    counts = {kind: sum(change.kind == kind for change in changes) for kind in _KINDS}
    numbers = [f"{count} {_PAST[kind]}" for kind, count in counts.items() if count]
    return [*lines, f"  {', '.join(numbers) or 'tags and outputs only'}"]
