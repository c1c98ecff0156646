"""What comes from a file, an event or AWS is shown by the terminal and not obeyed."""

import io
import json
import sys
import unicodedata
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from pcluster_cfn.cli import main
from pcluster_cfn.deploy.events import Activity, Event
from pcluster_cfn.deploy.view import LiveView, PlainView
from pcluster_cfn.terminal import Console, harmless, harmless_output

ORDERS = "\x1b]0;title\a\x1b[2J\x9b31m\u202eevil\u2028\x7f\b\r"
SHOWN = "\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u202eevil\\u2028\\u007f\\u0008\\u000d"


@given(st.text())
def test_no_text_keeps_a_character_that_a_terminal_obeys(text):
    shown = harmless(text)
    kinds = {unicodedata.category(character) for character in shown if character not in "\n\t"}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.bidirectional(each) in {"RLO", "LRO", "RLE", "LRE", "PDF"} for each in shown)
    assert shown.encode().decode() == shown


@given(st.text())
def test_json_says_the_same_after_it_was_made_harmless(text):
    for as_ascii in (True, False):
        assert json.loads(harmless(json.dumps(text, ensure_ascii=as_ascii))) == text


def test_ordinary_text_of_any_language_stays():
    text = "Größe → 4\tאבגד 文件 😀 „x“ …\n"
    assert harmless(text) == text


def test_what_a_terminal_has_no_character_for_is_escaped():
    assert harmless("é → 😀", "latin-1") == "é \\u2192 \\ud83d\\ude00"


def test_everything_that_is_written_passes_and_json_stays_json(capsys):
    with harmless_output():
        click.echo(ORDERS, color=True)
        sys.stderr.write(ORDERS)
        sys.stdout.writelines([ORDERS, "\n"])
        click.echo(json.dumps({"key\x7f": ORDERS}))
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == [SHOWN, SHOWN]
    assert json.loads(out.splitlines()[2]) == {"key\x7f": ORDERS}
    assert err == SHOWN


def console(width=100):
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system="standard")


def test_colours_reach_the_terminal_and_what_is_coloured_gives_no_orders():
    shown = console()
    shown.print(Text(f"is {ORDERS}", style="red"))
    assert shown.file.getvalue().startswith("\x1b[31mis \\u001b]0;title")
    assert "\x1b]0" not in shown.file.getvalue()


def test_a_table_is_aligned_whatever_its_cells_hold():
    shown = console(width=40)
    table = Table(show_header=False)
    table.add_row(Text("\x1b[2Ja"), Text("b"))
    table.add_row(Text("plain"), Text("\u202e" * 40))
    shown.print(table)
    lines = shown.file.getvalue().splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert "\x1b[2J" not in shown.file.getvalue()


def event(reason, name="A"):
    return Event((name,), "Custom::X", "CREATE_FAILED", reason, "", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("view", [PlainView, LiveView])
def test_events_give_no_orders_in_any_view(view):
    shown = console()
    with view(shown, "stack") as opened:
        opened.show([event(ORDERS, "\x1b]0;name\a")])
        opened.show_activity(Activity(("A",), ORDERS, datetime(2026, 1, 1, tzinfo=UTC)))
    written = shown.file.getvalue()
    assert "\\u001b]" in written
    assert "\x1b]" not in written
    assert "\u202e" not in written


def test_a_live_view_writes_its_own_orders_while_other_output_is_made_harmless(monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stdout", terminal)
    with harmless_output():
        shown = Console(force_terminal=True, width=100, color_system="standard")
        with LiveView(shown, "stack") as view:
            view.show([event("broken")])
            click.echo(ORDERS)
    assert "\x1b[31mCREATE_FAILED" in terminal.getvalue()
    assert "\x1b]0;title" not in terminal.getvalue()


def test_errors_of_click_itself_pass_too(tmp_path):
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "\x1b[2Jno.yaml")], color=True)
    assert result.exit_code == 1
    assert "\\u001b[2Jno.yaml" in result.output
    assert "\x1b" not in CliRunner().invoke(main, ["\x1b[2J"], color=True).output


def test_findings_of_a_template_are_one_line_each_and_give_no_orders(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(
        "Resources:\n  Cluster:\n    Type: Custom::PclusterCluster\n    Properties:\n"
        "      ServiceToken: x\n      ClusterName: hpc\n      ClusterConfiguration:\n"
        '        "\\e]0;pwned\\a\\nother.yaml:1:1: made up": 1\n        Image: {Os: "\\e[2J"}\n'
    )
    result = CliRunner().invoke(main, ["validate", str(path)], color=True)
    assert result.exit_code == 1
    assert all(line.startswith(str(path)) for line in result.stdout.splitlines())
    assert "\x1b" not in result.stdout
