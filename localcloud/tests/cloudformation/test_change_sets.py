"""Change sets, and the clients that are built on them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from localcloud.behaviour import behaviours

AWS = Path(sys.executable).with_name("aws")


def queues(**timeouts):
    return {
        "Resources": {
            name: {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": t}}
            for name, t in timeouts.items()
        }
    }


def propose(cloud, template, kind, name="change"):
    cloud.cfn.create_change_set(
        StackName="one", ChangeSetName=name, ChangeSetType=kind, TemplateBody=json.dumps(template)
    )
    return cloud.cfn.describe_change_set(StackName="one", ChangeSetName=name)


def listed(cloud):
    return [s["ChangeSetName"] for s in cloud.cfn.list_change_sets(StackName="one")["Summaries"]]


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_new_stack_is_in_review_until_its_change_set_is_executed(cloud):
    described = propose(cloud, queues(A=1), "CREATE")
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert cloud.status("one") == "REVIEW_IN_PROGRESS"

    cloud.cfn.execute_change_set(StackName="one", ChangeSetName="change", ClientRequestToken="token")

    cloud.settled("one", "CREATE_COMPLETE")
    assert cloud.events("one")[-1]["ClientRequestToken"] == "token"
    code, message = refusal(cloud.cfn.execute_change_set, StackName="one", ChangeSetName="change")
    assert code == "InvalidChangeSetStatus"
    assert message.endswith("cannot be executed in its current execution status of [EXECUTE_COMPLETE]")


def test_changes_are_listed_and_made(cloud):
    cloud.created("one", queues(Same=1, Changed=2, Gone=3))

    described = propose(cloud, queues(Same=1, Changed=20, New=4), "UPDATE")

    found = {
        (c["ResourceChange"]["Action"], c["ResourceChange"]["LogicalResourceId"])
        for c in described["Changes"]
    }
    assert found == {("Modify", "Changed"), ("Add", "New"), ("Remove", "Gone")}
    cloud.cfn.execute_change_set(ChangeSetName=described["ChangeSetId"])
    cloud.settled("one", "UPDATE_COMPLETE")


def test_an_empty_change_set_has_failed_with_the_text_that_clients_know(cloud):
    cloud.created("one", queues(Same=1))

    described = propose(cloud, queues(Same=1), "UPDATE")

    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert described["StatusReason"].startswith("The submitted information didn't contain changes.")
    code, message = refusal(cloud.cfn.execute_change_set, ChangeSetName=described["ChangeSetId"])
    assert code == "InvalidChangeSetStatus"
    assert message.endswith("cannot be executed in its current status of [FAILED]")


def test_a_name_can_be_used_again_once_its_change_set_was_executed(cloud):
    cloud.created("one", queues(A=1))
    propose(cloud, queues(A=2), "UPDATE")
    propose(cloud, queues(A=3), "UPDATE", name="other")
    with pytest.raises(ClientError, match="ChangeSet change already exists"):
        propose(cloud, queues(A=4), "UPDATE")

    cloud.cfn.execute_change_set(StackName="one", ChangeSetName="change")
    cloud.settled("one", "UPDATE_COMPLETE")

    assert listed(cloud) == []
    assert propose(cloud, queues(A=4), "UPDATE")["Status"] == "CREATE_COMPLETE"


def test_a_deleted_change_set_is_gone(cloud):
    cloud.created("one", queues(A=1))
    propose(cloud, queues(A=2), "UPDATE")
    assert listed(cloud) == ["change"]

    cloud.cfn.delete_change_set(StackName="one", ChangeSetName="change")

    with pytest.raises(ClientError) as refused:
        cloud.cfn.describe_change_set(StackName="one", ChangeSetName="change")
    assert refused.value.response["Error"]["Code"] == "ChangeSetNotFound"


def test_a_stack_in_review_can_be_deleted(cloud):
    propose(cloud, queues(A=1), "CREATE")

    cloud.deleted("one")


def test_the_command_line_deploys_updates_and_notices_that_nothing_changed(cloud, tmp_path):
    template = tmp_path / "template.json"

    def deploy(*options):
        command = [
            str(AWS),
            "cloudformation",
            "deploy",
            "--stack-name",
            "one",
            "--template-file",
            str(template),
            *options,
        ]
        environment = os.environ | {"AWS_ENDPOINT_URL": cloud.endpoint}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    template.write_text(json.dumps(queues(A=1)))
    first = deploy("--no-fail-on-empty-changeset")
    assert first.returncode == 0, first.stderr
    cloud.settled("one", "CREATE_COMPLETE")

    again = deploy("--no-fail-on-empty-changeset")
    assert again.returncode == 0, again.stderr
    assert "No changes to deploy" in again.stdout
    # The CLI names its change sets by the second: one that comes too soon would have the name of this one.
    for left in cloud.cfn.list_change_sets(StackName="one")["Summaries"]:
        cloud.cfn.delete_change_set(ChangeSetName=left["ChangeSetId"])

    template.write_text(json.dumps(queues(A=2)))
    changed = deploy()
    assert changed.returncode == 0, changed.stderr
    cloud.settled("one", "UPDATE_COMPLETE")


def test_names_lead_to_the_living_stack_and_ids_to_any(cloud):
    first = propose(cloud, queues(A=1), "CREATE")
    cloud.cfn.execute_change_set(StackName="one", ChangeSetName="change")
    cloud.settled("one", "CREATE_COMPLETE")
    deleted = cloud.deleted("one")

    second = propose(cloud, queues(A=2), "CREATE")
    assert second["ChangeSetId"] != first["ChangeSetId"]
    cloud.cfn.execute_change_set(StackName="one", ChangeSetName="change")

    assert cloud.settled("one", "CREATE_COMPLETE")["StackId"] != deleted["StackId"]
    described = cloud.cfn.describe_change_set(ChangeSetName=first["ChangeSetId"])
    assert (described["StackId"], described["ExecutionStatus"]) == (deleted["StackId"], "EXECUTE_COMPLETE")


def test_an_executed_change_set_is_described_by_its_id_and_not_listed(cloud):
    change_set_id = propose(cloud, queues(A=1), "CREATE")["ChangeSetId"]
    assert listed(cloud) == ["change"]

    cloud.cfn.execute_change_set(StackName="one", ChangeSetName="change")

    assert listed(cloud) == []
    cloud.settled("one", "CREATE_COMPLETE")
    propose(cloud, queues(A=2), "UPDATE")
    described = cloud.cfn.describe_change_set(ChangeSetName=change_set_id)
    assert described["ExecutionStatus"] == "EXECUTE_COMPLETE"


@pytest.mark.parametrize("operation", ["describe_change_set", "execute_change_set", "delete_change_set"])
def test_a_change_set_needs_a_stack_that_exists(cloud, operation):
    call = getattr(cloud.cfn, operation)

    assert refusal(call, StackName="none", ChangeSetName="change") == (
        "ValidationError",
        "Stack [none] does not exist",
    )
    assert refusal(call, ChangeSetName="change") == (
        "ValidationError",
        "StackName must be specified if ChangeSetName is not specified as an ARN.",
    )


def test_a_change_set_creates_no_stack_a_second_time(cloud):
    cloud.created("one", queues(A=1))
    request = {"ChangeSetName": "again", "ChangeSetType": "CREATE", "TemplateBody": json.dumps(queues(A=1))}
    stack_id = cloud.stack("one")["StackId"]
    said = "Stack [{}] already exists and cannot be created again with the changeSet [again]."

    by_name = refusal(cloud.cfn.create_change_set, StackName="one", **request)
    cloud.deleted("one")
    by_id = refusal(cloud.cfn.create_change_set, StackName=stack_id, **request)

    assert by_name == ("ValidationError", said.format("one"))
    assert by_id == ("ValidationError", said.format(stack_id))


def test_a_stack_gets_the_settings_of_its_change_set_when_that_is_executed(cloud):
    topic, tags = "arn:aws:sns:us-east-1:123456789012:news", [{"Key": "team", "Value": "hpc"}]
    cloud.cfn.create_change_set(
        StackName="one",
        ChangeSetName="change",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(queues(A=1)),
        Tags=tags,
        NotificationARNs=[topic],
    )
    stack = cloud.stack("one")
    assert (stack.get("Tags", []), stack.get("NotificationARNs", [])) == ([], [])
    described = cloud.cfn.describe_change_set(StackName="one", ChangeSetName="change")
    assert (described["Tags"], described["NotificationARNs"]) == (tags, [topic])

    cloud.cfn.execute_change_set(StackName="one", ChangeSetName="change")

    stack = cloud.settled("one", "CREATE_COMPLETE")
    assert (stack["Tags"], stack["NotificationARNs"]) == (tags, [topic])


def test_a_change_set_without_parameters_and_tags_does_not_show_them(cloud):
    described = propose(cloud, queues(A=1), "CREATE")

    assert {"Parameters", "Tags", "StatusReason"} & set(described) == set()
    assert described["RollbackConfiguration"] == {}


def test_a_change_set_says_what_becomes_of_a_stack_that_cannot_be_created(cloud):
    behaviours.replace([{"logical_id": "A", "action": "CREATE", "fail": "bad"}])
    request = {"TemplateBody": json.dumps(queues(A=1)), "ChangeSetType": "CREATE", "OnStackFailure": "DELETE"}
    stack_id = cloud.cfn.create_change_set(StackName="one", ChangeSetName="c", **request)["StackId"]

    cloud.cfn.execute_change_set(StackName="one", ChangeSetName="c")

    cloud.settled(stack_id, "DELETE_COMPLETE")


@pytest.mark.parametrize("kind", ["CREATE", "UPDATE"])
def test_a_change_set_is_obsolete_once_its_stack_was_changed_without_it(cloud, kind):
    if kind == "UPDATE":
        cloud.created("one", queues(A=1))
    described = propose(cloud, queues(A=2), kind)

    if kind == "UPDATE":
        cloud.update("one", queues(A=3))
    else:
        assert cloud.create("one", queues(A=3)) == described["StackId"]

    cloud.settled("one", f"{kind}_COMPLETE")
    obsolete = cloud.cfn.describe_change_set(ChangeSetName=described["ChangeSetId"])
    assert obsolete["ExecutionStatus"] == "OBSOLETE"
    code, message = refusal(cloud.cfn.execute_change_set, ChangeSetName=described["ChangeSetId"])
    assert code == "InvalidChangeSetStatus"
    assert message.endswith("cannot be executed in its current execution status of [OBSOLETE]")
