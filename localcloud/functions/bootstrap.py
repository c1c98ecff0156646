"""Runs inside a function's process: closes the network, sets the time, hands over to Lambda's own client.

Started by path with the task root as working directory and the project on PYTHONPATH; afterwards the
function sees the import path it would see on Lambda: last come the packages of the virtual environment that
runs this, which is the cloud's own or one that has only what Lambda's runtime has.
"""

import http.client
import os
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

from localcloud import guard

#: Below this the function's time counts as right: delivery itself takes milliseconds.
_TOLERANCE_S = 0.5
#: Shorter pauses are slept for real.
_SHORT_S = 1.0

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
        """Sets this process's time, unless it is right."""
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


def _import_path(task_root: str, layers: list[str], project: str) -> list[str]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    from_layers = [
        str(folder)
        for layer in layers
        for folder in (Path(layer, "python"), Path(layer, "python", "lib", version, "site-packages"))
        if folder.is_dir()
    ]
    others = [entry for entry in sys.path if entry and Path(entry).resolve() != Path(project).resolve()]
    return [task_root, *from_layers, *others]


def main(handler: str, timeout_s: float, layers: list[str]) -> None:
    """Serves invocations until the process is ended."""
    guard.install()
    project = os.environ.pop("PYTHONPATH")
    sys.path[:] = _import_path(os.environ["LAMBDA_TASK_ROOT"], layers, project)
    client = TravellingClient(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout_s)
    time.sleep = client.sleep  # type: ignore[assignment]
    bootstrap.run(handler, client)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
