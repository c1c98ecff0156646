"""The file with IAM's actions and the permissions of CloudFormation's handlers is current."""

from tools import iam_reference


def test_the_actions_and_permissions_are_those_of_the_reference_and_the_registry():
    assert iam_reference.FILE.read_text() == iam_reference.as_json(), "run `make resource-types`"
