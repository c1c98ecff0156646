"""What a head node writes while it starts and while it is updated: the lines of its logs and of its console.

Sources: aws-parallelcluster 3.16.1, resources/head_node/user_data.sh (the steps, and what a failure prints to
the console) and templates/cluster_stack.py (cfn-init's configuration sets); aws-parallelcluster-cookbook,
cloudwatch_agent_config.json (names of the streams) and custom_action_executor.py (what custom actions that
fail are reported with; it reads their standard error and, on head nodes, drops it); aws-parallelcluster
issues 5511, 6371 and 6552 (logs as users pasted them).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

#: The step that fails: a recipe of chef, or a script that the configuration names as OnNodeConfigured.
Step = Literal["chef", "custom-action"]

#: The logs that are written, each the end of a log stream's name: HOST.INSTANCE.LOG.
CFN_INIT, CHEF, CLOUD_INIT, MESSAGE = "cfn-init", "chef-client", "cloud-init-output", "bootstrap_error_msg"
#: No log: what a script writes to the console itself.
CONSOLE = "/dev/console"

Lines = dict[str, list[str]]

_RUN = (
    "cinc-client --local-mode --config /etc/chef/client.rb --log_level info "
    "--logfile /var/log/chef-client.log --override-runlist aws-parallelcluster-entrypoints::"
)
_ACTION = "/opt/parallelcluster/scripts/fetch_and_run -postinstall"
_ADVICE = (
    "Please check /var/log/cfn-init.log in the head node, or check the cfn-init.log in CloudWatch logs. "
    "Please refer to https://docs.aws.amazon.com/parallelcluster/latest/ug/troubleshooting-v3.html"
    "#troubleshooting-v3-get-logs for more details on ParallelCluster logs."
)
#: Where a failing custom action is said to come from; this cloud reads no configuration.
_SCRIPT = "s3://your-scripts/on-node-configured.sh"


@dataclass(frozen=True)
class Failure:
    """Why a head node fails.

    Attributes:
        reason: What it signals to its stack.
        step: The step that fails.
        printed: What that step prints, the error last; of a custom action, to its standard output.
        errors: What a custom action prints to its standard error, after all else.
        copied: Whether the custom action sends its standard error where its standard output goes, and copies
            both to the console and to the end of chef's log.

    Raises:
        ValueError: a step that is none, or errors or a copy of a step that is no custom action.
    """

    reason: str
    step: Step = "chef"
    printed: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    copied: bool = False

    def __post_init__(self) -> None:
        if self.step not in get_args(Step):
            raise ValueError(f"step {self.step!r} is not one of {', '.join(get_args(Step))}")
        if self.step != "custom-action" and (self.errors or self.copied):
            raise ValueError(f"errors and copied are of step custom-action, not of step {self.step!r}")


def boot_begun(at: datetime) -> Lines:
    """Returns what is written from the launch on."""
    return {
        CLOUD_INIT: [
            f"Cloud-init v. 22.2.2 running 'modules:final' at {at:%a, %d %b %Y %H:%M:%S} +0000.",
            "+ cd /opt/parallelcluster/tmp",
        ],
        CFN_INIT: [
            _cfn(at, "INFO", "-----------------------Starting build-----------------------"),
            _cfn(at, "INFO", "Running configSets: default"),
            _cfn(at, "INFO", "Running config chefPrepEnv"),
            _cfn(at, "DEBUG", "Running command chef"),
        ],
        CHEF: [
            _chef(at, "INFO", "Started Cinc Zero at chefzero://localhost:8889 with repository at /etc/chef"),
            _chef(at, "INFO", "Run List is [recipe[aws-parallelcluster-entrypoints::init]]"),
        ],
    }


def boot_succeeded(at: datetime) -> Lines:
    """Returns what is written at the end of a boot."""
    return {
        CFN_INIT: [
            _cfn(at, "INFO", "Command chef succeeded"),
            _cfn(at, "INFO", "ConfigSets completed"),
            _cfn(at, "INFO", "-----------------------Build complete-----------------------"),
        ],
        CHEF: _chef_succeeded(at, "finalize"),
        CLOUD_INIT: [f"Cloud-init v. 22.2.2 finished at {at:%a, %d %b %Y %H:%M:%S} +0000."],
    }


def boot_failed(at: datetime, failure: Failure) -> Lines:
    """Returns what is written at the end of a boot that fails."""
    if failure.step == "custom-action":
        return _action_failed(at, failure)
    return {
        CFN_INIT: [*_command_failed(at, "chef", f"{_RUN}config", [], "chefConfig")],
        CHEF: _recipe_failed(at, failure),
        MESSAGE: [failure.reason],
        CLOUD_INIT: ["Error occurred during build: Command chef failed"],
    }


def update_succeeded(at: datetime) -> Lines:
    """Returns what is written at the end of an update."""
    return {CFN_INIT: _update_of_files(at), CHEF: _chef_succeeded(at, "update")}


def update_failed(at: datetime, failure: Failure) -> Lines:
    """Returns what is written at the end of an update that fails; cfn-init itself succeeds."""
    return {CFN_INIT: _update_of_files(at), CHEF: _recipe_failed(at, failure)}


def on_console(written: Lines, all_of_chef: Sequence[str], *, failed: bool) -> list[str]:
    """Returns what appears on the console of what was written: what cloud-init prints.

    After a failure, chef's log is there as well. cfn-init's is not, and so neither what custom actions print,
    unless they copy it.

    Args:
        written: What is written now.
        all_of_chef: Chef's log from the launch on.
        failed: Whether the boot failed.
    """
    lines = list(written.get(CLOUD_INIT, []))
    if failed:
        lines += [
            "========== BEGIN CHEF-CLIENT.LOG ==========",
            *all_of_chef,
            "========== END CHEF-CLIENT.LOG ===========",
        ]
    return [*written.get(CONSOLE, []), *(f"cloud-init[2214]: {line}" for line in lines)]


def _action_failed(at: datetime, failure: Failure) -> Lines:
    failed = f"Failed to execute OnNodeConfigured script 1 {_SCRIPT}, return code: 1."
    copied = [*failure.printed, *failure.errors] if failure.copied else []
    printed = [*(copied or failure.printed), f"fetch_and_run - {failed} {_ADVICE}"]
    return {
        CONSOLE: copied,
        CHEF: [*_chef_succeeded(at, "config"), *copied],
        CFN_INIT: [
            _cfn(at, "INFO", "Running config shellRunPostInstall"),
            _cfn(at, "DEBUG", "Running command runpostinstall"),
            *_command_failed(at, "runpostinstall", _ACTION, printed, "shellRunPostInstall"),
        ],
        MESSAGE: [failure.reason],
        CLOUD_INIT: ["Error occurred during build: Command runpostinstall failed"],
    }


def _command_failed(at: datetime, name: str, command: str, printed: Sequence[str], config: str) -> list[str]:
    first, *rest = printed or [""]
    return [
        _cfn(at, "ERROR", f"Command {name} ({command}) failed"),
        _cfn(at, "DEBUG", f"Command {name} output: {first}"),
        *rest,
        _cfn(at, "ERROR", f"Error encountered during build of {config}: Command {name} failed"),
        "Traceback (most recent call last):",
        '  File "/opt/parallelcluster/pyenv/lib/cfnbootstrap/command_tool.py", line 127, in apply',
        '    raise ToolError(u"Command %s failed" % name)',
        f"cfnbootstrap.construction_errors.ToolError: Command {name} failed",
        _cfn(at, "ERROR", "-----------------------BUILD FAILED!------------------------"),
        _cfn(at, "ERROR", f"Unhandled exception during build: Command {name} failed"),
    ]


def _recipe_failed(at: datetime, failure: Failure) -> list[str]:
    resource = "execute[set up the head node]"
    first, *rest = failure.printed or (failure.reason,)
    raised = "Mixlib::ShellOut::ShellCommandFailed"
    expected = "Expected process to exit with [0], but received '1'"
    return [
        f"  {'=' * 80}",
        f"  Error executing action `run` on resource '{resource}'",
        f"  {'=' * 80}",
        "  ",
        f"  {raised}",
        f"  {'-' * len(raised)}",
        f"  {expected}",
        "  ---- Begin output of set-up ----",
        "  STDOUT: ",
        f"  STDERR: {first}",
        *(f"  {line}" for line in rest),
        "  ---- End output of set-up ----",
        "  Ran set-up returned 1",
        "  ",
        "  Resource Declaration:",
        "  ---------------------",
        '   12: execute "set up the head node" do',
        "  ",
        _chef(at, "ERROR", "Running exception handlers"),
        _chef(at, "FATAL", "Stacktrace dumped to /etc/chef/local-mode-cache/cache/cinc-stacktrace.out"),
        _chef(at, "FATAL", f"{raised}: {resource} (line 12) had an error: {raised}: {expected}"),
    ]


def _chef_succeeded(at: datetime, recipe: str) -> list[str]:
    return [
        _chef(at, "INFO", f"Run List is [recipe[aws-parallelcluster-entrypoints::{recipe}]]"),
        _chef(at, "INFO", "Cinc Client Run complete in 41.22 seconds"),
        _chef(at, "INFO", "Report handlers complete"),
    ]


def _update_of_files(at: datetime) -> list[str]:
    return [
        _cfn(at, "INFO", "Running configSets: update"),
        _cfn(at, "INFO", "Running config chefUpdate"),
        _cfn(at, "INFO", "Command chef succeeded"),
        _cfn(at, "INFO", "ConfigSets completed"),
    ]


def _cfn(at: datetime, level: str, text: str) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d} [{level}] {text}"


def _chef(at: datetime, level: str, text: str) -> str:
    return f"[{at:%Y-%m-%dT%H:%M:%S}+00:00] {level}: {text}"
