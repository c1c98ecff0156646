"""Runs inside a function's process: closes the network, sets the time and starts Lambda's runtime client.

The process reaches 127.0.0.1 and the host names that lead there: see ``hosts.py``.

Started by path with the task root as working directory. It takes what it needs of this package from beside
itself, so that the function sees the import path it would see on Lambda: last come the packages of the
virtual environment that runs this, which is the cloud's own or one that has only what Lambda's runtime has.

With ``--fork`` it loads Lambda's runtime and forks function processes on request: see ``forks.py``.
"""

import functools
import gc
import http.client
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_FORKS = sys.argv[1:2] == ["--fork"]
if _FORKS:
    # It takes the Runtime API's address from the environment when it is loaded: left to the forked processes.
    sys.modules["runtime_client"] = None  # type: ignore[assignment]

from awslambdaric import bootstrap, lambda_runtime_client  # noqa: E402 - after what it must not find
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: E402


def _load_package() -> None:
    folder = Path(__file__).parents[1]
    spec = importlib.util.spec_from_file_location(
        "localcloud", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - it is a Python file
    sys.modules["localcloud"] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)


_load_package()

from localcloud import guard, hosts  # noqa: E402

#: Below this the function's time counts as right: delivery itself takes milliseconds.
_TOLERANCE_S = 0.5
#: Shorter pauses are slept for real.
_SHORT_S = 1.0
#: What the functions of a cluster and of its provider call, crhelper included.
_COMMON_SERVICES = ("cloudformation", "dynamodb", "ec2", "events", "lambda", "logs", "route53", "s3", "sts")
#: As in forks.py.
_MESSAGE_BYTES = 1 << 16

_real_sleep = time.sleep


class TravellingClient(LambdaRuntimeClient):
    """Moves this process to the cloud's time whenever an invocation arrives.

    Args:
        address: Host and port of the Runtime API.
        timeout_s: The function's timeout. An invocation carries its deadline, which is the cloud's time
            at its start plus this.
    """

    def __init__(self, address: str, timeout_s: float) -> None:
        super().__init__(address, use_thread_for_polling_next=False)
        self._timeout_s = timeout_s
        self._traveller: Any = None

    def wait_next_invocation(self) -> Any:
        """Blocks for the next invocation, then sets the time to the one that its deadline implies."""
        request = super().wait_next_invocation()
        self.travel(int(request.deadline_time_in_ms) / 1000 - self._timeout_s)
        return request

    def sleep(self, seconds: float) -> None:
        """Sleeps in the cloud's time, which may pass at once; threads beside the handler sleep for real."""
        if seconds < _SHORT_S or threading.current_thread() is not threading.main_thread():
            _real_sleep(seconds)
            return
        connection = http.client.HTTPConnection(self.lambda_runtime_address)
        connection.request("POST", "/localcloud/sleep", str(float(seconds)))
        now_s = float(connection.getresponse().read())
        connection.close()
        self.travel(now_s)

    def travel(self, now_s: float) -> None:
        """Sets this process's time, unless it differs by less than half a second."""
        if abs(now_s - time.time()) < _TOLERANCE_S:
            return
        if self._traveller is None:
            self._traveller = _time_machine().travel(datetime.fromtimestamp(now_s, UTC), tick=True).start()
        else:
            self._traveller.shift(now_s - time.time())


def _time_machine() -> Any:
    # time_machine offers a pytest plugin and imports pytest for it, which costs a cold start 0.2 s.
    modules: dict[str, Any] = sys.modules
    pytest = modules.get("pytest")
    modules["pytest"] = None
    try:
        import time_machine  # noqa: PLC0415 - most invocations do not travel, and importing it takes time
    finally:
        del modules["pytest"]
        if pytest is not None:
            modules["pytest"] = pytest
    return time_machine


def _import_path(task_root: str, layers: list[str]) -> list[str]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    from_layers = [
        str(folder)
        for layer in layers
        for folder in (Path(layer, "python"), Path(layer, "python", "lib", version, "site-packages"))
        if folder.is_dir()
    ]
    return [task_root, *from_layers, *filter(None, sys.path)]


def main(handler: str, timeout_s: float, layers: list[str]) -> None:
    """Serves invocations until the process is ended."""
    guard.install()
    if hosts_file := os.environ.get(hosts.VARIABLE):
        hosts.install(Path(hosts_file))
    sys.path[:] = _import_path(os.environ["LAMBDA_TASK_ROOT"], layers)
    client = TravellingClient(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout_s)
    time.sleep = client.sleep  # type: ignore[assignment]
    bootstrap.run(handler, client)


def serve(requests: socket.socket, exits: socket.socket) -> None:
    """Forks a process for each request and reports the end of each, until the requests end."""
    _load_common()
    requests.send(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} - _OWN)).encode())
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        ready, _, _ = select.select([requests.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, _MESSAGE_BYTES)
            _tell(exits)
        if requests.fileno() in ready:
            message, outputs, _, _ = socket.recv_fds(requests, _MESSAGE_BYTES, 1)
            if not message:
                return
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (requests, exits):
                    end.close()
                os.close(woken)
                os.close(wake)
                _become(json.loads(message), outputs[0])
                return
            os.close(outputs[0])
            requests.send(str(pid).encode())


def _load_common() -> None:
    """Loads what Lambda's runtime has and most functions use, and what botocore reads for that."""
    import boto3  # noqa: PLC0415 - only where processes are forked
    from botocore.loaders import JSONFileLoader  # noqa: PLC0415

    read = functools.cache(JSONFileLoader().load_file)
    loader: Any = JSONFileLoader
    loader.load_file = lambda _, path: read(path)
    make_client: Any = boto3.Session("none", "none", region_name="us-east-1").client
    for service in _COMMON_SERVICES:
        make_client(service)
    # Collecting garbage would copy what the forked processes share.
    gc.freeze()


def _tell(exits: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        exits.send(f"{pid} {status}".encode())


def _become(start: dict[str, Any], output: int) -> None:
    """Gives this process the state of a freshly started one, and serves invocations."""
    os.setpgid(0, 0)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.chdir(start["code"])
    os.environ.clear()
    os.environ.update(start["variables"])
    time.tzset()
    _load_native_client()
    main(start["handler"], start["timeout_s"], start["layers"])


def _load_native_client() -> None:
    del sys.modules["runtime_client"]
    native: Any = importlib.import_module("runtime_client")
    native.initialize_client(lambda_runtime_client._user_agent())  # noqa: SLF001 - as it does itself
    lambda_runtime_client.runtime_client = native


#: Not what a function could bring another of: this module, and what comes with every interpreter.
_OWN = {"__main__", "localcloud", *sys.stdlib_module_names}


if __name__ == "__main__":
    if _FORKS:
        guard.install()
        serve(*(socket.socket(fileno=int(end)) for end in sys.argv[2:]))
    else:
        main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
