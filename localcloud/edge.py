"""The edge of the API: records what functions ask for, and lets faults strike requests."""

import json
import socket
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

from localcloud.callers import Caller
from localcloud.calls import Call, describe
from localcloud.clock import clock
from localcloud.faults import Kind, faults
from localcloud.recording import recording

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_MESSAGES: dict[Kind, str] = {
    "throttle": "Rate exceeded",
    "error": "An internal error occurred",
    "deny": "Access denied by a fault that was asked for",
}
#: Code and HTTP status, where a service has its own. Source: each service's API reference, "Common errors".
_CODES: dict[Kind, dict[str, tuple[str, int]]] = {
    "throttle": {
        "ec2": ("RequestLimitExceeded", 503),
        "s3": ("SlowDown", 503),
        "lambda": ("TooManyRequestsException", 429),
        "query": ("Throttling", 400),
        "json": ("ThrottlingException", 400),
    },
    "error": {
        "ec2": ("InternalError", 500),
        "s3": ("InternalError", 500),
        "dynamodb": ("InternalServerError", 500),
        "lambda": ("ServiceException", 500),
        "query": ("InternalFailure", 500),
        "json": ("InternalFailure", 500),
    },
    "deny": {
        "ec2": ("UnauthorizedOperation", 403),
        "s3": ("AccessDenied", 403),
        "query": ("AccessDenied", 403),
        "json": ("AccessDeniedException", 400),
    },
}


class DroppedConnectionError(ConnectionAbortedError):
    """The connection was closed without an answer, because a fault says so."""


def pass_through(environ: dict[str, Any], start_response: Any, services: WsgiApplication) -> Iterable[bytes]:
    """Records a request and hands it to the services, unless a fault is meant for it.

    Raises:
        DroppedConnectionError: The client gets no answer.
    """
    call = describe(environ)
    if call is None:
        return services(environ, start_response)
    recording.note_call(call)
    kind = faults.for_call(call.service, call.operation, call.caller)
    if kind is None:
        return services(environ, start_response)
    if kind in _MESSAGES:
        return _refusal(call, kind)(environ, start_response)
    if kind in {"drop", "kill-after", "time-out-after"}:
        _carry_out(environ, services)
    else:
        # What is left of a request would be read as the next one.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    end(call.caller, kind)
    # werkzeug would wait for the connection's next request.
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise DroppedConnectionError(f"{call.service} {call.operation}: {kind}")


def end(caller: Caller | None, kind: Kind) -> None:
    """Ends the process that called, where the kind of fault says so; on a thread that is busy for it."""
    if caller is None:
        return
    if kind.startswith("kill"):
        caller.kill()
    elif kind.startswith("time-out"):
        with clock.resting():
            caller.time_out()


def _carry_out(environ: dict[str, Any], services: WsgiApplication) -> None:
    """Lets a request take effect; what would be answered is thrown away."""
    answer = services(environ, lambda *_: None)
    for _ in answer:
        continue
    if hasattr(answer, "close"):
        answer.close()


def _refusal(call: Call, kind: Kind) -> Response:
    codes = _CODES[kind]
    code, status = codes.get(call.service) or codes["query" if call.form == "query" else "json"]
    message = _MESSAGES[kind]
    if call.form == "query":
        return Response(_xml(call.service, code, message), status, content_type="text/xml")
    if call.form == "cbor":
        headers = {"smithy-protocol": "rpc-v2-cbor"}
        content = _cbor({"__type": code, "message": message})
        return Response(content, status, headers, content_type="application/cbor")
    content = json.dumps({"__type": code, "message": message, "Message": message}).encode()
    return Response(content, status, {"x-amzn-errortype": code}, content_type="application/json")


def _xml(service: str, code: str, message: str) -> str:
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    if service == "ec2":
        return f"<Response><Errors><Error>{error}</Error></Errors><RequestID>fault</RequestID></Response>"
    if service == "s3":
        return f"<Error>{error}<RequestId>fault</RequestId></Error>"
    return f"<ErrorResponse><Error>{error}</Error><RequestId>fault</RequestId></ErrorResponse>"


def _cbor(texts: dict[str, str]) -> bytes:
    """A map of short texts in CBOR. Source: RFC 8949, major types 3 and 5."""

    def text(value: str) -> bytes:
        return b"\x78" + bytes([len(value.encode())]) + value.encode()

    return bytes([0xA0 + len(texts)]) + b"".join(text(key) + text(value) for key, value in texts.items())


#: HTTP status and code with which S3 refuses a PUT; other kinds get no answer at all.
S3_REFUSALS: dict[Kind, tuple[int, str]] = {
    "throttle": (HTTPStatus.SERVICE_UNAVAILABLE, "SlowDown"),
    "error": (HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError"),
    "deny": (HTTPStatus.FORBIDDEN, "AccessDenied"),
}
