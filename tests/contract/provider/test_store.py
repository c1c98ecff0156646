"""What the operations table MUST do, on the fake and on the embedded cloud."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cluster_provider.adapters.claims import DynamoClaims
from cluster_provider.adapters.store import DynamoStore
from cluster_provider.core.errors import RecordTooLarge, Superseded, Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import Cluster
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import (
    Backlog,
    OperationRecord,
    OwnerRecord,
    Phase,
    Progress,
    QueueEntry,
    backlog,
)
from cluster_provider.ports import Store
from localcloud.cloud import Cloud
from tests.support.fakes import START, MemoryStore, MovedClock

UPGRADING = Path("docs/how-to/upgrading.md").read_text(encoding="utf-8")
OWNER = Owner("arn:aws:cloudformation:us-east-1:123456789012:stack/parent/0", "Cluster")
OTHER = Owner(OWNER.stack_id, "Other")
DISOWNING = Owner(OWNER.stack_id, "Disowning")
LATER = START + timedelta(seconds=300)
RECORD = OwnerRecord("r1", START, RequestType.DELETE, following="hpc", requeue_at=START)


@pytest.fixture(params=["fake", "dynamodb"])
def operations(request: pytest.FixtureRequest, clock: MovedClock) -> Iterator[Store]:
    if request.param == "fake":
        yield MemoryStore(clock)
        return
    client, table = request.getfixturevalue("dynamodb")
    yield DynamoStore(client, table, clock)


def operation(request_id: str = "r1", phase: Phase = Phase.OPEN) -> OperationRecord:
    request = Request(
        RequestType.DELETE, request_id, OWNER, "https://u", "Custom::X", "hpc", START, START, "d"
    )
    return OperationRecord(request, Progress(START, phase=phase, cluster_name="hpc"))


def put(operations: Store, owner: Owner, record: OwnerRecord, *more: OperationRecord) -> None:
    operations.change(owner, lambda _: record, more)


def test_what_is_written_is_read_back_and_nothing_else_is_known(operations: Store) -> None:
    assert operations.load(OWNER) is None
    assert operations.load_operation(OWNER, "r1") is None
    put(operations, OWNER, RECORD, operation())
    assert operations.load(OWNER) == RECORD
    assert operations.load_operation(OWNER, "r1") == operation()
    assert operations.load(OTHER) is None
    assert operations.load_operation(OWNER, "r2") is None


def test_a_change_sees_what_the_one_before_it_wrote(operations: Store) -> None:
    put(operations, OWNER, RECORD)
    changed = operations.change(OWNER, lambda record: replace(record or RECORD, login_pools=7))
    assert changed.login_pools == 7
    assert operations.load(OWNER) == changed


def test_a_change_that_refuses_leaves_everything_as_it_was(operations: Store) -> None:
    put(operations, OWNER, RECORD)

    def refuse(_: OwnerRecord | None) -> OwnerRecord:
        raise Superseded("r0")

    with pytest.raises(Superseded):
        operations.change(OWNER, refuse, [operation("r0")])
    assert operations.load(OWNER) == RECORD
    assert operations.load_operation(OWNER, "r0") is None


def test_waiting_owners_come_longest_overdue_first_with_what_the_sweep_must_know(operations: Store) -> None:
    assert operations.waiting() == []
    later, sooner = START + timedelta(seconds=30), START + timedelta(seconds=10)
    put(operations, OWNER, replace(RECORD, requeue_at=later, half_time_at=later))
    put(operations, OTHER, replace(RECORD, requeue_at=sooner, watching="arn", deadline_at=later))
    assert operations.waiting() == [
        QueueEntry(OTHER, sooner, watching="arn", deadline_at=later),
        QueueEntry(OWNER, later, half_time_at=later),
    ]
    put(operations, OWNER, replace(RECORD, is_open=False, requeue_at=None, half_time_at=START))
    assert [waiting.owner for waiting in operations.waiting()] == [OTHER]


def test_the_backlog_is_what_is_open_and_what_of_it_is_late(operations: Store) -> None:
    put(operations, OWNER, replace(RECORD, half_time_at=START + timedelta(seconds=30)))
    put(operations, OTHER, replace(RECORD, half_time_at=None))
    waiting = operations.waiting()
    assert backlog(waiting, START) == Backlog(open=2, late=0)
    assert backlog(waiting, START + timedelta(seconds=30)) == Backlog(open=2, late=1)


def test_an_owner_without_a_next_pass_is_never_due(operations: Store) -> None:
    put(operations, OWNER, RECORD)
    put(operations, OWNER, replace(RECORD, is_open=False, following="", requeue_at=None))
    assert operations.waiting() == []
    assert operations.owners_of("hpc") == []


def test_the_owners_that_follow_a_cluster_are_found_by_its_name(operations: Store) -> None:
    put(operations, OWNER, RECORD)
    put(operations, OTHER, replace(RECORD, following="other"))
    assert operations.owners_of("hpc") == [OWNER]
    assert operations.owners_of("hp") == []


def test_a_lease_is_held_by_one_and_free_again_after_its_release(operations: Store) -> None:
    put(operations, OWNER, RECORD)
    until = START + timedelta(seconds=60)
    assert operations.acquire(OWNER, "a", until, LATER) == RECORD
    assert operations.release(OWNER, "a") is None
    assert operations.acquire(OWNER, "b", until, LATER) == RECORD


def test_a_pass_that_finds_the_lease_held_sets_the_dirty_flag_and_the_holder_makes_another_pass(
    operations: Store,
) -> None:
    put(operations, OWNER, RECORD)
    until = START + timedelta(seconds=60)
    assert operations.acquire(OWNER, "a", until, LATER)
    assert operations.acquire(OWNER, "b", until, LATER) is None
    assert operations.release(OWNER, "a") == RECORD
    assert operations.release(OWNER, "a") is None
    assert operations.acquire(OWNER, "b", until, LATER)


def test_the_holder_gives_the_lease_back_with_a_write(operations: Store) -> None:
    put(operations, OWNER, RECORD)
    until = START + timedelta(seconds=60)
    assert operations.acquire(OWNER, "a", until, LATER)
    written = operations.change(OWNER, lambda _: replace(RECORD, login_pools=1), holder="a")
    assert operations.release(OWNER, "a") is None
    assert operations.acquire(OWNER, "b", until, LATER) == written


def test_the_dirty_flag_keeps_the_lease_through_a_write_and_its_holder_reads_what_was_written(
    operations: Store,
) -> None:
    put(operations, OWNER, RECORD)
    until = START + timedelta(seconds=60)
    assert operations.acquire(OWNER, "a", until, LATER)
    assert operations.acquire(OWNER, "b", until, LATER) is None
    written = operations.change(OWNER, lambda _: replace(RECORD, login_pools=1), holder="a")
    assert operations.acquire(OWNER, "c", until, LATER) is None
    assert operations.release(OWNER, "a") == written


def test_a_write_in_the_name_of_a_late_holder_leaves_the_lease_of_the_next(
    operations: Store, clock: MovedClock
) -> None:
    put(operations, OWNER, RECORD)
    assert operations.acquire(OWNER, "dead", START + timedelta(seconds=60), LATER)
    clock.advance(61)
    assert operations.acquire(OWNER, "next", clock.now() + timedelta(seconds=60), LATER)
    assert operations.change(OWNER, lambda _: replace(RECORD, login_pools=1), holder="dead").login_pools == 1
    assert operations.acquire(OWNER, "third", clock.now() + timedelta(seconds=60), LATER) is None


def test_a_lease_ends_by_itself_and_its_late_holder_releases_nothing(
    operations: Store, clock: MovedClock
) -> None:
    put(operations, OWNER, RECORD)
    assert operations.acquire(OWNER, "dead", START + timedelta(seconds=60), LATER)
    clock.advance(61)
    assert operations.acquire(OWNER, "next", clock.now() + timedelta(seconds=60), LATER)
    assert operations.release(OWNER, "dead") is None
    assert operations.acquire(OWNER, "third", clock.now() + timedelta(seconds=60), LATER) is None


def due_at(operations: Store) -> list[datetime]:
    return [item.requeue_at for item in operations.waiting()]


def test_a_lease_moves_its_owner_back_and_counts_a_failed_pass_until_one_ends_well(
    operations: Store,
) -> None:
    put(operations, OWNER, RECORD)
    put(operations, OTHER, RECORD)
    until = START + timedelta(seconds=60)
    for number in (1, 2):
        assert operations.acquire(OWNER, "a", until, LATER)
        assert due_at(operations) == [START, LATER]
        assert operations.failed_passes([OWNER, OTHER]) == {OWNER: number}
        assert operations.release(OWNER, "a") is None
    assert operations.acquire(OWNER, "a", until, LATER)
    operations.change(OWNER, lambda _: RECORD, holder="a")
    assert operations.failed_passes([OWNER, OTHER]) == {}
    assert due_at(operations) == [START, START]


def test_an_answer_that_is_written_down_is_no_pass_that_ended_well(operations: Store) -> None:
    """It may fail to arrive again and again, and is to cost the others less each time."""
    put(operations, OWNER, RECORD)
    assert operations.acquire(OWNER, "a", START + timedelta(seconds=60), LATER)
    operations.change(OWNER, lambda _: replace(RECORD, is_answering=True), holder="a")
    assert operations.failed_passes([OWNER]) == {OWNER: 1}
    operations.change(OWNER, lambda _: replace(RECORD, is_open=False, requeue_at=None))
    assert operations.failed_passes([OWNER]) == {}


def test_the_failed_passes_of_many_are_read_together(operations: Store) -> None:
    owners = [Owner(OWNER.stack_id, f"C{number}") for number in range(150)]
    for owner in owners[100:]:
        put(operations, owner, RECORD)
        assert operations.acquire(owner, "a", START + timedelta(seconds=60), LATER)
    assert operations.failed_passes(owners) == dict.fromkeys(owners[100:], 1)
    assert operations.failed_passes([]) == {}


def test_a_lease_that_is_not_kept_is_free_and_the_dirty_flag_makes_its_owner_due(operations: Store) -> None:
    put(operations, OWNER, RECORD)
    until = START + timedelta(seconds=60)
    assert operations.acquire(OWNER, "a", until, LATER)
    assert operations.release(OWNER, "a", again=False) is None
    assert due_at(operations) == [LATER]
    assert operations.acquire(OWNER, "a", until, LATER)
    assert operations.acquire(OWNER, "b", until, LATER) is None
    assert operations.release(OWNER, "a", again=False) is None
    assert due_at(operations) == [START]
    assert operations.acquire(OWNER, "b", until, LATER) == RECORD


class RefusingTable:
    """DynamoDB where one kind of write is refused, as a service of many can: the embedded cloud never does.

    Args:
        client: The client behind.
        method: Which of its methods.
        errors: What it raises, one after the other; then it works.
    """

    def __init__(self, client: Any, method: str, *errors: ClientError) -> None:
        self._client = client
        self._method = method
        self._errors = list(errors)
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        if name == self._method and self._errors:
            return self._refuse
        return getattr(self._client, name)

    def _refuse(self, **_: Any) -> Any:
        self.refused += 1
        raise self._errors.pop(0)


def refusal(code: str, *reasons: tuple[str, str]) -> ClientError:
    """Source: Amazon DynamoDB API reference, TransactWriteItems (errors)."""
    details = [{"Code": reason, "Message": message} for reason, message in reasons]
    answer: Any = {
        "Error": {"Code": code, "Message": "refused"},
        "CancellationReasons": details,
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(answer, "TransactWriteItems")


CANCELLED = "TransactionCanceledException"


@pytest.mark.parametrize("reason", ["ConditionalCheckFailed", "TransactionConflict"])
def test_a_write_that_conflicts_with_another_is_repeated(
    dynamodb: tuple[Any, str], clock: MovedClock, reason: str
) -> None:
    table = RefusingTable(
        dynamodb[0], "transact_write_items", *[refusal(CANCELLED, ("None", ""), (reason, ""))] * 3
    )
    operations = DynamoStore(cast("Any", table), dynamodb[1], clock)
    put(operations, OWNER, RECORD)
    assert operations.load(OWNER) == RECORD
    assert table.refused == 3


def test_a_write_that_dynamodb_throttles_is_left_to_a_later_time(
    dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    table = RefusingTable(
        dynamodb[0], "transact_write_items", *[refusal(CANCELLED, ("ThrottlingError", ""))] * 3
    )
    with pytest.raises(Unavailable):
        put(DynamoStore(cast("Any", table), dynamodb[1], clock), OWNER, RECORD)
    assert table.refused == 1


def test_an_item_that_is_too_large_is_written_once_and_refused(
    dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    reason = ("ValidationError", "Item size has exceeded the maximum allowed size")
    table = RefusingTable(dynamodb[0], "transact_write_items", *[refusal(CANCELLED, reason)] * 3)
    with pytest.raises(RecordTooLarge):
        put(DynamoStore(cast("Any", table), dynamodb[1], clock), OWNER, RECORD)
    assert table.refused == 1
    large = replace(RECORD, following="x" * 420_000)
    with pytest.raises(RecordTooLarge):
        put(DynamoStore(*dynamodb, clock), OWNER, large)


def test_any_other_refusal_is_an_error(dynamodb: tuple[Any, str], clock: MovedClock) -> None:
    table = RefusingTable(dynamodb[0], "transact_write_items", refusal("AccessDeniedException"))
    with pytest.raises(ClientError):
        put(DynamoStore(cast("Any", table), dynamodb[1], clock), OWNER, RECORD)


def test_a_lease_that_conflicts_with_a_transaction_is_acquired_after_it(
    dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    put(DynamoStore(*dynamodb, clock), OWNER, RECORD)
    table = RefusingTable(dynamodb[0], "update_item", *[refusal("TransactionConflictException")] * 2)
    operations = DynamoStore(cast("Any", table), dynamodb[1], clock)
    assert operations.acquire(OWNER, "a", START + timedelta(seconds=60), LATER) == RECORD
    assert table.refused == 2


def test_a_lease_that_conflicts_with_transactions_for_ever_is_left_to_a_later_time(
    dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    put(DynamoStore(*dynamodb, clock), OWNER, RECORD)
    table = RefusingTable(dynamodb[0], "update_item", *[refusal("TransactionConflictException")] * 50)
    with pytest.raises(Unavailable):
        DynamoStore(cast("Any", table), dynamodb[1], clock).acquire(
            OWNER, "a", START + timedelta(seconds=60), LATER
        )


def test_an_unknown_owner_has_no_lease(operations: Store) -> None:
    assert operations.acquire(OWNER, "a", START + timedelta(seconds=60), LATER) is None


def test_a_write_by_another_process_does_not_touch_the_lease(operations: Store) -> None:
    put(operations, OWNER, RECORD)
    assert operations.acquire(OWNER, "a", START + timedelta(seconds=60), LATER)
    put(operations, OWNER, replace(RECORD, login_pools=1))
    assert operations.acquire(OWNER, "b", START + timedelta(seconds=60), LATER) is None


def test_a_change_starts_from_what_another_process_wrote_meanwhile(
    dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    ours, theirs = DynamoStore(*dynamodb, clock), DynamoStore(*dynamodb, clock)
    put(ours, OWNER, RECORD)
    theirs.change(OWNER, lambda record: replace(record or RECORD, login_pools=5))
    changed = ours.change(OWNER, lambda record: replace(record or RECORD, following="renamed"))
    assert (changed.following, changed.login_pools) == ("renamed", 5)


def test_two_who_write_at_once_lose_nothing(dynamodb: tuple[Any, str], clock: MovedClock) -> None:
    operations = DynamoStore(*dynamodb, clock)
    put(operations, OWNER, RECORD)
    raced: list[int] = []

    def first(record: OwnerRecord | None) -> OwnerRecord:
        assert record is not None
        if not raced:
            raced.append(1)
            operations.change(OWNER, lambda present: replace(present or RECORD, login_pools=5))
        return replace(record, following="renamed")

    operations.change(OWNER, first)
    record = operations.load(OWNER)
    assert record is not None
    assert (record.following, record.login_pools) == ("renamed", 5)


def test_closed_requests_and_forgotten_owners_expire_and_owners_that_have_or_disowned_a_cluster_do_not(
    dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    client, table = dynamodb
    operations = DynamoStore(client, table, clock)
    newest = replace(RECORD, newest_request_id="open")
    put(operations, OWNER, newest, operation("open"), operation("closed", Phase.ANSWERED))
    put(operations, OTHER, replace(RECORD, is_open=False))
    put(operations, DISOWNING, replace(RECORD, is_open=False, disowned=["arn"]))
    expiry = {
        (item["pk"]["S"], item["sk"]["S"]): int(item["expires_at"]["N"]) if "expires_at" in item else None
        for item in client.scan(TableName=table)["Items"]
    }
    assert expiry[OWNER.key, "owner"] is None
    assert expiry[DISOWNING.key, "owner"] is None
    assert expiry[OWNER.key, "request#open"] is None
    in_two_days = int((START + timedelta(hours=48)).timestamp())
    assert expiry[OWNER.key, "request#closed"] == expiry[OTHER.key, "owner"] == in_two_days


def test_a_request_that_a_newer_one_overtakes_expires_even_while_a_pass_works_on_it(
    dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    client, table = dynamodb
    operations = DynamoStore(client, table, clock)

    def expiring() -> set[str]:
        items = client.scan(TableName=table)["Items"]
        return {item["sk"]["S"] for item in items if "expires_at" in item}

    put(operations, OWNER, RECORD, operation("r1"))
    assert expiring() == set()
    newer = replace(RECORD, newest_request_id="r2")
    put(operations, OWNER, newer, operation("r2"))
    assert expiring() == {"request#r1"}
    assert operations.load_operation(OWNER, "r1") == operation("r1")
    put(operations, OWNER, newer, operation("r1"))
    assert expiring() == {"request#r1"}


def test_a_table_that_cannot_be_reached_is_unavailable_and_not_an_error_of_the_request(
    clock: MovedClock,
) -> None:
    client = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Unavailable):
        DynamoStore(client, "operations", clock).load(OWNER)


def test_a_record_is_readable_json_in_the_table(dynamodb: tuple[Any, str], clock: MovedClock) -> None:
    client, table = dynamodb
    put(DynamoStore(client, table, clock), OWNER, RECORD)
    (item,) = client.scan(TableName=table)["Items"]
    assert json.loads(item["document"]["S"])["following"] == "hpc"


def test_what_the_page_on_uninstalling_asks_for_shows_whose_clusters_are_known(
    cloud: Cloud, dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    client, table = dynamodb
    operations, claims = DynamoStore(client, table, clock), DynamoClaims(client, table, clock)
    has_cluster = {"hpc": Cluster("hpc", "r1", stack_id="arn:hpc", adopted_at=START)}
    over = replace(RECORD, is_open=False, following="", requeue_at=None)
    put(operations, OWNER, replace(over, clusters=has_cluster), operation(phase=Phase.ANSWERED))
    put(operations, OTHER, over)
    put(operations, Owner(OWNER.stack_id, "Open"), RECORD)
    claims.claim("arn:hpc", OWNER)

    (block,) = re.findall(
        r"^ *```console\n *\$ (aws dynamodb scan .*?)```", UPGRADING, re.DOTALL | re.MULTILINE
    )
    arguments = shlex.split(block.replace("\\\n", " ").replace("TABLE", table))
    done = subprocess.run(
        [Path(sys.executable).parent / arguments[0], *arguments[1:], "--output", "json"],
        env={"PATH": os.environ["PATH"], **cloud.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    shown = [item["pk"]["S"] for item in json.loads(done.stdout)["Items"]]
    assert sorted(shown) == [OWNER.key, f"{OWNER.stack_id}|Open"]
