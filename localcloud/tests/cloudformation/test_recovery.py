"""Stacks whose creation failed with rollback disabled: tried again, changed, or taken back."""

import json

import pytest
from botocore.exceptions import ClientError

from localcloud.behaviour import behaviours

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"


def template(size=1, *, custom=True, **policy):
    resources = {"Queue": {"Type": "AWS::SQS::Queue"}}
    if custom:
        resources["Custom"] = {
            "Type": "Custom::Thing",
            "DependsOn": "Queue",
            "Properties": {"ServiceToken": FUNCTION, "Size": size},
            **policy,
        }
        resources["After"] = {"Type": "AWS::SNS::Topic", "DependsOn": "Custom"}
    return {"Resources": resources, "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}}}


def queues(cloud):
    """The names of all queues there are."""
    return [url.rpartition("/")[2] for url in cloud.client("sqs").list_queues().get("QueueUrls", [])]


@pytest.fixture
def failed(cloud, functions, answer):
    """A stack of which the second of three resources failed, under the id "first"."""
    cloud.create("one", template(), DisableRollback=True)
    answer(functions.next("Create"), "FAILED", PhysicalResourceId="first", Reason="no")
    cloud.settled("one", "CREATE_FAILED")


@pytest.mark.usefixtures("failed")
def test_what_failed_is_deleted_and_made_again_and_the_rest_stays(cloud, functions, answer):
    (queue,) = queues(cloud)

    cloud.update("one", template(), DisableRollback=True)
    deletion = functions.next("Delete")
    assert deletion["PhysicalResourceId"] == "first"
    assert functions.none_waiting()
    answer(deletion)
    creation = functions.next("Create")
    answer(creation, PhysicalResourceId="second")

    cloud.settled("one", "UPDATE_COMPLETE")
    assert functions.none_waiting()
    assert creation["RequestId"] != deletion["RequestId"]
    assert cloud.outputs("one") == {"Name": queue}
    assert cloud.statuses("one", "Queue") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert cloud.statuses("one", "After")[-1] == "CREATE_COMPLETE"
    stack_id = cloud.stack("one")["StackId"]
    cloud.cfn.delete_stack(StackName="one")
    last = functions.next("Delete")
    answer(last)
    cloud.settled(stack_id, "DELETE_COMPLETE")
    assert last["PhysicalResourceId"] == "second"


@pytest.fixture
def create_first():
    behaviours.replace([{"stack": "one", "logical_id": "Custom", "retry": "create-first"}])


@pytest.mark.usefixtures("failed", "create_first")
def test_what_failed_can_be_deleted_after_it_was_made_again(cloud, functions, answer):
    cloud.update("one", template(size=2), DisableRollback=True)
    creation = functions.next("Create")
    assert functions.none_waiting()
    answer(creation, PhysicalResourceId="second")
    deletion = functions.next("Delete")
    assert cloud.status("one") == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    answer(deletion)

    cloud.settled("one", "UPDATE_COMPLETE")
    assert functions.none_waiting()
    assert creation["ResourceProperties"]["Size"] == "2"
    assert deletion["PhysicalResourceId"] == "first"
    assert deletion["ResourceProperties"]["Size"] == "1"
    shown = cloud.cfn.describe_stack_resource(StackName="one", LogicalResourceId="Custom")
    assert shown["StackResourceDetail"]["PhysicalResourceId"] == "second"


@pytest.mark.usefixtures("failed", "create_first")
def test_a_retry_that_fails_too_leaves_both_to_be_deleted(cloud, functions, answer):
    cloud.update("one", template(), DisableRollback=True)
    answer(functions.next("Create"), "FAILED", PhysicalResourceId="second", Reason="no")
    cloud.settled("one", "UPDATE_FAILED")
    assert functions.none_waiting()

    cloud.cfn.rollback_stack(StackName="one")

    deleted = []
    for _ in range(2):
        deletion = functions.next("Delete")
        deleted.append(deletion["PhysicalResourceId"])
        answer(deletion)
    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert sorted(deleted) == ["first", "second"]
    assert functions.none_waiting()


@pytest.mark.parametrize("order", ["delete-first", "create-first"])
@pytest.mark.usefixtures("failed")
def test_a_creation_that_failed_can_be_taken_back_at_once(cloud, functions, answer, order):
    behaviours.replace([{"retry": order}])
    cloud.cfn.rollback_stack(StackName="one")
    deletion = functions.next("Delete")
    answer(deletion)
    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert deletion["PhysicalResourceId"] == "first"
    assert functions.none_waiting()
    assert queues(cloud) == []


@pytest.mark.usefixtures("failed")
def test_a_change_of_the_template_is_what_is_made(cloud, functions, answer):
    cloud.update("one", template(size=2), DisableRollback=True)
    answer(functions.next("Delete"))
    creation = functions.next("Create")
    answer(creation)

    cloud.settled("one", "UPDATE_COMPLETE")
    assert creation["ResourceProperties"]["Size"] == "2"


@pytest.mark.usefixtures("failed")
def test_what_failed_goes_with_the_template_that_no_longer_has_it(cloud, functions, answer):
    cloud.update("one", template(custom=False), DisableRollback=True)
    answer(functions.next("Delete"))

    cloud.settled("one", "UPDATE_COMPLETE")
    assert functions.none_waiting()
    shown = cloud.cfn.list_stack_resources(StackName="one")["StackResourceSummaries"]
    assert [resource["LogicalResourceId"] for resource in shown] == ["Queue"]


def test_what_failed_and_is_retained_is_not_deleted(cloud, functions, answer):
    cloud.create("one", template(DeletionPolicy="Retain"), DisableRollback=True)
    answer(functions.next("Create"), "FAILED", PhysicalResourceId="first", Reason="no")
    cloud.settled("one", "CREATE_FAILED")

    cloud.update("one", template(DeletionPolicy="Retain"), DisableRollback=True)

    answer(functions.next("Create"))
    cloud.settled("one", "UPDATE_COMPLETE")


@pytest.mark.usefixtures("failed")
def test_a_second_failure_can_be_taken_back_to_nothing(cloud, functions, answer):
    cloud.update("one", template(), DisableRollback=True)
    answer(functions.next("Delete"))
    answer(functions.next("Create"), "FAILED", PhysicalResourceId="second", Reason="no")
    cloud.settled("one", "UPDATE_FAILED")

    cloud.cfn.rollback_stack(StackName="one")

    deletion = functions.next("Delete")
    answer(deletion)
    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert deletion["PhysicalResourceId"] == "second"
    assert queues(cloud) == []


def test_a_creation_that_failed_in_an_update_is_made_again_and_not_updated(cloud, functions, answer):
    cloud.created("one", template(custom=False))
    cloud.update("one", template(), DisableRollback=True)
    answer(functions.next("Create"), "FAILED", PhysicalResourceId="first", Reason="no")
    cloud.settled("one", "UPDATE_FAILED")

    cloud.update("one", template(), DisableRollback=True)

    answer(functions.next("Delete"))
    answer(functions.next("Create"))
    cloud.settled("one", "UPDATE_COMPLETE")


@pytest.mark.usefixtures("failed")
def test_an_update_that_could_roll_back_is_refused(cloud):
    with pytest.raises(ClientError) as refused:
        cloud.update("one", template())

    assert refused.value.response["Error"]["Message"] == (
        "This stack is currently in a non-terminal [CREATE_FAILED] state. To update the stack from this "
        "state, please use the disable-rollback parameter with update-stack API. To rollback to the last "
        "known good state, use the rollback-stack API"
    )
    assert cloud.status("one") == "CREATE_FAILED"


@pytest.mark.usefixtures("failed")
def test_a_change_set_is_refused_unless_it_is_executed_without_rollback(cloud, functions, answer):
    cloud.cfn.create_change_set(
        StackName="one", ChangeSetName="again", TemplateBody=json.dumps(template()), ChangeSetType="UPDATE"
    )
    with pytest.raises(ClientError) as refused:
        cloud.cfn.execute_change_set(StackName="one", ChangeSetName="again")
    assert "non-terminal [CREATE_FAILED] state" in refused.value.response["Error"]["Message"]

    cloud.cfn.execute_change_set(StackName="one", ChangeSetName="again", DisableRollback=True)

    answer(functions.next("Delete"))
    answer(functions.next("Create"))
    cloud.settled("one", "UPDATE_COMPLETE")


def test_resources_of_a_service_are_made_again_as_well(cloud):
    behaviours.replace([{"logical_id": "Queue", "action": "CREATE", "fail": "no", "times": 1}])
    cloud.create("one", template(custom=False), DisableRollback=True)
    cloud.settled("one", "CREATE_FAILED")

    cloud.update("one", template(custom=False), DisableRollback=True)

    cloud.settled("one", "UPDATE_COMPLETE")
    assert queues(cloud) == [cloud.outputs("one")["Name"]]
