"""Creating, describing and deleting stacks."""

import json

import pytest
from botocore.exceptions import ClientError

from localcloud.behaviour import behaviours

QUEUE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
PAIR = {
    "Resources": {
        "First": {"Type": "AWS::SQS::Queue"},
        "Second": {"Type": "AWS::SQS::Queue", "DependsOn": "First"},
    }
}


def refusal(call, **arguments):
    """The code and the text with which a request is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_stack_is_created_while_the_caller_goes_on(cloud, bus):
    behaviours.replace([{"logical_id": "Queue", "duration_s": 0.3}])

    stack_id = cloud.create("one", QUEUE)

    assert cloud.status("one") == "CREATE_IN_PROGRESS"
    assert cloud.settled("one")["StackStatus"] == "CREATE_COMPLETE"
    assert cloud.statuses("one", "Queue") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert bus.statuses(stack_id) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


def test_a_deleted_stack_is_found_by_id_only_and_its_name_is_free_again(cloud):
    first = cloud.created("one", QUEUE)
    cloud.deleted("one")

    assert cloud.stack(first)["DeletionTime"]
    code, message = refusal(cloud.cfn.describe_stacks, StackName="one")
    assert (code, message) == ("ValidationError", "Stack with id one does not exist")

    second = cloud.created("one", QUEUE)
    assert first != second
    assert cloud.stack("one")["StackId"] == second


def test_the_same_token_leads_to_the_same_stack_and_another_to_a_refusal(cloud):
    first = cloud.create("one", QUEUE, ClientRequestToken="token-1")

    assert cloud.create("one", QUEUE, ClientRequestToken="token-1") == first
    code, _ = refusal(
        cloud.cfn.create_stack, StackName="one", TemplateBody=json.dumps(QUEUE), ClientRequestToken="token-2"
    )
    assert code == "AlreadyExistsException"
    cloud.settled("one", "CREATE_COMPLETE")
    assert {event["ClientRequestToken"] for event in cloud.events("one")} == {"token-1"}


def test_events_come_newest_first_with_what_was_asked_for(cloud):
    cloud.created(
        "one", {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 5}}}}
    )

    newest, *_, oldest = cloud.cfn.describe_stack_events(StackName="one")["StackEvents"]

    assert (newest["ResourceStatus"], newest["ResourceType"]) == (
        "CREATE_COMPLETE",
        "AWS::CloudFormation::Stack",
    )
    assert oldest["ResourceStatusReason"] == "User Initiated"
    of_queue = [e for e in cloud.events("one") if e["LogicalResourceId"] == "Queue"]
    assert json.loads(of_queue[0]["ResourceProperties"]) == {"DelaySeconds": 5}
    assert of_queue[-1]["PhysicalResourceId"].startswith("http")


def test_what_fails_is_taken_back_in_reverse_order(cloud):
    behaviours.replace([{"logical_id": "Second", "action": "CREATE", "fail": "no more queues"}])

    cloud.create("one", PAIR)

    stack = cloud.settled("one", "ROLLBACK_COMPLETE")
    assert stack.get("StackStatusReason") is None
    assert cloud.reason("one", "Second") == "no more queues"
    assert cloud.statuses("one", "First")[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert cloud.client("sqs").list_queues().get("QueueUrls", []) == []
    rollback = [r for _, s, r in cloud.history("one") if s == "ROLLBACK_IN_PROGRESS"]
    assert rollback == ["The following resource(s) failed to create: [Second]. Rollback requested by user."]


def test_a_sibling_in_progress_is_cancelled_by_a_failure(cloud):
    template = {"Resources": {name: {"Type": "AWS::SQS::Queue"} for name in ("Slow", "Bad")}}
    behaviours.replace(
        [
            {"logical_id": "Slow", "action": "CREATE", "duration_s": 60},
            {"logical_id": "Bad", "action": "CREATE", "duration_s": 0.1, "fail": "bad"},
        ]
    )

    cloud.create("one", template)

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Slow") == "Resource creation cancelled"
    assert cloud.statuses("one", "Slow")[-1] == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("option", "status"),
    [
        ({"DisableRollback": True}, "CREATE_FAILED"),
        ({"OnFailure": "DO_NOTHING"}, "CREATE_FAILED"),
        ({"OnFailure": "DELETE"}, "DELETE_COMPLETE"),
        ({"OnFailure": "ROLLBACK"}, "ROLLBACK_COMPLETE"),
    ],
)
def test_the_caller_chooses_what_a_failure_leads_to(cloud, option, status):
    behaviours.replace([{"logical_id": "Second", "action": "CREATE", "fail": "no"}])

    stack_id = cloud.create("one", PAIR, **option)

    cloud.settled(stack_id, status)


def test_a_stack_can_be_deleted_while_it_is_being_created(cloud, until):
    behaviours.replace([{"logical_id": "Second", "action": "CREATE", "duration_s": 60}])
    stack_id = cloud.create("one", PAIR)
    until(lambda: "CREATE_IN_PROGRESS" in cloud.statuses("one", "Second"))

    cloud.cfn.delete_stack(StackName="one")

    cloud.settled(stack_id, "DELETE_COMPLETE")
    assert cloud.reason(stack_id, "Second") == "Resource creation cancelled"
    assert cloud.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_deletion_takes_over_a_rollback(cloud, until):
    behaviours.replace(
        [
            {"logical_id": "Second", "action": "CREATE", "fail": "bad"},
            {"logical_id": "First", "action": "DELETE", "duration_s": 0.5},
        ]
    )
    stack_id = cloud.create("one", PAIR)
    until(lambda: cloud.status(stack_id) == "ROLLBACK_IN_PROGRESS")

    cloud.cfn.delete_stack(StackName="one")

    assert cloud.status("one") == "DELETE_IN_PROGRESS"
    cloud.settled(stack_id, "DELETE_COMPLETE")
    assert cloud.statuses(stack_id, "First").count("DELETE_IN_PROGRESS") == 1


def test_a_deletion_that_fails_can_be_tried_again_or_leave_something_behind(cloud):
    stack_id = cloud.created("one", PAIR)
    behaviours.replace([{"logical_id": "Second", "action": "DELETE", "fail": "in use"}])

    stack = cloud.deleted("one", "DELETE_FAILED")
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Second]. "
    assert cloud.statuses("one", "First")[-1] == "CREATE_COMPLETE"

    cloud.cfn.delete_stack(StackName="one", RetainResources=["Second"])
    cloud.settled(stack_id, "DELETE_COMPLETE")
    assert cloud.statuses(stack_id, "Second")[-1] == "DELETE_SKIPPED"
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1


@pytest.mark.parametrize(
    ("policy", "kept"), [("Retain", True), ("RetainExceptOnCreate", True), ("Delete", False)]
)
def test_deletion_policies_decide_what_outlives_its_stack(cloud, policy, kept):
    cloud.created("one", {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "DeletionPolicy": policy}}})

    cloud.deleted("one")

    assert bool(cloud.client("sqs").list_queues().get("QueueUrls")) is kept


@pytest.mark.parametrize(("policy", "kept"), [("Retain", True), ("RetainExceptOnCreate", False)])
def test_deletion_policies_decide_what_outlives_a_failed_creation(cloud, policy, kept):
    template = json.loads(json.dumps(PAIR))
    template["Resources"]["First"]["DeletionPolicy"] = policy
    behaviours.replace([{"logical_id": "Second", "fail": "no"}])

    cloud.create("one", template)

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert bool(cloud.client("sqs").list_queues().get("QueueUrls")) is kept


def test_a_protected_stack_is_not_deleted(cloud):
    cloud.created("one", QUEUE, EnableTerminationProtection=True)

    _, message = refusal(cloud.cfn.delete_stack, StackName="one")
    assert message == "Stack [one] cannot be deleted while TerminationProtection is enabled"

    cloud.cfn.update_termination_protection(StackName="one", EnableTerminationProtection=False)
    cloud.deleted("one")


def test_deleting_what_does_not_exist_is_no_error(cloud):
    cloud.cfn.delete_stack(StackName="nothing")


def test_what_cdk_says_of_itself_is_complete_and_does_nothing(cloud):
    def synthesised(analytics, **more):
        metadata = {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": analytics}, **more}
        topic = {"Type": "AWS::SNS::Topic"}
        return {
            "Conditions": {"Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}},
            "Resources": {"CDKMetadata": {**metadata, "Condition": "Here"}, "Topic": topic},
        }

    def physical_id():
        shown = cloud.cfn.describe_stack_resource(StackName="one", LogicalResourceId="CDKMetadata")
        return shown["StackResourceDetail"]["PhysicalResourceId"]

    cloud.created("one", synthesised("v2:deflate64:one"))
    before = physical_id()
    cloud.update("one", synthesised("v2:deflate64:two"))
    cloud.settled("one", "UPDATE_COMPLETE")
    assert physical_id() == before
    stack_id = cloud.deleted("one")["StackId"]
    assert cloud.statuses(stack_id, "CDKMetadata")[-1] == "DELETE_COMPLETE"


def test_an_unknown_type_fails_by_name(cloud):
    cloud.create("one", {"Resources": {"Thing": {"Type": "AWS::Nobody::Knows"}}})

    cloud.settled("one", "ROLLBACK_COMPLETE")
    reason = "localcloud does not know the resource type AWS::Nobody::Knows"
    assert cloud.reason("one", "Thing") == f"{reason} (localcloud/GAPS.md, cloudformation.resource-types)"


def test_what_a_service_refuses_is_the_reason_of_the_resource(cloud):
    subnet = {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": "vpc-none", "CidrBlock": "10.0.0.0/24"}}

    cloud.create("one", {"Resources": {"Subnet": subnet}})

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert "vpc-none" in cloud.reason("one", "Subnet")


def test_independent_resources_are_made_at_the_same_time(cloud):
    template = {"Resources": {f"Queue{i}": {"Type": "AWS::SQS::Queue"} for i in range(5)}}
    behaviours.replace([{"duration_s": 0.3}])

    cloud.created("one", template)

    stack, *resources = cloud.events("one")
    started = [e["Timestamp"] for e in resources if e["ResourceStatus"] == "CREATE_IN_PROGRESS"]
    assert max(started) - stack["Timestamp"] < (cloud.events("one")[-1]["Timestamp"] - stack["Timestamp"]) / 2


def test_resources_are_shown_with_ids_types_and_statuses(cloud):
    cloud.created("one", QUEUE)

    (listed,) = cloud.cfn.list_stack_resources(StackName="one")["StackResourceSummaries"]
    (described,) = cloud.cfn.describe_stack_resources(StackName="one")["StackResources"]
    detail = cloud.cfn.describe_stack_resource(StackName="one", LogicalResourceId="Queue")[
        "StackResourceDetail"
    ]

    for shown in (listed, described, detail):
        assert shown["LogicalResourceId"] == "Queue"
        assert shown["ResourceType"] == "AWS::SQS::Queue"
        assert shown["ResourceStatus"] == "CREATE_COMPLETE"
        queue_name = shown["PhysicalResourceId"].rsplit("/", maxsplit=1)[-1]
        assert cloud.client("sqs").get_queue_url(QueueName=queue_name)
    _, message = refusal(cloud.cfn.describe_stack_resource, StackName="one", LogicalResourceId="None")
    assert message == "Resource None does not exist for stack one"


def test_stack_tags_reach_resources_that_take_tags(cloud):
    template = {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "team", "Value": "own"}]}},
        }
    }

    cloud.created("one", template, Tags=[{"Key": "team", "Value": "stack"}, {"Key": "cost", "Value": "hpc"}])

    (vpc,) = [v for v in cloud.client("ec2").describe_vpcs()["Vpcs"] if v["CidrBlock"] == "10.0.0.0/16"]
    vpc_tags = {tag["Key"]: tag["Value"] for tag in vpc["Tags"]}
    assert vpc_tags["team"] == "stack"
    assert vpc_tags["aws:cloudformation:logical-id"] == "Vpc"
    s3 = cloud.client("s3")
    (bucket,) = s3.list_buckets()["Buckets"]
    bucket_tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket["Name"])["TagSet"]}
    assert bucket_tags == {"team": "own", "cost": "hpc"}
    assert {"Key": "cost", "Value": "hpc"} in cloud.stack("one")["Tags"]


def test_a_template_is_given_back_in_the_form_it_had(cloud):
    yaml_text = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n"
    cloud.created("json", QUEUE)
    cloud.created("yaml", yaml_text)

    assert cloud.cfn.get_template(StackName="json")["TemplateBody"] == QUEUE
    assert cloud.cfn.get_template(StackName="yaml")["TemplateBody"] == yaml_text


@pytest.mark.parametrize("name", ["one:two", "1st", "one\n"])
def test_what_can_be_no_stacks_name_is_refused_and_not_said_to_be_absent(cloud, name):
    cfn = cloud.cfn
    for call in (cfn.describe_stacks, cfn.describe_stack_events, cfn.list_stack_resources, cfn.delete_stack):
        code, message = refusal(call, StackName=name)
        assert code == "ValidationError"
        assert "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:" in message


def test_named_iam_resources_need_their_capability(cloud):
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    named = {**role, "Properties": {**role["Properties"], "RoleName": "mine"}}

    for template, needed in ((role, "CAPABILITY_IAM"), (named, "CAPABILITY_NAMED_IAM")):
        body = json.dumps({"Resources": {"Role": template}})
        refused = refusal(cloud.cfn.create_stack, StackName="one", TemplateBody=body)
        assert refused == ("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")
    cloud.created("one", {"Resources": {"Role": named}}, Capabilities=["CAPABILITY_NAMED_IAM"])


def test_lists_of_stacks_are_filtered_and_keep_the_deleted(cloud):
    cloud.created("kept", QUEUE)
    cloud.created("gone", QUEUE)
    cloud.deleted("gone")

    def names(**arguments):
        return {s["StackName"] for s in cloud.cfn.list_stacks(**arguments)["StackSummaries"]}

    assert names() == {"kept", "gone"}
    assert names(StackStatusFilter=["DELETE_COMPLETE"]) == {"gone"}
    assert [s["StackName"] for s in cloud.cfn.describe_stacks()["Stacks"]] == ["kept"]


def test_a_timeout_ends_a_creation(cloud):
    behaviours.replace([{"logical_id": "Queue", "action": "CREATE", "duration_s": 3600}])
    cloud.create("one", QUEUE, TimeoutInMinutes=1)

    cloud.advance(61)

    cloud.settled("one", "ROLLBACK_COMPLETE")
    reasons = [r for _, s, r in cloud.history("one") if s == "ROLLBACK_IN_PROGRESS"]
    assert reasons == ["Stack creation time exceeded the specified timeout. Rollback requested by user."]
