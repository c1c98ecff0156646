"""How an answer shows a head node's logs, and what is kept of them."""

import pytest

from cluster_provider.core import head_node
from cluster_provider.core.engine import EngineResult, HeadNodeLogs
from cluster_provider.core.observed import StackFailure
from cluster_provider.core.redact import redact_output
from cluster_provider.core.truncation import truncate_for_storage
from tests.support.cases import at, stack


def line(log: str, text: str) -> dict[str, str]:
    return {"log": log, "text": text}


@pytest.mark.parametrize(
    ("resource_type", "expected"),
    [("AWS::CloudFormation::WaitCondition", True), ("AWS::EC2::Instance", False)],
)
def test_a_wait_condition_fails_because_of_the_head_node(resource_type: str, expected: bool) -> None:
    failure = StackFailure("HeadNodeWaitCondition", resource_type, "CREATE_FAILED", "timed out", at(0))
    assert head_node.is_head_nodes(failure) is expected
    assert not head_node.is_head_nodes(None)


def test_each_line_is_whole_and_each_log_named_once() -> None:
    logs = HeadNodeLogs([line("cfn-init", "a"), line("cfn-init", "b"), line("console output", "c")])
    assert head_node.sentences(logs) == [
        "The head node's cfn-init: a",
        "| b",
        "The head node's console output: c",
    ]
    assert head_node.sentences(None) == head_node.sentences(HeadNodeLogs()) == []


def test_what_could_not_be_read_comes_last() -> None:
    logs = HeadNodeLogs([line("console output", "c")], "log group g: it does not exist")
    assert head_node.sentences(logs)[-1] == (
        "The head node's logs could not be read: log group g: it does not exist."
    )


def test_without_a_log_group_there_is_nowhere_to_read() -> None:
    assert head_node.where_logs_are(stack()) == ""


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("login failed: password=hunter2, giving up", "login failed: password=***, giving up"),
        ('{"db_password": "hunter2", "port": 3306}', '{"db_password": "***", "port": 3306}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("mysql --password hunter2 -h db", "mysql --password *** -h db"),
        ("export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "export AWS_SECRET_ACCESS_KEY=***"),
        ("git clone https://me:tok@git.example.com/x", "git clone https://***@git.example.com/x"),
        ("key AKIAIOSFODNN7EXAMPLE is inactive", "key *** is inactive"),
        (
            "GET https://b.s3.amazonaws.com/k?X-Amz-Signature=c0ffee&x=1",
            "GET https://b.s3.amazonaws.com/k?X-Amz-Signature=***&x=1",
        ),
        ("Authentication token manipulation error", "Authentication token manipulation error"),
        ("the password is wrong", "the password is wrong"),
        ("s3://bucket/token/script.sh: No such file", "s3://bucket/token/script.sh: No such file"),
    ],
)
def test_credentials_in_what_scripts_print_are_masked_and_nothing_else(printed: str, shown: str) -> None:
    assert redact_output(printed) == shown


def test_no_more_is_kept_than_the_contract_allows_and_nothing_that_is_secret() -> None:
    long = EngineResult(
        "succeeded",
        head_node_logs=HeadNodeLogs([line("l" * 1000, "password=abc " + "x" * 1000)] * 9, "y" * 1000),
    )
    kept = truncate_for_storage(long).head_node_logs
    assert kept is not None
    assert len(kept.lines) == 8
    assert {(len(each["log"]), len(each["text"])) for each in kept.lines} == {(100, 500)}
    assert kept.lines[0]["text"].startswith("password=*** xxx")
    assert len(kept.unread) == 500
    short = EngineResult("succeeded", head_node_logs=HeadNodeLogs([line("cfn-init", "a")], "b"))
    assert truncate_for_storage(short) == short
