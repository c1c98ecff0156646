"""The life of a custom image, with the real library on the embedded cloud."""

import boto3
import pytest

from localcloud.testing.waiting import eventually
from tests.contract.engine.conftest import OWNER_TAGS, VERSION
from tests.support.cloudformation_api import Refusal

pytestmark = pytest.mark.library

IMAGE = {"cluster_name": "my-image", "stack_tags": OWNER_TAGS}
DAY_S = 24 * 3600


@pytest.fixture
def wanted(engine):
    """A small image, stringified as CloudFormation delivers it."""
    listed = engine("list-official-images", cluster_name="", arguments={"architecture": "x86_64"})
    return {
        "Build": {
            "InstanceType": "c5.xlarge",
            "ParentImage": listed["images"][0]["amiId"],
            "UpdateOsPackages": {"Enabled": "false"},
        },
        "Image": {"RootVolume": {"Size": "80"}, "Tags": [{"Key": "project", "Value": "weather"}]},
    }


def await_image(engine, cloud, image):
    """Lets the build come to its end, whenever it begins on a busy machine."""

    def is_built():
        cloud.advance(DAY_S)
        return engine("describe-image", **image)["image"]["imageBuildStatus"] == "BUILD_COMPLETE"

    eventually(is_built, "the image")


def problem(result):
    return result["status"], result["error"]["code"]


def test_an_image_is_built_described_and_deleted_with_its_owner_s_tags(engine, cloud, wanted):
    begun = engine("build-image", wanted, configuration_tags={"team": "hpc"}, **IMAGE)
    assert (begun["status"], begun["sent"], begun["image"]["imageId"]) == ("succeeded", True, "my-image")
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=begun["stack_id"])["Stacks"]
    assert {tag["Key"]: tag["Value"] for tag in stack["Tags"]}.items() >= (
        OWNER_TAGS | {"team": "hpc"}
    ).items()
    own = IMAGE | {"stack_id": begun["stack_id"]}
    building = engine("describe-image", **own)["image"]
    assert building["imageBuildStatus"] == "BUILD_IN_PROGRESS"
    assert problem(engine("delete-image", **own)) == ("failed", "BadRequest")

    await_image(engine, cloud, IMAGE)
    built = engine("describe-image", **own)["image"]
    tags = {tag["key"]: tag["value"] for tag in built["ec2AmiInfo"]["tags"]}
    assert (built["imageBuildStatus"], built["version"]) == ("BUILD_COMPLETE", VERSION)
    assert tags.items() >= (OWNER_TAGS | {"team": "hpc", "project": "weather"}).items()
    assert "imageConfiguration" not in built
    taken = engine("build-image", wanted, cluster_name="my-image", stack_tags={"owner-stack": "another"})
    assert problem(taken) == ("failed", "AlreadyExists")

    other = engine("delete-image", **own | {"stack_tags": OWNER_TAGS | {"owner-stack": "another"}})
    assert problem(other) == ("failed", "NotFound")
    ami_id = built["ec2AmiInfo"]["amiId"]
    assert boto3.client("ec2").describe_images(ImageIds=[ami_id])["Images"]

    assert engine("delete-image", **own)["status"] == "succeeded"
    assert problem(engine("describe-image", **own)) == ("failed", "NotFound")
    assert problem(engine("delete-image", **own)) == ("failed", "NotFound")


def test_an_image_that_the_library_refuses_comes_with_its_messages(engine, wanted):
    wanted["Build"]["InstanceType"] = "c5.nothing"
    refused = engine("build-image", wanted, **IMAGE)
    assert problem(refused) == ("failed", "ClusterRejected")
    assert any("c5.nothing" in message["message"] for message in refused["validation_messages"])


def test_a_text_that_is_no_map_is_refused_before_aws_is_asked(engine):
    assert problem(engine("build-image", "- a\n- b", **IMAGE)) == ("failed", "ConfigurationInvalid")


def test_nothing_is_built_after_the_fence(engine, api, wanted):
    result = engine("build-image", wanted, not_after="2000-01-01T00:00:00.000Z", **IMAGE)
    assert problem(result) == ("failed", "Fenced")
    assert api.sent("CreateStack") == []


def test_a_stack_of_somebody_else_is_in_the_way_and_never_deleted(engine, api, wanted):
    stranger = api.add("my-image", tags={"owner-stack": "another"})
    assert problem(engine("build-image", wanted, **IMAGE)) == ("failed", "AlreadyExists")
    gone = engine("delete-image", stack_id="arn:of-the-one-that-was-ours", **IMAGE)
    assert problem(gone) == ("failed", "NotFound")
    assert (api.sent("DeleteStack"), stranger.status) == ([], "CREATE_COMPLETE")


def test_a_second_delivery_of_a_build_succeeds_with_the_same_stack(engine, api, wanted):
    first = engine("build-image", wanted, **IMAGE)
    second = engine("build-image", wanted, **IMAGE)
    assert (second["status"], second["sent"], second["stack_id"]) == ("succeeded", False, first["stack_id"])
    assert len(api.stacks) == 1


def test_a_repeated_build_whose_stack_has_gone_succeeds_with_the_image_there_is(
    engine, cloud, wanted, request
):
    image = IMAGE | {"cluster_name": "repeated-image"}
    begun = engine("build-image", wanted, call_id="call-2", **image)
    await_image(engine, cloud, image)
    request.getfixturevalue("api")  # a CloudFormation without that stack
    again = engine("build-image", wanted, call_id="call-2", **image)
    assert (again["status"], again["sent"], again.get("stack_id")) == ("succeeded", False, None)
    assert engine("delete-image", **image, stack_id=begun["stack_id"])["status"] == "succeeded"


def test_an_image_is_deleted_though_nobody_knows_its_stack(engine, cloud, wanted):
    image = IMAGE | {"cluster_name": "unseen-image"}
    engine("build-image", wanted, call_id="call-3", **image)
    await_image(engine, cloud, image)
    assert engine("delete-image", **image)["status"] == "succeeded"
    assert problem(engine("describe-image", **image)) == ("failed", "NotFound")


def test_without_its_arn_an_image_s_stack_is_told_by_its_tags(engine, api):
    stranger = api.add("my-image", tags={"owner-stack": "another"})
    assert problem(engine("delete-image", **IMAGE)) == ("failed", "NotFound")
    assert (api.sent("DeleteStack"), stranger.status) == ([], "CREATE_COMPLETE")
    own = api.add("own-image", tags=OWNER_TAGS)
    assert engine("delete-image", **IMAGE | {"cluster_name": "own-image"})["status"] == "succeeded"
    assert [request.parameters["StackName"] for request in api.sent("DeleteStack")] == [own.stack_id]


def test_throttling_says_nothing_about_an_image(engine, api):
    engine.remaining_s = 15
    api.arrange("DescribeStacks", Refusal("Throttling", "Rate exceeded"))
    assert problem(engine("describe-image", **IMAGE)) == ("failed", "Throttled")
