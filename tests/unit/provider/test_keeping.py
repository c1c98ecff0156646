"""What is kept of an engine's result, so that a record fits into its item."""

import json
from typing import Any

import pytest

from cluster_provider.core.engine import EngineError, EngineResult
from cluster_provider.core.redact import MASK, redact, redact_text
from cluster_provider.core.truncation import LIST_MAX_BYTES, truncate_for_storage

CLIPPED = "a" * 4093 + "…"


def said(count: int, length: int = 1000) -> list[dict[str, str]]:
    return [
        {"level": "INFO", "type": "A", "message": f"{number:04}{'a' * length}"} for number in range(count)
    ]


def test_a_short_result_is_kept_as_it_is_but_for_its_change_set() -> None:
    messages = [*said(2), {"level": "ERROR", "type": "B", "message": "worst"}]
    result = EngineResult(
        "succeeded", validation_messages=messages, change_set=[{"a": "b"}], head_node="known"
    )
    assert truncate_for_storage(result) == EngineResult(
        "succeeded", validation_messages=messages, head_node="known"
    )


def test_of_a_long_list_of_messages_the_worst_that_fit_are_kept_and_the_rest_is_counted() -> None:
    worst = {"level": "ERROR", "type": "B", "message": "worst"}
    messages = truncate_for_storage(
        EngineResult("succeeded", validation_messages=[*said(40), worst])
    ).validation_messages
    assert messages[0] == worst
    shown, left_out = messages[:-1], messages[-1]
    assert left_out == {
        "level": "INFO",
        "type": "LeftOut",
        "message": f"{41 - len(shown)} more left out.",
        "count": str(41 - len(shown)),
    }
    size = sum(len(json.dumps(item, ensure_ascii=False).encode()) for item in shown)
    one_more = len(json.dumps(said(1)[0]).encode())
    assert LIST_MAX_BYTES - one_more < size <= LIST_MAX_BYTES == 16_000


def test_a_list_that_fits_to_the_byte_is_kept() -> None:
    item = {"code": "a", "text": ""}
    size = len(json.dumps(item).encode())
    full = [{"code": "a", "text": "b" * (4000 - size)} for _ in range(4)]
    failures = {"failures": full}
    cluster = truncate_for_storage(EngineResult("succeeded", cluster=failures)).cluster
    assert cluster == failures
    wide = [{"code": "a", "text": "ä" * ((4000 - size) // 2)} for _ in range(4)]
    assert truncate_for_storage(EngineResult("succeeded", cluster={"failures": wide})).cluster == {
        "failures": wide
    }
    full[-1] = {**full[-1], "text": full[-1]["text"] + "b"}
    cluster = truncate_for_storage(EngineResult("succeeded", cluster={"failures": full})).cluster
    assert cluster == {"failures": full[:-1]}


def test_the_messages_of_a_refusal_stay_whole() -> None:
    result = EngineResult(
        "failed", validation_messages=said(40), error=EngineError("ClusterRejected", "no", [{"a": "b"}])
    )
    assert truncate_for_storage(result) == result


@pytest.mark.parametrize(
    ("text", "shortened"),
    [("a" * 4096, "a" * 4096), ("a" * 4097, CLIPPED), ("ä" * 2049, "ä" * 2046 + "…")],
)
def test_an_errors_text_is_no_longer_than_an_answer(text: str, shortened: str) -> None:
    error = truncate_for_storage(EngineResult("failed", error=EngineError("Internal", text))).error
    assert error == EngineError("Internal", shortened)


def test_a_failures_text_is_no_longer_than_an_answer() -> None:
    cluster = truncate_for_storage(
        EngineResult("succeeded", cluster={"failures": [{"failureReason": "a" * 5000}]})
    ).cluster
    assert cluster == {"failures": [{"failureReason": CLIPPED}]}


def test_of_a_description_what_answers_contain_is_kept() -> None:
    described: dict[str, Any] = {
        "clusterName": "hpc",
        "headNode": {"state": "running"},
        "loginNodes": [{"poolName": "a"}],
        "tags": [{"key": "a"}],
        "failures": None,
    }
    assert truncate_for_storage(EngineResult("succeeded", cluster=described)).cluster == {
        "clusterName": "hpc",
        "headNode": {"state": "running"},
        "loginNodes": [{"poolName": "a"}],
        "failures": [],
    }


def test_of_an_image_its_ami_and_our_tags_are_kept() -> None:
    ours = {"key": "pcluster-cfn:stack-id", "value": "a"}
    ami = {
        "amiId": "ami-1",
        "amiName": "n",
        "state": "available",
        "architecture": "arm64",
        "description": "long",
    }
    described = {
        "imageId": "img",
        "configuration": {},
        "ec2AmiInfo": {**ami, "tags": [ours, {"key": "Name"}]},
    }
    assert truncate_for_storage(EngineResult("succeeded", image=described)).image == {
        "imageId": "img",
        "ec2AmiInfo": {
            "amiId": "ami-1",
            "amiName": "n",
            "state": "available",
            "architecture": "arm64",
            "tags": [ours],
        },
    }
    assert truncate_for_storage(EngineResult("succeeded", image={"imageId": "img"})).image == {
        "imageId": "img"
    }
    bare = truncate_for_storage(EngineResult("succeeded", image={"ec2AmiInfo": {"tags": None}})).image
    assert bare is not None
    assert bare["ec2AmiInfo"]["tags"] == []


# What is masked in logs


@pytest.mark.parametrize(
    "key",
    [
        "ResponseURL",
        "response_url",
        "WaitConditionHandle",
        "signal_url",
        "ClusterConfiguration",
        "configuration",
        "OldResourceProperties",
    ],
)
def test_a_secrets_key_is_masked_whatever_its_value(key: str) -> None:
    assert redact([{key: {"a": 1}, "other": (1, None, True)}]) == [{key: MASK, "other": [1, None, True]}]


@pytest.mark.parametrize(
    "name", ["X-Amz-Signature", "x-amz-credential", "X-Amz-Security-Token", "Signature", "AWSAccessKeyId"]
)
def test_what_makes_a_url_usable_is_masked_and_the_rest_stays(name: str) -> None:
    assert redact_text(f'"https://host/?a=1&{name}=secret%2F&b=2"') == f'"https://host/?a=1&{name}=***&b=2"'
