"""The clouds of this user that run, by name: a file for each, in the user's folder of state.

A file names its process, so one that a killed cloud left behind counts for nothing.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.processes import ProcessIdentity, identify, runs

DEFAULT_NAME = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class NameTakenError(Exception):
    """A cloud of this name runs already."""

    def __init__(self, cloud: "RunningCloud") -> None:
        place = f"at {cloud.endpoint_url}" if cloud.exports else "and is starting"
        super().__init__(
            f"a cloud named {cloud.name!r} runs already {place} (process {cloud.process.pid}); "
            "stop it, or choose another name with --name"
        )


@dataclass(frozen=True)
class RunningCloud:
    """A cloud that runs, or is starting.

    Attributes:
        name: Its name.
        process: The server's process.
        file: The file about it.
        exports: The variables of its clients; empty while it is starting.
        log: Where it writes messages, if it runs in the background.
    """

    name: str
    process: ProcessIdentity
    file: Path
    exports: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None

    @property
    def endpoint_url(self) -> str:
        """The address; empty while it is starting."""
        return self.exports.get("AWS_ENDPOINT_URL", "")

    @property
    def age_s(self) -> float:
        """For how many seconds it has been running."""
        # The server lives in simulated time. The file's time is the system's.
        try:
            return max(time.time() - self.file.stat().st_mtime, 0)
        except FileNotFoundError:  # it ends at this moment
            return 0


def folder() -> Path:
    """Returns the folder of the files. Source: XDG Base Directory Specification, XDG_STATE_HOME."""
    home = os.environ.get("XDG_STATE_HOME", "")
    # The specification has relative paths ignored.
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state") / "localcloud"


def is_name(text: str) -> bool:
    """Whether a text can be the name of a cloud."""
    return _NAME.fullmatch(text) is not None


def claim(name: str | None, log: Path | None = None) -> RunningCloud:
    """Takes a name for this process.

    Args:
        name: The name; None for ``default``, or ``default-2`` and so on if that is taken.
        log: Where it writes messages, if it runs in the background.

    Raises:
        NameTakenError: A cloud of this name runs.
    """
    process = identify(os.getpid())
    if process is None:
        raise OSError(f"this system does not tell when process {os.getpid()} started")
    with _locked():
        chosen = name or free_name()
        if (present := find(chosen)) is not None:
            raise NameTakenError(present)
        cloud = RunningCloud(chosen, process, _file(chosen), log=log)
        _write(cloud)
    return cloud


def publish(claimed: RunningCloud, exports: Mapping[str, str]) -> None:
    """Records where a cloud is, once it answers."""
    _write(RunningCloud(claimed.name, claimed.process, claimed.file, exports, claimed.log))


def forget(cloud: RunningCloud) -> None:
    """Removes the record of a cloud that has ended, or is ending; that of another one stays."""
    with _locked():
        present = _read(cloud.file)
        if present is not None and present.process == cloud.process:
            cloud.file.unlink(missing_ok=True)


def find(name: str) -> RunningCloud | None:
    """Returns the cloud of a name; None if none of that name runs."""
    cloud = _read(_file(name))
    return cloud if cloud is not None and runs(cloud.process) else None


def every() -> list[RunningCloud]:
    """Returns all clouds of this user that run, by name."""
    names = sorted(file.stem for file in folder().glob("*.json"))
    return [cloud for name in names if (cloud := find(name)) is not None]


def free_name() -> str:
    """Returns ``default``, or the first of ``default-2`` and so on that no cloud has."""
    name, number = DEFAULT_NAME, 1
    while find(name) is not None:
        number += 1
        name = f"{DEFAULT_NAME}-{number}"
    return name


def log_file(name: str) -> Path:
    """Returns where a cloud in the background writes its messages."""
    return folder() / f"{name}.log"


def _file(name: str) -> Path:
    return folder() / f"{name}.json"


def _read(file: Path) -> RunningCloud | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        process = ProcessIdentity(int(content["pid"]), str(content["started"]))
        log = Path(content["log"]) if content["log"] else None
        return RunningCloud(file.stem, process, file, dict(content["exports"]), log)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):  # not a file of ours, or of another version
        return None


def _write(cloud: RunningCloud) -> None:
    content: dict[str, Any] = {
        "pid": cloud.process.pid,
        "started": cloud.process.started,
        "log": str(cloud.log or ""),
        "exports": dict(cloud.exports),
    }
    new = cloud.file.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps(content, indent=2), encoding="utf-8")
    new.replace(cloud.file)


@contextmanager
def _locked() -> Iterator[None]:
    """Keeps other processes of this user from changing the files."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
