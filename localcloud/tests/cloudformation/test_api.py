"""What is here of CloudFormation's API is answered, or refused in its format."""

import threading

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from moto.core.base_backend import BackendDict, backend_lock
from moto.core.utils import camelcase_to_underscores

from localcloud.cloudformation.responses import StackResponse
from localcloud.cloudformation.steps import lock

MODEL = get_session().get_service_model("cloudformation")
HERE = {name for name in MODEL.operation_names if hasattr(StackResponse, camelcase_to_underscores(name))}


def smallest(shape):
    """A value that botocore sends: required members only, text that fits no resource."""
    if enum := getattr(shape, "enum", None):
        return enum[0]
    match shape.type_name:
        case "structure":
            required = {name: shape.members[name] for name in shape.required_members}
            return {name: smallest(member) for name, member in required.items()}
        case "list":
            return [smallest(shape.member)]
        case "map":
            return {"key": "value"}
        case "boolean":
            return True
        case "integer":
            return 1
        case "timestamp":
            return 0
        case _:
            return "x" * shape.metadata.get("min", 1)


def response_to(cloud, name):
    """The response to an operation's smallest request, be it an answer or an error."""
    shape = MODEL.operation_model(name).input_shape
    arguments = smallest(shape) if shape else {}
    if shape and "StackName" in shape.members:
        arguments["StackName"] = "no-such-stack"
    try:
        return getattr(cloud.cfn, camelcase_to_underscores(name))(**arguments)
    except ClientError as refused:
        return refused.response


@pytest.mark.parametrize("name", sorted(HERE))
def test_an_operation_answers_or_refuses_what_does_not_exist(cloud, name):
    response = response_to(cloud, name)

    refused = "Error" in response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == (400 if refused else 200)
    if refused:
        assert response["Error"]["Code"] == "ValidationError"
        assert response["Error"]["Message"]


@pytest.mark.parametrize(
    "options",
    [
        {"ChangeSetType": "IMPORT"},
        {"ResourcesToImport": [{"ResourceType": "A", "LogicalResourceId": "a", "ResourceIdentifier": {}}]},
        {"ImportExistingResources": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_change_set_that_imports_is_refused(cloud, options):
    template = '{"Resources": {"A": {"Type": "AWS::SQS::Queue"}}}'

    with pytest.raises(ClientError, match=r"localcloud does not know .* cloudformation.api") as refused:
        cloud.cfn.create_change_set(StackName="one", ChangeSetName="c", TemplateBody=template, **options)

    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert cloud.cfn.list_stacks()["StackSummaries"] == []


def test_a_reset_does_not_keep_a_stack_that_changes_from_making_a_backend(cloud):
    cloud.create("one", {"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
    reset = threading.Thread(target=BackendDict.reset)
    with lock:
        reset.start()
        reset.join(0.5)
        assert reset.is_alive()
        assert backend_lock.acquire(timeout=5)
        backend_lock.release()
    reset.join(10)
    assert cloud.cfn.list_stacks()["StackSummaries"] == []
