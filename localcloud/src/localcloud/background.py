"""Clouds that run in the background: start, look at and stop them, in the words of both commands."""

import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud import running
from localcloud.cloud import Cloud
from localcloud.processes import memory_mb, runs
from localcloud.running import RunningCloud
from localcloud.server_process import CloudError, ServerProcess

NOTHING_IS_KEPT = "It keeps nothing: what you make on it is lost when it stops."
_START_TIMEOUT_S = 60.0
#: How long a cloud has to stop by itself: it removes its folder, of some 150 MB.
_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.05
#: A cloud's control API answers at once, unless the cloud hangs.
_SURVEY_TIMEOUT_S = 10.0
_SECONDS_PER_MINUTE, _MINUTES_PER_HOUR = 60, 60


@dataclass(frozen=True)
class Survey:
    """What is known about a running cloud.

    Attributes:
        cloud: The cloud.
        memory_mb: Memory of its processes in MiB; None if the system does not tell.
        now: Its simulated time; None if it does not answer.
        stacks: Its stacks that are in no other: ``name``, ``status``, and ``cluster`` or None.
    """

    cloud: RunningCloud
    memory_mb: int | None
    now: datetime | None
    stacks: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Returns it for scripts."""
        return {
            "name": self.cloud.name,
            "endpoint_url": self.cloud.endpoint_url,
            "pid": self.cloud.process.pid,
            "age_s": round(self.cloud.age_s),
            "memory_mb": self.memory_mb,
            "answers": self.now is not None,
            "simulated_time": self.now.isoformat() if self.now else None,
            "stacks": self.stacks,
            "log": str(self.cloud.log) if self.cloud.log else None,
        }

    def to_lines(self) -> list[str]:
        """Returns it for people."""
        cloud = self.cloud
        memory = f", {self.memory_mb} MiB" if self.memory_mb is not None else ""
        lines = [
            f"{cloud.name}: {cloud.endpoint_url or 'is starting'}",
            f"  process {cloud.process.pid}, for {duration(cloud.age_s)}{memory}",
        ]
        if cloud.log:
            lines.append(f"  messages in {cloud.log}")
        if self.now is None:
            return [*lines, "  does not answer"] if cloud.exports else lines
        lines.append(f"  simulated time {self.now:%Y-%m-%d %H:%M:%S} UTC, {_ahead(self.now)}")
        lines += [f"  {line}" for line in stack_lines(self.stacks)] or ["  no stacks"]
        return lines


def start(name: str, arguments: Sequence[str]) -> RunningCloud:
    """Starts a cloud that outlives this process; returns when it answers.

    Args:
        name: Its name.
        arguments: Options of ``localcloud run``.

    Raises:
        NameTakenError: A cloud of this name runs.
        CloudError: It did not start.
    """
    if (present := running.find(name)) is not None:
        raise running.NameTakenError(present)
    log = running.log_file(name)
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        server = ServerProcess.start(
            [f"--name={name}", f"--messages={log}", *arguments], timeout_s=_START_TIMEOUT_S, log=log
        )
    except OSError as error:
        raise CloudError(
            f"{log.parent} cannot be used ({error.strerror}), where running clouds are recorded; "
            "set XDG_STATE_HOME to a folder of yours"
        ) from error
    server.release()
    cloud = running.find(name)
    if cloud is None or not Cloud.attach(cloud.exports).health()["ready"]:
        raise CloudError(f"the embedded cloud ended after it had started; see {log}")
    return cloud


def survey(cloud: RunningCloud) -> Survey:
    """Returns what is known about a running cloud; one that hangs is not waited for."""
    now, stacks = None, []
    if cloud.exports:
        attached = Cloud.attach(cloud.exports, timeout_s=_SURVEY_TIMEOUT_S)
        try:
            now, stacks = datetime.fromisoformat(attached.now()), attached.stacks()
        except (OSError, CloudError):
            now = None
    return Survey(cloud, memory_mb(cloud.process.pid), now, stacks)


def stop(cloud: RunningCloud) -> list[str]:
    """Stops a cloud, by force if it does not stop by itself; returns lines that say what is lost."""
    last = survey(cloud)
    for number in (signal.SIGTERM, signal.SIGKILL):
        # Looked at again right before: another process may have the id by now.
        if not runs(cloud.process):
            break
        os.kill(cloud.process.pid, number)
        give_up_at_s = time.monotonic() + _STOP_TIMEOUT_S
        while runs(cloud.process) and time.monotonic() < give_up_at_s:
            time.sleep(_POLL_S)
    running.forget(cloud)
    if last.now is None:
        return ["It did not answer; what was on it is not known."] if cloud.exports else ["It was starting."]
    return lost(last.stacks)


def require(name: str | None, *, may_be_starting: bool = False) -> RunningCloud:
    """Returns the cloud of a name; without one, the default cloud, or the only one.

    Args:
        name: The name.
        may_be_starting: Whether it may have no address yet.

    Raises:
        CloudError: It does not run, or is starting.
    """
    clouds = {cloud.name: cloud for cloud in running.every()}
    only = next(iter(clouds.values())) if len(clouds) == 1 else None
    cloud = clouds.get(name or running.DEFAULT_NAME) or (None if name else only)
    if cloud is None:
        wanted = f"no cloud named {name!r} runs" if name else "no cloud runs"
        others = f"; choose with --name: {', '.join(clouds)}" if clouds else "; start one first"
        raise CloudError((wanted if name or not clouds else "several clouds run") + others)
    if not (cloud.exports or may_be_starting):
        raise CloudError(f"the cloud {cloud.name!r} is starting; try again in a few seconds")
    return cloud


def report(clouds: Sequence[RunningCloud], *, as_json: bool) -> str:
    """Returns what is known about clouds, for people or for scripts."""
    surveys = [survey(cloud) for cloud in clouds]
    if as_json:
        return json.dumps([known.to_json() for known in surveys], indent=2)
    return "\n".join(line for known in surveys for line in known.to_lines()) or "No cloud runs."


def at(cloud: RunningCloud) -> str:
    """Returns where a cloud is, with a space before it; empty while it is starting."""
    return f" at {cloud.endpoint_url}" if cloud.exports else ""


def name_option(name: str) -> str:
    """Returns the option that names a cloud, with a space before it; empty for the default cloud."""
    return "" if name == running.DEFAULT_NAME else f" --name {name}"


def lost(stacks: Sequence[dict[str, Any]]) -> list[str]:
    """Returns lines that say what is lost with a cloud."""
    if not stacks:
        return ["It had no stacks. Whatever else was on it is lost."]
    return ["Lost:", *(f"  {line}" for line in stack_lines(stacks))]


def stack_lines(stacks: Sequence[dict[str, Any]]) -> list[str]:
    """Returns a line for each stack, with the cluster that it is."""
    return [
        f"stack {stack['name']} ({stack['status']})"
        + (f", the cluster {stack['cluster']}" if stack["cluster"] else "")
        for stack in stacks
    ]


def duration(seconds: float) -> str:
    """Returns a duration in its two largest units."""
    minutes, rest_s = divmod(round(seconds), _SECONDS_PER_MINUTE)
    hours, rest_minutes = divmod(minutes, _MINUTES_PER_HOUR)
    if hours:
        return f"{hours} h {rest_minutes} min"
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"


def _ahead(now: datetime) -> str:
    """Returns how far a cloud's time has moved from this machine's, since it skips waits."""
    seconds = (now - datetime.now(UTC)).total_seconds()
    if abs(seconds) < _SECONDS_PER_MINUTE:
        return "as on this machine"
    return f"{duration(abs(seconds))} {'ahead of' if seconds > 0 else 'behind'} this machine"
