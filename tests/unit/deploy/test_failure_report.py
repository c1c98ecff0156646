"""A failure is reported once: one line per mistake with its place, what to do, and the next command."""

import io
import json

import pytest
from rich.console import Console

from pcluster_cfn.deploy.ending import print_json, print_next_commands, print_outcome
from pcluster_cfn.deploy.failure_report import Source, document, failures_of
from pcluster_cfn.deploy.outcome import Operation, Outcome
from tests.unit.deploy.reported import CLUSTER, STACK, WAIT, event, wrapped

ARN = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hpc/1"
TEMPLATE = """\
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ClusterConfiguration:
        HeadNode:
          Color: blue
        Scheduling:
          SlurmQueues:
            - Name: q
              Size: 5
"""
SOURCE = Source(TEMPLATE, "hpc.yaml")
TWO_MISTAKES = wrapped(
    'InvalidProperty: ClusterConfiguration/HeadNode/Color: "blue" is not valid; expected a known key. '
    'ClusterConfiguration/Scheduling/SlurmQueues/0/Size: "5" is not valid; expected a known key.'
)


def failed(*events, status="ROLLBACK_COMPLETE", operation=Operation.DEPLOY):
    return Outcome("hpc", ARN, status, "", {"Key": "value"}, list(events), operation=operation)


def printed(outcome, source=None, *, width=60, is_terminal=False):
    output = io.StringIO()
    console = Console(file=output, width=width, force_terminal=is_terminal, color_system=None)
    print_outcome(console, outcome, source)
    return output.getvalue().splitlines()


def test_each_mistake_is_one_line_with_file_line_and_column_and_the_end_says_how_to_go_on():
    outcome = failed(
        event("Cluster", "CREATE_FAILED", reason=TWO_MISTAKES, kind=CLUSTER),
        event("Topic", "CREATE_FAILED", reason="Resource creation cancelled"),
        event("Provider", "CREATE_FAILED", reason="Embedded stack arn was not successfully created"),
    )
    head, queue = "hpc.yaml:7:18: Cluster/ClusterConfiguration/HeadNode", "hpc.yaml:11:21: Cluster"
    below = "ClusterConfiguration/Scheduling/SlurmQueues/0/Size"
    assert printed(outcome, SOURCE) == [
        f'{head}/Color: InvalidProperty: "blue" is not valid; expected a known key.',
        f'{queue}/{below}: InvalidProperty: "5" is not valid; expected a known key.',
        "What to do: Correct it; pcluster-cfn validate finds such mistakes before a deployment.",
        "Stack hpc is ROLLBACK_COMPLETE: 2 causes.",
        "Next: pcluster-cfn delete hpc --region eu-west-1",
    ]


def test_on_a_terminal_lines_are_broken_between_words_and_continued_lines_are_indented():
    outcome = failed(event("Cluster", "CREATE_FAILED", reason=TWO_MISTAKES, kind=CLUSTER))
    lines = printed(outcome, SOURCE, is_terminal=True)
    assert [line for line in lines if len(line) > 60 and " " in line.strip()] == []
    assert lines[0] == "hpc.yaml:7:18: Cluster/ClusterConfiguration/HeadNode/Color:"
    assert lines[1] == '  InvalidProperty: "blue" is not valid; expected a known'


def test_a_resource_without_a_place_in_this_template_is_named_with_its_type():
    outcome = failed(
        event("Provider/Table", "CREATE_FAILED", reason="no capacity", kind="AWS::DynamoDB::Table")
    )
    assert printed(outcome, SOURCE)[0] == "Provider/Table (AWS::DynamoDB::Table): no capacity"


@pytest.mark.parametrize("text", ["Resources: {}", "Resources: {Cluster: {Type: X}}", "{", "- 1"])
def test_a_place_that_the_template_does_not_have_is_left_out_or_the_nearest_one(text):
    outcome = failed(event("Cluster", "CREATE_FAILED", reason=TWO_MISTAKES, kind=CLUSTER))
    assert "ClusterConfiguration/HeadNode/Color" in printed(outcome, Source(text, "t.yaml"))[0]


def test_what_failed_in_the_cluster_s_stack_is_told_by_the_resource_s_reason_and_not_twice():
    inner = event("Cluster/c-hpc/Wait", "CREATE_FAILED", reason="no signal", kind=WAIT, cluster="c-hpc")
    reason = wrapped("ClusterFailed: cluster c-hpc: Wait (W) CREATE_FAILED: no signal.")
    outcome = failed(inner, event("Cluster", "CREATE_FAILED", 1, reason=reason, kind=CLUSTER))
    assert "\n".join(printed(outcome)).count("no signal") == 1


def test_what_failed_in_the_cluster_s_stack_is_told_if_the_provider_did_not_answer():
    inner = event("Cluster/c-hpc/Wait", "CREATE_FAILED", reason="no signal", kind=WAIT, cluster="c-hpc")
    silent = "CloudFormation did not receive a response from your Custom Resource."
    lines = printed(failed(inner, event("Cluster", "CREATE_FAILED", 1, reason=silent, kind=CLUSTER)))
    assert lines[:2] == [
        f"Cluster ({CLUSTER}): {silent}",
        f"Cluster/c-hpc/Wait ({WAIT}): no signal",
    ]


def test_lines_of_a_head_node_s_logs_are_below_the_mistake():
    reason = wrapped("ClusterFailed: cluster hpc: it failed. The head node's cfn-init: mount: bad | again")
    outcome = failed(event("Cluster", "CREATE_FAILED", reason=reason, kind=CLUSTER))
    assert printed(outcome)[1:3] == ["  The head node's cfn-init: mount: bad", "  | again"]
    assert printed(outcome, is_terminal=True)[2:4] == ["  The head node's cfn-init: mount: bad", "  | again"]
    assert document(outcome, None)["RootCauses"][0]["Details"][1] == "| again"


def test_the_same_failure_is_one_cause_however_often_it_is_reported():
    again = [event("Cluster", "DELETE_FAILED", after, reason="no", kind=CLUSTER) for after in (1, 2)]
    assert len(failures_of(failed(*again, status="DELETE_FAILED"), None)) == 1


def test_consequences_are_causes_when_nothing_else_is_known():
    consequence = event("Topic", "CREATE_FAILED", reason="Resource creation cancelled")
    assert failed(consequence).root_causes() == [consequence]


def test_a_stack_that_goes_back_although_every_resource_was_made_shows_its_own_reason():
    outcome = failed(
        event("", "CREATE_IN_PROGRESS", reason="User Initiated", kind=STACK),
        event("Cluster", "CREATE_COMPLETE"),
        event("", "ROLLBACK_IN_PROGRESS", reason="Cannot export output Ip. It is empty.", kind=STACK),
        event("Cluster", "DELETE_COMPLETE"),
        event("", "ROLLBACK_COMPLETE", kind=STACK),
    )
    assert printed(outcome)[0] == f"hpc ({STACK}): Cannot export output Ip. It is empty."
    (cause,) = document(outcome, None)["RootCauses"]
    assert (cause["Resource"], cause["Reason"]) == ("hpc", "Cannot export output Ip. It is empty.")
    assert document(outcome, None)["StackStatusReason"] == "Cannot export output Ip. It is empty."


@pytest.mark.parametrize("events", [(), [event("", "ROLLBACK_COMPLETE", kind=STACK)]])
def test_a_failure_has_a_cause_and_a_reason_even_if_no_event_gives_one(events):
    shown = document(failed(*events), None)
    assert [cause["Resource"] for cause in shown["RootCauses"]] == ["hpc"]
    assert shown["RootCauses"][0]["Reason"]
    assert shown["StackStatusReason"]


def test_the_json_has_the_code_each_mistake_with_its_place_what_to_do_and_the_next_command():
    outcome = failed(
        event("Cluster", "CREATE_FAILED", reason=TWO_MISTAKES, kind=CLUSTER),
        event("", "ROLLBACK_IN_PROGRESS", 1, "The following resource(s) failed to create: [Cluster].", STACK),
    )
    shown = document(outcome, SOURCE)
    (cause,) = shown["RootCauses"]
    assert (cause["Resource"], cause["ResourceType"], cause["Code"]) == (
        "Cluster",
        CLUSTER,
        "InvalidProperty",
    )
    assert cause["Reason"] == TWO_MISTAKES
    assert cause["Mistakes"][0] == {
        "Path": "ClusterConfiguration/HeadNode/Color",
        "Cause": '"blue" is not valid; expected a known key.',
        "File": "hpc.yaml",
        "Line": 7,
        "Column": 18,
    }
    assert cause["NextStep"].startswith("Correct it")
    assert shown["StackStatusReason"] == "The following resource(s) failed to create: [Cluster]."
    assert shown["NextCommand"] == "pcluster-cfn delete hpc --region eu-west-1"


def test_the_outcome_after_lines_of_events_is_one_line_too(capsys):
    print_json(failed(), as_line=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["Type"] == "outcome"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("ROLLBACK_COMPLETE", "pcluster-cfn delete hpc --region eu-west-1"),
        ("UPDATE_ROLLBACK_COMPLETE", "pcluster-cfn deploy again"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name hpc --region eu-west-1"),
        ("DELETE_COMPLETE", "pcluster-cfn deploy again"),
    ],
)
def test_the_next_command_fits_the_stack_s_status(status, words):
    assert words in printed(failed(status=status))[-1]


def test_a_deletion_that_failed_is_tried_again():
    outcome = failed(status="DELETE_FAILED", operation=Operation.DELETE)
    assert printed(outcome)[-1] == "Next: pcluster-cfn delete hpc --region eu-west-1"


def test_outputs_are_lines_for_pipes_whatever_their_length():
    outcome = Outcome("hpc", "arn", "CREATE_COMPLETE", "", {"Key": "v" * 200})
    assert printed(outcome) == [f"Key = {'v' * 200}"]


def test_a_rolled_back_update_is_no_success():
    assert not Outcome("hpc", "arn", "UPDATE_ROLLBACK_COMPLETE", "", {}).succeeded


@pytest.mark.parametrize(
    ("events", "outputs", "commands"),
    [
        ([], {}, ["status hpc", "delete hpc"]),
        (
            [event("Cluster/c-hpc", "CREATE_COMPLETE", cluster="c-hpc")],
            {"ServiceToken": "arn:token"},
            ["status hpc", "logs c-hpc", "connect c-hpc", "delete hpc"],
        ),
        ([], {"ServiceToken": "arn:token"}, ["deploy TEMPLATE -p ServiceToken=arn:token", "delete hpc"]),
    ],
    ids=["no cluster changed", "a cluster", "a provider"],
)
def test_a_success_ends_with_the_next_commands(events, outputs, commands):
    console = Console(file=(output := io.StringIO()), width=100)
    print_next_commands(console, Outcome("hpc", ARN, "CREATE_COMPLETE", "", outputs, events))
    assert output.getvalue().splitlines() == [
        "Next:",
        *(f"  pcluster-cfn {each} --region eu-west-1" for each in commands),
    ]
