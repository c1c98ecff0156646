"""Where a function's output goes: a file for each execution environment, and CloudWatch Logs."""

import logging
import os
import select
import threading
from pathlib import Path
from typing import Any

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import logs_backends

from localcloud.clock import clock

_LOG = logging.getLogger(__name__)

#: What ``LogType=Tail`` returns. Source: Lambda API reference, Invoke, response header X-Amz-Log-Result.
TAIL_BYTES = 4096


class LogStream:
    """Receives lines, from the process and from the platform, in the order in which they were written.

    Args:
        group: Log group in CloudWatch Logs; made if it does not exist.
        name: Log stream, new for each execution environment.
        file: Gets the same lines.
    """

    def __init__(self, account: str, region: str, group: str, name: str, file: Path) -> None:
        self.file = file
        self._group = group
        self._name = name
        self._backend: Any = logs_backends[account][region]
        self._lock = threading.RLock()
        self._pipe: int | None = None
        self._rest = b""
        self._tail = b""
        file.parent.mkdir(parents=True, exist_ok=True)

    def follow(self, pipe: int) -> None:
        """Reads a process's output until all its writers have closed it."""
        os.set_blocking(pipe, False)
        self._pipe = pipe
        threading.Thread(target=self._read, args=(pipe,), name="function output", daemon=True).start()

    def write(self, line: str) -> None:
        """Adds a line of the platform's own, after everything the process has written so far."""
        with self._lock:
            self.drain()
            self._emit(line.encode() + b"\n")

    def begin_tail(self) -> None:
        """Starts the tail anew, for the next invocation."""
        self._tail = b""

    def tail(self) -> bytes:
        """Returns the last 4 KB since ``begin_tail``."""
        with self._lock:
            self.drain()
            return self._tail[-TAIL_BYTES:]

    def drain(self) -> None:
        """Reads what the process has written so far."""
        with self._lock:
            while self._pipe is not None and self._take(self._pipe):
                pass

    def _read(self, pipe: int) -> None:
        while self._pipe is not None:
            select.select([pipe], [], [])
            self.drain()
        os.close(pipe)

    def _take(self, pipe: int) -> bool:
        try:
            chunk = os.read(pipe, 65536)
        except BlockingIOError:
            return False
        if not chunk:
            self._pipe = None
            chunk = b"\n" if self._rest else b""
        lines, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
        if newline:
            self._emit(lines + newline)
        return bool(chunk)

    def _emit(self, text: bytes) -> None:
        self._tail = (self._tail + text)[-TAIL_BYTES:]
        with self.file.open("ab") as file:
            file.write(text)
        timestamp_ms = int(clock.now().timestamp() * 1000)
        events = [
            {"timestamp": timestamp_ms, "message": line}
            for line in text.decode(errors="replace").splitlines()
            if line.strip()
        ]
        if events:
            self._put(events)

    def _put(self, events: list[dict[str, Any]]) -> None:
        try:
            self._backend.ensure_log_group(self._group)
            self._backend.ensure_log_stream(self._group, self._name)
            self._backend.put_log_events(self._group, self._name, events)
        except ResourceNotFoundException:  # the group was deleted in between; the file has the lines
            _LOG.info("log group %s was deleted while %s wrote to it", self._group, self._name)
