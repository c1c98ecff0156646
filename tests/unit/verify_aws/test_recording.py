"""Recordings say nothing of an account, and differ where CloudFormation said something else."""

from datetime import UTC, datetime, timedelta

import pytest

from tools.verify_aws import prices
from tools.verify_aws.recording import Difference, Recording, differences, redacted
from tools.verify_aws.run import Run

RUN = Run("3fa91c", region="eu-west-1", bucket="my-bucket")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "arn:aws:iam::111122223333:role/pcv-3fa91c-x-AbC9dEf0GhI1",
            "arn:aws:iam::<account>:role/pcv-RUN-x-<suffix>",
        ),
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Signature=ab&x=1, then",
            "https://b.s3.amazonaws.com/k?<query> then",
        ),
        (
            "User: arn:aws:sts::111122223333:assumed-role/Admin/jane is not",
            "User: arn:aws:sts::<account>:assumed-role/<caller> is not",
        ),
        (
            "(Status Code: 400, Request ID: 0a1B-c, Proxy: null)",
            "(Status Code: 400, Request ID: <request>, Proxy: null)",
        ),
        ("subnet-0123456789abcdef0 and i-0fedcba9876543210", "subnet-<id> and i-<id>"),
        ("s3://my-bucket/k in eu-west-1a", "s3://<bucket>/k in <region>a"),
        ("10.0.0.7 at 2026-11-30T10:00:00Z", "<address> at <time>"),
        ("HeadNodeWaitCondition20261130100000", "HeadNodeWaitCondition<time>"),
        ("'modules:final' at Mon, 30 Nov 2026 14:08:42 +0000.", "'modules:final' at <time>."),
        ("the fleet is RUNNING; c6i.2xlarge", "the fleet is RUNNING; c6i.2xlarge"),
    ],
)
def test_what_identifies_an_account_is_replaced(text, shown):
    assert redacted(text, RUN) == shown


def recording(*events):
    began = datetime(2026, 11, 30, tzinfo=UTC)
    return Recording.of(
        "create",
        "passed",
        [
            {
                "StackName": stack,
                "LogicalResourceId": logical_id,
                "ResourceType": "T",
                "ResourceStatus": status,
                "Timestamp": began + timedelta(seconds=at_s),
                **({"ResourceStatusReason": reason} if reason else {}),
            }
            for at_s, (stack, logical_id, status, reason) in enumerate(events)
        ],
        RUN,
    )


A, B = ("s", "A", "CREATE_COMPLETE", None), ("s", "B", "CREATE_COMPLETE", None)


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        ([A, B], [A, B], set()),
        ([A, B], [B, A], {"order"}),
        ([("c-x", *A[1:]), ("c-x", *B[1:])], [("c-x", *B[1:]), ("c-x", *A[1:])], set()),
        ([A], [("s", "A", "CREATE_COMPLETE", "why")], {"reasons"}),
        ([A], [("s", "A", "CREATE_FAILED", None)], {"statuses", "order"}),
        ([A], [], {"statuses", "order"}),
    ],
)
def test_each_kind_of_difference_is_found(one, other, kinds):
    found = differences(recording(*one), recording(*other))
    assert {kind for kind, lines in found.items() if lines} == kinds


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        (["CREATED", "DELETED"], ["CREATED", "FAILED", "DELETED"], "here: nothing; there: FAILED"),
        (["A", "B"], ["B", "A"], "here: A, B; there: B, A"),
        (["a" * 50 + "yes" + "b" * 50], ["a" * 50 + "no" + "b" * 50], "here: …{0}yes{1}…; there: …{0}no{1}…"),
        (["yes"], ["yes, it is"], "here: yes; there: yes, it is"),
    ],
)
def test_a_difference_is_shown_without_what_both_have(one, other, shown):
    expected = "stack A: " + shown.format("a" * 40, "b" * 40)
    assert Difference("stack A", one, other).text("here", "there") == expected


def test_a_recording_is_read_as_it_was_written(tmp_path):
    written = recording(A, B)
    written.write(tmp_path)
    assert Recording.read(tmp_path / "create.json") == written
    assert written.duration_s == 1


def test_the_bound_covers_every_item_and_grows_with_the_hours():
    total = sum(item.usd for item in prices.items(5))
    assert prices.bound_usd(5, "us-east-1") > total
    assert prices.bound_usd(5, "sa-east-1") > prices.bound_usd(5, "us-east-1")
    assert prices.bound_usd(6, "us-east-1") > prices.bound_usd(5, "us-east-1")
