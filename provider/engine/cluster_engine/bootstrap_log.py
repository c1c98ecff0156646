"""Finds the decisive lines in the logs of a head node that did not start: the error and its cause.

The last lines of these logs are tracebacks of the tools that ran the failed step. The lines that matter stand
before them, in a place that depends on the step. Each finder below knows one such place.

Sources: aws-parallelcluster 3.16.1, resources/head_node/user_data.sh and templates/cluster_stack.py (the
steps, and what a failure prints to the console); aws-parallelcluster-cookbook, custom_action_executor.py
(custom actions) and write_chef_error.rb; aws-cfn-bootstrap, cfnbootstrap/command_tool.py and util.py (what
becomes of a command's output); aws-parallelcluster issues 3373, 5511, 6371 and 6552 (logs as users pasted
them).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

#: The logs by name, which is the end of a log stream's name: HOST.INSTANCE.LOG.
#: Source: aws-parallelcluster-cookbook, cloudwatch_agent_config.json.
CFN_INIT, CHEF, CLOUD_INIT, MESSAGE = "cfn-init", "chef-client", "cloud-init-output", "bootstrap_error_msg"
LOGS = (CFN_INIT, CHEF, CLOUD_INIT, MESSAGE)
#: The source of lines that stand on the instance's console.
CONSOLE = "console output"

#: Maximum number of lines that are found, and maximum length of each, in characters. An answer has 4,096
#: bytes, for the root cause as well.
LINES_MAX, LINE_MAX_CHARACTERS = 8, 300
#: Number of a step's last lines that are searched; scripts print thousands.
WINDOW = 400
#: Number of a log's last lines that are shown where no line is an error.
LAST_LINES = 3


@dataclass(frozen=True)
class LogLine:
    """A decisive line.

    Args:
        log: The log that has it.
        text: The line, without control characters, and shortened.
    """

    log: str
    text: str


Logs = Mapping[str, Sequence[str]]

_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
#: What precedes a line on the console: the kernel's time, and cloud-init's name.
_CONSOLE_PREFIX = re.compile(r"^(?:\[\s*\d+\.\d+\] )?(?:cloud-init\[\d+\]: )?")
#: Errors on a console that no script wrote: cfn-init's last word, and the states of systemd's units.
_NOT_WRITTEN = re.compile(r"Error occurred during build: |^\[\s*[A-Z]+\s*\] ")
_CHEF_BEGINS, _CHEF_ENDS = "BEGIN CHEF-CLIENT.LOG", "END CHEF-CLIENT.LOG"
#: What a shell traces of the user data, whose own lines have the same words.
_TRACE = re.compile(r"^\++ ")

_ERROR = re.compile(
    r"error|fatal|fail|exception|denied|forbidden|refused|unauthori[sz]ed|not found|no such|no space|cannot|"
    r"can't|could not|couldn't|unable|timed? ?out|not permitted|invalid|unknown|killed|\bE: ",
    re.IGNORECASE,
)
#: Lines without a meaning of their own: rules, frames of stacks, traces of a shell, progress, advice.
_NOISE = re.compile(
    r"^\W*$|^\++ |^Traceback \(most recent|^\s*File \"|^\s*raise \w|^\s*from .*\.rb:\d|\.rb:\d+:in |"
    r"BUILD FAILED|Stacktrace dumped|stacktrace\.out|contents of the stacktrace|Running handlers|"
    r"Running (?:report|exception|error) handlers|^\s*- \w*WriteChefError|Please check /var/log|"
    r"^\d{4}-\d\d-\d\d \S+ \[(?:DEBUG|INFO)\]|----+ (?:Begin|End) output|^\s*STD(?:OUT|ERR):\s*$|"
    r"^\s*Ran .* returned \d+$|chef-client\.log not found",
    re.IGNORECASE,
)
#: The end of a message of ParallelCluster's that points to the logs.
_ADVICE = re.compile(r"\s*Please check /var/log/.*$")

_ACTION_FAILED = re.compile(r"(Failed to (?:download|execute|run) OnNode\w+ script\b.*)")
_COMMAND_FAILED = re.compile(r"\[ERROR\] (Command (\S+) \(.*\) failed)")
_COMMAND_OUTPUT = re.compile(r"Command \S+ output:\s?(.*)$")
#: cfn-init's last word, which cloud-init prints to the console.
_BUILD_FAILED = re.compile(r"Error occurred during build: (Command (\S+) failed)")
#: cfn-init's names of the commands that run custom actions.
_ACTIONS = frozenset({"runpreinstall", "runpostinstall"})

_CHEF_BLOCK = re.compile(r"(?:Error executing action|Recipe Compile Error|Error Resolving|Error expanding)\b")
_CHEF_BLOCK_ENDS = re.compile(r"^\s*(?:Resource Declaration|Cookbook Trace|Compiled Resource|System Info)\b")
_CHEF_LEVEL = re.compile(r"\b(?:FATAL|ERROR): ")
#: Lines that chef wrote into its log, unlike those that a custom action appended.
_CHEF_OWN = re.compile(
    r"^\[\d{4}-\d\d-\d\dT\S+\] [A-Z]+: |^(?:Running handlers|Infra Phase|(?:Cinc|Chef)\b.*\bClient)\b"
)
#: The name of an exception's class, which the next line explains.
_CLASS_NAME = re.compile(r"^\s*[A-Z]\w*(?:::\w+)*\s*$")

_CLOUD_INIT_ERROR = re.compile(
    r"^Error occurred during build|curl: \(\d+\)|Failed running /var/lib/cloud|^\w+(?:\.\w+)+: |"
    r"^\w*(?:Error|Exception)\b|Could not resolve|No space left|fatal error|^E: |error:|command not found",
    re.IGNORECASE,
)


def find_decisive(logs: Logs) -> list[LogLine]:
    """Returns the lines that say why a head node did not start, in the order in which they were written.

    Args:
        logs: The lines of each log, by its name in ``LOGS``, the log that was written last first; logs may
            be missing.

    Returns:
        At most ``LINES_MAX`` lines of one log. Where no line is an error, ParallelCluster's own message, or
        else the last lines of the log that was written last. Empty only if there are no lines.
    """
    clean = {name: list(_cleaned(lines)) for name, lines in logs.items()}
    for name, finder in _FINDERS:
        if found := finder(clean.get(name, [])):
            return [LogLine(name, _shortened(line)) for line in found[-LINES_MAX:]]
    for name in (MESSAGE, *clean):
        if last := [line for line in clean.get(name, []) if line.strip()][-LAST_LINES:]:
            return [LogLine(name, _shortened(line)) for line in last]
    return []


def find_decisive_on_console(output: str) -> list[LogLine]:
    """Returns the decisive lines of an instance's console.

    A head node that fails prints chef's log to its console. cfn-init's log, which has what custom actions
    print, is not there, unless a custom action copies its output to chef's log or to the console itself.
    """
    console = _parse_console(output)
    found = _custom_action_on_console(console)
    if not found:
        logs = {CHEF: console.chef, CFN_INIT: console.others, CLOUD_INIT: console.others}
        found = [line.text for line in find_decisive(logs)]
    return [LogLine(CONSOLE, _shortened(line)) for line in found[-LINES_MAX:]]


@dataclass(frozen=True)
class _Console:
    """The lines of a console.

    Args:
        chef: Chef's log.
        others: All others.
        written: Those of the others that a script wrote to the console itself, and that are errors. Without
            errors, nothing tells them from what else appears on a console.
    """

    chef: list[str]
    others: list[str]
    written: list[str]


def _parse_console(output: str) -> _Console:
    chef: list[str] = []
    others: list[str] = []
    written: list[str] = []
    in_chef = False
    for line in _cleaned([output]):
        text = _CONSOLE_PREFIX.sub("", line)
        if _TRACE.match(text):
            continue
        if _CHEF_BEGINS in text:
            in_chef = True
        elif _CHEF_ENDS in text:
            if not in_chef and not chef:  # EC2 keeps the newest 64 KB, and chef's log began before them
                chef, others, written = others, [], []
            in_chef = False
        elif in_chef:
            chef.append(text)
        else:
            others.append(text)
            if text == line and _ERROR.search(text) and not _NOT_WRITTEN.search(text):
                written.append(text)
    return _Console(chef, others, written)


def _custom_action_on_console(console: _Console) -> list[str]:
    """Returns what a failed custom action copied to the console, and cfn-init's line about it.

    A copy in chef's log stands at its end, and is the newest of all.
    """
    at = _last(console.others, _BUILD_FAILED)
    failed = _BUILD_FAILED.search(console.others[at]) if at is not None else None
    end = _last(console.chef, _CHEF_OWN)
    if failed is not None:
        if failed.group(2) not in _ACTIONS:
            return []
    elif end is None or _CHEF_LEVEL.search(console.chef[end]):
        return []
    copied = _of_output(console.chef[end + 1 :] if end is not None else []) or _of_output(console.written)
    return [*copied, failed.group(1)] if copied and failed is not None else copied


def _custom_action(lines: Sequence[str]) -> list[str]:
    """Returns what a custom action printed before it failed, and ParallelCluster's line about it."""
    end = _last(lines, _ACTION_FAILED)
    if end is None:
        return []
    failed = _ACTION_FAILED.search(_ADVICE.sub("", lines[end]))
    return [*_of_output(_output_before(lines, end)), failed.group(1) if failed is not None else lines[end]]


def _command(lines: Sequence[str]) -> list[str]:
    """Returns cfn-init's line about a failed command other than chef, and the command's own lines."""
    at = _last(lines, _COMMAND_FAILED)
    failed = _COMMAND_FAILED.search(lines[at]) if at is not None else None
    if at is None or failed is None or failed.group(2) == "chef":
        return []
    output: list[str] = []
    for line in lines[at + 1 : at + 1 + WINDOW]:
        if "[ERROR]" in line:
            break
        start = _COMMAND_OUTPUT.search(line)
        output.append(start.group(1) if start is not None else line)
    return [failed.group(1), *_of_output(output)]


def _chef(lines: Sequence[str]) -> list[str]:
    """Returns chef's last report of a failed resource or recipe; without one, its last errors."""
    at = _last(lines, _CHEF_BLOCK)
    if at is not None:
        header, *body = _block(lines[at : at + WINDOW])
        reported = [
            line for line in _errors_only(body) if not _NOISE.search(line) and not _CLASS_NAME.match(line)
        ]
        return [header.strip(), *(line.strip() for line in reported[: LINES_MAX - 1])]
    errors = [line for line in lines if _CHEF_LEVEL.search(line) and not _NOISE.search(line)]
    return list(dict.fromkeys(errors[-4:]))


def _block(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if _CHEF_BLOCK_ENDS.match(line):
            return
        yield line


def _errors_only(body: Sequence[str]) -> Iterator[str]:
    """Yields a report without what the failed command printed as output, if it printed errors as well."""
    has_errors = any(line.strip().removeprefix("STDERR:").strip() for line in body if "STDERR:" in line)
    in_output = False
    for line in body:
        name = line.strip().partition(":")[0]
        if name in {"STDOUT", "STDERR"}:
            in_output = name == "STDOUT"
        if not (in_output and has_errors):
            yield line


def _cloud_init(lines: Sequence[str]) -> list[str]:
    """Returns the errors of what ran before cfn-init, or of cfn-init itself."""
    return [line for line in lines[-WINDOW:] if _CLOUD_INIT_ERROR.search(line) and not _NOISE.search(line)][
        -5:
    ]


_FINDERS: tuple[tuple[str, Callable[[Sequence[str]], list[str]]], ...] = (
    (CFN_INIT, _custom_action),
    (CHEF, _chef),
    (CFN_INIT, _command),
    (CLOUD_INIT, _cloud_init),
)


def _output_before(lines: Sequence[str], end: int) -> list[str]:
    """Returns what a command printed before the line ``end``."""
    output: list[str] = []
    for line in reversed(lines[max(0, end - WINDOW) : end]):
        if start := _COMMAND_OUTPUT.search(line):
            return [start.group(1), *reversed(output)]
        if "[ERROR] Command" in line:
            break
        output.append(line)
    return output[::-1]


def _of_output(output: Sequence[str]) -> list[str]:
    """Returns the errors in what a command printed, and its last line, which is often the cause."""
    said = [line for line in output if not _NOISE.search(line)]
    errors = {index for index, line in enumerate(said) if _ERROR.search(line)}
    chosen = {*sorted(errors)[-(LAST_LINES + 1) :], *range(len(said))[-1:]}
    return [said[index] for index in sorted(chosen)]


def _last(lines: Sequence[str], pattern: re.Pattern[str]) -> int | None:
    return next((at for at in range(len(lines) - 1, -1, -1) if pattern.search(lines[at])), None)


def _cleaned(lines: Sequence[str]) -> Iterator[str]:
    """Yields single lines; an event of CloudWatch may have several."""
    for line in chain.from_iterable(text.splitlines() for text in lines):
        yield _CONTROL.sub("", line).replace("\t", " ").rstrip()


def _shortened(line: str) -> str:
    text = line.strip()
    return text if len(text) <= LINE_MAX_CHARACTERS else text[: LINE_MAX_CHARACTERS - 1] + "…"
