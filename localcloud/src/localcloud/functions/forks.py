"""Forks function processes from one that has loaded Lambda's runtime: a cold start takes milliseconds.

Every cluster has functions of its own, and most of a cold start is loading boto3. A function that brings a
copy of a loaded module, or has an interpreter of its own, gets a new process, as all do except on Linux.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
#: The longest message: a function's variables are 4 KB at most. Source: AWS Lambda quotas.
_MESSAGE_BYTES = 1 << 16


class Process(Protocol):
    """A running process that leads a process group."""

    @property
    def pid(self) -> int:
        """Its id."""

    def wait(self) -> int:
        """Waits for its end; returns its exit code, or minus the signal that ended it."""


@dataclass(frozen=True)
class Start:
    """The parameters of a function's process."""

    handler: str
    timeout_s: int
    layers: tuple[str, ...]
    code: str
    variables: dict[str, str]


class ForkedProcess:
    """A process whose end the fork server reports."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended = threading.Event()
        self._code = 0

    def wait(self) -> int:
        """See ``Process``."""
        self._ended.wait()
        return self._code

    def end(self, code: int) -> None:
        """Records its exit code."""
        self._code = code
        self._ended.set()


class ForkServer:
    """The process that forks: it starts with the first function and ends with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met = threading.Lock()
        self._children: dict[int, ForkedProcess] = {}
        self._requests: socket.socket | None = None
        self._loaded: frozenset[str] = frozenset()

    def fork(self, start: Start, output: int) -> Process | None:
        """Forks a process that writes to ``output``; None if the function needs a new process."""
        if sys.platform != "linux":
            return None
        with self._lock:
            requests = self._requests = self._requests or self._open()
            if not self._loaded.isdisjoint(_brought(start.code, start.layers)):
                return None
            socket.send_fds(requests, [json.dumps(asdict(start)).encode()], [output])
            return self._meet(int(requests.recv(_MESSAGE_BYTES)))

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        our_exits, their_exits = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, their_exits:
            ends = (theirs.fileno(), their_exits.fileno())
            subprocess.Popen(
                [sys.executable, "-P", str(BOOTSTRAP), "--fork", *map(str, ends)],
                stdin=subprocess.DEVNULL,
                pass_fds=ends,
                env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"},
                start_new_session=True,
            )
        self._loaded = frozenset(json.loads(ours.recv(_MESSAGE_BYTES)))
        threading.Thread(target=self._reap, args=(our_exits,), name="forked processes", daemon=True).start()
        return ours

    def _reap(self, exits: socket.socket) -> None:
        while message := exits.recv(_MESSAGE_BYTES):
            pid, status = map(int, message.split())
            self._meet(pid).end(os.waitstatus_to_exitcode(status))

    def _meet(self, pid: int) -> ForkedProcess:
        """Returns one process to the thread that starts it and the one that reports its end, in any order."""
        with self._met:
            other = self._children.pop(pid, None)
            if other is not None:
                return other
            return self._children.setdefault(pid, ForkedProcess(pid))


@cache
def _brought(code: str, layers: tuple[str, ...]) -> frozenset[str]:
    """The top-level modules in a function's folder and in its layers; unpacked archives never change."""
    folders = [Path(code)]
    for layer in layers:
        folders += [Path(layer, "python"), *Path(layer).glob("python/lib/python3*/site-packages")]
    return frozenset(
        entry.name.partition(".")[0] for folder in folders if folder.is_dir() for entry in folder.iterdir()
    )


#: The one of this process.
fork_server = ForkServer()
