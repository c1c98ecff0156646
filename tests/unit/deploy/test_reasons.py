"""Every reason of the provider is read into its code, its mistakes with their places, and what to do."""

from pathlib import Path

import pytest
import yaml

from cluster_provider.core import errors, failures
from cluster_provider.core.engine import EngineError
from cluster_provider.core.errors import ERRORS, InvalidProperty
from pcluster_cfn.deploy.reasons import REMEDIES, Mistake, read_reason
from tests.unit.deploy.reported import wrapped


def test_every_code_of_the_provider_is_known():
    documented = yaml.safe_load(Path("tools/reference_pages/errors.yaml").read_text())
    assert list(REMEDIES) == list(documented)
    assert set(REMEDIES) == set(ERRORS)


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_code_place_mistake_and_advice_are_told_apart(code):
    error = ERRORS[code]("cluster hpc", "it is broken.", "Choose another name.")
    for text in (str(error), wrapped(str(error))):
        cause = read_reason(text)
        assert (cause.code, cause.mistakes) == (code, (Mistake("cluster hpc", "it is broken."),))
        assert cause.next_step == "Choose another name."


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_a_reason_that_does_not_say_what_to_do_gets_the_code_s_remedy(code):
    assert read_reason(f"{code}: cluster hpc: it is broken.").next_step == REMEDIES[code]


def test_all_mistakes_in_a_configuration_are_told_apart_the_worst_first():
    details = [
        {"path": "/HeadNode/Color", "value": '"blue"', "expected": "a known key: Iam, Imds"},
        {"path": "/Image/Os", "value": '"slrum"', "expected": "one of: alinux2", "suggestion": "alinux2"},
        {"path": "/Scheduling/SlurmQueues/0", "message": "Two things are wrong. Fix: both"},
    ]
    error = failures.rejection(EngineError("ConfigurationInvalid", "x", details), (), "hpc")
    cause = read_reason(wrapped(str(error)))
    assert [mistake.place for mistake in cause.mistakes] == [
        f"ClusterConfiguration{detail['path']}" for detail in details
    ]
    assert cause.mistakes[0].text == '"blue" is not valid; expected a known key: Iam, Imds.'
    assert cause.mistakes[1].text.endswith("Did you mean alinux2?")
    assert cause.mistakes[0].property_path == ("ClusterConfiguration", "HeadNode", "Color")


def test_messages_of_validators_are_one_mistake_each():
    messages = [
        {"level": "ERROR", "type": "InstanceTypeValidator", "message": "c7i.xlage does not exist"},
        {"level": "WARNING", "type": "KeyPairValidator", "message": "No key. You cannot log in"},
    ]
    error = failures.rejection(EngineError("ClusterRejected", "x"), messages, "hpc")
    cause = read_reason(wrapped(str(error)))
    assert [mistake.text for mistake in cause.mistakes] == [
        "ERROR InstanceTypeValidator: c7i.xlage does not exist.",
        "WARNING KeyPairValidator: No key. You cannot log in.",
    ]


def test_bounds_that_are_exceeded_are_one_mistake_each_at_the_largest_part():
    parts = [{"path": f"/Scheduling/SlurmQueues/{index}", "name": "q", "value": "1"} for index in (0, 1)]
    details = [
        {"message": "it has 9 nodes. Largest parts: ClusterConfiguration/HeadNode (head node): 1",
         "way_out": "Lower MaxCount.", "parts": parts},
        {"message": "it costs 9 USD", "way_out": "Choose cheaper types.", "parts": parts[1:]},
    ]  # fmt: skip
    error = failures.rejection(EngineError("BudgetExceeded", "x", details), (), "hpc")
    cause = read_reason(wrapped(str(error)))
    assert cause.mistakes == (
        Mistake(
            "ClusterConfiguration/Scheduling/SlurmQueues/0",
            "it has 9 nodes. Largest parts: ClusterConfiguration/HeadNode (head node): 1.",
        ),
        Mistake("ClusterConfiguration/Scheduling/SlurmQueues/1", "it costs 9 USD."),
    )
    assert cause.next_step == "Nothing was changed. Lower MaxCount. Choose cheaper types."


def test_changes_that_an_update_may_not_make_are_one_mistake_each_and_the_way_out_is_told_apart():
    details = [
        {"parameter": f"Scheduling.SlurmQueues[q].{key}", "currentValue": "1", "requestedValue": "2",
         "message": "stop the fleet", "cure": "fleet-stop"}
        for key in ("MinCount", "MaxCount")
    ]  # fmt: skip
    error = failures.rejection(EngineError("UpdateRejected", "x", details), (), "hpc")
    cause = read_reason(wrapped(str(error)))
    assert [mistake.text for mistake in cause.mistakes] == [
        "Scheduling.SlurmQueues[q].MinCount from '1' to '2': stop the fleet.",
        "Scheduling.SlurmQueues[q].MaxCount from '1' to '2': stop the fleet.",
    ]
    assert cause.next_step.startswith("The cluster was not changed. Set ComputeFleetUpdatePolicy")


def test_what_was_left_out_of_a_long_reason_is_said_on_a_line_of_its_own():
    error = InvalidProperty("A", "a.", "", ["B: b.", "C: c."])
    *_, shortest = error.texts("/aws/lambda/provider")
    texts = [mistake.text for mistake in read_reason(shortest).mistakes]
    assert texts == ["a.", "2 more left out; all are in log group /aws/lambda/provider."]


def test_where_the_logs_are_is_not_yet_what_to_do():
    error = errors.ClusterFailed(
        "cluster hpc", "HeadNode failed.", "Logs of the nodes: CloudWatch log group /a."
    )
    assert read_reason(str(error)).next_step == "Fix the cause. Logs of the nodes: CloudWatch log group /a."


def test_quoted_lines_of_a_head_node_s_logs_are_details_and_not_mistakes():
    error = errors.ClusterFailed(
        "cluster hpc",
        "HeadNode failed. ClusterCreationFailure: Failed to create it.",
        "Logs of the nodes: CloudWatch log group /aws/hpc.",
        ["The head node's cfn-init: a: b", "| no such file", "The head node's console output: c"],
    )
    cause = read_reason(wrapped(str(error)))
    assert [mistake.text for mistake in cause.mistakes] == [error.what]
    assert cause.details == error.others
    assert cause.next_step == f"Fix the cause. {error.next_step}"


def test_a_reason_of_another_service_is_its_message_without_tokens():
    reason = (
        'Resource handler returned message: "No capacity (Service: Ec2)" '
        "(RequestToken: 0b7c4f9e-3f4e, HandlerErrorCode: GeneralServiceException)"
    )
    cause = read_reason(reason)
    assert (cause.code, cause.mistakes) == ("", (Mistake("", "No capacity (Service: Ec2)"),))


def test_an_attribute_that_a_response_lacks_is_named_without_cloudformation_s_internals():
    reason = (
        "CustomResource attribute error: Vendor response doesn't contain headNode.publicIp key in object "
        "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/1|Cluster|c-hpc in S3 bucket storage"
    )
    cause = read_reason(reason)
    assert cause.mistakes[0].text == "Cluster has no attribute headNode.publicIp."
    assert "!GetAtt" in cause.next_step


@pytest.mark.parametrize("reason", ["", "no such thing", "Custom: thing", "InvalidProperty", "a: b: c: d"])
def test_any_other_text_is_the_mistake_itself(reason):
    cause = read_reason(reason)
    assert (cause.code, len(cause.mistakes)) == ("", 1)
    assert cause.mistakes[0].text == (reason or "CloudFormation gives no reason.")
