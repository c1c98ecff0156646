"""Starts the server as a process of its own and waits until it answers."""

import json
import os
import queue
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

import cfn_template
from localcloud import guard

_STOP_S = 10
_STDERR_TAIL_BYTES = 4000
#: Source: Python library reference, argparse, exit_on_error.
_REFUSED_ARGUMENT = 2
#: Inherited by the server; nothing else is, so that it has no real credentials.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT", "XDG_STATE_HOME")


class CloudError(Exception):
    """The cloud did not start, or refused a call of the control API."""


class ServerProcess:
    """A server that answers, in a session of its own: Ctrl-C in a terminal does not reach it.

    Attributes:
        exports: The variables of its clients.
    """

    def __init__(
        self, process: "subprocess.Popen[bytes]", stderr: IO[bytes], exports: dict[str, str]
    ) -> None:
        self._process = process
        self._stderr = stderr
        self.exports = exports

    @classmethod
    def start(
        cls,
        arguments: Sequence[str],
        *,
        timeout_s: float,
        log: Path | None = None,
        python: Path | None = None,
    ) -> Self:
        """Starts a server and waits until it answers.

        Args:
            arguments: Options of ``localcloud run``. Without ``--exit-with-parent`` it outlives this process.
            timeout_s: How long to wait.
            log: Its standard error, replaced; a file that goes with this process by default.
            python: The interpreter that runs it; this one by default.

        Raises:
            CloudError: It refused an argument, with the reason; or it ended or did not answer in time, with
                the end of its standard error.
        """
        command = [
            str(python or sys.executable),
            "-P",  # whatever lies in the current folder is none of its modules
            *("-m", "localcloud", "run", "--json", *arguments),
        ]
        stderr = log.open("w+b") if log else tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        process = subprocess.Popen(
            command,
            env=_environment(),
            # A server that outlives this process must not see the end of a pipe as its own.
            stdin=subprocess.PIPE if "--exit-with-parent" in arguments else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=None if "--exit-with-parent" in arguments else "/",
            start_new_session=True,
        )
        server = cls(process, stderr, {})
        try:
            server.exports = json.loads(server._first_line(timeout_s) or "null") or server._refused(timeout_s)
        except BaseException:
            server.stop()
            raise
        return server

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """The end of what it has written to standard error."""
        # Read at its place: the process goes on writing through the same open file.
        size_bytes = os.fstat(self._stderr.fileno()).st_size
        start = max(size_bytes - _STDERR_TAIL_BYTES, 0)
        return os.pread(self._stderr.fileno(), _STDERR_TAIL_BYTES, start).decode(errors="replace")

    def stop(self) -> None:
        """Ends it and everything it started."""
        if self._process.stdin is not None:
            self._process.stdin.close()  # which it takes as its end
        else:
            self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.release()

    def release(self) -> None:
        """Closes this process's ends of its streams; it runs on."""
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._stderr.close()

    def _first_line(self, timeout_s: float) -> bytes:
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        output = self._process.stdout
        assert output is not None  # noqa: S101 - opened as a pipe
        threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
        try:
            return lines.get(timeout=timeout_s)
        except queue.Empty:
            return b""

    def _refused(self, timeout_s: float) -> dict[str, str]:
        """Raises the error of a server that printed nothing."""
        with suppress(subprocess.TimeoutExpired):  # its standard output may end a moment before it
            self._process.wait(1)
        status = self._process.poll()
        if status is None:
            self._process.kill()
            self._process.wait()
            raise CloudError(f"the embedded cloud did not start within {timeout_s:g} s:\n{self.log}")
        if status == _REFUSED_ARGUMENT:
            raise CloudError(f"the embedded cloud did not start: {self.log.strip().rpartition('error: ')[2]}")
        raise CloudError(f"the embedded cloud ended with exit code {status} while it started:\n{self.log}")


def _environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **guard.FAKE_CREDENTIALS, "PYTHONPATH": _source_path(), "PYTHONUTF8": "1"}


def _source_path() -> str:
    """The folders that this package and the reader of templates come from, unless they are installed."""
    folders = (Path(module).parents[1] for module in (__file__, cfn_template.__file__))
    installed = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    return os.pathsep.join(dict.fromkeys(str(folder) for folder in folders if folder not in installed))
