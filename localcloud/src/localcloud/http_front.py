"""The HTTP front of all services: it records calls, injects faults, asks IAM, and knows its gaps."""

import json
import logging
import socket
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from localcloud.callers import Caller
from localcloud.calls import Call, describe
from localcloud.clock import clock
from localcloud.faults import Kind, faults
from localcloud.gaps import gap
from localcloud.iam.judge import judge
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
        "sns": ("AuthorizationError", 403),
        "query": ("AccessDenied", 403),
        "json": ("AccessDeniedException", 400),
    },
}


#: With these, moto says that none of its paths fits.
_UNROUTED = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}

_LOG = logging.getLogger(__name__)


class DroppedConnectionError(ConnectionAbortedError):
    """A fault closed the connection without a response."""


def pass_through(environ: dict[str, Any], start_response: Any, services: WsgiApplication) -> Iterable[bytes]:
    """Records a request and passes it to the services, unless a fault matches it.

    Raises:
        DroppedConnectionError: The client gets no response.
    """
    call = describe(environ)
    if call is None:
        return services(environ, start_response)
    recording.note_call(call)
    kind = faults.for_call(call.service, call.operation, call.caller)
    if kind is None:
        return _judged(call, environ, services)(environ, start_response)
    if kind in _MESSAGES:
        code, status = _code(call, kind)
        return _refusal(call, code, status, _MESSAGES[kind])(environ, start_response)
    if kind in {"drop", "kill-after", "time-out-after"}:
        _carry_out(environ, _judged(call, environ, services))
    else:
        # What is left of a request would be read as the next one.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    end(call.caller, kind)
    # werkzeug would wait for the connection's next request.
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise DroppedConnectionError(f"{call.service} {call.operation}: {kind}")


def end(caller: Caller | None, kind: Kind) -> None:
    """Ends the calling process, if the fault is of that kind; runs on the request's thread."""
    if caller is None:
        return
    if kind.startswith("kill"):
        caller.kill()
    elif kind.startswith("time-out"):
        with clock.resting():
            caller.time_out()


def _carry_out(environ: dict[str, Any], services: WsgiApplication) -> None:
    """Executes a request and discards the response."""
    answer = services(environ, lambda *_: None)
    for _ in answer:
        continue
    if hasattr(answer, "close"):
        answer.close()


def _judged(call: Call, environ: dict[str, Any], services: WsgiApplication) -> WsgiApplication:
    """Returns the services' response to a request, or IAM's refusal."""
    if refusal := judge.refusal_of_call(call):
        code, status = _code(call, "deny")
        return _refusal(call, code, status, refusal)
    judge.note_asker(call)
    answer = _answer(call, environ, services)
    if call.service == "iam":
        judge.observe()
    return answer


def _answer(call: Call, environ: dict[str, Any], services: WsgiApplication) -> WsgiApplication:
    """Returns the services' response to a request, or an error in the service's format.

    moto answers unknown operations and its own errors with an HTML page, which no client can read and after
    which most send the request again.
    """
    name = call.operation or f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}"
    try:
        answer = Response.from_app(services, environ)
    except NotImplementedError:
        return _unknown(call, name)
    except Exception:
        _LOG.exception("%s of %s failed in the embedded cloud", name, call.service)
        code, status = _code(call, "error")
        return _refusal(
            call, code, status, f"localcloud failed at {name} of {call.service}; its log says why"
        )
    return _unknown(call, name) if _is_unrouted(call, answer) else answer


def _is_unrouted(call: Call, answer: Response) -> bool:
    """Returns whether a response means that no path of a service matches."""
    # S3 has an operation for every path, and refuses HEAD without a body.
    if answer.status_code not in _UNROUTED or answer.mimetype != "text/html" or call.service == "s3":
        return False
    return not answer.data or answer.data.startswith(b"<!doctype html>")


def _unknown(call: Call, name: str) -> Response:
    # No client sends this status again. Source: botocore, retries/standard.py and data/_retry.json.
    area = "cloudformation.api" if call.service == "cloudformation" else "api.operations"
    message = f"localcloud does not know {name} of {call.service} {gap(area)}"
    return _refusal(call, "NotImplemented", HTTPStatus.NOT_IMPLEMENTED, message)


def _code(call: Call, kind: Kind) -> tuple[str, int]:
    codes = _CODES[kind]
    return codes.get(call.service) or codes["query" if call.form == "query" else "json"]


def _refusal(call: Call, code: str, status: int, message: str) -> Response:
    if call.form == "query":
        return Response(_xml(call.service, code, message), status, content_type="text/xml")
    if call.form == "cbor":
        headers = {"smithy-protocol": "rpc-v2-cbor"}
        content = _cbor({"__type": code, "message": message})
        return Response(content, status, headers, content_type="application/cbor")
    content = json.dumps({"__type": code, "message": message, "Message": message}).encode()
    return Response(content, status, {"x-amzn-errortype": code}, content_type="application/json")


def _xml(service: str, code: str, message: str) -> str:
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
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
