"""The table is readable at any width: statuses whole, names told apart, reasons broken between words."""

import pytest
from rich.cells import cell_len
from rich.text import Text

from pcluster_cfn.deploy.layout import Row, duration, lay_out, shorten, wrap

LONGEST = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
REASON = "InvalidProperty: ClusterConfiguration/HeadNode: a long explanation of what is wrong there"
ROWS = [
    Row(0, "hpc", "CREATE_IN_PROGRESS", "1h 02m 03s", is_running=True, is_stack=True),
    Row(1, "Provider", "CREATE_COMPLETE", "42s"),
    Row(2, "HeadNodeWaitCondition20261130062736", "CREATE_FAILED", "5m 01s", note=REASON),
    Row(3, "HeadNodeWaitCondition20261130064057", "CREATE_COMPLETE", "5m 02s"),
]


def laid_out(rows, width):
    return [line.plain for line in lay_out(rows, width, Text("*"))]


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width):
    lines = laid_out(ROWS, width)
    assert max(map(cell_len, lines)) <= width
    shown = "\n".join(lines)
    for row in ROWS:
        assert row.status in shown
        assert row.elapsed in shown


@pytest.mark.parametrize("width", [60, 100])
def test_rows_are_one_line_each_with_aligned_columns_and_reasons_below(width):
    first, provider, failed, *reason, last = laid_out(ROWS, width)
    columns = {line.index("CREATE_") for line in (first, provider, failed, last)}
    assert len(columns) == 1
    assert first.endswith("1h 02m 03s")
    assert failed.endswith("    5m 01s")
    assert " ".join(" ".join(reason).split()) == REASON


def test_a_long_name_keeps_both_ends_at_60_columns():
    failed = next(line for line in laid_out(ROWS, 60) if "CREATE_FAILED" in line)
    name = failed.split()[0]
    assert "…" in name
    assert name.startswith("HeadNode")
    assert name.endswith("62736")


def test_a_long_name_is_whole_where_there_is_room():
    assert any("HeadNodeWaitCondition20261130062736 " in line for line in laid_out(ROWS, 100))


def test_a_status_that_leaves_no_room_for_a_name_has_a_line_of_its_own():
    rows = [Row(0, "hpc", LONGEST, "5s"), Row(1, "Cluster", "UPDATE_COMPLETE", "3s")]
    name, status, cluster = laid_out(rows, 60)
    assert name.split() == ["hpc", "5s"]
    assert status.strip() == LONGEST
    assert cluster.split() == ["Cluster", "UPDATE_COMPLETE", "3s"]
    assert len(laid_out(rows, 100)) == 2


def test_a_very_long_reason_is_cut_after_some_lines_since_the_report_has_all_of_it():
    lines = laid_out([Row(0, "hpc", "CREATE_FAILED", "5s", note="word " * 200)], 60)
    assert len(lines) == 6
    assert lines[-1].endswith(" …")


def test_reasons_are_broken_between_words_only():
    text = "cannot read arn:aws:cloudformation:us-east-1:123456789012:stack/a-rather-long-name/1 there"
    assert wrap(text, 30, "", "  ") == [
        "cannot read",
        "  arn:aws:cloudformation:us-east-1:123456789012:stack/a-rather-long-name/1",
        "  there",
    ]


@pytest.mark.parametrize(("width", "shown"), [(9, "abcdefghi"), (5, "ab…hi"), (4, "ab…i"), (1, "a")])
def test_a_name_is_shortened_in_the_middle(width, shown):
    assert shorten("abcdefghi", width) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(7, "7s"), (425, "7m 05s"), (3723, "1h 02m 03s")])
def test_times_have_units(seconds, shown):
    assert duration(seconds) == shown
