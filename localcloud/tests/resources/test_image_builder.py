"""Images as EC2 Image Builder makes them for a stack, which then deletes itself."""

import json
from datetime import datetime

import pytest
from botocore.exceptions import ClientError

from localcloud.testing.waiting import eventually, settled

TAGS = {"parallelcluster:image_id": "any", "project": "weather"}


@pytest.fixture
def stacks(client):
    return client("cloudformation")


@pytest.fixture
def build(cloud, client, stacks, request):
    """Begins to build an image in a stack named after the test; answers the stack's id."""
    begun = []

    def begin(**settings):
        cloud.set_image_builds(**settings)
        name = request.node.name.replace("_", "-")[:60].strip("-")
        made = stacks.create_stack(StackName=name, TemplateBody=json.dumps(template(client, name)))
        begun.append(made["StackId"])
        return made["StackId"]

    yield begin
    cloud.set_image_builds()
    for stack_id in begun:
        stacks.delete_stack(StackName=stack_id)
        eventually(lambda stack_id=stack_id: status(stacks, stack_id) == "DELETE_COMPLETE", "it is gone")


def template(client, name):
    """What an image is built from, as ParallelCluster's templates have it."""
    (parent, *_) = client("ec2").describe_images(Owners=["amazon"])["Images"]
    named = {
        "AmiDistributionConfiguration": {"Name": f"{name} {{{{ imagebuilder:buildDate }}}}", "AmiTags": TAGS}
    }
    versioned = {"Version": "3.16.1", "Name": f"ParallelClusterImage-{name}"}
    resources = {
        "Component": ("Component", {**versioned, "Platform": "Linux", "Data": "phases: []"}),
        "Recipe": (
            "ImageRecipe",
            {
                **versioned,
                "ParentImage": parent["ImageId"],
                "Components": [{"ComponentArn": {"Ref": "Component"}}],
            },
        ),
        "Place": ("InfrastructureConfiguration", {"Name": name, "InstanceProfileName": "any"}),
        "Distribution": (
            "DistributionConfiguration",
            {"Name": name, "Distributions": [{"Region": "any", **named}]},
        ),
        "Image": (
            "Image",
            {
                "ImageRecipeArn": {"Ref": "Recipe"},
                "InfrastructureConfigurationArn": {"Ref": "Place"},
                "DistributionConfigurationArn": {"Ref": "Distribution"},
            },
        ),
    }
    return {
        "Resources": {
            key: {"Type": f"AWS::ImageBuilder::{kind}", "Properties": properties}
            for key, (kind, properties) in resources.items()
        }
    }


def status(stacks, stack_id):
    return stacks.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]


def image_arn(stacks, stack_id):
    """The ARN of a stack's image, once its build has begun."""
    found = []

    def is_there():
        resources = stacks.describe_stack_resources(StackName=stack_id)["StackResources"]
        found.extend(
            item.get("PhysicalResourceId") for item in resources if item["LogicalResourceId"] == "Image"
        )
        return any(found)

    eventually(is_there, "the build begins")
    return next(filter(None, found))


def test_an_image_takes_its_time_leaves_a_tagged_ami_and_its_stack_goes(cloud, client, stacks, build):
    builder = client("imagebuilder")
    began_at = datetime.fromisoformat(cloud.now())
    stack_id = build(build_s=86_400)
    arn = image_arn(stacks, stack_id)
    assert arn.partition(":image/")[2].startswith("parallelclusterimage-")
    eventually(lambda: status(stacks, stack_id) == "DELETE_COMPLETE", "the stack deletes itself")
    assert (datetime.fromisoformat(cloud.now()) - began_at).total_seconds() > 86_400
    filters = [{"Name": "tag:Ec2ImageBuilderArn", "Values": [arn]}]
    (ami,) = client("ec2").describe_images(Owners=["self"], Filters=filters)["Images"]
    tags = {tag["Key"]: tag["Value"] for tag in ami["Tags"]}
    assert tags.items() >= {**TAGS, "parallelcluster:build_status": "available"}.items()
    assert ami["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        builder.get_image(imageBuildVersionArn=arn)
    client("ec2").deregister_image(ImageId=ami["ImageId"])


def test_a_build_can_fail_at_its_end(client, stacks, build):
    stack_id = build(build_s=600, failure={"reason": "the disk is full"})
    name = stack_id.split("/")[1]
    assert settled(stacks, name) in {"ROLLBACK_COMPLETE", "CREATE_FAILED"}
    events = stacks.describe_stack_events(StackName=stack_id)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert failed[-1]["ResourceStatusReason"] == "the disk is full"
    filters = [{"Name": "tag:project", "Values": ["weather"]}]
    assert client("ec2").describe_images(Owners=["self"], Filters=filters)["Images"] == []


def test_a_subscription_belongs_to_its_topic(client, stack):
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "builds"}}
    endpoint = "arn:aws:lambda:us-east-1:123456789012:function:any"
    properties = {"TopicArn": {"Ref": "Topic"}, "Protocol": "lambda", "Endpoint": endpoint}
    stack.create({"Topic": topic, "Sub": {"Type": "AWS::SNS::Subscription", "Properties": properties}})
    listed = client("sns").list_subscriptions()["Subscriptions"]
    assert endpoint in {item["Endpoint"] for item in listed}
    stack.delete()
    listed = client("sns").list_subscriptions()["Subscriptions"]
    assert endpoint not in {item["Endpoint"] for item in listed}
