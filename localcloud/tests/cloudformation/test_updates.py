"""Updating stacks, and taking updates back."""

import json

import pytest
from botocore.exceptions import ClientError

from localcloud.behaviour import behaviours

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"


def queues(**delays):
    return {
        "Resources": {
            name: {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": delay}}
            for name, delay in delays.items()
        }
    }


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Message"]


def timeouts(cloud):
    sqs = cloud.client("sqs")
    urls = sqs.list_queues().get("QueueUrls", [])
    read = [sqs.get_queue_attributes(QueueUrl=u, AttributeNames=["All"])["Attributes"] for u in urls]
    return sorted(int(attributes["VisibilityTimeout"]) for attributes in read)


def test_an_update_adds_changes_and_removes(cloud, bus):
    stack_id = cloud.created("one", queues(Same=1, Changed=2, Removed=3))

    assert cloud.update("one", queues(Same=1, Changed=20, Added=4)) == stack_id

    stack = cloud.settled("one", "UPDATE_COMPLETE")
    assert timeouts(cloud) == [1, 4, 20]
    assert stack["LastUpdatedTime"] > stack["CreationTime"]
    assert cloud.statuses("one", "Same")[-1] == "CREATE_COMPLETE"
    assert cloud.statuses("one", "Changed")[-2:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert bus.statuses(stack_id)[-3:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    named = {
        r["LogicalResourceId"]
        for r in cloud.cfn.list_stack_resources(StackName="one")["StackResourceSummaries"]
    }
    assert named == {"Same", "Changed", "Added"}


def test_an_update_without_changes_is_refused(cloud):
    cloud.created("one", queues(Same=1))

    message = refusal(cloud.cfn.update_stack, StackName="one", TemplateBody=json.dumps(queues(Same=1)))

    assert message == "No updates are to be performed."


def test_an_update_of_nothing_is_refused(cloud):
    message = refusal(cloud.cfn.update_stack, StackName="none", TemplateBody=json.dumps(queues(Same=1)))

    assert message == "Stack [none] does not exist"


def test_a_stack_in_an_update_accepts_neither_update_nor_deletion(cloud):
    stack_id = cloud.created("one", queues(Queue=1))
    behaviours.replace([{"action": "UPDATE", "duration_s": 0.5}])
    cloud.update("one", queues(Queue=2))

    message = refusal(cloud.cfn.update_stack, StackName="one", TemplateBody=json.dumps(queues(Queue=3)))
    assert message == f"Stack:{stack_id} is in UPDATE_IN_PROGRESS state and can not be updated."
    message = refusal(cloud.cfn.delete_stack, StackName="one")
    assert message == f"Stack [{stack_id}] cannot be deleted while in status UPDATE_IN_PROGRESS"
    cloud.settled("one", "UPDATE_COMPLETE")


def test_a_stack_that_was_rolled_back_accepts_no_update(cloud):
    behaviours.replace([{"logical_id": "Queue", "fail": "no", "action": "CREATE"}])
    stack_id = cloud.create("one", queues(Queue=1))
    cloud.settled("one", "ROLLBACK_COMPLETE")

    message = refusal(cloud.cfn.update_stack, StackName="one", TemplateBody=json.dumps(queues(Queue=2)))

    assert message == f"Stack:{stack_id} is in ROLLBACK_COMPLETE state and can not be updated."


def test_a_failed_update_is_taken_back_completely(cloud):
    stack_id = cloud.created("one", queues(Changed=2, Removed=3))
    behaviours.replace([{"logical_id": "Bad", "fail": "bad", "duration_s": 0.3}])

    cloud.update("one", queues(Changed=20, Added=4, Bad=5))

    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert timeouts(cloud) == [2, 3]
    failed = [(s, r) for _, s, r in cloud.history("one", "one") if s == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert failed == [("UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Bad]. ")]
    assert cloud.statuses(stack_id, "Added")[-1] == "DELETE_COMPLETE"
    assert cloud.statuses("one")[-3:] == [
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    assert cloud.cfn.get_template(StackName="one")["TemplateBody"] == queues(Changed=2, Removed=3)


def test_an_update_can_be_tried_again_after_it_was_taken_back(cloud):
    cloud.created("one", queues(Queue=1))
    behaviours.replace([{"action": "UPDATE", "fail": "once", "times": 1}])
    cloud.update("one", queues(Queue=2))
    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")

    cloud.update("one", queues(Queue=2))

    cloud.settled("one", "UPDATE_COMPLETE")
    assert timeouts(cloud) == [2]


def test_a_resource_without_a_value_is_left_alone_and_whole(cloud):
    cloud.created("one", queues(Queue=1))
    broken = queues(Queue={"Fn::ImportValue": "none"})
    cloud.update("one", broken)

    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Queue") == "No export named none found."
    assert cloud.statuses("one", "Queue")[-2:] == ["UPDATE_FAILED", "UPDATE_COMPLETE"]
    message = refusal(cloud.cfn.update_stack, StackName="one", TemplateBody=json.dumps(queues(Queue=1)))
    assert message == "No updates are to be performed."


def test_rollback_can_be_disabled_and_asked_for_later(cloud):
    cloud.created("one", queues(First=1, Second=1))
    behaviours.replace(
        [{"logical_id": "Second", "action": "UPDATE", "duration_s": 0.3, "fail": "no", "times": 1}]
    )
    cloud.update("one", queues(First=2, Second=2), DisableRollback=True)
    cloud.settled("one", "UPDATE_FAILED")

    cloud.cfn.rollback_stack(StackName="one")

    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert timeouts(cloud) == [1, 1]


def test_an_update_left_failed_can_be_tried_again(cloud):
    cloud.created("one", queues(Queue=1))
    behaviours.replace([{"action": "UPDATE", "fail": "no", "times": 1}])
    cloud.update("one", queues(Queue=2), DisableRollback=True)
    cloud.settled("one", "UPDATE_FAILED")

    cloud.update("one", queues(Queue=2), DisableRollback=True)

    cloud.settled("one", "UPDATE_COMPLETE")
    assert timeouts(cloud) == [2]


def test_an_update_can_be_cancelled(cloud, until):
    cloud.created("one", queues(Queue=1))
    behaviours.replace([{"action": "UPDATE", "duration_s": 60, "times": 1}])
    cloud.update("one", queues(Queue=2))
    until(lambda: "UPDATE_IN_PROGRESS" in cloud.statuses("one", "Queue"))

    cloud.cfn.cancel_update_stack(StackName="one")

    cloud.settled("one", "UPDATE_ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Queue") == "Resource update cancelled"
    assert timeouts(cloud) == [1]
    message = refusal(cloud.cfn.cancel_update_stack, StackName="one")
    assert message == "CancelUpdateStack cannot be called from current stack status"


def test_a_reader_of_a_changed_attribute_is_updated_too(cloud):
    def template(cidr):
        vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": cidr}}
        reader = {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": {"Ref": "Vpc"}, "Name": "vpc"},
        }
        return {"Resources": {"Vpc": vpc, "Reader": reader}}

    cloud.created("one", template("10.0.0.0/16"))
    before = cloud.client("ssm").get_parameter(Name="vpc")["Parameter"]["Value"]
    cloud.update("one", template("10.1.0.0/16"))
    cloud.settled("one", "UPDATE_COMPLETE")

    after = cloud.client("ssm").get_parameter(Name="vpc")["Parameter"]["Value"]
    vpcs = {vpc["VpcId"]: vpc["CidrBlock"] for vpc in cloud.client("ec2").describe_vpcs()["Vpcs"]}
    assert before != after
    assert vpcs[after] == "10.1.0.0/16"
    assert before not in vpcs


def test_previous_template_and_values_can_be_used_again(cloud):
    template = {
        "Parameters": {"Delay": {"Type": "Number"}, "Name": {"Type": "String"}},
        "Resources": {
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"VisibilityTimeout": {"Ref": "Delay"}, "QueueName": {"Ref": "Name"}},
            }
        },
    }
    cloud.created("one", template, {"Delay": "1", "Name": "mine"})

    cloud.cfn.update_stack(
        StackName="one",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Delay", "ParameterValue": "2"},
            {"ParameterKey": "Name", "UsePreviousValue": True},
        ],
    )

    stack = cloud.settled("one", "UPDATE_COMPLETE")
    assert timeouts(cloud) == [2]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]} == {
        "Delay": "2",
        "Name": "mine",
    }


def test_the_type_of_a_resource_cannot_change(cloud):
    cloud.created("one", queues(Thing=1))
    other = {"Resources": {"Thing": {"Type": "AWS::SNS::Topic"}}}

    message = refusal(cloud.cfn.update_stack, StackName="one", TemplateBody=json.dumps(other))

    assert message.startswith("Update of resource type is not permitted.")


def test_a_removed_resource_can_be_kept(cloud):
    template = queues(Kept=7, Other=1)
    template["Resources"]["Kept"]["DeletionPolicy"] = "Retain"
    cloud.created("one", template)

    cloud.update("one", queues(Other=1))

    cloud.settled("one", "UPDATE_COMPLETE")
    assert timeouts(cloud) == [1, 7]


def test_a_policy_for_replaced_resources_is_an_update_by_itself(cloud):
    template = queues(A=1)
    cloud.created("one", template)
    template["Resources"]["A"]["UpdateReplacePolicy"] = "Retain"

    cloud.update("one", template)

    cloud.settled("one", "UPDATE_COMPLETE")
    assert refusal(cloud.cfn.update_stack, StackName="one", TemplateBody=json.dumps(template)) == (
        "No updates are to be performed."
    )


@pytest.mark.parametrize(("policy", "deleted"), [("Delete", True), ("Retain", False)])
def test_a_replaced_resource_stays_if_its_policy_says_so(cloud, functions, answer, policy, deleted):
    def template(size):
        properties = {"ServiceToken": FUNCTION, "Size": size}
        return {
            "Resources": {
                "A": {"Type": "Custom::Thing", "UpdateReplacePolicy": policy, "Properties": properties}
            }
        }

    cloud.create("one", template(1))
    answer(functions.next("Create"), PhysicalResourceId="old")
    cloud.settled("one", "CREATE_COMPLETE")

    cloud.update("one", template(2))
    answer(functions.next("Update"), PhysicalResourceId="new")

    if deleted:
        request = functions.next("Delete")
        answer(request)
        assert request["PhysicalResourceId"] == "old"
    cloud.settled("one", "UPDATE_COMPLETE")
    assert functions.none_waiting()


def test_notifications_and_rollback_triggers_are_updated_alone_and_kept(cloud):
    topic = "arn:aws:sns:us-east-1:123456789012:news"
    alarm = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:late"
    triggers = {"RollbackTriggers": [{"Arn": alarm, "Type": "AWS::CloudWatch::Alarm"}]}
    cloud.created("one", queues(A=1))
    assert cloud.stack("one")["RollbackConfiguration"] == {}

    cloud.update("one", queues(A=1), NotificationARNs=[topic])
    assert cloud.settled("one", "UPDATE_COMPLETE")["NotificationARNs"] == [topic]
    cloud.update("one", queues(A=1), RollbackConfiguration=triggers)
    assert cloud.settled("one", "UPDATE_COMPLETE")["RollbackConfiguration"] == triggers

    cloud.update("one", queues(A=2))
    stack = cloud.settled("one", "UPDATE_COMPLETE")
    assert (stack["NotificationARNs"], stack["RollbackConfiguration"]) == ([topic], triggers)
    cloud.update("one", queues(A=2), NotificationARNs=[])
    assert cloud.settled("one", "UPDATE_COMPLETE").get("NotificationARNs", []) == []


@pytest.mark.parametrize(
    ("arn", "kind", "said"),
    [
        (":alarm:late", "AWS::SNS::Topic", "Rollback Trigger Type not supported"),
        (":late", "AWS::CloudWatch::Alarm", "RelativeId of a Rollback Trigger's ARN is incorrect"),
    ],
)
def test_a_rollback_trigger_that_is_no_alarm_is_refused(cloud, arn, kind, said):
    trigger = {"Arn": f"arn:aws:cloudwatch:us-east-1:123456789012{arn}", "Type": kind}
    request = {
        "StackName": "one",
        "TemplateBody": json.dumps(queues(A=1)),
        "RollbackConfiguration": {"RollbackTriggers": [trigger]},
    }

    assert refusal(cloud.cfn.create_stack, **request) == said
    assert refusal(cloud.cfn.create_change_set, ChangeSetName="c", ChangeSetType="CREATE", **request) == said
    cloud.created("one", queues(A=1))
    assert refusal(cloud.cfn.update_stack, **request) == said


def test_a_deleted_stack_has_no_termination_protection_to_show(cloud):
    cloud.created("one", queues(A=1))
    assert cloud.stack("one")["EnableTerminationProtection"] is False

    assert "EnableTerminationProtection" not in cloud.deleted("one")
