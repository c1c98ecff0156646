"""Progress is one line per change where the output is no terminal, one line per resource where it is."""

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from pcluster_cfn.deploy.events import Event, Outcome
from pcluster_cfn.deploy.view import LiveView, PlainView, Progress, print_outcome, view_for

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def event(path, status, after_s=0, reason="", kind="AWS::SNS::Topic"):
    return Event(
        tuple(path.split("/")) if path else (), kind, status, reason, "id", START + timedelta(seconds=after_s)
    )


def plain():
    output = io.StringIO()
    return Console(file=output, width=60), output


def test_a_change_is_one_line_with_time_status_path_type_and_reason():
    console, output = plain()
    view = PlainView(console, "hpc")
    view.show(
        [event("Provider/Topic", "CREATE_FAILED", reason="no [red]such[/red] thing, whatever the width")]
    )
    assert output.getvalue() == (
        "12:00:00  CREATE_FAILED         hpc/Provider/Topic  AWS::SNS::Topic  0s"
        "  no [red]such[/red] thing, whatever the width\n"
    )


def test_an_ended_resource_says_how_long_it_took_by_cloudformation_s_clock():
    console, output = plain()
    view = PlainView(console, "hpc")
    view.show([event("Cluster", "CREATE_IN_PROGRESS"), event("Cluster", "CREATE_COMPLETE", after_s=425)])
    assert output.getvalue().splitlines()[1].endswith("7m 05s")


def test_a_second_piece_of_work_on_a_resource_is_timed_from_its_own_start():
    progress = Progress()
    for item in (
        event("", "UPDATE_IN_PROGRESS"),
        event("A", "UPDATE_IN_PROGRESS"),
        event("A", "UPDATE_COMPLETE", after_s=100),
        event("A", "DELETE_IN_PROGRESS", after_s=200),
    ):
        progress.observe(item, "hpc")
    line = progress.observe(event("A", "DELETE_COMPLETE", after_s=207), "hpc")
    assert line.elapsed_s == 7


def test_lines_nest_as_stacks_do_and_fold_once_a_nested_stack_is_complete():
    progress = Progress()
    for item in (
        event("", "CREATE_IN_PROGRESS"),
        event("Provider", "CREATE_IN_PROGRESS"),
        event("Provider/Table", "CREATE_COMPLETE"),
        event("Provider", "CREATE_COMPLETE"),
        event("Cluster", "CREATE_IN_PROGRESS"),
    ):
        progress.observe(item, "hpc")
    names = [(depth, line.name) for depth, line in progress.lines(fold=False)]
    assert names == [(0, "hpc"), (1, "Provider"), (2, "Table"), (1, "Cluster")]
    assert [line.name for _, line in progress.lines(fold=True)] == ["hpc", "Provider", "Cluster"]


def test_a_terminal_gets_one_live_line_per_resource_indented_by_nesting():
    output = io.StringIO()
    console = Console(file=output, width=100, height=40, force_terminal=True, color_system=None)
    with LiveView(console, "hpc") as view:
        view.show(
            [
                event("", "CREATE_IN_PROGRESS"),
                event("Provider", "CREATE_IN_PROGRESS"),
                event("Provider/Table", "CREATE_IN_PROGRESS"),
                event("Provider/Table", "CREATE_COMPLETE", after_s=65),
            ]
        )
    last_frame = output.getvalue().split("Resource")[-1]
    assert "\n    Table" in last_frame
    assert last_frame.count("Table") == 1
    assert "1m 05s" in last_frame


def test_the_view_follows_where_the_output_goes():
    assert isinstance(view_for(Console(file=io.StringIO()), "hpc"), PlainView)
    assert isinstance(view_for(Console(file=io.StringIO(), force_terminal=True), "hpc"), LiveView)


def failed(*events):
    return Outcome("hpc", "arn", "ROLLBACK_COMPLETE", "", {"Key": "value"}, list(events))


def test_a_failure_shows_root_causes_first_and_no_outputs():
    console, output = plain()
    outcome = failed(
        event("Cluster", "CREATE_FAILED", reason="InvalidProperty: /HeadNode"),
        event("Topic", "CREATE_FAILED", reason="Resource creation cancelled"),
        event("Provider", "CREATE_FAILED", reason="Embedded stack arn was not successfully created"),
    )
    print_outcome(console, outcome)
    assert output.getvalue().splitlines() == [
        "Cluster (AWS::SNS::Topic): InvalidProperty: /HeadNode",
        "Stack hpc is ROLLBACK_COMPLETE.",
    ]


def test_consequences_are_shown_when_nothing_else_is_known():
    consequence = event("Topic", "CREATE_FAILED", reason="Resource creation cancelled")
    assert failed(consequence).root_causes() == [consequence]


def test_a_stack_that_goes_back_although_every_resource_was_made_shows_its_own_reason():
    console, output = plain()
    kind = "AWS::CloudFormation::Stack"
    outcome = failed(
        event("Cluster", "CREATE_COMPLETE"),
        event("", "ROLLBACK_IN_PROGRESS", reason="Cannot export output Ip. It is empty.", kind=kind),
        event("Cluster", "DELETE_COMPLETE"),
        event("", "ROLLBACK_COMPLETE", kind=kind),
    )
    print_outcome(console, outcome)
    assert output.getvalue().splitlines() == [
        f"hpc ({kind}): Cannot export output Ip. It is empty.",
        "Stack hpc is ROLLBACK_COMPLETE.",
    ]
    assert [cause["Resource"] for cause in outcome.as_json()["RootCauses"]] == ["hpc"]


def test_outputs_are_lines_for_pipes_whatever_their_length():
    console, output = plain()
    print_outcome(console, Outcome("hpc", "arn", "CREATE_COMPLETE", "", {"Key": "v" * 200}))
    assert output.getvalue() == f"Key = {'v' * 200}\n"


def test_a_rolled_back_update_is_no_success():
    assert not Outcome("hpc", "arn", "UPDATE_ROLLBACK_COMPLETE", "", {}).succeeded
