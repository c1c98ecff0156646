"""Resources: names, attributes and properties of AWS's own types."""

import json
import re
import uuid

import pytest
from tests.support.deployment import get, ref, resource
from tests.support.responses import put

from localcloud.testing.waiting import eventually, settled

VALUE = {"Type": "String", "Value": "kept"}


def outputs(**values):
    return {name: {"Value": value} for name, value in values.items()}


@pytest.mark.recording(4)
def test_a_parameter_without_a_name_gets_one(cloud, stacks):
    name = stacks.create({"Kept": resource("SSM::Parameter", **VALUE)})
    physical_id = stacks.physical_id(name, "Kept")
    assert re.fullmatch("CFN-Kept-[A-Za-z0-9]+", physical_id)
    assert cloud.client("ssm").get_parameter(Name=physical_id)["Parameter"]["Value"] == "kept"


@pytest.mark.recording(4)
def test_a_name_that_was_made_stays_in_an_update(cloud, stacks):
    name = stacks.create({"Kept": resource("SSM::Parameter", **VALUE)})
    before = stacks.physical_id(name, "Kept")
    body = json.dumps({"Resources": {"Kept": resource("SSM::Parameter", Type="String", Value="new")}})
    stacks.cfn.update_stack(StackName=name, TemplateBody=body)
    stacks.cfn.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert stacks.physical_id(name, "Kept") == before
    assert cloud.client("ssm").get_parameter(Name=before)["Parameter"]["Value"] == "new"


@pytest.mark.recording(5)
def test_attributes_give_identifiers_plain_properties_and_what_comes_with_a_resource(cloud, stacks):
    template = {
        "Resources": {
            "Topic": resource("SNS::Topic", TopicName=f"t-{uuid.uuid4().hex}", DisplayName="Shown"),
            "Queue": resource("SQS::Queue"),
            "Kept": resource("SSM::Parameter", **VALUE),
            "Vpc": resource("EC2::VPC", CidrBlock="10.77.0.0/16"),
            "Endpoint": resource(
                "EC2::VPCEndpoint", VpcId=ref("Vpc"), ServiceName="com.amazonaws.us-east-1.s3"
            ),
        },
        "Outputs": outputs(
            Arn=get("Topic", "TopicArn"),
            Name=get("Topic", "TopicName"),
            Shown=get("Topic", "DisplayName"),
            Url=get("Queue", "QueueUrl"),
            Value=get("Kept", "Value"),
            Type=get("Kept", "Type"),
            Acl=get("Vpc", "DefaultNetworkAcl"),
            Created=get("Endpoint", "CreationTimestamp"),
        ),
    }
    name = stacks.create(template)
    found = stacks.outputs(name)
    assert found["Arn"] == stacks.physical_id(name, "Topic")
    assert found["Arn"].endswith(f":{found['Name']}")
    assert found["Url"] == stacks.physical_id(name, "Queue")
    assert (found["Shown"], found["Value"], found["Type"]) == ("Shown", "kept", "String")
    vpc = stacks.physical_id(name, "Vpc")
    (acl,) = cloud.client("ec2").describe_network_acls(NetworkAclIds=[found["Acl"]])["NetworkAcls"]
    assert (acl["VpcId"], acl["IsDefault"]) == (vpc, True)
    assert re.fullmatch(r"\w{3} \w{3} \d\d [\d:]{8} UTC \d{4}", found["Created"])


@pytest.mark.recording(23)
@pytest.mark.parametrize(("kind", "named"), [("SNS::Topic", "TopicName"), ("SQS::Queue", "QueueName")])
def test_a_secret_is_resolved_in_a_name_too(cloud, stacks, kind, named):
    secret, text = f"secret-{uuid.uuid4().hex}", f"name-{uuid.uuid4().hex}"
    cloud.client("secretsmanager").create_secret(Name=secret, SecretString=text)
    name = stacks.create({"It": resource(kind, **{named: f"{{{{resolve:secretsmanager:{secret}}}}}"})})
    assert stacks.physical_id(name, "It").endswith(text)


@pytest.mark.recording(25)
def test_a_bus_and_a_rule_on_it_can_be_created(cloud, stacks):
    bus = f"bus-{uuid.uuid4().hex}"
    rule = resource("Events::Rule", EventBusName=ref("Bus"), EventPattern={"source": ["mine"]})
    stacks.create({"Bus": resource("Events::EventBus", Name=bus), "Rule": rule})
    assert cloud.client("events").list_rules(EventBusName=bus)["Rules"] != []


@pytest.mark.recording(47)
def test_a_required_property_that_is_missing_fails_before_the_service_is_asked(stacks):
    template = {"Kept": resource("SSM::Parameter", Value="kept")}
    name = stacks.create(template, "ROLLBACK_COMPLETE")
    assert "Property validation failure: [The property {/Type} is required]" in stacks.reasons(name)


@pytest.mark.recording(49)
def test_the_configurations_of_a_bucket_take_effect(cloud, stacks):
    cors = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 60}
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    bucket = resource(
        "S3::Bucket",
        VersioningConfiguration={"Status": "Enabled"},
        CorsConfiguration={"CorsRules": [cors]},
        WebsiteConfiguration={"IndexDocument": "index.html", "ErrorDocument": "error.html"},
        ObjectLockEnabled=True,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention},
    )
    name = stacks.create({"Bucket": bucket})
    s3, where = cloud.client("s3"), {"Bucket": stacks.physical_id(name, "Bucket")}
    assert s3.get_bucket_versioning(**where)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_cors(**where)["CORSRules"]
    assert (rule["AllowedMethods"], rule["AllowedOrigins"], rule["MaxAgeSeconds"]) == (["GET"], ["*"], 60)
    website = s3.get_bucket_website(**where)
    assert (website["IndexDocument"], website["ErrorDocument"]) == (
        {"Suffix": "index.html"},
        {"Key": "error.html"},
    )
    locked = s3.get_object_lock_configuration(**where)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert (locked["Mode"], locked["Days"]) == ("GOVERNANCE", 3)


@pytest.mark.recording(49)
def test_an_update_changes_them(cloud, stacks):
    bucket = resource("S3::Bucket", VersioningConfiguration={"Status": "Enabled"})
    name = stacks.create({"Bucket": bucket})
    before = stacks.physical_id(name, "Bucket")
    changed = resource("S3::Bucket", VersioningConfiguration={"Status": "Suspended"})
    stacks.cfn.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Bucket": changed}}))
    stacks.cfn.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert stacks.physical_id(name, "Bucket") == before
    assert cloud.client("s3").get_bucket_versioning(Bucket=before)["Status"] == "Suspended"


@pytest.mark.recording(50)
def test_the_tags_and_attributes_of_a_topic_take_effect_and_are_updated(cloud, stacks):
    def topic(shown, tag):
        return resource("SNS::Topic", DisplayName=shown, Tags=[{"Key": "stage", "Value": tag}])

    sns = cloud.client("sns")
    name = stacks.create({"Topic": topic("One", "test")})
    arn = stacks.physical_id(name, "Topic")
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]
    body = json.dumps({"Resources": {"Topic": topic("Two", "live")}})
    stacks.cfn.update_stack(StackName=name, TemplateBody=body)
    stacks.cfn.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert stacks.physical_id(name, "Topic") == arn
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "Two"
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "live"}]


@pytest.mark.recording(53)
def test_a_wait_condition_takes_a_signal_with_a_content_type(cloud, stacks):
    name = stacks.name()
    template = {
        "Handle": resource("CloudFormation::WaitConditionHandle"),
        "Wait": resource("CloudFormation::WaitCondition", Handle=ref("Handle"), Timeout="3600"),
    }
    stacks.cfn.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": template}))
    handle = eventually(lambda: _physical_id(stacks, name, "Handle"), "a handle")
    signal = {"Status": "SUCCESS", "UniqueId": "1", "Data": "done", "Reason": ""}
    exports = cloud.exports
    status = put(
        handle,
        json.dumps(signal).encode(),
        address=exports["LOCALCLOUD_RESPONSES"],
        ca_file=exports["LOCALCLOUD_CA_FILE"],
        content_type="application/json",
    )
    assert status == 200
    assert settled(stacks.cfn, name) == "CREATE_COMPLETE"


def _physical_id(stacks, name, logical_id):
    resources = stacks.cfn.describe_stack_resources(StackName=name)["StackResources"]
    found = [each for each in resources if each["LogicalResourceId"] == logical_id]
    return found[0].get("PhysicalResourceId") if found else None
