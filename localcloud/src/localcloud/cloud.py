"""Starts an embedded cloud as a process and controls it."""

import json
import os
import queue
import subprocess
import sys
import sysconfig
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

import boto3
from botocore.config import Config

import cfn_template
from localcloud import guard

_STOP_S = 10
_STDERR_TAIL_BYTES = 4000
#: Source: Python library reference, argparse, exit_on_error.
_REFUSED_ARGUMENT = 2
#: Inherited by the server; nothing else is, so that it has no real credentials.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")
#: The clock is moved while the answer is waited for, and what falls due is waited for as well.
_CONTROL_TIMEOUT_S = 300
#: A synchronous invocation is answered when the function has ended. Source: AWS Lambda quotas, timeout.
_INVOCATION_TIMEOUT_S = 900


class CloudError(Exception):
    """The cloud did not start, or refused a call of the control API."""


class Cloud:
    """A running cloud.

    Attributes:
        endpoint_url: Where AWS clients send their requests.
        environment: Environment variables that point any AWS client at it, complete with fake credentials.
        exports: Ids of what the account was seeded with, such as HEAD_NODE_SUBNET and KEY_NAME; and how a
            response URL is reached: LOCALCLOUD_RESPONSES, LOCALCLOUD_CA_FILE, LOCALCLOUD_HOSTS.
    """

    def __init__(
        self, process: "subprocess.Popen[bytes]", stderr: IO[bytes], exports: dict[str, str]
    ) -> None:
        self._process = process
        self._stderr = stderr
        self.endpoint_url = exports["AWS_ENDPOINT_URL"]
        self.region = exports["AWS_REGION"]
        self.environment = {name: value for name, value in exports.items() if _is_for_clients(name)}
        self.exports = {name: value for name, value in exports.items() if not _is_for_clients(name)}

    @classmethod
    def start(
        cls,
        region: str = "us-east-1",
        *,
        skip_idle: bool = True,
        port: int = 0,
        log_dir: Path | None = None,
        paced: bool = False,
        idle_grace_s: float | None = None,
        concurrency: int | None = None,
        function_python: Path | Mapping[str, Path] | None = None,
        iam_lag_s: float = 0.0,
        python: Path | None = None,
        timeout_s: float = 60,
    ) -> Self:
        """Starts a cloud and waits until it answers.

        Args:
            region: The only Region it has.
            skip_idle: Whether waits in which nothing happens are skipped.
            port: 0 picks a free one.
            log_dir: Where functions write their logs; by default a folder that goes with the cloud.
            paced: Whether time runs more slowly while this machine is short of processors, so that
                measurements depend less on what else it does.
            idle_grace_s: How long nothing has to happen before a wait is skipped, in real seconds: enough for
                clients to send their next request.
            concurrency: Execution environments per function at most, at least 1; two by default.
            function_python: The interpreter of a virtual environment that has only what Lambda's runtime has
                (awslambdaric, boto3, time-machine): functions get nothing but what they bring. Several by
                ``Runtime`` (``python3.12``), ``*`` for those not named. By default functions run with this
                interpreter and can import all its packages.
            iam_lag_s: How long a change of a role's permissions has no effect on functions' calls, in
                seconds of the cloud's clock, at least 0.
            python: The interpreter that runs the cloud itself, and has its dependencies; this one by default.
            timeout_s: How long to wait.

        Raises:
            CloudError: It refused an argument, with the reason; or it ended or did not answer in time, with
                the end of its standard error.
        """
        command = [
            str(python or sys.executable),
            "-P",  # whatever lies in the current folder is none of its modules
            "-m",
            "localcloud",
            "start",
            "--json",
            "--exit-with-parent",
            f"--port={port}",
            f"--region={region}",
        ]
        command += ["--skip-idle"] if skip_idle else []
        command += [f"--idle-grace={idle_grace_s}"] if idle_grace_s is not None else []
        command += ["--paced"] if paced else []
        command += [f"--concurrency={concurrency}"] if concurrency is not None else []
        command += [f"--iam-lag={iam_lag_s}"] if iam_lag_s else []
        command += [f"--log-dir={log_dir.absolute()}"] if log_dir else []
        pythons = {"*": function_python} if isinstance(function_python, Path) else function_python or {}
        command += [f"--function-python={runtime}={path.absolute()}" for runtime, path in pythons.items()]
        stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        process = subprocess.Popen(
            command,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        line = _first_line(process, timeout_s)
        if not line:
            process.kill()
            said, status = _tail(stderr), process.wait()
            if status == _REFUSED_ARGUMENT:
                raise CloudError(f"the embedded cloud did not start: {said.strip().rpartition('error: ')[2]}")
            raise CloudError(f"the embedded cloud did not start within {timeout_s} s:\n{said}")
        return cls(process, stderr, json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """The end of what the cloud has written to standard error."""
        return _tail(self._stderr)

    def client(self, service: str) -> Any:
        """Returns a boto3 client for this cloud, whatever the environment says."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=guard.FAKE_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=guard.FAKE_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                read_timeout=_INVOCATION_TIMEOUT_S,
            ),
        )

    def now(self) -> str:
        """Returns the simulated time, ISO 8601."""
        now: str = self._control("GET", "clock")["now"]
        return now

    def pace(self) -> float:
        """Returns the mean number of simulated seconds in a real one so far, without those skipped."""
        pace: float = self._control("GET", "clock")["pace"]
        return pace

    def in_flight(self) -> int:
        """Returns how many pieces of work the cloud is doing right now."""
        in_flight: int = self._control("GET", "clock")["in_flight"]
        return in_flight

    def advance(self, seconds: float) -> None:
        """Moves time forward, and returns when everything due on the way has been done."""
        self._control("POST", "clock/advance", {"seconds": seconds})

    def errors(self) -> list[dict[str, str]]:
        """Returns errors of the cloud itself: exceptions that a timer's action raised."""
        errors: list[dict[str, str]] = self._control("GET", "clock")["errors"]
        return errors

    def set_behaviours(self, behaviours: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the rules for how long resources take and which fail; see ``Behaviours.replace``."""
        self._control("PUT", "behaviours", list(behaviours))

    def set_head_nodes(self, **settings: Any) -> None:
        """Configures the head nodes of clusters; ``localcloud.head_node.configure`` lists the settings."""
        self._control("PUT", "head-nodes", settings)

    def set_image_builds(self, **settings: Any) -> None:
        """Configures image builds; ``localcloud.image_builder.configure`` lists the settings."""
        self._control("PUT", "image-builds", settings)

    def set_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the faults that requests, responses and events meet.

        ``localcloud.faults.Fault`` lists the keys.
        """
        self._control("PUT", "faults", list(faults))

    def faults(self) -> list[dict[str, Any]]:
        """Returns the faults in force, each with how often it has ``struck``."""
        faults: list[dict[str, Any]] = self._control("GET", "faults")
        return faults

    def set_iam_lag(self, seconds: float) -> None:
        """Sets for how many seconds a change of a role's permissions has no effect, from now on."""
        self._control("PUT", "iam-lag", {"seconds": seconds})

    def refused_by_iam_lag(self) -> dict[str, int]:
        """Returns how often each IAM action was refused because it had been granted too recently."""
        refused: dict[str, int] = self._control("GET", "iam-lag")
        return refused

    def add_host(self, name: str, port: int) -> str:
        """Leads a host name, in every function, to your server at a port of 127.0.0.1.

        Returns:
            The private key and certificates for the server, PEM; functions trust them.

        Raises:
            CloudError: The name or the port is not valid.
        """
        certificate: str = self._control("PUT", f"hosts/{quote(name)}", {"port": port})["certificate"]
        return certificate

    def remove_host(self, name: str) -> None:
        """Removes a host that ``add_host`` added."""
        self._control("DELETE", f"hosts/{quote(name)}")

    def invocations(self) -> list[dict[str, Any]]:
        """Returns every function invocation so far, oldest first."""
        invocations: list[dict[str, Any]] = self._control("GET", "invocations")
        return invocations

    def warnings(self) -> list[str]:
        """Returns a warning for each function so far that cannot work with the Python that runs it."""
        warnings: list[str] = self._control("GET", "warnings")
        return warnings

    def responses(self) -> list[dict[str, Any]]:
        """Returns every PUT to a response URL so far, oldest first.

        Each has at, http_status, outcome (``accepted``, ``ignored``, or why it was refused), size_bytes,
        StackId, LogicalResourceId, RequestId, Status and Reason.
        """
        responses: list[dict[str, Any]] = self._control("GET", "responses")
        return responses

    def calls(self) -> list[dict[str, Any]]:
        """Returns every distinct API call of functions: function, service, operation, region, parameters."""
        calls: list[dict[str, Any]] = self._control("GET", "calls")
        return calls

    def changes(self) -> list[dict[str, Any]]:
        """Returns the changes of resources that CloudFormation made for functions.

        Each has function, stack_name, stack_tags, type, action, physical_id and the shorter properties.
        """
        changes: list[dict[str, Any]] = self._control("GET", "changes")
        return changes

    def stop(self) -> None:
        """Stops the cloud and everything it started."""
        if self._process.stdin is not None:
            self._process.stdin.close()  # which the cloud takes as its end
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._stderr.close()

    def _control(self, method: str, call: str, content: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - this cloud's own address
            f"{self.endpoint_url}/_localcloud/{call}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_CONTROL_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise CloudError(f"{method} {call}: {error.read().decode(errors='replace')}") from error


def _is_for_clients(name: str) -> bool:
    return name.startswith("AWS_") or name == "NO_PROXY"


def _environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **guard.FAKE_CREDENTIALS, "PYTHONPATH": _source_path(), "PYTHONUTF8": "1"}


def _source_path() -> str:
    """The folders that this package and the reader of templates come from, unless they are installed."""
    folders = (Path(module).parents[1] for module in (__file__, cfn_template.__file__))
    installed = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    return os.pathsep.join(dict.fromkeys(str(folder) for folder in folders if folder not in installed))


def _first_line(process: "subprocess.Popen[bytes]", timeout_s: float) -> bytes:
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    output = process.stdout
    assert output is not None  # noqa: S101 - opened as a pipe
    threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
    try:
        return lines.get(timeout=timeout_s)
    except queue.Empty:
        return b""


def _tail(stderr: IO[bytes]) -> str:
    # Read at its place: the process goes on writing through the same open file.
    size_bytes = os.fstat(stderr.fileno()).st_size
    start = max(size_bytes - _STDERR_TAIL_BYTES, 0)
    return os.pread(stderr.fileno(), _STDERR_TAIL_BYTES, start).decode(errors="replace")
