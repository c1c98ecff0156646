"""What a passage to another version means for a cluster, one remark for each thing, the worst first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from cfn_template.limits import Place


class Weight(IntEnum):
    """How much a remark matters, the worst first."""

    #: The passage is not possible like this.
    REFUSED = 0
    #: A value is not known, so that the passage cannot be judged.
    UNKNOWN = 1
    #: Goes with the old cluster.
    LOST = 2
    #: You have to do something.
    TO_DO = 3
    #: The new version does something otherwise.
    CHANGED = 4
    #: The template is changed there.
    EDITED = 5
    #: A known flaw that stays.
    REMAINS = 6
    #: A known flaw that goes.
    FIXED = 7
    #: Matters for later updates only.
    LATER = 8

    @property
    def word(self) -> str:
        """The weight as it is written: ``to do``."""
        return "not known" if self is Weight.UNKNOWN else self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Remark:
    """One remark.

    Args:
        weight: How much it matters.
        place: Its place in the template.
        path: Property and keys, separated by slashes; empty for the whole cluster.
        what: What is so, as a sentence without its full stop.
        fix: What to do, in the same form; empty if nothing has to be done.
        source: Where it was read; empty if the template or a schema says it.
    """

    weight: Weight
    place: Place
    path: str
    what: str
    fix: str = ""
    source: str = ""

    def document(self) -> dict[str, Any]:
        """Returns the remark as JSON values."""
        return {
            "weight": self.weight.word,
            "line": self.place.line,
            "column": self.place.column,
            "path": self.path,
            "what": self.what,
            "do": self.fix,
            "source": self.source,
        }


@dataclass
class Passage:
    """The passage of one cluster to another version.

    Args:
        logical_id: Its logical id.
        place: Place of its logical id.
        before: Its version; empty if it is not known.
        after: The version that it goes to.
        remarks: The remarks.
        parameters: Values that parameters must have in the deployment.
        translated: The new configuration; None if the cluster is not changed.
    """

    logical_id: str
    place: Place
    before: str
    after: str
    remarks: list[Remark] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    translated: Any = None

    @property
    def is_refused(self) -> bool:
        """Whether it is refused, or cannot be judged."""
        return any(each.weight <= Weight.UNKNOWN for each in self.remarks)

    def sorted(self) -> Sequence[Remark]:
        """Returns the remarks, the worst first, then in the order of the text and of their making."""
        return sorted(self.remarks, key=lambda each: (each.weight, each.place))

    def document(self) -> dict[str, Any]:
        """Returns the passage as JSON values."""
        return {
            "resource": self.logical_id,
            "line": self.place.line,
            "column": self.place.column,
            "from": self.before,
            "to": self.after,
            "refused": self.is_refused,
            "parameters": self.parameters,
            "remarks": [each.document() for each in self.sorted()],
        }


def capital(sentence: str) -> str:
    """Returns a sentence with a capital letter at its beginning."""
    return sentence[:1].upper() + sentence[1:]
