"""Ten planted mistakes are found in one run, by the command and by cfn-lint, and nothing in the examples."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main

ROOT = Path(__file__).parents[3]
PLANTED = ROOT / "tests" / "support" / "templates" / "ten-mistakes.yaml"
LINES = [
    number
    for number, line in enumerate(PLANTED.read_text(encoding="utf-8").splitlines(), 1)
    if line.endswith("# mistake") and not line.startswith("#")
]
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").rglob("*.yaml")
    if "\nResources:\n" in path.read_text(encoding="utf-8")
)
#: From the end of Python's start; the machine of a test run does more at the same time.
LIMIT_S = 2.0


def validate(*arguments):
    return CliRunner().invoke(main, ["validate", *map(str, arguments)])


def linted(*templates):
    """What this project's rules find in cfn-lint; its own are left out, because ``make check`` runs those."""
    lint = Path(sys.executable).with_name("cfn-lint")
    others = [*(f"E{number}" for number in range(9)), "W", "I"]
    done = subprocess.run(
        [
            lint,
            *templates,
            "--append-rules",
            "pcluster_cfn.lint_rules",
            "--ignore-checks",
            *others,
            "--format",
            "json",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'provider' / 'engine'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)


def test_all_ten_are_reported_with_their_lines_in_one_run():
    result = validate(PLANTED, "--json")
    assert len(LINES) == 10
    assert [found["line"] for found in json.loads(result.stdout)["findings"]] == LINES
    assert result.exit_code == 1


def test_a_line_of_text_names_file_line_column_path_and_what_is_expected():
    lines = validate(PLANTED).stdout.splitlines()
    assert len(lines) == 10
    size = next(line for line in lines if "RootVolume/Size" in line)
    assert size == (
        f"{PLANTED}:27:21: Map/ClusterConfiguration/HeadNode/LocalStorage/RootVolume/Size: "
        '"forty" is not valid; expected an integer'
    )


def test_it_takes_less_than_two_seconds_and_no_network():
    started_s = time.process_time()
    assert validate(PLANTED).exit_code == 1  # the session is closed to every other machine
    assert time.process_time() - started_s < LIMIT_S


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_nothing_is_found_in_an_example(path):
    result = validate(path)
    assert (result.stdout, result.exit_code) == ("", 0)
    assert re.fullmatch(r"[01] clusters? checked in [12] templates?\n", result.stderr)


def test_cfn_lint_reports_the_same_at_the_same_places_and_nothing_in_the_examples():
    ours = json.loads(validate(PLANTED, "--json").stdout)["findings"]
    theirs = linted(PLANTED, *EXAMPLES)
    starts = [(match, match["Location"]["Start"]) for match in theirs]
    assert sorted(
        (match["Filename"], start["LineNumber"], start["ColumnNumber"], match["Message"])
        for match, start in starts
    ) == [
        (found["file"], found["line"], found["column"], f"{found['path']}: {found['message']}")
        for found in ours
    ]
    assert {match["Rule"]["Id"] for match in theirs} == {"E9801", "E9802", "E9803"}


def test_a_parameter_s_value_takes_the_place_of_its_default():
    found = json.loads(validate(PLANTED, "--json", "-p", "MaxCount=4").stdout)["findings"]
    assert "MaxCount" not in {each["path"].rpartition("/")[2] for each in found}
    assert len(found) == 9


def test_a_parameter_that_no_template_has_is_refused_with_the_nearest():
    result = validate(PLANTED, "-p", "MaxCont=4")
    assert result.exit_code == 1
    assert "no template has a parameter MaxCont; did you mean MaxCount?" in result.output


def test_a_file_that_is_not_there_is_one_line_with_its_path():
    result = validate("nowhere.yaml")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "cannot read template nowhere.yaml" in result.output
