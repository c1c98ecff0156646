"""Which lines of a head node's logs say why it did not start.

The logs are in head_nodes/. Each decisive.txt has the name of the log that says it, and then its lines.
"""

from pathlib import Path

import pytest

from cluster_engine.bootstrap_log import (
    LINE_MAX_CHARACTERS,
    LINES_MAX,
    find_decisive,
    find_decisive_on_console,
)

SAMPLES = Path(__file__).parent / "head_nodes"


def logs_of(sample):
    """The logs of a sample, one event a line."""
    return {
        path.stem: path.read_text(encoding="utf-8").splitlines() for path in (SAMPLES / sample).glob("*.log")
    }


def said(logs):
    found = find_decisive(logs)
    return {line.log for line in found}, [line.text for line in found]


@pytest.mark.parametrize(
    "expected", sorted(SAMPLES.glob("*/decisive.txt")), ids=lambda path: path.parent.name
)
def test_the_error_and_its_cause_are_found_wherever_the_bootstrap_failed(expected):
    log, *lines = expected.read_text(encoding="utf-8").splitlines()
    assert said(logs_of(expected.parent)) == ({log}, lines)


def test_a_traced_script_is_reported_by_its_errors_and_not_by_its_trace():
    _, lines = said(logs_of("traced_script"))
    assert lines[:2] == [
        "Error: Unable to find a match: gcc-gfortran-14",
        "curl: (6) Could not resolve host: tools.example.com",
    ]
    assert lines[2].startswith("Failed to execute OnNodeStart script 2 https://")


def test_without_an_error_the_last_lines_say_what_the_head_node_was_doing():
    log, lines = said(logs_of("timed_out"))
    assert log == {"chef-client"}
    assert lines == [
        "[2026-03-02T10:27:43+00:00] INFO: Waiting for static fleet capacity provisioning",
        "[2026-03-02T10:27:58+00:00] INFO: Waiting for static fleet capacity provisioning",
        "[2026-03-02T10:28:13+00:00] INFO: Waiting for static fleet capacity provisioning",
    ]


def test_what_was_written_last_counts_where_a_script_of_the_users_never_ended():
    hanging = ["2026-03-02 10:14:21,205 [DEBUG] Running command runpostinstall"]
    done = ["[2026-03-02T10:14:20+00:00] INFO: Report handlers complete"]
    assert said({"cfn-init": hanging, "chef-client": done}) == ({"cfn-init"}, hanging)


def test_a_wait_condition_that_timed_out_without_any_log_has_no_lines():
    assert find_decisive({}) == find_decisive({"cfn-init": [], "chef-client": ["", "   "]}) == []
    assert find_decisive_on_console("") == []


def test_only_parallelclusters_own_message_is_better_than_nothing():
    message = "This AMI was created with 3.14.0, but is trying to be used with 3.16.1."
    assert said({"bootstrap_error_msg": [message], "cfn-init": [], "cloud-init-output": ["all is well"]}) == (
        {"bootstrap_error_msg"},
        [message],
    )


def test_an_event_of_several_lines_is_read_line_by_line():
    logs = {name: ["\n".join(lines)] for name, lines in logs_of("custom_action").items()}
    assert find_decisive(logs) == find_decisive(logs_of("custom_action"))


def test_another_command_than_chef_is_named_with_what_it_printed():
    assert said(
        {
            "cfn-init": [
                '2026-03-02 10:09:58,900 [ERROR] Command jq (jq -s ".[0] * .[1]" /tmp/dna.json) failed',
                "2026-03-02 10:09:58,900 [DEBUG] Command jq output: parse error: Invalid literal at line 4",
                "2026-03-02 10:09:58,901 [ERROR] Error encountered during build of deployConfigFiles",
            ]
        }
    ) == (
        {"cfn-init"},
        [
            'Command jq (jq -s ".[0] * .[1]" /tmp/dna.json) failed',
            "parse error: Invalid literal at line 4",
        ],
    )


def test_chefs_errors_count_where_it_reports_no_resource():
    errors = ["[2026-03-02T10:16:50+00:00] FATAL: Errno::ENOSPC: No space left on device"]
    quiet = ["[2026-03-02T10:16:51+00:00] FATAL: Stacktrace dumped to /etc/chef/stacktrace.out"]
    assert said({"chef-client": [*errors, *errors, *quiet]}) == ({"chef-client"}, errors)


def test_what_is_found_is_bounded_and_has_no_control_characters():
    output = [f"\x1b[31merror {number}: {'x' * 2000}\x1b[0m" for number in range(5000)]
    lines = find_decisive(
        {
            "cfn-init": [
                "[DEBUG] Command runpostinstall output: begun",
                *output,
                "fetch_and_run - Failed to execute OnNodeConfigured script 1 s3://b/s, return code: 1.",
            ]
        }
    )
    assert 1 < len(lines) <= LINES_MAX
    assert max(len(line.text) for line in lines) == LINE_MAX_CHARACTERS
    assert all(line.text.isprintable() for line in lines)
    assert lines[0].text.startswith("error 4996: x")


def console_of(sample):
    """What a head node that failed like a sample prints to its console: chef's log, and not cfn-init's."""
    logs = logs_of(sample)
    return "\n".join(
        [
            "[    0.000000] Linux version 6.1.141",
            "[   31.020000] cloud-init[2214]: + error_exit 'Failed to bootstrap the head node.'",
            "Error occurred during build: Command chef failed",
            "========== BEGIN CHEF-CLIENT.LOG ==========",
            *logs["chef-client"],
            "========== END CHEF-CLIENT.LOG ===========",
            "[  431.020000] cloud-init[2214]: Cloud-init v. 22.2.2 finished",
        ]
    )


def test_chefs_error_is_found_on_the_console():
    found = find_decisive_on_console(console_of("fsx_mount"))
    assert {line.log for line in found} == {"console output"}
    assert [line.text for line in found] == said(logs_of("fsx_mount"))[1]


def test_the_console_names_the_failed_command_where_chef_had_no_error():
    console = console_of("custom_action").replace("Command chef", "Command runpostinstall")
    (line,) = find_decisive_on_console(console)
    assert (line.log, line.text) == (
        "console output",
        "Error occurred during build: Command runpostinstall failed",
    )
