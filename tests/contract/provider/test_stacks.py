"""What the port Stacks MUST do, on the fake and on the embedded cloud."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cluster_provider.adapters import stacks as adapter
from cluster_provider.adapters.stacks import CloudFormationStacks
from cluster_provider.core.errors import Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.request import RequestType
from cluster_provider.ports import Stacks
from localcloud.cloud import Cloud
from tests.support.fakes import START, FactStacks, stack_of

TEMPLATE = {
    "Parameters": {"ConfigVersion": {"Type": "String", "Default": "v1"}},
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    "Outputs": {"HeadNodePrivateIP": {"Value": "10.0.0.4"}},
}
VERSION_TAG = {"parallelcluster:version": "3.16.1"}


def made(client: Any, name: str, template: dict[str, Any] | None = None, **more: Any) -> str:
    """Creates a stack and waits until it settled, well or not; answers its ARN."""
    tags = [{"Key": key, "Value": value} for key, value in VERSION_TAG.items()]
    body = json.dumps(template or TEMPLATE)
    arn: str = client.create_stack(StackName=name, TemplateBody=body, Tags=tags, **more)["StackId"]
    while client.describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS"):
        pass
    return arn


def removed(client: Any, arn: str) -> None:
    client.delete_stack(StackName=arn)
    client.get_waiter("stack_delete_complete").wait(StackName=arn, WaiterConfig={"Delay": 1})


def nesting(cloud: Cloud, name: str, inner: dict[str, Any]) -> dict[str, Any]:
    """A template with another one in it."""
    bucket = cloud.exports["ARTIFACT_BUCKET"]
    cloud.client("s3").put_object(Bucket=bucket, Key=f"{name}.json", Body=json.dumps(inner))
    url = f"https://{bucket}.s3.us-east-1.amazonaws.com/{name}.json"
    return {
        "Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
    }


@pytest.fixture(params=["fake", "cloudformation"])
def hpc(request: pytest.FixtureRequest, unique: str) -> tuple[Stacks, str, str]:
    """The port, and the name and ARN of a living stack."""
    if request.param == "cloudformation":
        client = request.getfixturevalue("cloud").client("cloudformation")
        return CloudFormationStacks(client), unique, made(client, unique)
    facts = FactStacks()
    parameters, outputs = {"ConfigVersion": "v1"}, {"HeadNodePrivateIP": "10.0.0.4"}
    stack = stack_of(unique, "CREATE_COMPLETE", VERSION_TAG, parameters=parameters, outputs=outputs)
    return facts, unique, facts.declare(stack).stack_id


def test_a_stack_is_described_with_its_tags_parameters_and_outputs(hpc: tuple[Stacks, str, str]) -> None:
    stacks, name, arn = hpc
    stack = stacks.describe(name)
    assert stack is not None
    assert stack.stack_id == arn
    assert (stack.name, stack.status, stack.version) == (name, "CREATE_COMPLETE", "3.16.1")
    assert stack.config_version == "v1"
    assert stack.outputs["HeadNodePrivateIP"] == "10.0.0.4"
    assert stack.works


def test_a_stack_is_found_by_its_arn(hpc: tuple[Stacks, str, str]) -> None:
    stacks, name, arn = hpc
    assert stacks.describe(arn) == stacks.describe(name)


def test_a_stack_shows_when_its_last_update_began(cloud: Cloud, unique: str) -> None:
    client = cloud.client("cloudformation")
    stacks, arn = CloudFormationStacks(client), made(client, unique)
    before = stacks.describe(arn)
    assert before is not None
    assert before.updated_at is None
    asked_at = datetime.now(UTC) - timedelta(seconds=1)
    parameters = [{"ParameterKey": "ConfigVersion", "ParameterValue": "v2"}]
    client.update_stack(StackName=arn, UsePreviousTemplate=True, Parameters=parameters)
    after = stacks.describe(arn)
    assert after is not None
    assert after.updated_at is not None
    assert after.updated_at >= asked_at


def test_a_stack_that_never_was_is_none(hpc: tuple[Stacks, str, str]) -> None:
    assert hpc[0].describe("stranger") is None


@pytest.mark.parametrize("name", ["pcluster-cfn:not-created:0123", "hpc\n", "1st", "", "a" * 300])
def test_what_cannot_name_a_stack_names_none(hpc: tuple[Stacks, str, str], name: str) -> None:
    stacks, unlisted = hpc[0], Owner(name, "Cluster")
    assert stacks.describe(name) is None
    assert not stacks.lists(unlisted, "hpc")


def test_a_stack_without_a_failure_has_none(hpc: tuple[Stacks, str, str]) -> None:
    stacks, _, arn = hpc
    assert stacks.failures(arn, None) == ()


def test_a_settled_stack_shows_when_it_ended(hpc: tuple[Stacks, str, str]) -> None:
    stacks, _, arn = hpc
    ended_at = stacks.ended_at(arn)
    assert ended_at is not None
    assert ended_at.utcoffset() == timedelta(0)


def test_a_stack_that_still_changes_has_no_end(cloud: Cloud, unique: str) -> None:
    client = cloud.client("cloudformation")
    cloud.set_behaviours([{"stack": unique, "logical_id": "Queue", "action": "CREATE", "duration_s": 86400}])
    arn = client.create_stack(StackName=unique, TemplateBody=json.dumps(TEMPLATE))["StackId"]
    facts = FactStacks()
    changing = facts.declare(stack_of(unique, "CREATE_IN_PROGRESS"))
    assert CloudFormationStacks(client).ended_at(arn) is None
    assert facts.ended_at(changing.stack_id) is None
    cloud.set_behaviours([])


def test_a_token_that_was_never_used_is_not_found(hpc: tuple[Stacks, str, str]) -> None:
    stacks, _, arn = hpc
    assert not stacks.has_event_of(arn, "call-1")


def test_the_token_of_a_change_is_found_in_the_stacks_events(cloud: Cloud, unique: str) -> None:
    client = cloud.client("cloudformation")
    arn = made(client, unique, ClientRequestToken="call-1")
    assert CloudFormationStacks(client).has_event_of(arn, "call-1")
    assert not CloudFormationStacks(client).has_event_of(arn, "call-2")


def test_a_deleted_stack_is_not_found_by_name_and_is_reported_as_deleted_by_arn(
    cloud: Cloud, unique: str
) -> None:
    client = cloud.client("cloudformation")
    arn = made(client, unique)
    removed(client, arn)
    stacks = CloudFormationStacks(client)
    assert stacks.describe(unique) is None
    stack = stacks.describe(arn)
    assert stack is not None
    assert stack.gone


def test_a_resource_of_a_stack_that_is_gone_or_never_was_awaits_no_answer(cloud: Cloud, unique: str) -> None:
    client = cloud.client("cloudformation")
    arn = made(client, unique)
    stacks = CloudFormationStacks(client)
    assert stacks.awaits_answer(Owner(arn, "Queue"))
    assert not stacks.awaits_answer(Owner(arn.replace(f"/{unique}/", "/gone/"), "Queue"))
    removed(client, arn)
    assert not stacks.awaits_answer(Owner(arn, "Queue"))


def test_a_stack_lists_its_resource_under_its_physical_id_until_it_is_deleted(
    cloud: Cloud, unique: str
) -> None:
    client = cloud.client("cloudformation")
    arn = made(client, unique)
    detail = client.describe_stack_resource(StackName=arn, LogicalResourceId="Queue")["StackResourceDetail"]
    queue, stacks = detail["PhysicalResourceId"], CloudFormationStacks(client)
    assert stacks.lists(Owner(arn, "Queue"), queue)
    assert not stacks.lists(Owner(arn, "Queue"), "another")
    assert not stacks.lists(Owner(arn, "Topic"), queue)
    assert not stacks.lists(Owner(arn.replace(f"/{unique}/", "/gone/"), "Queue"), queue)
    removed(client, arn)
    assert not stacks.lists(Owner(arn, "Queue"), queue)


OWNER = Owner(stack_of("parent", "UPDATE_IN_PROGRESS").stack_id, "Cluster")


def detail_of(status: str, physical_id: str = "hpc") -> dict[str, Any]:
    return {
        "StackResourceDetail": {
            "StackId": OWNER.stack_id,
            "LogicalResourceId": OWNER.logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": "Custom::PclusterCluster",
            "ResourceStatus": status,
            "LastUpdatedTimestamp": START,
        }
    }


@pytest.mark.parametrize(
    ("status", "request_type"),
    [
        ("CREATE_IN_PROGRESS", RequestType.CREATE),
        ("UPDATE_IN_PROGRESS", RequestType.UPDATE),
        ("UPDATE_ROLLBACK_IN_PROGRESS", RequestType.UPDATE),
        ("DELETE_IN_PROGRESS", RequestType.DELETE),
    ],
)
def test_a_resource_shows_since_when_it_is_in_the_state_that_a_request_is_about(
    status: str, request_type: RequestType
) -> None:
    client = boto3.client("cloudformation", region_name="us-east-1")
    with Stubber(client) as aws:
        aws.add_response("describe_stack_resource", detail_of(status))
        assert CloudFormationStacks(client).requested_since(OWNER, request_type, "hpc") == START
    for other in set(RequestType) - {request_type, RequestType.DELETE}:
        with Stubber(client) as aws:
            aws.add_response("describe_stack_resource", detail_of(status))
            assert CloudFormationStacks(client).requested_since(OWNER, other, "hpc") is None


def event_of(status: str, physical_id: str, logical_id: str = "Cluster", seconds: int = 0) -> dict[str, Any]:
    return {
        "StackId": OWNER.stack_id,
        "EventId": f"{logical_id}-{seconds}",
        "StackName": "parent",
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceStatus": status,
        "Timestamp": START + timedelta(seconds=seconds),
    }


BEGUN = event_of("DELETE_IN_PROGRESS", "old", seconds=11)
CLEAN_UP = event_of("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", OWNER.stack_id, "parent", 10)


@pytest.mark.parametrize(
    ("events", "since_s"),
    [
        ([BEGUN, CLEAN_UP], 11),
        (
            [
                event_of("DELETE_IN_PROGRESS", "other", "Other", 12),
                BEGUN,
            ],
            11,
        ),
        (
            [
                event_of("DELETE_COMPLETE", "old", seconds=12),
                BEGUN,
            ],
            None,
        ),
        (
            [event_of("DELETE_FAILED", "old", seconds=12), BEGUN],
            None,
        ),
        ([CLEAN_UP, event_of("DELETE_IN_PROGRESS", "old", seconds=9)], None),
        ([event_of("DELETE_IN_PROGRESS", "new", seconds=11), CLEAN_UP], None),
        ([event_of("DELETE_IN_PROGRESS", "old", "Other", seconds=11), CLEAN_UP], None),
        ([], None),
    ],
)
def test_what_a_resource_was_before_an_update_is_deleted_as_its_stacks_events_show(
    events: list[dict[str, Any]], since_s: int | None
) -> None:
    """The resource itself shows what it is now, complete."""
    client = boto3.client("cloudformation", region_name="us-east-1")
    with Stubber(client) as aws:
        aws.add_response("describe_stack_resource", detail_of("UPDATE_COMPLETE", "new"))
        aws.add_response("describe_stack_events", {"StackEvents": events})
        since = CloudFormationStacks(client).requested_since(OWNER, RequestType.DELETE, "old")
    assert since == (None if since_s is None else START + timedelta(seconds=since_s))


def test_no_request_is_confirmed_for_a_resource_that_does_not_exist(cloud: Cloud, unique: str) -> None:
    client = cloud.client("cloudformation")
    arn = made(client, unique)
    stacks, gone = CloudFormationStacks(client), arn.replace(f"/{unique}/", "/gone/")
    for owner in (Owner(arn, "Queue"), Owner(arn, "Topic"), Owner(gone, "Queue")):
        for request_type in RequestType:
            assert stacks.requested_since(owner, request_type, "hpc") is None


@pytest.mark.parametrize(
    ("status", "physical_id", "listed"),
    [
        ("CREATE_IN_PROGRESS", None, True),
        ("CREATE_IN_PROGRESS", "", True),
        ("CREATE_IN_PROGRESS", "lab", False),
        ("CREATE_FAILED", "", False),
        ("DELETE_COMPLETE", "", False),
    ],
)
def test_a_resource_that_is_being_made_and_has_no_physical_id_yet_is_listed_under_any(
    status: str, physical_id: str | None, *, listed: bool
) -> None:
    """CloudFormation learns a custom resource's id from its answer, which functions here give at once."""
    owner = Owner(stack_of("parent", status).stack_id, "Cluster")
    detail = {
        "StackId": owner.stack_id,
        "LogicalResourceId": owner.logical_id,
        "ResourceType": "Custom::PclusterCluster",
        "ResourceStatus": status,
        "LastUpdatedTimestamp": START,
    }
    if physical_id is not None:
        detail["PhysicalResourceId"] = physical_id
    client = boto3.client("cloudformation", region_name="us-east-1")
    with Stubber(client) as aws:
        aws.add_response("describe_stack_resource", {"StackResourceDetail": detail})
        assert CloudFormationStacks(client).lists(owner, "hpc") == listed
    facts = FactStacks()
    facts.listed = {owner: ""}
    assert facts.lists(owner, "hpc")


def test_a_stack_shows_whether_it_completed_since_an_instant(cloud: Cloud, unique: str) -> None:
    client = cloud.client("cloudformation")
    before = datetime.now(UTC) - timedelta(days=3650)
    stacks = CloudFormationStacks(client)
    a_moment = timedelta(microseconds=1)
    good = made(client, unique)
    broken = made(client, f"{unique}-x", {"Resources": {"Broken": {"Type": "AWS::Unheard::Of"}}})
    ended_at = stacks.ended_at(good)
    assert ended_at is not None
    assert stacks.completed_since(good, before)
    assert stacks.completed_since(good, ended_at + a_moment) is False
    begun_at = client.describe_stack_events(StackName=broken)["StackEvents"][-1]["Timestamp"]
    assert stacks.completed_since(broken, begun_at + a_moment) is False
    assert stacks.completed_since(broken, before) is None
    removed(client, good)
    assert stacks.completed_since(good, before)


def test_a_completion_older_than_the_known_events_is_unknown() -> None:
    facts = FactStacks()
    arn = facts.declare(stack_of("parent", "CREATE_COMPLETE")).stack_id
    facts.completed_at[arn] = START
    assert facts.completed_since(arn, START)
    assert facts.completed_since(arn, START + timedelta(seconds=1)) is False
    facts.forget_events(before=START + timedelta(days=1))
    assert facts.completed_since(arn, START) is None


def test_a_stack_shows_which_one_it_is_nested_in_and_whether_it_keeps_failures(
    cloud: Cloud, unique: str
) -> None:
    client = cloud.client("cloudformation")
    outer = made(client, unique, nesting(cloud, unique, TEMPLATE), DisableRollback=True)
    stacks = CloudFormationStacks(client)
    root = stacks.describe(outer)
    assert root is not None
    assert (root.parent_id, root.rollback_disabled) == (None, True)
    detail = client.describe_stack_resource(StackName=outer, LogicalResourceId="Inner")["StackResourceDetail"]
    child = stacks.describe(detail["PhysicalResourceId"])
    assert child is not None
    assert (child.parent_id, child.rollback_disabled) == (outer, False)
    fact = stack_of("root", "CREATE_COMPLETE")
    assert (fact.parent_id, fact.rollback_disabled) == (None, False)


def test_failures_of_nested_stacks_are_listed_oldest_first_with_their_own_cause(
    cloud: Cloud, unique: str
) -> None:
    client = cloud.client("cloudformation")
    inner = {"Resources": {"Broken": {"Type": "AWS::Unheard::Of"}}}
    arn = made(client, unique, nesting(cloud, unique, inner))

    found = CloudFormationStacks(client).failures(arn, None)
    assert [failure.logical_id for failure in found][:2] == ["Broken", "Inner"]
    assert found[0].resource_type == "AWS::Unheard::Of"
    assert found[0].reason
    assert CloudFormationStacks(client).failures(arn, datetime.fromisoformat(cloud.now())) == ()


def page_of(*names: str, more: bool) -> dict[str, Any]:
    summaries = [
        {
            "StackId": f"arn:{name}",
            "StackName": name,
            "CreationTime": START,
            "StackStatus": "CREATE_IN_PROGRESS",
        }
        for name in names
    ]
    return {"StackSummaries": summaries, **({"NextToken": "more"} if more else {})}


def test_what_was_listed_before_cloudformation_throttled_counts() -> None:
    client = boto3.client("cloudformation", "us-east-1")
    with Stubber(client) as aws:
        aws.add_response("list_stacks", page_of("one", "two", more=True))
        aws.add_client_error("list_stacks", "Throttling")
        assert CloudFormationStacks(client).in_progress() == {"arn:one", "arn:two"}
        aws.add_client_error("list_stacks", "Throttling")
        with pytest.raises(Unavailable):
            CloudFormationStacks(client).in_progress()


def test_the_list_of_stacks_in_progress_leaves_time_for_the_sweep_s_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = boto3.client("cloudformation", "us-east-1")
    with Stubber(client) as aws:
        aws.add_response("list_stacks", page_of("one", more=True))
        aws.add_response("list_stacks", page_of("two", more=False))
        assert CloudFormationStacks(client).in_progress() == {"arn:one", "arn:two"}
        monkeypatch.setattr(adapter, "LISTING_MAX_S", 0.0)
        aws.add_response("list_stacks", page_of("one", more=True))
        assert CloudFormationStacks(client).in_progress() == {"arn:one"}
        aws.assert_no_pending_responses()
