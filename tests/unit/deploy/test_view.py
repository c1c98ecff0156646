"""Progress is one line per change where the output is no terminal, one line per resource where it is."""

import io
import json

import pytest
from rich.console import Console

from pcluster_cfn.deploy.events import Activity
from pcluster_cfn.deploy.progress import Progress
from pcluster_cfn.deploy.view import JsonView, LiveView, PlainView, view_for
from tests.unit.deploy.reported import CLUSTER, STACK, START, WAIT, event, wrapped

WIDE, NARROW = 100, 60
WAIT_ID = "HeadNodeWaitCondition20261130062736"


def plain():
    output = io.StringIO()
    return Console(file=output, width=60), output


def table(events, width, *, height=40, is_final=False, activity=None):
    """The lines of the table on a terminal of a size: while the operation runs, or after its end."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None, record=True)
    view = LiveView(console, "hpc")
    view.show(events)
    if activity:
        view.show_activity(activity)
    console.print(view.table(is_final=is_final))
    return [line.rstrip() for line in console.export_text().splitlines()]


def inside(path, status, after_s=0, reason="", kind="AWS::EC2::Instance"):
    return event(f"Cluster/c-hpc{path and '/'}{path}", status, after_s, reason, kind, cluster="c-hpc")


CREATING = [
    event("", "CREATE_IN_PROGRESS", kind=STACK),
    event("Cluster", "CREATE_IN_PROGRESS", kind=CLUSTER),
    inside("", "CREATE_IN_PROGRESS", 1, kind=STACK),
    inside("RoleHeadNode", "CREATE_IN_PROGRESS", 1),
    inside("RoleHeadNode", "CREATE_COMPLETE", 2),
    inside("Queues", "CREATE_IN_PROGRESS", 2, kind=STACK),
    inside("Queues/Role", "CREATE_COMPLETE", 2),
    inside("Queues", "CREATE_COMPLETE", 3, kind=STACK),
    inside("HeadNode", "CREATE_COMPLETE", 3),
    inside(WAIT_ID, "CREATE_IN_PROGRESS", 3, kind=WAIT),
]
SAID = "WaitCondition received failed message: 'Failed to run mount.sh'"
REASON = (
    "ClusterFailed: cluster c-hpc: HeadNodeWaitCondition (AWS::CloudFormation::WaitCondition) CREATE_FAILED: "
    f"{SAID}. Logs of the nodes: CloudWatch log group /l."
)
FAILED = [
    *CREATING,
    inside(WAIT_ID, "CREATE_FAILED", 300, SAID, WAIT),
    event("Cluster", "CREATE_FAILED", 301, wrapped(REASON), CLUSTER),
    event("Topic", "CREATE_FAILED", 301, "Resource creation cancelled"),
    event("", "ROLLBACK_IN_PROGRESS", 302, "The following resource(s) failed to create: [Cluster].", STACK),
    inside("", "ROLLBACK_COMPLETE", 303, kind=STACK),
    event("Cluster", "DELETE_IN_PROGRESS", 304, kind=CLUSTER),
    inside("", "DELETE_IN_PROGRESS", 304, kind=STACK),
    inside("", "DELETE_COMPLETE", 310, kind=STACK),
    event("Cluster", "DELETE_COMPLETE", 311, kind=CLUSTER),
    event("", "ROLLBACK_COMPLETE", 312, kind=STACK),
]


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


def test_a_line_about_a_failure_has_the_beginning_of_its_reason_since_the_report_follows():
    console, output = plain()
    PlainView(console, "hpc").show([event("Cluster", "CREATE_FAILED", reason=wrapped(REASON), kind=CLUSTER)])
    (line,) = output.getvalue().splitlines()
    assert "  ClusterFailed: cluster c-hpc: HeadNodeWaitCondition" in line
    assert line.endswith("…")
    assert "Logs of the nodes" not in line


@pytest.mark.parametrize("reason", ["User Initiated", "Resource creation Initiated"])
def test_a_reason_that_repeats_the_status_is_not_shown(reason):
    console, output = plain()
    PlainView(console, "hpc").show([event("", "CREATE_IN_PROGRESS", reason=reason, kind=STACK)])
    assert reason not in output.getvalue()
    assert not any(reason in line for line in table([event("", "CREATE_IN_PROGRESS", reason=reason)], WIDE))


def test_an_ended_resource_says_how_long_it_took_by_cloudformation_s_clock():
    console, output = plain()
    view = PlainView(console, "hpc")
    view.show([event("Cluster", "CREATE_IN_PROGRESS"), event("Cluster", "CREATE_COMPLETE", after_s=425)])
    assert output.getvalue().splitlines()[1].endswith("7m 05s")


def test_what_a_head_node_does_is_a_line_of_its_own():
    console, output = plain()
    PlainView(console, "hpc").show_activity(Activity(("Cluster", "c-hpc", WAIT_ID), "head node boots", START))
    assert output.getvalue().split() == ["12:00:00", f"hpc/Cluster/c-hpc/{WAIT_ID}", "head", "node", "boots"]


def test_events_for_programs_are_one_object_per_line_with_cloudformation_s_names():
    console, output = plain()
    with view_for(console, "hpc", as_json=True) as view:
        assert isinstance(view, JsonView)
        view.show([inside("HeadNode", "CREATE_FAILED", reason="no\ncapacity")])
        view.show_activity(Activity(("Cluster", "c-hpc", WAIT_ID), "head node boots", START))
    failed, activity = map(json.loads, output.getvalue().splitlines())
    assert failed["Type"] == "event"
    assert failed["Resource"] == "Cluster/c-hpc/HeadNode"
    assert (failed["ResourceStatus"], failed["ResourceStatusReason"]) == ("CREATE_FAILED", "no\ncapacity")
    assert (failed["Cluster"], failed["Timestamp"]) == ("c-hpc", START.isoformat())
    assert (activity["Type"], activity["Text"]) == ("activity", "head node boots")


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


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_cluster_s_own_stack_is_below_its_resource_and_lists_what_is_being_made(width):
    stack, cluster, own, done, wait, boots = table(CREATING, width)
    assert stack.startswith("hpc ")
    assert cluster.startswith("  Cluster ")
    assert own.startswith("    c-hpc ")
    assert done.strip() == "3 of its resources done"
    assert wait.startswith("      HeadNode")
    assert boots.strip() == "the head node boots"
    assert all("CREATE_IN_PROGRESS" in line for line in (stack, cluster, own, wait))


def test_what_the_head_node_s_logs_say_is_below_the_wait_for_it():
    does = Activity(("Cluster", "c-hpc", WAIT_ID), "head node runs OnNodeStart", START)
    assert table(CREATING, NARROW, activity=does)[-1].strip() == does.text


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_cluster_that_failed_is_shown_as_failed_with_its_cause_after_the_rollback(width):
    lines = table(FAILED, width, is_final=True)
    stack, cluster, *reason = lines
    assert stack.split() == ["hpc", "ROLLBACK_COMPLETE", "5m", "12s"]
    assert cluster.split() == ["Cluster", "CREATE_FAILED", "5m", "01s"]
    text = " ".join(" ".join(reason).split())
    assert "ClusterFailed: cluster c-hpc" in text
    assert "'Failed to run mount.sh'" in text
    assert any(line.split()[:2] == ["c-hpc", "ROLLBACK_COMPLETE"] for line in lines)
    assert max(map(len, lines)) <= width


def test_a_table_that_is_too_long_for_the_terminal_leaves_out_what_is_done_first():
    many = [event("", "CREATE_IN_PROGRESS", kind=STACK)]
    many += [event(f"Done{number}", "CREATE_COMPLETE") for number in range(50)]
    many += [event("Cluster", "CREATE_IN_PROGRESS", kind=CLUSTER)]
    assert [line.split()[0] for line in table(many, NARROW, height=20)] == [
        "hpc",
        "Cluster",
    ]
    running = [event(f"Topic{number}", "CREATE_IN_PROGRESS") for number in range(50)]
    lines = table([many[0], *running], NARROW, height=20)
    assert len(lines) == 17
    assert lines[-1].startswith("… 35 more lines")


def test_a_live_view_leaves_the_final_table_on_the_screen():
    output = io.StringIO()
    with LiveView(Console(file=output, width=WIDE, force_terminal=True, color_system=None), "hpc") as view:
        view.show(FAILED)
    assert "Cluster" in (last := output.getvalue().split("ROLLBACK_COMPLETE")[-2])
    assert "CREATE_FAILED" in last


def test_the_view_follows_where_the_output_goes():
    assert isinstance(view_for(Console(file=io.StringIO()), "hpc"), PlainView)
    assert isinstance(view_for(Console(file=io.StringIO(), force_terminal=True), "hpc"), LiveView)
