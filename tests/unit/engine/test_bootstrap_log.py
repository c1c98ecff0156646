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


def test_of_a_script_that_never_ended_but_copies_its_output_chefs_log_shows_the_last_lines():
    hanging = ["2026-03-02 10:14:21,205 [DEBUG] Running command runpostinstall"]
    copied = ["[2026-03-02T10:14:20+00:00] INFO: Report handlers complete", "waiting for licences", "2 left"]
    assert said({"chef-client": copied, "cfn-init": hanging}) == ({"chef-client"}, copied)


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


FAILED = "Error occurred during build: Command runpostinstall failed"
NOTHING_FOUND = "install-licence.sh: line 41: /shared/licence.dat: No such file or directory"
#: What appears on the console of any head node.
ANY_CONSOLE = [
    "[   12.402113] audit: type=1400 apparmor DENIED error",
    "[FAILED] Failed to start chronyd.service.",
    "ip-10-0-0-7 login: ",
]


def action_console(copied=(), written=ANY_CONSOLE, prefix="[  430.101000] cloud-init[2214]: "):
    """The console of a head node whose custom action failed.

    Args:
        copied: What the action appended to chef's log.
        written: What stands on the console before the failure.
        prefix: What precedes the lines that cloud-init prints.
    """
    chef = logs_of("custom_action")["chef-client"]
    return "\n".join(
        [
            *written,
            f"{prefix}{FAILED}",
            f"{prefix}+ error_exit 'Failed to bootstrap the head node.'",
            f"{prefix}+ echo '========== BEGIN CHEF-CLIENT.LOG =========='",
            *(prefix + line for line in ["========== BEGIN CHEF-CLIENT.LOG ==========", *chef, *copied]),
            f"{prefix}+ echo '========== END CHEF-CLIENT.LOG ==========='",
            f"{prefix}========== END CHEF-CLIENT.LOG ===========",
            f"{prefix}+ sleep 10",
        ]
    )


def said_on(console):
    found = find_decisive_on_console(console)
    assert {line.log for line in found} <= {"console output"}
    return [line.text for line in found]


@pytest.mark.parametrize("prefix", ["", "cloud-init[2214]: ", "[  430.101000] cloud-init[2214]: "])
def test_the_console_names_the_failed_command_where_a_script_copied_nothing(prefix):
    assert said_on(action_console(prefix=prefix)) == [FAILED]


@pytest.mark.parametrize("prefix", ["", "cloud-init[2214]: ", "[  430.101000] cloud-init[2214]: "])
def test_a_scripts_own_error_is_found_at_the_end_of_chefs_log(prefix):
    copied = ["installing the licence server", "+ cp /shared/licence.dat /opt", NOTHING_FOUND]
    console = action_console(copied=copied, prefix=prefix)
    assert said_on(console) == [NOTHING_FOUND, FAILED.partition(": ")[2]]


def test_the_last_line_of_a_script_that_names_no_error_is_found():
    assert said_on(action_console(copied=["looking for licences", "0 left"])) == [
        "0 left",
        "Command runpostinstall failed",
    ]


def test_chefs_own_last_words_are_not_a_scripts():
    chef = ["Running handlers complete", "Cinc Client finished, 12/310 resources updated in 02 minutes"]
    assert said_on(action_console(copied=chef)) == [FAILED]


def test_a_scripts_own_error_is_found_where_it_was_written_to_the_console_alone():
    written = [*ANY_CONSOLE, "installing the licence server", NOTHING_FOUND]
    assert said_on(action_console(written=written)) == [NOTHING_FOUND, "Command runpostinstall failed"]


def test_a_copy_in_chefs_log_counts_before_what_else_was_written_to_the_console():
    written = ["an error that was dealt with", NOTHING_FOUND]
    assert said_on(action_console(written=written, copied=[NOTHING_FOUND]))[0] == NOTHING_FOUND
    assert len(said_on(action_console(written=written, copied=[NOTHING_FOUND]))) == 2


def test_of_a_console_that_was_cut_in_chefs_log_both_kinds_of_errors_are_found():
    copied = action_console(copied=[NOTHING_FOUND])
    assert said_on(copied[copied.index("service[chronyd] restarted") :]) == [NOTHING_FOUND]
    failed = console_of("fsx_mount")
    assert said_on(failed[failed.index("CHEF-CLIENT.LOG ====") :]) == said(logs_of("fsx_mount"))[1]


def test_chefs_errors_are_no_scripts():
    console = console_of("fsx_mount").replace("========== END", f"{NOTHING_FOUND}\n========== END")
    assert said_on(console) == said(logs_of("fsx_mount"))[1]


def test_of_a_script_that_never_ended_the_console_shows_the_last_lines():
    console = "\n".join([*ANY_CONSOLE[:1], "waiting for licences", "waiting for licences, 2 left"])
    assert said_on(console)[-1] == "waiting for licences, 2 left"
