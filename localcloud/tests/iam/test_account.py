"""The account finds what decides about a request where moto keeps it."""

import pytest
from moto.ec2.models import ec2_backends

from localcloud.iam.account import Account

#: An account of its own: moto keeps what these tests make until the process ends.
ACCOUNT, REGION = "210987654321", "us-east-1"


@pytest.fixture(scope="module")
def profiles():
    """The id of a launch template with two versions, and what finds profiles; ``none`` names no profile."""
    moto = ec2_backends[ACCOUNT][REGION]
    template = moto.create_launch_template("two", "", {"IamInstanceProfile": {"Name": "p"}}, {})
    template.create_version({"IamInstanceProfile": {"Arn": "arn:q"}}, "")
    moto.create_launch_template("none", "", {"InstanceType": "t3.micro"}, {})
    return template.id, Account(ACCOUNT, REGION).launched_profile


def test_a_launch_template_s_version_names_the_profile(profiles):
    template_id, profile = profiles
    assert profile({"LaunchTemplateId": template_id}) == "p"
    assert profile({"LaunchTemplateId": template_id, "Version": "2"}) == "arn:q"
    assert profile({"LaunchTemplateName": "two", "Version": "$Latest"}) == "arn:q"


def test_there_may_be_no_template_and_no_profile(profiles):
    _, profile = profiles
    assert profile({}) == ""
    assert profile({"LaunchTemplateId": "lt-0123456789abcdef0"}) == ""
    assert profile({"LaunchTemplateName": "none"}) == ""
