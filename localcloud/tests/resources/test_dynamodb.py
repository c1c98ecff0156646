"""DynamoDB: what is checked still holds when it is written, and half a transaction leaves nothing behind."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import Cloud


@pytest.fixture(scope="module")
def cloud():
    with Cloud.start() as cloud:
        yield cloud
        assert cloud.errors() == []


@pytest.fixture(scope="module")
def table(cloud):
    client = cloud.client("dynamodb")
    client.create_table(
        TableName="t",
        KeySchema=[
            {"AttributeName": "owner", "KeyType": "HASH"},
            {"AttributeName": "part", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("owner", "part", "due")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def key(owner, part="head"):
    return {"owner": {"S": owner}, "part": {"S": part}}


def count(table, owner):
    return table.get_item(TableName="t", Key=key(owner)).get("Item", {}).get("n", {}).get("N")


def increment(owner, condition="attribute_exists(n)"):
    return {
        "Update": {
            "TableName": "t",
            "Key": key(owner),
            "UpdateExpression": "SET n = n + :one",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }


def test_a_transaction_of_which_one_part_is_refused_changes_nothing(table):
    for owner in ("a", "bystander"):
        table.put_item(TableName="t", Item={**key(owner), "n": {"N": "1"}})
    new = {"Put": {"TableName": "t", "Item": {**key("new"), "n": {"N": "1"}}}}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        table.transact_write_items(TransactItems=[increment("a"), new, increment("absent")])
    assert [count(table, owner) for owner in ("a", "new", "bystander")] == ["1", None, "1"]
    table.transact_write_items(TransactItems=[increment("a"), new])
    assert [count(table, owner) for owner in ("a", "new", "bystander")] == ["2", "1", "1"]


def test_of_many_who_write_on_the_same_condition_one_succeeds(table):
    def take(number):
        try:
            table.put_item(
                TableName="t",
                Item={**key("lease"), "holder": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(holder)",
            )
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(16))) == 1


def test_a_refused_transaction_takes_back_nothing_that_others_wrote_meanwhile(table):
    def write(number):
        table.put_item(TableName="t", Item={**key(f"other-{number}"), "n": {"N": "1"}})

    def refused(_):
        with pytest.raises(ClientError):
            table.transact_write_items(TransactItems=[increment("absent"), increment("nobody")])

    with ThreadPoolExecutor(8) as threads:
        both = [threads.submit(what, number) for number in range(24) for what in (write, refused)]
        for one in both:
            one.result()
    assert {count(table, f"other-{number}") for number in range(24)} == {"1"}


def due(table):
    """The owners that the index has, with their numbers."""
    items = table.query(
        TableName="t",
        IndexName="due",
        KeyConditionExpression="due = :due",
        ExpressionAttributeValues={":due": {"S": "now"}},
    )["Items"]
    return {item["owner"]["S"]: item["n"]["N"] for item in items}


def test_an_index_that_lags_shows_what_the_table_had(cloud, table):
    def put(owner, n):
        table.put_item(TableName="t", Item={**key(owner), "n": {"N": n}, "due": {"S": "now"}})

    put("early", "1")
    cloud.set_faults([{"service": "index", "operation": "due", "kind": "delay", "after_s": 30}])
    try:
        put("early", "2")
        put("late", "1")
        assert due(table) == {"early": "1"}
        assert count(table, "early") == "2"
        cloud.advance(20)
        table.transact_write_items(TransactItems=[increment("late")])
        assert due(table) == {"early": "1"}
        cloud.advance(15)
        assert due(table) == {"early": "2", "late": "1"}
        cloud.advance(30)
        assert due(table) == {"early": "2", "late": "2"}
    finally:
        cloud.set_faults([])


def test_a_write_that_meets_a_transaction_is_refused_and_changes_nothing(cloud, table):
    item = {**key("contended"), "n": {"N": "1"}}
    table.put_item(TableName="t", Item=item)
    cloud.set_faults([{"service": "transaction", "kind": "conflict", "times": 2}])
    with pytest.raises(table.exceptions.TransactionConflictException, match="Transaction is ongoing"):
        table.put_item(TableName="t", Item=item | {"n": {"N": "7"}})
    with pytest.raises(table.exceptions.TransactionCanceledException) as cancelled:
        table.transact_write_items(TransactItems=[increment("contended"), increment("a")])
    assert [reason["Code"] for reason in cancelled.value.response["CancellationReasons"]] == [
        "TransactionConflict",
        "None",
    ]
    assert count(table, "contended") == "1"
    table.transact_write_items(TransactItems=[increment("contended")])
    assert count(table, "contended") == "2"
    cloud.set_faults([])


def test_what_exceeds_dynamodbs_limits_is_refused(table):
    large = {**key("large"), "text": {"S": "x" * 409_600}}
    with pytest.raises(ClientError, match="Item size"):
        table.put_item(TableName="t", Item=large)
    keys = [key(f"o{number}") for number in range(101)]
    with pytest.raises(ClientError) as refused:
        table.batch_get_item(RequestItems={"t": {"Keys": keys}})
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    checks = [increment(f"o{number}") for number in range(101)]
    with pytest.raises(ClientError) as refused:
        table.transact_write_items(TransactItems=checks)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
