"""What a plan cannot show of other resources has its reason; it is a refusal only if the deployment fails."""

import pytest

from pcluster_cfn.plan.other_resources import preview
from tests.unit.deploy.cloudformation import refused
from tests.unit.deploy.test_preview import CloudFormation

TOPIC = "Parameters: {Name: {Type: String}}\nResources: {T: {Type: AWS::SNS::Topic}}\n"


class Aws:
    """An account whose only service is CloudFormation."""

    def __init__(self, cloudformation):
        self._cloudformation = cloudformation

    def client(self, service):
        assert service == "cloudformation"
        return self._cloudformation


@pytest.fixture
def shown(tmp_path):
    """Returns what is known of the other resources of a template with a topic."""

    def shown(cloudformation, *, text=TOPIC, **parameters):
        path = tmp_path / "t.yaml"
        path.write_text(text)
        return preview(Aws(cloudformation), path, "hpc", parameters, None)

    return shown


def test_changes_are_shown(shown):
    found = shown(CloudFormation("CREATE_COMPLETE"), Name="x")
    assert ([each.place for each in found.changes], found.is_known) == (["T"], True)


@pytest.mark.parametrize("call", ["create_change_set", "describe_change_set"])
def test_credentials_that_do_not_allow_a_change_set_leave_it_out(shown, call):
    def denied(**_):
        raise refused("AccessDenied", call, f"{call} is not for you")

    cloudformation = CloudFormation("CREATE_COMPLETE")
    setattr(cloudformation, call, denied)
    found = shown(cloudformation, Name="x")
    assert found.left_out == f"your credentials do not allow it: {call} is not for you"
    assert (found.refusal, cloudformation.change_sets) == ("", {})


def test_local_files_without_a_bucket_and_nested_change_sets_that_fail_leave_it_out(shown):
    nesting = "Resources: {I: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: t.yaml}}}"
    assert "--bucket" in shown(CloudFormation(), text=nesting).left_out
    failed = CloudFormation(failed="Nested change set arn was not successfully created")
    assert "Nested change set arn" in shown(failed, Name="x").left_out


def test_what_cloudformation_would_refuse_is_a_refusal(shown):
    assert "parameter Name has no value" in shown(CloudFormation()).refusal
    assert "no such role" in shown(CloudFormation(failed="no such role"), Name="x").refusal
    assert "ROLLBACK_COMPLETE" in shown(CloudFormation("ROLLBACK_COMPLETE"), Name="x").refusal
