"""The provider's world in memory: facts are stated, nothing is scripted.

Each fake passes the same contract tests as its adapter (tests/contract/test_ports.py), and the sink checks
CloudFormation's rules on every answer, whatever the test is about.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cluster_provider.adapters.store import TOMBSTONE_S
from cluster_provider.core.document import from_document, to_document
from cluster_provider.core.errors import DeliveryFailed, RecordTooLarge, Unavailable, Undeliverable
from cluster_provider.core.identity import Owner
from cluster_provider.core.measurements import Measurement, Metric
from cluster_provider.core.notifications import Notification
from cluster_provider.core.observed import ClusterStack, StackFailure
from cluster_provider.core.request import RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord, QueueEntry
from cluster_provider.ports import DeadLetter

#: Source: Amazon DynamoDB developer guide, "Service, account, and table quotas".
ITEM_MAX_BYTES = 400 * 1024

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


class MovedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


@dataclass
class StackFact:
    """A stack that exists, with what is known of its past."""

    stack: ClusterStack
    tokens: set[str] = field(default_factory=set)
    failures: list[StackFailure] = field(default_factory=list)
    settled_at: datetime = START


class FactStacks:
    """Stacks as they are declared to be."""

    def __init__(self) -> None:
        self.facts: dict[str, StackFact] = {}
        self.awaited: dict[Owner, bool] = {}
        #: What CloudFormation does to a resource: the request's type, the physical id, and since when.
        self.requested: dict[Owner, tuple[str, str | None, datetime]] = {}
        #: Physical ids; empty while the resource is made and has none.
        self.listed: dict[Owner, str] = {}
        self.completed_at: dict[str, datetime] = {}
        #: Whose each cluster is by its mark, by the ARN of its stack.
        self.marks: dict[str, Owner] = {}

        #: The stacks whose events were read for failures.
        self.event_reads: list[str] = []
        self._events_from: datetime | None = None
        self._events_hidden: Exception | None = None

    def hide_events(self, why: Exception | None = None) -> None:
        """From now on CloudFormation refuses every read of events; without ``why``, it throttles them."""
        self._events_hidden = why or Unavailable("Throttling: Rate exceeded")

    def show_events(self) -> None:
        """From now on it answers again."""
        self._events_hidden = None

    def forget_events(self, before: datetime) -> None:
        """CloudFormation keeps events for 90 days."""
        self._events_from = before

    def declare(
        self, stack: ClusterStack, *, tokens: Sequence[str] = (), at: datetime = START
    ) -> ClusterStack:
        fact = self.facts.setdefault(stack.stack_id, StackFact(stack))
        fact.stack, fact.settled_at = stack, at
        fact.tokens |= set(tokens)
        return stack

    def declare_failure(self, stack_id: str, failure: StackFailure) -> None:
        self.facts[stack_id].failures.append(failure)

    def living(self, name: str) -> ClusterStack | None:
        found = [
            fact.stack for fact in self.facts.values() if fact.stack.name == name and not fact.stack.gone
        ]
        return found[-1] if found else None

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        if name_or_arn in self.facts:
            return self.facts[name_or_arn].stack
        return self.living(name_or_arn)

    def failures(self, stack_id: str, since: datetime | None) -> tuple[StackFailure, ...]:
        if self._events_hidden is not None:
            raise self._events_hidden
        self.event_reads.append(stack_id)
        known = self.facts[stack_id].failures
        return tuple(sorted((f for f in known if since is None or f.at >= since), key=lambda f: f.at))

    def ended_at(self, stack_id: str) -> datetime | None:
        if self._events_hidden is not None:
            raise self._events_hidden
        fact = self.facts[stack_id]
        return None if fact.stack.in_progress else fact.settled_at

    def has_event_of(self, stack_id: str, client_request_token: str) -> bool:
        return client_request_token in self.facts[stack_id].tokens

    def in_progress(self) -> frozenset[str]:
        return frozenset(stack_id for stack_id, fact in self.facts.items() if fact.stack.in_progress)

    def lists(self, owner: Owner, physical_id: str) -> bool:
        return self.listed.get(owner) in {physical_id, ""}

    def completed_since(self, stack_id: str, since: datetime) -> bool | None:
        completed_at, kept_from = self.completed_at.get(stack_id), self._events_from
        if completed_at is not None and completed_at >= max(since, kept_from or since):
            return True
        return None if kept_from is not None and since < kept_from else False

    def requested_since(
        self, owner: Owner, request_type: RequestType, physical_id: str | None
    ) -> datetime | None:
        kind, wanted_id, since = self.requested.get(owner, ("", None, START))
        is_about = request_type is not RequestType.DELETE or wanted_id == physical_id
        return since if kind == request_type.value and is_about else None

    def awaits_answer(self, owner: Owner) -> bool:
        return self.awaited.get(owner, True)


class QueuedEngines:
    """Engines whose calls wait until the test lets them run."""

    def __init__(self, versions: Sequence[str] = ("3.16.1",)) -> None:
        self.versions = frozenset(versions)
        self.default_version = versions[0]
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusals: list[Unavailable] = []

    def refuse_next(self, *errors: Unavailable) -> None:
        self.refusals.extend(errors)

    def invoke(self, version: str, call: Mapping[str, object]) -> None:
        assert version in self.versions
        if self.refusals:
            raise self.refusals.pop(0)
        self.calls.append((version, json.loads(json.dumps(call))))


#: Source of each rule: AWS CloudFormation user guide, "Custom resource response objects".
BODY_MAX_BYTES = 4096
PHYSICAL_ID_MAX_BYTES = 1024

#: Where the handles of wait conditions are.
HANDLES = "https://cloudformation-waitcondition-us-east-1.s3.amazonaws.com/"

#: Where answers go.
RESPONSES = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/"


class Sink:
    """CloudFormation's end of response URLs and wait condition handles; checks its rules on every answer."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[str]] = {}
        self.signals: dict[str, list[dict[str, Any]]] = {}
        self.refusals: list[Exception] = []

    def refuse_next(self, *errors: DeliveryFailed | Undeliverable) -> None:
        self.refusals.extend(errors)

    def send(self, url: str, body: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        if url.startswith(HANDLES):
            self._signal(url, body)
            return
        request_id = parse_qs(urlsplit(url).query)["request"][0]
        self._check(request_id, body)
        self.bodies.setdefault(request_id, []).append(body)

    def answers(self, request_id: str) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies.get(request_id, [])]

    def answer(self, request_id: str) -> dict[str, Any]:
        """The one answer to a request; a repeated one must be the same, byte for byte."""
        bodies = set(self.bodies.get(request_id, []))
        assert len(bodies) == 1, f"{len(bodies)} different answers to {request_id}"
        answer: dict[str, Any] = json.loads(bodies.pop())
        return answer

    def signal(self, handle: str) -> dict[str, Any]:
        """The one signal to a handle; a repeated one must be the same."""
        first, *others = self.signals[handle]
        assert all(other == first for other in others)
        return first

    def _signal(self, handle: str, body: str) -> None:
        """Source: AWS CloudFormation user guide, "Using wait conditions"."""
        assert len(body.encode()) <= BODY_MAX_BYTES
        signal = json.loads(body)
        assert signal["Status"] in {"SUCCESS", "FAILURE"}
        assert signal["UniqueId"]
        assert isinstance(signal["Data" if signal["Status"] == "SUCCESS" else "Reason"], str)
        self.signals.setdefault(handle, []).append(signal)

    @staticmethod
    def _check(request_id: str, body: str) -> None:
        assert len(body.encode()) <= BODY_MAX_BYTES
        answer = json.loads(body)
        assert answer["Status"] in {"SUCCESS", "FAILED"}
        assert answer["RequestId"] == request_id
        assert answer["StackId"]
        assert answer["LogicalResourceId"]
        assert 0 < len(answer["PhysicalResourceId"].encode()) <= PHYSICAL_ID_MAX_BYTES
        if answer["Status"] == "FAILED":
            assert answer["Reason"]
        data = answer.get("Data", {})
        assert all(isinstance(value, str) for value in data.values())
        if "validationMessages" in data:
            assert isinstance(json.loads(data["validationMessages"]), list)


@dataclass
class _Row:
    record: str
    lease_holder: str | None = None
    lease_until: datetime | None = None
    dirty: bool = False
    expires_at: datetime | None = None
    requeue_at: datetime | None = None
    failed_passes: int = 0


class MemoryStore:
    """The operations table in memory; records pass through JSON, as they do on the way to DynamoDB.

    An owner's record expires as it does there; those of requests stay, since none is looked at without it.
    """

    def __init__(self, clock: MovedClock) -> None:
        self._clock = clock
        self._owners: dict[Owner, _Row] = {}
        self._store: dict[tuple[Owner, str], str] = {}

    def load(self, owner: Owner) -> OwnerRecord | None:
        row = self._owners.get(owner)
        if row is not None and row.expires_at is not None and row.expires_at <= self._clock.now():
            del self._owners[owner]
            row = None
        return from_document(OwnerRecord, json.loads(row.record)) if row else None

    def lose(self) -> None:
        """The table is another one, without any owner."""
        self._owners.clear()
        self._store.clear()

    def put_documents(self, owner: Owner, record: dict[str, Any], operation: dict[str, Any]) -> None:
        """What another release of the provider stored of an owner and its newest request."""
        self._owners[owner].record = json.dumps(record)
        self._store[owner, operation["request"]["request_id"]] = json.dumps(operation)

    def load_operation(self, owner: Owner, request_id: str) -> OperationRecord | None:
        text = self._store.get((owner, request_id))
        return from_document(OperationRecord, json.loads(text)) if text else None

    def change(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord | None], OwnerRecord],
        operations: Sequence[OperationRecord] = (),
        holder: str = "",
    ) -> OwnerRecord:
        record = change(self.load(owner))
        text = _item(record)
        if owner in self._owners:
            self._owners[owner].record = text
        else:
            self._owners[owner] = _Row(text)
        for operation in operations:
            key = (operation.request.owner, operation.request.request_id)
            self._store[key] = _item(operation)
        row = self._owners[owner]
        row.requeue_at = record.requeue_at
        if not record.is_answering:
            row.failed_passes = 0
        row.expires_at = None if record.lasts else self._clock.now() + timedelta(seconds=TOMBSTONE_S)
        if holder and row.lease_holder == holder and not row.dirty:
            row.lease_holder = row.lease_until = None
        return record

    def acquire(self, owner: Owner, holder: str, until: datetime, requeue_at: datetime) -> OwnerRecord | None:
        row = self._owners.get(owner)
        if row is None:
            return None
        if row.lease_until is not None and row.lease_until >= self._clock.now():
            row.dirty = True
            return None
        row.lease_holder, row.lease_until, row.dirty = holder, until, False
        row.requeue_at, row.failed_passes = requeue_at, row.failed_passes + 1
        return self.load(owner)

    def release(self, owner: Owner, holder: str, *, again: bool = True) -> OwnerRecord | None:
        row = self._owners[owner]
        if row.lease_holder != holder:
            return None
        if row.dirty:
            row.dirty = False
            if again:
                return self.load(owner)
            row.requeue_at = self._clock.now()
        row.lease_holder = row.lease_until = None
        return None

    def failed_passes(self, owners: Sequence[Owner]) -> dict[Owner, int]:
        rows = {owner: self._owners[owner] for owner in owners if owner in self._owners}
        return {owner: row.failed_passes for owner, row in rows.items() if row.failed_passes}

    def waiting(self) -> list[QueueEntry]:
        waiting = [
            QueueEntry(
                owner,
                self._owners[owner].requeue_at or record.requeue_at,
                record.half_time_at,
                record.watching,
                record.deadline_at,
            )
            for owner, record in self.records()
            if record.requeue_at is not None
        ]
        return sorted(waiting, key=lambda item: item.requeue_at)

    def owners_of(self, cluster_name: str) -> list[Owner]:
        return [owner for owner, record in self.records() if record.following == cluster_name]

    def texts(self) -> dict[Owner, str]:
        """Every owner's record as it is kept, to compare with it later."""
        return {owner: row.record for owner, row in self._owners.items()}

    def request_ids(self) -> set[str]:
        """Every request that was ever accepted."""
        return {request_id for _, request_id in self._store}

    def records(self) -> list[tuple[Owner, OwnerRecord]]:
        """Everything the table knows, for a test's last look."""
        return [
            (owner, from_document(OwnerRecord, json.loads(row.record))) for owner, row in self._owners.items()
        ]


def _item(record: OwnerRecord | OperationRecord) -> str:
    """A record as the table keeps it: a text that can be encoded, and no larger than an item may be."""
    text = json.dumps(to_document(record), ensure_ascii=False)
    if len(text.encode()) > ITEM_MAX_BYTES:
        raise RecordTooLarge("ResourceProperties", "what is to be recorded of this request is too large.")
    return text


class MemoryClaims:
    """Claims in memory."""

    def __init__(self) -> None:
        self.holders: dict[str, Owner] = {}

    def claim(self, cluster_id: str, owner: Owner, instead_of: Owner | None = None) -> Owner:
        if self.holders.get(cluster_id) in {None, instead_of}:
            self.holders[cluster_id] = owner
        return self.holders[cluster_id]

    def disclaim(self, cluster_id: str, owner: Owner) -> None:
        if self.holders.get(cluster_id) == owner:
            del self.holders[cluster_id]


class ListedLetters:
    """Dead letters in memory: each is received once in a sweep, until it is removed."""

    def __init__(self, clock: MovedClock) -> None:
        self._clock = clock
        self.waiting: list[DeadLetter] = []
        self._receipts = count()
        self._hidden_until: dict[str, datetime] = {}

    def put(self, event: dict[str, Any]) -> None:
        receipt = str(next(self._receipts))
        self.waiting.append(DeadLetter(event, receipt, self._clock.now()))

    def receive(self) -> list[DeadLetter]:
        received = self.visible()
        self.hide(*received)
        return received

    def visible(self) -> list[DeadLetter]:
        """The letters that were not received lately."""
        now = self._clock.now()
        return [letter for letter in self.waiting if self._hidden_until.get(letter.receipt, START) <= now]

    def hide(self, *letters: DeadLetter) -> None:
        """Hides these letters from reads for a while."""
        until = self._clock.now() + timedelta(seconds=50)
        self._hidden_until |= {letter.receipt: until for letter in letters}

    def remove(self, letter: DeadLetter) -> None:
        self.waiting.remove(letter)


class NotedMetrics:
    """Measurements as they were recorded."""

    def __init__(self) -> None:
        self.measurements: list[Measurement] = []

    def record(self, *measurements: Measurement) -> None:
        self.measurements.extend(measurements)

    def values(self, metric: Metric, **dimensions: str) -> list[float]:
        """Every value of a metric that was recorded with just these dimensions."""
        return [
            found.values[metric]
            for found in self.measurements
            if metric in found.values and dict(found.dimensions) == dimensions
        ]

    def total(self, metric: Metric, request_id: str | None = None) -> float:
        """The sum of a metric over all dimensions, of one request if it is named."""
        return sum(
            found.values.get(metric, 0)
            for found in self.measurements
            if request_id in {None, found.names.get("request_id")}
        )


class NotedNotifications:
    """Notifications as they were published."""

    def __init__(self) -> None:
        self.published: list[Notification] = []

    def publish(self, notification: Notification) -> None:
        self.published.append(notification)


def stack_of(
    name: str, status: str, tags: Mapping[str, str] | None = None, *, unique: str = "1", **facts: Any
) -> ClusterStack:
    """A stack in the tests' account."""
    arn = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/{unique}"
    return replace(ClusterStack(arn, name, status, tags=dict(tags or {})), **facts)
