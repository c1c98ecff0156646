"""The largest request there can be fits into an item of the table, with all that becomes of it."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cluster_provider.adapters.store import DynamoStore
from cluster_provider.core.engine import EngineAction, EngineCall, EngineError, EngineResult
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import Cluster, LastApplied, StackFailure
from cluster_provider.core.properties import ARGUMENTS_MAX_BYTES, CONFIGURATION_MAX_BYTES, parse_properties
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import Failing, OperationRecord, Outcome, OwnerRecord, Phase, Progress
from cluster_provider.core.transitions.work import merge_call_result
from cluster_provider.core.truncation import truncate_failure, truncate_for_storage
from tests.support.fakes import START, MovedClock

#: Source: Amazon DynamoDB developer guide, "Service, account, and table quotas".
ITEM_MAX_BYTES = 400 * 1024
#: Source: docs/reference/engine.md; provider/engine/cluster_engine/contract.py.
RESULT_MAX_BYTES, MESSAGE_MAX_CHARACTERS = 128 * 1024, 8 * 1024
#: Source: AWS CloudFormation API reference, Tag; 50 of them.
TAGS = {f"{number:02}" + "\U00020000" * 126: "\U00020001" * 256 for number in range(50)}
URL = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/" + "u" * 2000
OWNER = Owner(
    f"arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/{'s' * 128}/{'0' * 36}", "L" * 255
)


def configuration() -> dict[str, str]:
    """One that is just not too large: noise, which nothing compresses."""
    source = random.Random(1)  # noqa: S311 - incompressible, not secret
    return {"Noise": "".join(source.choices("0123456789abcdef", k=int(CONFIGURATION_MAX_BYTES * 1.29)))}


def refused() -> EngineResult:
    """A refusal of as many bytes as an engine may send: a long message and details."""
    message = "\u4e2d" * MESSAGE_MAX_CHARACTERS
    detail = {"parameter": "p" * 100, "message": "m" * 200}
    room = RESULT_MAX_BYTES - len(json.dumps(message[: MESSAGE_MAX_CHARACTERS // 3]))
    details = [detail] * (room // len(json.dumps(detail)))
    return EngineResult("failed", error=EngineError("UpdateRejected", message, details))


def call(operation: EngineAction, result: EngineResult, number: int) -> EngineCall:
    ended_at = START + timedelta(seconds=number)
    return EngineCall(
        f"r1-{number}",
        "r1",
        operation,
        "hpc",
        START,
        START,
        "3.16.1",
        ended_at=ended_at,
        result=truncate_for_storage(result),
    )


DESCRIBED = EngineResult(
    "succeeded",
    cluster={
        "clusterName": "hpc",
        "tags": [{"key": key, "value": value} for key, value in TAGS.items()],
        "loginNodes": [{"poolName": "p" * 30, "address": "a" * 250}] * 10,
        "failures": [{"failureCode": "c" * 60, "failureReason": "r" * 900}] * 100,
    },
)


def test_the_largest_request_fits_into_an_item_with_all_that_becomes_of_it(
    dynamodb: tuple[Any, str], clock: MovedClock
) -> None:
    arguments = {"SuppressValidators": ["type:" + "V" * 90] * (ARGUMENTS_MAX_BYTES // 100)}
    properties = parse_properties(
        {"ClusterName": "c" * 60, "ClusterConfiguration": configuration(), **arguments}, ""
    )
    assert len(properties.configuration) > CONFIGURATION_MAX_BYTES * 0.95
    request = Request(
        RequestType.UPDATE, "r1", OWNER, URL, "Custom::" + "X" * 52, "i" * 1024, START, START, "d" * 64,
        "d" * 64, properties, signal_url=URL, signal_deadline_at=START,
    )  # fmt: skip
    progress = Progress(START, cluster_name="hpc", tags=TAGS)
    results = [(EngineAction.DESCRIBE, DESCRIBED)]
    names = (EngineAction.DESCRIBE, EngineAction.STOP_FLEET, EngineAction.START_FLEET, EngineAction.UPDATE)
    results += [(operation, refused()) for operation in names]
    for number, (operation, result) in enumerate(results):
        progress = merge_call_result(progress, call(operation, result, number))
    for number, name in enumerate("ab", 20):
        leftover = replace(call(EngineAction.DELETE, refused(), number), cluster_name=name)
        progress = merge_call_result(progress, leftover)
    assert progress.description is not None
    assert len(progress.calls) == 6
    endless = "\u4e2d" * RESULT_MAX_BYTES
    cause = truncate_failure(StackFailure("L" * 255, "Custom::" + "X" * 52, "UPDATE_FAILED", endless, START))
    progress = replace(progress, failing=Failing("UPDATE_ROLLBACK_IN_PROGRESS", 9, cause))
    quoted = Outcome("FAILED", "i" * 1024, '"' * 4096, "UpdateRejected", '"' * 4096)
    progress = replace(progress, outcome=quoted, signal=quoted, phase=Phase.SIGNALLING)
    clusters = {
        name: Cluster(name, "r1", OWNER.stack_id, last_applied=LastApplied("d" * 64, "v", TAGS))
        for name in "ab"
    }
    last = call(EngineAction.UPDATE, refused(), 9)
    record = OwnerRecord("r1", START, RequestType.UPDATE, clusters=clusters, call=last, requeue_at=START)

    client, table = dynamodb
    DynamoStore(client, table, clock).change(OWNER, lambda _: record, [OperationRecord(request, progress)])
    sizes = {item["sk"]["S"]: size_bytes(item) for item in client.scan(TableName=table)["Items"]}
    assert sizes.keys() == {"owner", "request#r1"}
    assert all(size < ITEM_MAX_BYTES for size in sizes.values()), sizes
    assert sizes["request#r1"] > ITEM_MAX_BYTES * 0.8, "this is not the worst case any more"


def size_bytes(item: dict[str, Any]) -> int:
    """Names and values, as DynamoDB counts them."""
    return sum(len((name + text).encode()) for name, value in item.items() for text in value.values())
