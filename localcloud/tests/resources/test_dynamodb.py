"""DynamoDB: what is checked still holds when it is written, and half a transaction leaves nothing behind."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import Cloud


@pytest.fixture(scope="module")
def table():
    with Cloud.start() as cloud:
        client = cloud.client("dynamodb")
        client.create_table(
            TableName="t",
            KeySchema=[
                {"AttributeName": "owner", "KeyType": "HASH"},
                {"AttributeName": "part", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("owner", "part")
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


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
