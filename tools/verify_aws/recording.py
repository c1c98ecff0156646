"""What CloudFormation said in a scenario, without what identifies an account, and how two records differ."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from tools.verify_aws.run import Run

#: Most specific first: what a pattern replaces is not seen by those after it.
_REDACTIONS = [
    (re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']+"), r"\1?<query>"),
    (re.compile(r"\b(Request ?ID:? ?)[\w+/=-]+", re.IGNORECASE), r"\1<request>"),
    (re.compile(r":(user|assumed-role|federated-user)/[^\s\"',)]+"), r":\1/<caller>"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"), "<key>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\bparallelcluster-[0-9a-f]{16}-v1-do-not-delete\b", re.IGNORECASE), "<cluster-bucket>"),
    (re.compile(r"\b([a-z]{1,12})-(?=[0-9a-f]*\d)[0-9a-f]{8,17}\b"), r"\1-<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    # As a console shows it. Source: RFC 1123, 5.2.14.
    (re.compile(r"\b[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:[+-]\d{4}|GMT)"), "<time>"),
    (re.compile(r"\d{14}\b"), "<time>"),
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "<account>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<address>"),
    (re.compile(r"\bip-\d+-\d+-\d+-\d+\b"), "<host>"),
    # SAM's, of where the layer was uploaded to.
    (re.compile(r"(?<=Layer)[0-9a-f]{10}\b"), "<hash>"),
    (re.compile(r"-(?=\w*\d)(?=\w*[A-Z])[A-Za-z0-9]{12,13}\b"), "-<suffix>"),
]


def redacted(text: str, run: Run) -> str:
    """Returns a text without account, ids, addresses, signatures, and the names of a run."""
    for name, shown in ((run.run_id, "RUN"), (run.bucket, "<bucket>"), (run.subnet, "<subnet>")):
        text = text.replace(name, shown) if name else text
    for pattern, shown in _REDACTIONS:
        text = pattern.sub(shown, text)
    return text.replace(run.region, "<region>")


@dataclass(frozen=True)
class Event:
    """An event of a stack.

    Attributes:
        stack: The stack's name.
        logical_id: The resource's, or the stack's name for the stack itself.
        type: The resource's type.
        status: Its status.
        reason: Why; None where CloudFormation gives no reason.
        at_s: Seconds since the scenario's first event.
    """

    stack: str
    logical_id: str
    type: str
    status: str
    reason: str | None
    at_s: float

    @property
    def is_in_order(self) -> bool:
        """Whether it ends something in a stack of few resources; large ones make many at once."""
        is_large = self.stack.startswith("c-") or self.stack.endswith("-provider")
        return not is_large and not self.status.endswith("_IN_PROGRESS")


@dataclass(frozen=True)
class Recording:
    """A scenario: whether it did what it must, and the events of its stacks, oldest first."""

    scenario: str
    outcome: str
    events: Sequence[Event]

    @classmethod
    def of(cls, scenario: str, outcome: str, events: Iterable[Mapping[str, Any]], run: Run) -> Self:
        """Returns a recording of events as ``DescribeStackEvents`` gives them."""
        ordered = sorted(events, key=lambda event: event["Timestamp"])
        return cls(
            scenario,
            redacted(outcome, run),
            [
                Event(
                    redacted(event["StackName"], run),
                    redacted(event["LogicalResourceId"], run),
                    event["ResourceType"],
                    event["ResourceStatus"],
                    redacted(event["ResourceStatusReason"], run) if "ResourceStatusReason" in event else None,
                    round((event["Timestamp"] - ordered[0]["Timestamp"]).total_seconds(), 1),
                )
                for event in ordered
            ],
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a file that ``write`` wrote."""
        content = json.loads(path.read_text())
        return cls(content["scenario"], content["outcome"], [Event(**event) for event in content["events"]])

    def write(self, folder: Path) -> None:
        """Writes it into a folder, under the scenario's name."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.scenario}.json").write_text(json.dumps(asdict(self), indent=1) + "\n")

    @property
    def duration_s(self) -> float:
        """Seconds from the first event to the last."""
        return self.events[-1].at_s if self.events else 0.0


@dataclass(frozen=True)
class Difference:
    """What two records have differently: the statuses or reasons of a resource, or the order in a stack.

    Attributes:
        of: The stack, and the resource and its status where there is one.
        one: What the one record has.
        other: What the other one has.
    """

    of: str
    one: Sequence[str]
    other: Sequence[str]

    def text(self, one: str, other: str) -> str:
        """Returns a line that names both records, without what they have in common."""
        begin, end = _common(self.one, self.other)
        texts = [list(texts[begin : len(texts) - end]) for texts in (self.one, self.other)]
        if [len(found) for found in texts] == [1, 1]:
            texts = [[text] for text in _apart(texts[0][0], texts[1][0])]
        shown = [", ".join(found) or "nothing" for found in texts]
        return f"{self.of}: {one}: {shown[0]}; {other}: {shown[1]}"


#: So many characters are shown around what differs in two texts.
_AROUND = 40


def _common(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """Returns how many items, or characters, are the same at the beginning and at the end."""
    begin = _shared(one, other)
    return begin, _shared(one[begin:][::-1], other[begin:][::-1])


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _apart(*texts: str) -> list[str]:
    begin, end = _common(*texts)
    cut = max(begin - _AROUND, 0)
    kept = [text[cut : len(text) - max(end - _AROUND, 0)] for text in texts]
    return [("…" if cut else "") + text + ("…" if end > _AROUND else "") for text in kept]


def differences(one: Recording, other: Recording) -> dict[str, list[Difference]]:
    """Returns what differs in statuses, reasons and the order of events; times may differ.

    The provider's stack and a cluster's own make many resources at once, so their order is not compared.
    """
    return {
        "statuses": _unequal(_statuses(one), _statuses(other)),
        "reasons": _unequal(_reasons(one), _reasons(other)),
        "order": _unequal(_order(one), _order(other)),
    }


_Facts = dict[tuple[str, ...], list[str]]


def _statuses(recording: Recording) -> _Facts:
    found: _Facts = defaultdict(list)
    for event in recording.events:
        found[event.stack, event.logical_id].append(event.status)
    return found


def _reasons(recording: Recording) -> _Facts:
    found: _Facts = defaultdict(list)
    for event in recording.events:
        if event.reason is not None:
            found[event.stack, event.logical_id, event.status].append(event.reason)
    return found


def _order(recording: Recording) -> _Facts:
    found: _Facts = defaultdict(list)
    for event in recording.events:
        if event.is_in_order:
            found[event.stack,].append(f"{event.logical_id} {event.status}")
    return found


def _unequal(one: _Facts, other: _Facts) -> list[Difference]:
    return [
        Difference(" ".join(key), one.get(key, []), other.get(key, []))
        for key in sorted({*one, *other})
        if one.get(key, []) != other.get(key, [])
    ]
