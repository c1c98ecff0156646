"""Lambda's Runtime API, one server for each execution environment.

Source: AWS Lambda developer guide, "Using the Lambda runtime API" (``2018-06-01/runtime``).
"""

import json
import queue
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_VERSION = "/2018-06-01/runtime"
_NEXT = f"{_VERSION}/invocation/next"
#: Not Lambda's: where the function's process sends its sleep.
SLEEP = "/localcloud/sleep"
_INIT_ERROR = f"{_VERSION}/init/error"
_OUTCOME = re.compile(rf"{_VERSION}/invocation/(?P<request_id>[^/]+)/(?P<kind>response|error)")


@dataclass(frozen=True)
class Delivery:
    """One invocation as the runtime receives it."""

    request_id: str
    payload: bytes
    invoked_arn: str
    deadline_ms: int
    trace_id: str


@dataclass(frozen=True)
class Ready:
    """The runtime asked for an invocation: it is initialised, or has ended the one before."""


@dataclass(frozen=True)
class Responded:
    """The handler returned."""

    request_id: str
    payload: bytes


@dataclass(frozen=True)
class Failed:
    """The handler raised; the payload describes the exception."""

    request_id: str
    payload: bytes


@dataclass(frozen=True)
class InitFailed:
    """The runtime could not load the handler; the payload says why."""

    payload: bytes


@dataclass(frozen=True)
class Exited:
    """The process ended; negative codes are signals."""

    code: int


@dataclass(frozen=True)
class DeadlinePassed:
    """The handler slept beyond its deadline."""


RuntimeEvent = DeadlinePassed | Ready | Responded | Failed | InitFailed | Exited


class RuntimeApi:
    """Delivers invocations to one runtime and collects its reports in ``events``.

    Args:
        sleep: Called for a handler that sleeps, with seconds; returns the time afterwards, in seconds since
            the epoch.
    """

    def __init__(self, sleep: Callable[[float], float]) -> None:
        self.events: queue.SimpleQueue[RuntimeEvent] = queue.SimpleQueue()
        self._deliveries: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._server = _Server(self.events, self._deliveries, sleep)
        threading.Thread(target=self._server.serve_forever, name="runtime api", daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port, the value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def deliver(self, delivery: Delivery) -> None:
        """Gives an invocation to the runtime as soon as it asks for one."""
        self._deliveries.put(delivery)

    def close(self) -> None:
        """Ends the server, and with it a request that still waits for an invocation."""
        self._deliveries.put(None)
        # Not waited for: the server looks for the request to shut down every half second only.
        threading.Thread(target=self._shut_down, name="runtime api closing", daemon=True).start()

    def _shut_down(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        events: "queue.SimpleQueue[RuntimeEvent]",
        deliveries: "queue.SimpleQueue[Delivery | None]",
        sleep: Callable[[float], float],
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events = events
        self.deliveries = deliveries
        self.sleep = sleep


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for each answer, at once: otherwise Nagle's algorithm and delayed ACKs cost 40 ms each.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path != _NEXT:
            self._answer(HTTPStatus.NOT_FOUND)
            return
        self.server.events.put(Ready())
        delivery = self.server.deliveries.get()
        if delivery is None:
            self.close_connection = True
            return
        self._answer(
            HTTPStatus.OK,
            delivery.payload,
            {
                "Lambda-Runtime-Aws-Request-Id": delivery.request_id,
                "Lambda-Runtime-Deadline-Ms": str(delivery.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": delivery.invoked_arn,
                "Lambda-Runtime-Trace-Id": delivery.trace_id,
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == SLEEP:
            self._answer(HTTPStatus.OK, str(self.server.sleep(float(body))).encode())
            return
        outcome = _OUTCOME.fullmatch(self.path)
        if self.path == _INIT_ERROR:
            self.server.events.put(InitFailed(body))
        elif outcome is None:
            self._answer(HTTPStatus.NOT_FOUND)
            return
        elif outcome["kind"] == "response":
            self.server.events.put(Responded(outcome["request_id"], body))
        else:
            self.server.events.put(Failed(outcome["request_id"], body))
        self._answer(HTTPStatus.ACCEPTED, json.dumps({"status": "OK"}).encode())

    def _answer(self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Logs nothing: the invocation records have it."""
