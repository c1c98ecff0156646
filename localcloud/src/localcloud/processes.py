"""Identity and memory of processes of this machine.

The system gives a process id again after its process has ended. A process is therefore known by its id and by
when it started.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
#: Fields of ``/proc/PID/stat`` after the name, counted from 0. Source: proc_pid_stat(5), fields 3, 4 and 22.
_STATE, _PARENT, _STARTED = 0, 1, 19
_KB_PER_MB = 1024


@dataclass(frozen=True)
class ProcessIdentity:
    """A process, distinct from any other that gets the same id later.

    Attributes:
        pid: Its id.
        started: When it started, in the system's own notation.
    """

    pid: int
    started: str


def identify(pid: int) -> ProcessIdentity | None:
    """Returns the identity of a running process; None if no process with this id runs."""
    started = _started_on_linux(pid) if sys.platform == "linux" else _started(pid)
    return ProcessIdentity(pid, started) if started else None


def runs(process: ProcessIdentity) -> bool:
    """Whether a process still runs; a zombie does not."""
    return identify(process.pid) == process


def memory_mb(pid: int) -> int | None:
    """Returns the memory of a process and its descendants in MiB, shared pages counted once.

    None where the system does not tell: on other systems than Linux.
    """
    if sys.platform != "linux":
        return None
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(folder.name))
    family, sizes_kb = [pid], []
    for member in family:
        family += children.get(member, [])
        sizes_kb.append(_proportional_size_kb(member))
    known = [size for size in sizes_kb if size is not None]
    return sum(known) // _KB_PER_MB if known else None


def holder_of(port: int) -> str | None:
    """Returns the process that listens on a port of this machine, as ``process ID (command)``.

    None if the system does not tell: the process is another user's, or this is not Linux.
    """
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and not inodes.isdisjoint(_sockets(folder)):
            return f"process {folder.name} ({_command(folder)})"
    return None


def _stat(pid: int) -> list[str]:
    try:
        # The name is in parentheses, and may have spaces and parentheses.
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _started_on_linux(pid: int) -> str:
    fields = _stat(pid)
    if not fields or fields[_STATE] in {"Z", "X"}:
        return ""
    # The start is counted from the boot: another boot may have a process with the same id and start.
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {fields[_STARTED]}"


def _started(pid: int) -> str:
    ran = subprocess.run(
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, started = ran.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def _proportional_size_kb(pid: int) -> int | None:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended, or is another user's
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)


def _listening_inodes(port: int) -> set[str]:
    """The sockets that listen on a port. Source: Linux, Documentation/networking/proc_net_tcp.rst."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, address, _, state, *_, inode = line.split()[:10]
            if state == "0A" and int(address.rpartition(":")[2], 16) == port:
                found.add(f"socket:[{inode}]")
    return found


def _sockets(folder: Path) -> set[str]:
    try:
        return {str(entry.readlink()) for entry in (folder / "fd").iterdir()}
    except OSError:  # it has ended or closed one, or is another user's
        return set()


def _command(folder: Path) -> str:
    try:
        words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended"
    return " ".join(word for word in words[:4] if word) or "unknown"
