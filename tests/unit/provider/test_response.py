import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_provider.core.attributes import cluster_attributes, information_attributes
from cluster_provider.core.engine import EngineResult
from cluster_provider.core.errors import ClusterFailed, ClusterRejected
from cluster_provider.core.identity import Kind, Owner
from cluster_provider.core.response import BODY_MAX_BYTES, failure, signal_success, success
from cluster_provider.core.truncation import truncate_for_storage
from tests.support.fakes import stack_of

#: The longest names there are: stack 128, logical id 255, request id a UUID.
LONGEST = Owner(
    f"arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/{'s' * 128}/{'0' * 36}", "L" * 255
)


@dataclass(frozen=True)
class Addressee:
    owner: Owner = LONGEST
    request_id: str = "11111111-2222-3333-4444-555555555555"


messages = st.lists(
    st.fixed_dictionaries(
        {
            "level": st.sampled_from(["ERROR", "WARNING", "INFO"]),
            "type": st.text(max_size=40),
            "message": st.text(max_size=800),
        }
    ),
    max_size=30,
)


@given(messages)
def test_a_success_fits_whatever_was_said_and_its_messages_stay_json(said: list[dict[str, str]]) -> None:
    stack = stack_of("c" * 60, "CREATE_COMPLETE")
    data = cluster_attributes(stack, {"headNode": {"publicIpAddress": "203.0.113.7"}}, login_pools=3)
    outcome = success(Addressee(), "c" * 60, data, said, "/aws/lambda/provider")
    assert len(outcome.body.encode()) <= BODY_MAX_BYTES
    answered = json.loads(outcome.body)["Data"]
    shown = json.loads(answered["validationMessages"])
    assert answered["headNode.publicIpAddress"] == "203.0.113.7"
    distinct = len({message["message"] for message in said})
    left_out = [message for message in shown if message["type"] == "LeftOut" and message not in said]
    if left_out:
        assert shown[-1] == left_out[0]
        assert int(shown[-1]["message"].split()[0]) + len(shown) - 1 == distinct
    else:
        assert len(shown) == distinct


@given(st.text(min_size=1, max_size=6000), st.text(min_size=1, max_size=200))
def test_a_failure_fits_and_keeps_the_beginning_of_its_reason(reason: str, physical_id: str) -> None:
    error = ClusterFailed("cluster hpc", reason)
    outcome = failure(Addressee(), physical_id, error, "/aws/lambda/provider")
    assert len(outcome.body.encode()) <= BODY_MAX_BYTES
    shown = json.loads(outcome.body)["Reason"]
    assert shown == str(error) or (shown.endswith("…") and str(error).startswith(shown[:-1].rstrip()))


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=900), max_size=20))
def test_a_failure_with_many_causes_keeps_whole_ones_and_says_how_many_are_left_out(
    others: list[str],
) -> None:
    error = ClusterRejected("ClusterConfiguration", "first.", "do this.", others)
    shown = json.loads(failure(Addressee(), "hpc", error, "/log").body)["Reason"]
    assert shown.startswith("ClusterRejected: ClusterConfiguration: first.")
    assert shown.endswith("do this.")
    middle = (
        shown.removeprefix("ClusterRejected: ClusterConfiguration: first.").removesuffix("do this.").split()
    )
    if "/log." not in middle:
        assert middle == others
    else:
        truncate_for_storage = len(middle) - len(
            ["1", "more", "left", "out;", "all", "are", "in", "log", "group", "/log."]
        )
        assert middle[:truncate_for_storage] == others[:truncate_for_storage]
        assert int(middle[truncate_for_storage]) == len(others) - truncate_for_storage


def pools(count: int) -> list[dict[str, Any]]:
    """Login pools as they are in a Region with a long name; ten of them are the library's limit."""
    return [
        {
            "poolName": f"login-research-{number:02}",
            "status": "active",
            "address": f"research-c-{number:02}-2B9QX8Z0F-0123456789abcdef.elb.ap-southeast-1.amazonaws.com",
            "scheme": "internet-facing",
            "healthyNodes": 1,
            "unhealthyNodes": 0,
        }
        for number in range(count)
    ]


DESCRIBED = {
    "clusterName": "c" * 60,
    "clusterStatus": "UPDATE_COMPLETE",
    "cloudFormationStackStatus": "UPDATE_COMPLETE",
    "cloudformationStackArn": f"{LONGEST.stack_id}",
    "computeFleetStatus": "START_REQUESTED",
    "creationTime": "2026-11-02T08:00:00.000Z",
    "lastUpdatedTime": "2026-11-02T08:00:00.000Z",
    "region": "us-gov-west-1",
    "version": "3.16.1",
    "headNode": {
        "instanceId": "i-0123456789abcdef0",
        "instanceType": "u7i-12tb.224xlarge",
        "launchTime": "2026-11-02T08:00:00.000Z",
        "privateIpAddress": "100.100.100.100",
        "publicIpAddress": "203.200.113.117",
        "state": "shutting-down",
    },
}


@pytest.mark.parametrize("count", range(11))
def test_values_of_the_last_login_pools_give_way_and_their_names_stay(count: int) -> None:
    stack = stack_of("c" * 60, "UPDATE_COMPLETE", parameters={"ClusterCWLogGroup": "/aws/" + "g" * 90})
    data = cluster_attributes(stack, {**DESCRIBED, "loginNodes": pools(count)})
    said = [{"level": "WARNING", "type": "A", "message": "careful"}]
    for outcome in (
        success(Addressee(), "c" * 60, data, said, "/aws/lambda/provider"),
        signal_success("c" * 60, data, said, "/aws/lambda/provider"),
    ):
        assert len(outcome.body.encode()) <= BODY_MAX_BYTES
        body = json.loads(outcome.body)
        shown = body["Data"] if "PhysicalResourceId" in body else json.loads(body["Data"])
        assert shown.keys() == data.keys() | {"validationMessages"}
        emptied = {name.rpartition(".")[0] for name in data if shown[name] != data[name]}
        assert emptied == {f"loginNodes.{number}" for number in range(count - len(emptied), count)}
        assert all(shown[name] in {"", data[name]} for name in data)
        note = shown["validationMessages"]
        assert ("have no room" in note) == bool(emptied)
        assert "careful" in note or "1 more left out" in note
    assert emptied or count < 10


@pytest.mark.parametrize(
    "found", [{"cluster": DESCRIBED | {"loginNodes": pools(10)}}, {"clusters": [DESCRIBED] * 50}]
)
def test_what_is_known_of_clusters_fits_and_says_if_it_is_not_all(found: dict[str, Any]) -> None:
    data = information_attributes(Kind.CLUSTER_INFO, EngineResult("succeeded", cluster_count=50, **found))
    outcome = success(Addressee(), "pcluster-cfn:read-only:0123456789abcdef", data, None, "")
    assert len(outcome.body.encode()) <= BODY_MAX_BYTES
    shown = json.loads(outcome.body)["Data"]
    assert shown.keys() == data.keys()
    assert shown["isShortened"] == "true"
    assert shown["clusterNames"].startswith("c" * 60)


def test_messages_that_were_not_kept_count_among_those_left_out() -> None:
    said = [{"level": "WARNING", "type": "A", "message": f"{number} {'x' * 500}"} for number in range(100)]
    kept_ones = truncate_for_storage(EngineResult("succeeded", validation_messages=said)).validation_messages
    assert len(kept_ones) < 50
    outcome = success(Addressee(), "hpc", cluster_attributes(None, None), kept_ones, "/log")
    shown = json.loads(json.loads(outcome.body)["Data"]["validationMessages"])
    assert shown[-1]["message"] == f"{100 - len(shown) + 1} more left out; all are in log group /log."


def test_the_worst_message_comes_first_and_each_text_once() -> None:
    said = [
        {"level": "INFO", "type": "A", "message": "fyi"},
        {"level": "WARNING", "type": "B", "message": "careful"},
        {"level": "ERROR", "type": "C", "message": "no"},
        {"level": "ERROR", "type": "D", "message": "careful"},
    ]
    outcome = success(Addressee(), "hpc", cluster_attributes(None, None), said, "")
    shown = json.loads(json.loads(outcome.body)["Data"]["validationMessages"])
    assert [message["message"] for message in shown] == ["careful", "no", "fyi"]


def test_the_same_names_are_there_with_and_without_a_cluster() -> None:
    stack = stack_of("hpc", "CREATE_COMPLETE", outputs={"HeadNodePrivateIP": "10.0.0.4"})
    with_cluster = cluster_attributes(stack, None)
    assert with_cluster.keys() == cluster_attributes(None, None).keys()
    assert with_cluster["headNode.privateIpAddress"] == "10.0.0.4"


def test_login_pools_have_indexed_names_and_the_first_one_old_names_too() -> None:
    pools = [
        {"poolName": "a", "address": "a.test", "healthyNodes": 1},
        {"poolName": "b", "address": "b.test"},
    ]
    data = cluster_attributes(None, {"loginNodes": pools})
    assert data["loginNodes.0.address"] == data["loginNodes.address"] == "a.test"
    assert data["loginNodes.1.address"] == "b.test"
    assert data["loginNodes.0.healthyNodes"] == "1"
    assert data["loginNodes.1.healthyNodes"] == ""


def test_names_of_login_pools_that_are_gone_stay_with_empty_values() -> None:
    assert cluster_attributes(None, {"loginNodes": []}, login_pools=2)["loginNodes.1.address"] == ""
