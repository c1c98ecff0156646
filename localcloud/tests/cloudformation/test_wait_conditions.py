"""Wait conditions and their handles."""

import json
from urllib.parse import unquote, urlsplit

import pytest

from localcloud.cloudformation import signal_wait_handle


def template(timeout_s=600, count=1):
    properties = {"Handle": {"Ref": "Handle"}, "Timeout": timeout_s, "Count": count}
    return {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {"Type": "AWS::CloudFormation::WaitCondition", "Properties": properties},
        },
        "Outputs": {"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}},
    }


@pytest.fixture
def waiting(cloud, until):
    """Starts a stack that waits, and returns the handle's URL."""

    def start(given):
        cloud.create("one", given)
        until(lambda: len(cloud.statuses("one", "Wait")) == 2)
        shown = cloud.cfn.describe_stack_resource(StackName="one", LogicalResourceId="Handle")
        return shown["StackResourceDetail"]["PhysicalResourceId"]

    return start


def signal(unique_id, status="SUCCESS", **fields):
    return {"Status": status, "UniqueId": unique_id, **fields}


def test_a_condition_waits_for_as_many_signals_as_it_says(cloud, waiting, put):
    url = waiting(template(count=2))

    assert put(url, signal("a", Data="one")) == 200
    assert put(url, signal("a", Data="again")) == 200
    assert cloud.status("one") == "CREATE_IN_PROGRESS"
    put(url, signal("b", Data="two"))

    cloud.settled("one", "CREATE_COMPLETE")
    assert json.loads(cloud.outputs("one")["Data"]) == {"a": "one", "b": "two"}


def test_a_handle_is_the_url_of_an_object_in_a_bucket_named_by_the_region_with_its_hyphens(cloud, waiting):
    url = urlsplit(waiting(template()))
    assert url.netloc == "cloudformation-waitcondition-us-east-1.s3.amazonaws.com"
    *place, logical_id = unquote(url.path).removeprefix("/").split("/")
    assert "/".join(place[:-1]) == cloud.stack("one")["StackId"]
    assert logical_id == "Handle"


def test_a_failure_fails_the_condition_with_its_reason(cloud, waiting, put):
    put(waiting(template()), signal("i-1", "FAILURE", Reason="no disk"))

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Wait") == "WaitCondition received failed message: 'no disk' for uniqueId: i-1"


def test_time_runs_out_by_the_clock(cloud, waiting):
    waiting(template(timeout_s=1800))
    cloud.advance(1790)
    assert cloud.status("one") == "CREATE_IN_PROGRESS"
    cloud.advance(20)

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Wait") == "WaitCondition timed out. Received 0 conditions when expecting 1"


def test_other_parts_of_the_cloud_can_signal(cloud, waiting):
    signal_wait_handle(waiting(template()), "SUCCESS", "", "head-node", "up")

    cloud.settled("one", "CREATE_COMPLETE")
    assert cloud.outputs("one") == {"Data": '{"head-node":"up"}'}


def test_a_signal_that_is_none_is_not_counted(cloud, waiting, put):
    url = waiting(template())

    put(url, b"not json")
    put(url, {"Status": "PERHAPS", "UniqueId": "a"})
    assert cloud.status("one") == "CREATE_IN_PROGRESS"
    put(url, signal("a"))

    cloud.settled("one", "CREATE_COMPLETE")


def test_a_condition_cannot_be_updated(cloud, waiting, put):
    put(waiting(template()), signal("a"))
    cloud.settled("one", "CREATE_COMPLETE")

    cloud.update("one", template(timeout_s=700))

    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert (
        cloud.reason("one", "Wait")
        == "Update to resource type AWS::CloudFormation::WaitCondition is not supported."
    )


def test_a_signal_to_an_unknown_handle_is_an_error():
    with pytest.raises(KeyError):
        signal_wait_handle(
            "https://cloudformation-waitcondition-us-east-1.s3.amazonaws.com/none", "SUCCESS", "", "a", ""
        )
