import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from cluster_provider.core.attributes import attributes
from cluster_provider.core.errors import ClusterFailed, ClusterRejected
from cluster_provider.core.identity import Owner
from cluster_provider.core.response import BODY_MAX_BYTES, failure, success
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
    data = attributes(stack, {"headNode": {"publicIpAddress": "203.0.113.7"}}, login_pools=3)
    outcome = success(Addressee(), "c" * 60, data, said, "/aws/lambda/provider")
    assert len(outcome.body.encode()) <= BODY_MAX_BYTES
    answered = json.loads(outcome.body)["Data"]
    told = json.loads(answered["validationMessages"])
    assert answered["headNode.publicIpAddress"] == "203.0.113.7"
    distinct = len({message["message"] for message in said})
    left_out = [message for message in told if message["type"] == "LeftOut" and message not in said]
    if left_out:
        assert told[-1] == left_out[0]
        assert int(told[-1]["message"].split()[0]) + len(told) - 1 == distinct
    else:
        assert len(told) == distinct


@given(st.text(min_size=1, max_size=6000), st.text(min_size=1, max_size=200))
def test_a_failure_fits_and_keeps_the_beginning_of_its_reason(reason: str, physical_id: str) -> None:
    error = ClusterFailed("cluster hpc", reason)
    outcome = failure(Addressee(), physical_id, error, "/aws/lambda/provider")
    assert len(outcome.body.encode()) <= BODY_MAX_BYTES
    told = json.loads(outcome.body)["Reason"]
    assert told == str(error) or (told.endswith("…") and str(error).startswith(told[:-1].rstrip()))


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=900), max_size=20))
def test_a_failure_with_many_causes_keeps_whole_ones_and_says_how_many_are_left_out(
    others: list[str],
) -> None:
    error = ClusterRejected("ClusterConfiguration", "first.", "do this.", others)
    told = json.loads(failure(Addressee(), "hpc", error, "/log").body)["Reason"]
    assert told.startswith("ClusterRejected: ClusterConfiguration: first.")
    assert told.endswith("do this.")
    middle = (
        told.removeprefix("ClusterRejected: ClusterConfiguration: first.").removesuffix("do this.").split()
    )
    if "/log." not in middle:
        assert middle == others
    else:
        kept = len(middle) - len(["1", "more", "left", "out;", "all", "are", "in", "log", "group", "/log."])
        assert middle[:kept] == others[:kept]
        assert int(middle[kept]) == len(others) - kept


def test_the_worst_message_comes_first_and_each_text_once() -> None:
    said = [
        {"level": "INFO", "type": "A", "message": "fyi"},
        {"level": "WARNING", "type": "B", "message": "careful"},
        {"level": "ERROR", "type": "C", "message": "no"},
        {"level": "ERROR", "type": "D", "message": "careful"},
    ]
    outcome = success(Addressee(), "hpc", attributes(None, None), said, "")
    told = json.loads(json.loads(outcome.body)["Data"]["validationMessages"])
    assert [message["message"] for message in told] == ["careful", "no", "fyi"]


def test_the_same_names_are_there_with_and_without_a_cluster() -> None:
    stack = stack_of("hpc", "CREATE_COMPLETE", outputs={"HeadNodePrivateIP": "10.0.0.4"})
    with_cluster = attributes(stack, None)
    assert with_cluster.keys() == attributes(None, None).keys()
    assert with_cluster["headNode.privateIpAddress"] == "10.0.0.4"


def test_login_pools_have_indexed_names_and_the_first_one_old_names_too() -> None:
    pools = [
        {"poolName": "a", "address": "a.test", "healthyNodes": 1},
        {"poolName": "b", "address": "b.test"},
    ]
    data = attributes(None, {"loginNodes": pools})
    assert data["loginNodes.0.address"] == data["loginNodes.address"] == "a.test"
    assert data["loginNodes.1.address"] == "b.test"
    assert data["loginNodes.0.healthyNodes"] == "1"
    assert data["loginNodes.1.healthyNodes"] == ""


def test_names_of_login_pools_that_are_gone_stay_with_empty_values() -> None:
    assert attributes(None, {"loginNodes": []}, login_pools=2)["loginNodes.1.address"] == ""
