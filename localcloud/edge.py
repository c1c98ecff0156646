"""The edge of the API: names each request and its caller, and lets faults strike it."""

import io
import json
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import botocore.session
from botocore.exceptions import UnknownServiceError
from werkzeug.wrappers import Response

from localcloud.callers import Caller, callers
from localcloud.clock import clock
from localcloud.faults import Kind, faults

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_CREDENTIAL = re.compile(r"(?P<key>[^/=,\s]+)/\d{8}/[^/]+/(?P<service>[^/]+)/aws4_request")
_SMITHY = re.compile(r"/service/[^/]+/operation/(?P<operation>[^/]+)")
_PATH_MEMBER = re.compile(r"\{[^}+]+(?P<greedy>\+)?\}")
_FORM = "application/x-www-form-urlencoded"
#: Services whose signing name is not the name of their model.
_MODELS = {"elasticfilesystem": "efs"}

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


@dataclass(frozen=True)
class Call:
    """An API request.

    Attributes:
        service: The signing name, such as ``monitoring`` for CloudWatch.
        operation: Empty where it cannot be told.
        form: How errors are written: ``query`` (XML), ``json`` or ``cbor``.
        caller: The function's process that sent it; None for everybody else.
    """

    service: str
    operation: str
    form: str
    caller: Caller | None


class DroppedConnectionError(ConnectionAbortedError):
    """The connection was closed without an answer, because a fault says so."""


def pass_through(environ: dict[str, Any], start_response: Any, services: WsgiApplication) -> Iterable[bytes]:
    """Hands a request to the services, unless a fault is meant for it.

    Raises:
        DroppedConnectionError: The client gets no answer.
    """
    call = None if faults.is_empty else describe(environ)
    kind = None if call is None else faults.for_call(call.service, call.operation, call.caller)
    if call is None or kind is None:
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


def describe(environ: dict[str, Any]) -> Call | None:
    """Names a request; None if nobody signed it."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    signed = _CREDENTIAL.search(
        environ.get("HTTP_AUTHORIZATION", "") or query.get("X-Amz-Credential", [""])[0]
    )
    if signed is None:
        return None
    service, caller = signed["service"], callers.by_key(signed["key"])
    path = environ.get("PATH_INFO", "")
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Call(service, target.rpartition(".")[2], "json", caller)
    if smithy := _SMITHY.fullmatch(path):
        return Call(service, smithy["operation"], "cbor", caller)
    action = query.get("Action") or parse_qs(_form(environ)).get("Action")
    if action:
        return Call(service, action[0], "query", caller)
    operation = _rest_operation(service, environ["REQUEST_METHOD"], path, query)
    return Call(service, operation, "query" if service in {"s3", "route53"} else "json", caller)


def _form(environ: dict[str, Any]) -> str:
    """The body of a form, which stays there to be read again."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not environ.get("CONTENT_TYPE", "").startswith(_FORM) or not length.isdigit():
        return ""
    body = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    return str(body.decode(errors="replace"))


def _rest_operation(service: str, method: str, path: str, query: dict[str, list[str]]) -> str:
    for operation_method, pattern, wanted, name in _rest_operations(service):
        has_all = all(key in query and (not value or value == query[key][0]) for key, value in wanted.items())
        if operation_method == method and has_all and pattern.fullmatch(path):
            return name
    return ""


@cache
def _rest_operations(service: str) -> list[tuple[str, re.Pattern[str], dict[str, str], str]]:
    """Method, path, query and name of a service's operations, those that say most about a request first."""
    try:
        model = botocore.session.get_session().get_service_model(_MODELS.get(service, service))
    except UnknownServiceError:
        return []
    operations = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        wanted = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
        literal = len(_PATH_MEMBER.sub("", path))
        operations.append((len(wanted), literal, http["method"], _pattern(path), wanted, name))
    operations.sort(key=lambda item: item[:2], reverse=True)
    return [item[2:] for item in operations]


def _pattern(path: str) -> re.Pattern[str]:
    pattern, end_of_last = "", 0
    for member in _PATH_MEMBER.finditer(path.rstrip("/")):
        pattern += re.escape(path[end_of_last : member.start()]) + (".+" if member["greedy"] else "[^/]+")
        end_of_last = member.end()
    return re.compile(pattern + re.escape(path[end_of_last:].rstrip("/")) + "/?")


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
