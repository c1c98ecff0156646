"""Stacks in stacks."""

import json

import pytest
from botocore.exceptions import ClientError

from localcloud.behaviour import behaviours

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:provider"


@pytest.fixture
def upload(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="templates")

    def put(key, template):
        s3.put_object(Bucket="templates", Key=key, Body=json.dumps(template).encode())
        return f"https://templates.s3.us-east-1.amazonaws.com/{key}"

    return put


def nested(url, parameters=None, **more):
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": url, "Parameters": parameters or {}},
    }
    outputs = {"Url": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Url"]}}}
    return {"Resources": {"Child": child, **more}, "Outputs": outputs}


def leaf(timeout_s=1):
    return {
        "Parameters": {"Timeout": {"Type": "Number", "Default": timeout_s}},
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Timeout"}}}
        },
        "Outputs": {"Url": {"Value": {"Ref": "Queue"}}},
    }


def child_of(cloud, name, logical_id="Child"):
    shown = cloud.cfn.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
    return shown["StackResourceDetail"]["PhysicalResourceId"]


def test_outputs_come_up_through_any_depth(cloud, upload):
    middle = upload("middle.json", nested(upload("leaf.json", leaf())))

    cloud.created("top", nested(middle), Tags=[{"Key": "team", "Value": "hpc"}])

    middle_id = child_of(cloud, "top")
    leaf_id = child_of(cloud, middle_id)
    assert cloud.outputs("top") == cloud.outputs(leaf_id)
    leaf_stack, top_id = cloud.stack(leaf_id), cloud.stack("top")["StackId"]
    assert (leaf_stack["ParentId"], leaf_stack["RootId"]) == (middle_id, top_id)
    assert leaf_stack["Tags"] == [{"Key": "team", "Value": "hpc"}]
    assert leaf_stack["StackName"].startswith("top-Child-")
    assert "ParentId" not in cloud.stack("top")


def test_children_put_events_of_their_own(cloud, upload, bus, until):
    cloud.created("top", nested(upload("leaf.json", leaf())))

    child_id = child_of(cloud, "top")
    until(lambda: bus.statuses(child_id) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"])


def test_a_failure_in_a_child_takes_everything_back(cloud, upload):
    behaviours.replace([{"logical_id": "Queue", "action": "CREATE", "fail": "bad"}])
    cloud.create("top", nested(upload("leaf.json", leaf())))

    cloud.settled("top", "ROLLBACK_COMPLETE")
    reason = cloud.reason("top", "Child")
    assert reason.startswith("Embedded stack arn:aws:cloudformation:us-east-1:123456789012:stack/top-Child-")
    assert reason.endswith(
        "was not successfully created: The following resource(s) failed to create: [Queue]."
    )
    child_id = [e["PhysicalResourceId"] for e in cloud.events("top") if e["LogicalResourceId"] == "Child"][-1]
    assert cloud.status(child_id) == "DELETE_COMPLETE"


def test_children_go_with_their_parent(cloud, upload):
    cloud.created("top", nested(upload("middle.json", nested(upload("leaf.json", leaf())))))
    leaf_id = child_of(cloud, child_of(cloud, "top"))

    cloud.deleted("top")

    assert cloud.status(leaf_id) == "DELETE_COMPLETE"


def test_a_parent_deleted_while_a_child_is_being_created_takes_it_along(cloud, upload, until):
    behaviours.replace([{"logical_id": "Queue", "action": "CREATE", "duration_s": 60}])
    top_id = cloud.create("top", nested(upload("leaf.json", leaf())))
    until(lambda: len(cloud.statuses("top", "Child")) == 2)
    child_id = child_of(cloud, "top")

    cloud.cfn.delete_stack(StackName="top")

    cloud.settled(top_id, "DELETE_COMPLETE")
    assert cloud.status(child_id) == "DELETE_COMPLETE"


def test_a_child_is_updated_in_place_when_a_parameter_changes(cloud, upload):
    url = upload("leaf.json", leaf())
    cloud.created("top", nested(url))
    child_id, outputs = child_of(cloud, "top"), cloud.outputs("top")

    cloud.update("top", nested(url, {"Timeout": 9}))

    cloud.settled("top", "UPDATE_COMPLETE")
    assert child_of(cloud, "top") == child_id
    assert cloud.status(child_id) == "UPDATE_COMPLETE"
    assert cloud.outputs("top") == outputs


def test_a_template_changed_behind_its_url_is_a_change(cloud, upload):
    url = upload("leaf.json", leaf())
    cloud.created("top", nested(url))
    upload("leaf.json", leaf(5))

    cloud.update("top", nested(url))

    cloud.settled("top", "UPDATE_COMPLETE")
    assert cloud.status(child_of(cloud, "top")) == "UPDATE_COMPLETE"


def test_a_failed_child_update_is_taken_back_before_its_parent(cloud, upload):
    url = upload("leaf.json", leaf())
    cloud.created("top", nested(url))
    child_id = child_of(cloud, "top")
    behaviours.replace([{"logical_id": "Queue", "action": "UPDATE", "fail": "bad", "times": 1}])

    cloud.update("top", nested(url, {"Timeout": 9}))

    cloud.settled("top", "UPDATE_ROLLBACK_COMPLETE")
    assert cloud.status(child_id) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.reason("top", "Child") == (
        f"Embedded stack {child_id} was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS "
        "with reason: The following resource(s) failed to update: [Queue]. "
    )


def test_a_child_that_was_updated_goes_back_when_its_parent_fails_later(cloud, upload):
    url = upload("leaf.json", leaf())
    cloud.created("top", nested(url))
    child_id = child_of(cloud, "top")
    behaviours.replace([{"logical_id": "Late", "fail": "bad"}])

    cloud.update("top", nested(url, {"Timeout": 9}, Late={"Type": "AWS::SQS::Queue", "DependsOn": "Child"}))

    cloud.settled("top", "UPDATE_ROLLBACK_COMPLETE")
    assert cloud.statuses(child_id)[-5:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    (parameter,) = cloud.stack(child_id)["Parameters"]
    assert parameter["ParameterValue"] == "1"


def test_a_child_cleans_up_only_when_its_parent_does(cloud, upload, functions, answer):
    def thing(name):
        properties = {"ServiceToken": FUNCTION, "Name": name}
        return {
            "Resources": {"Thing": {"Type": "Custom::Thing", "Properties": properties}},
            "Outputs": {"Url": {"Value": "x"}},
        }

    url = upload("leaf.json", thing("a"))
    cloud.create("top", nested(url))
    answer(functions.next("Create"), PhysicalResourceId="thing-1")
    cloud.settled("top", "CREATE_COMPLETE")
    child_id = child_of(cloud, "top")
    upload("leaf.json", thing("b"))
    behaviours.replace([{"logical_id": "Slow", "action": "CREATE", "duration_s": 0.4}])

    cloud.update("top", nested(url, Slow={"Type": "AWS::SQS::Queue"}))
    answer(functions.next("Update"), PhysicalResourceId="thing-2")
    delete = functions.next("Delete")

    assert cloud.status("top") == cloud.status(child_id) == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    assert cloud.statuses("top", "Slow")[-1] == "CREATE_COMPLETE"
    assert delete["PhysicalResourceId"] == "thing-1"
    answer(delete)
    cloud.settled("top", "UPDATE_COMPLETE")
    assert cloud.status(child_id) == "UPDATE_COMPLETE"


def test_an_unchanged_child_is_no_update(cloud, upload):
    url = upload("leaf.json", leaf())
    cloud.created("top", nested(url))

    with pytest.raises(cloud.cfn.exceptions.ClientError, match="No updates are to be performed"):
        cloud.update("top", nested(url))


@pytest.mark.usefixtures("upload")
def test_a_template_that_is_not_there_is_the_reason(cloud):
    cloud.create("top", nested("https://s3.amazonaws.com/templates/none.json"))

    cloud.settled("top", "ROLLBACK_COMPLETE")
    assert "S3 error" in cloud.reason("top", "Child")
    assert "none.json" in cloud.reason("top", "Child")


def test_children_need_the_capabilities_of_their_parents_caller(cloud, upload):
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
    url = upload("role.json", {"Resources": {"Role": role}, "Outputs": {"Url": {"Value": "x"}}})
    cloud.create("top", nested(url))
    cloud.settled("top", "ROLLBACK_COMPLETE")
    assert cloud.reason("top", "Child") == "Requires capabilities : [CAPABILITY_IAM]"

    cloud.created("other", nested(url), Capabilities=["CAPABILITY_IAM"])


SERVERLESS = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Table": {
            "Type": "AWS::Serverless::SimpleTable",
            "Properties": {"PrimaryKey": {"Name": "id", "Type": "String"}},
        }
    },
    "Outputs": {"Url": {"Value": {"Ref": "Table"}}},
}


def test_a_child_with_a_transform_is_expanded_only_if_its_parents_caller_acknowledged_that(cloud, upload):
    url = upload("serverless.json", SERVERLESS)
    cloud.create("top", nested(url), Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"])
    cloud.settled("top", "ROLLBACK_COMPLETE")
    assert cloud.reason("top", "Child") == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"

    cloud.created("other", nested(url), Capabilities=["CAPABILITY_AUTO_EXPAND"])


def test_a_change_set_does_not_acknowledge_what_its_children_expand(cloud, upload):
    url = upload("serverless.json", SERVERLESS)
    cloud.cfn.create_change_set(
        StackName="top", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=json.dumps(nested(url))
    )
    cloud.cfn.get_waiter("change_set_create_complete").wait(
        StackName="top", ChangeSetName="first", WaiterConfig={"Delay": 0.01, "MaxAttempts": 1000}
    )

    cloud.cfn.execute_change_set(StackName="top", ChangeSetName="first")

    cloud.settled("top", "ROLLBACK_COMPLETE")
    assert cloud.reason("top", "Child") == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"


def test_what_an_update_acknowledges_holds_for_the_children_it_updates(cloud, upload):
    url = upload("leaf.json", leaf())
    cloud.created("top", nested(url))
    upload("leaf.json", SERVERLESS)

    cloud.update("top", nested(url), Capabilities=["CAPABILITY_AUTO_EXPAND"])

    cloud.settled("top", "UPDATE_COMPLETE")
    child_id = child_of(cloud, "top")
    assert cloud.outputs("top")["Url"] == cloud.outputs(child_id)["Url"]
    assert cloud.stack(child_id)["Capabilities"] == ["CAPABILITY_AUTO_EXPAND"]


def test_a_child_gets_the_secret_that_its_parameter_refers_to(cloud, upload):
    child = {
        "Parameters": {
            "Password": {"Type": "String", "NoEcho": True, "AllowedPattern": "[a-z]{12}"},
            "Plain": {"Type": "String"},
        },
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Password"}}}},
        "Outputs": {"Url": {"Value": {"Ref": "Queue"}}},
    }
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="database", SecretString='{"password": "correcthorse"}')
    reference = "{{resolve:secretsmanager:database:SecretString:password}}"
    template = nested(upload("child.json", child), {"Password": reference, "Plain": "as it is"})

    cloud.created("one", template)

    assert cloud.outputs("one")["Url"].endswith("/correcthorse")
    shown = {
        p["ParameterKey"]: p["ParameterValue"] for p in cloud.stack(child_of(cloud, "one"))["Parameters"]
    }
    assert shown == {"Password": "****", "Plain": "as it is"}
    assert not any("correcthorse" in e.get("ResourceProperties", "") for e in cloud.events("one"))


def test_a_child_whose_parameter_refers_to_no_secret_is_not_made(cloud, upload):
    reference = "{{resolve:secretsmanager:nowhere}}"

    cloud.create("one", nested(upload("child.json", leaf()), {"Timeout": reference}))

    cloud.settled("one", "ROLLBACK_COMPLETE")
    assert cloud.reason("one", "Child") == "Secrets Manager can't find the specified secret nowhere."


def proposed(cloud, template, kind="UPDATE", name="change", **options):
    """The description of a change set that includes nested stacks."""
    cloud.cfn.create_change_set(
        StackName="top",
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateBody=json.dumps(template),
        IncludeNestedStacks=True,
        **options,
    )
    return cloud.cfn.describe_change_set(StackName="top", ChangeSetName=name)


def nested_in(cloud, described, logical_id="Child"):
    """The line of a nested stack, and the description of its change set."""
    changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in described["Changes"]}
    change = changes[logical_id]
    return change, cloud.cfn.describe_change_set(ChangeSetName=change["ChangeSetId"])


def test_a_change_set_includes_those_of_nested_stacks_and_is_executed_with_them(cloud, upload):
    cloud.created("top", nested(upload("middle.json", nested(upload("leaf.json", leaf())))))
    middle_id = child_of(cloud, "top")
    leaf_id = child_of(cloud, middle_id)
    url = upload("middle.json", nested(upload("leaf.json", leaf(timeout_s=9))))

    top = proposed(cloud, nested(url))

    change, middle = nested_in(cloud, top)
    assert (change["Action"], change["Replacement"]) == ("Modify", "False")
    assert [(d["ChangeSource"], d["Evaluation"]) for d in change["Details"]] == [("Automatic", "Dynamic")]
    assert (middle["StackId"], middle["IncludeNestedStacks"]) == (middle_id, True)
    _, lowest = nested_in(cloud, middle)
    assert lowest["StackId"] == leaf_id
    assert (lowest["ParentChangeSetId"], lowest["RootChangeSetId"]) == (
        middle["ChangeSetId"],
        top["ChangeSetId"],
    )
    assert lowest["Parameters"] == [{"ParameterKey": "Timeout", "ParameterValue": "9"}]
    assert [c["ResourceChange"]["LogicalResourceId"] for c in lowest["Changes"]] == ["Queue"]
    assert (lowest["ExecutionStatus"], lowest["StatusReason"]) == (
        "UNAVAILABLE",
        "Executable from root change set",
    )
    assert {"ParentChangeSetId", "RootChangeSetId"} & set(top) == set()

    cloud.cfn.execute_change_set(StackName="top", ChangeSetName="change")

    cloud.settled("top", "UPDATE_COMPLETE")
    assert cloud.status(leaf_id) == "UPDATE_COMPLETE"
    assert cloud.cfn.list_change_sets(StackName=leaf_id)["Summaries"] == []


def test_new_nested_stacks_are_in_review_until_the_root_is_executed(cloud, upload):
    top = proposed(cloud, nested(upload("leaf.json", leaf())), "CREATE")
    _, child = nested_in(cloud, top)
    assert cloud.status(child["StackId"]) == "REVIEW_IN_PROGRESS"
    assert cloud.stack(child["StackId"])["ParentId"] == top["StackId"]

    cloud.cfn.execute_change_set(StackName="top", ChangeSetName="change")

    cloud.settled("top", "CREATE_COMPLETE")
    assert child_of(cloud, "top") == child["StackId"]
    assert cloud.status(child["StackId"]) == "CREATE_COMPLETE"


@pytest.mark.parametrize("way", ["change set", "stack"])
def test_nested_stacks_in_review_go_with_what_put_them_there(cloud, upload, way):
    top = proposed(cloud, nested(upload("middle.json", nested(upload("leaf.json", leaf())))), "CREATE")
    _, middle = nested_in(cloud, top)
    _, lowest = nested_in(cloud, middle)

    if way == "stack":
        cloud.cfn.delete_stack(StackName="top")
        cloud.settled(top["StackId"], "DELETE_COMPLETE")
    else:
        cloud.cfn.delete_change_set(StackName="top", ChangeSetName="change")
        assert cloud.status("top") == "REVIEW_IN_PROGRESS"

    assert {cloud.status(shown["StackId"]) for shown in (middle, lowest)} == {"DELETE_COMPLETE"}


def test_a_nested_change_set_is_executed_and_deleted_from_its_root_only(cloud, upload):
    _, child = nested_in(cloud, proposed(cloud, nested(upload("leaf.json", leaf())), "CREATE"))

    with pytest.raises(ClientError) as refused:
        cloud.cfn.execute_change_set(ChangeSetName=child["ChangeSetId"])
    assert refused.value.response["Error"]["Code"] == "InvalidChangeSetStatus"
    with pytest.raises(ClientError, match="delete its root, ChangeSet"):
        cloud.cfn.delete_change_set(ChangeSetName=child["ChangeSetId"])


def test_a_nested_template_that_is_not_acceptable_fails_the_change_set(cloud, upload):
    top = proposed(cloud, nested(upload("leaf.json", {"Resources": {}})), "CREATE")

    assert (top["Status"], top["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert top["StatusReason"].startswith("Nested stack Child: Template format error: At least one Resources")


def test_a_nested_stack_whose_inputs_are_not_known_yet_has_no_change_set(cloud, upload):
    queue = {"Type": "AWS::SQS::Queue"}
    timeout = {"Fn::GetAtt": ["Other", "QueueName"]}

    top = proposed(cloud, nested(upload("leaf.json", leaf()), {"Timeout": timeout}, Other=queue), "CREATE")

    assert top["Status"] == "CREATE_COMPLETE"
    changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in top["Changes"]}
    assert "ChangeSetId" not in changes["Child"]


def test_nested_stacks_have_change_sets_only_if_these_are_asked_for(cloud, upload):
    cloud.created("top", nested(upload("leaf.json", leaf())))
    url = upload("leaf.json", leaf(timeout_s=9))
    cloud.cfn.create_change_set(StackName="top", ChangeSetName="change", TemplateBody=json.dumps(nested(url)))

    shown = cloud.cfn.describe_change_set(StackName="top", ChangeSetName="change")

    assert shown["IncludeNestedStacks"] is False
    assert ["ChangeSetId" in c["ResourceChange"] for c in shown["Changes"]] == [False]
    assert cloud.cfn.list_change_sets(StackName=child_of(cloud, "top"))["Summaries"] == []
