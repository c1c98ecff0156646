"""Custom images: built by the real library, judged by their AMI, and gone with their resource."""

import json
from datetime import datetime, timedelta

import pytest

from tests.e2e.account import ROOT, outputs

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "custom-image.yaml"
BUILD = "AWS::ImageBuilder::Image"


def amis(account, image_id):
    """The AMIs that carry an image's id."""
    filters = [{"Name": "tag:parallelcluster:image_id", "Values": [image_id]}]
    return account.ec2.describe_images(Owners=["self"], Filters=filters)["Images"]


def short(account, service_token, image_id):
    """A template with an image whose build is awaited by the resource itself."""
    (parent, *_) = account.ec2.describe_images(Owners=["amazon"])["Images"]
    properties = {
        "ServiceToken": service_token,
        "ImageId": image_id,
        "ImageConfiguration": {"Build": {"InstanceType": "c6i.2xlarge", "ParentImage": parent["ImageId"]}},
    }
    image = {"Type": "Custom::PclusterImage", "Properties": properties}
    shown = {"Ami": {"Value": {"Fn::GetAtt": ["Image", "amiId"]}}}
    return json.dumps({"Resources": {"Image": image}, "Outputs": shown})


@pytest.fixture
def quick(cloud):
    """Builds of twenty minutes, which an hour is enough for."""
    cloud.set_image_builds(build_s=1200)
    yield
    cloud.set_image_builds()
    cloud.set_behaviours([])


def test_an_image_of_more_than_an_hour_is_built_from_the_newest_official_one(cloud, account, service_token):
    began_at = datetime.fromisoformat(cloud.now())
    body = EXAMPLE.read_text()
    created = account.create("imaged", body, ServiceToken=service_token, ImageId="my-image")
    assert created["StackStatus"] == "CREATE_COMPLETE", account.why(created)
    assert datetime.fromisoformat(cloud.now()) - began_at > timedelta(hours=1)
    values = json.loads(json.loads(outputs(created)["ImageValues"])["my-image"])
    (ami,) = amis(account, "my-image")
    assert (values["amiId"], values["imageBuildStatus"]) == (ami["ImageId"], "BUILD_COMPLETE")
    assert account.stack("my-image") is None
    assert account.delete("imaged")["StackStatus"] == "DELETE_COMPLETE"
    assert amis(account, "my-image") == []


@pytest.mark.usefixtures("quick")
def test_an_image_whose_stack_cannot_delete_itself_is_good_and_can_be_deleted(cloud, account, service_token):
    cloud.set_behaviours(
        [{"stack": "stuck", "type": "AWS::SNS::Topic", "action": "DELETE", "fail": "in use", "times": 1}]
    )
    created = account.create("stucks", short(account, service_token, "stuck"))
    assert created["StackStatus"] == "CREATE_COMPLETE", account.why(created)
    assert account.stack("stuck")["StackStatus"] == "DELETE_FAILED"
    assert [ami["ImageId"] for ami in amis(account, "stuck")] == [outputs(created)["Ami"]]
    assert account.delete("stucks")["StackStatus"] == "DELETE_COMPLETE"
    assert (account.stack("stuck"), amis(account, "stuck")) == (None, [])


@pytest.mark.usefixtures("quick")
def test_a_build_that_fails_is_reported_with_its_cause_and_leaves_nothing(cloud, account, service_token):
    cloud.set_behaviours([{"stack": "broken", "type": BUILD, "action": "CREATE", "fail": "the disk is full"}])
    created = account.create("breaks", short(account, service_token, "broken"))
    assert created["StackStatus"] == "ROLLBACK_COMPLETE"
    (reason,) = account.failures(created["StackId"], "Image")
    assert "ImageFailed: image broken: ParallelClusterImage (AWS::ImageBuilder::Image)" in reason
    assert "the disk is full" in reason
    assert account.stack("broken") is None
    account.delete("breaks")


@pytest.mark.usefixtures("quick")
def test_an_image_of_another_owner_is_refused_and_survives(account, service_token):
    first = account.create("owner", short(account, service_token, "shared"))
    assert first["StackStatus"] == "CREATE_COMPLETE", account.why(first)
    second = account.create("thief", short(account, service_token, "shared"))
    assert second["StackStatus"] == "ROLLBACK_COMPLETE"
    (reason,) = account.failures(second["StackId"], "Image")
    assert "NotOwner: ImageId shared" in reason
    account.delete("thief")
    assert [ami["ImageId"] for ami in amis(account, "shared")] == [outputs(first)["Ami"]]
    assert account.delete("owner")["StackStatus"] == "DELETE_COMPLETE"
    assert amis(account, "shared") == []
