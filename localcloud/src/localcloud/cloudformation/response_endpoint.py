"""The HTTPS server on 127.0.0.1 that stands for CloudFormation's S3 buckets.

It receives responses and signals, and hands out what hooks judge.
"""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from localcloud import http_front
from localcloud.callers import callers
from localcloud.clock import clock
from localcloud.cloudformation import response_urls
from localcloud.cloudformation.names import Names
from localcloud.cloudformation.response_urls import Signer, key_of
from localcloud.cloudformation.steps import schedule
from localcloud.faults import RESPONSE, faults

_TIMEOUT_S = 30
#: No answer comes near this; it only keeps a mistake from filling the memory.
_MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True)
class Delivery:
    """One PUT that reached the endpoint.

    Attributes:
        key: The object's key.
        outcome: ``accepted``, ``ignored`` (it came too late) or the code of its refusal.
    """

    at: datetime
    key: str
    body: bytes
    http_status: int
    outcome: str

    def to_json(self) -> dict[str, Any]:
        """Returns the sender, the content without the data, and the outcome."""
        try:
            said = json.loads(self.body)
        except ValueError:
            said = {}
        names = ("StackId", "LogicalResourceId", "RequestId", "Status", "Reason")
        content = {name: said.get(name) for name in names} if isinstance(said, dict) else {}
        facts = {"at": self.at.isoformat(), "http_status": self.http_status, "outcome": self.outcome}
        return {**facts, "size_bytes": len(self.body), **content}


@dataclass
class Expectation:
    """A URL that a resource waits at.

    Attributes:
        url: For the sender of the response.
        operation: What is answered: Create, Update, Delete, or Signal for a wait condition.
        open: Whether the resource still waits; later responses are accepted and ignored.
    """

    url: str
    receive: Callable[[bytes], None] = field(repr=False)
    operation: str
    open: bool = True

    def close(self) -> None:
        """Stops waiting."""
        self.open = False


@dataclass(frozen=True)
class _Request:
    #: The bucket's host and the object's key.
    place: tuple[str, str]
    query: str
    content_type: str | None
    body: bytes


@dataclass(frozen=True)
class _Answer:
    status: int
    outcome: str
    message: str = ""

    def as_xml(self) -> bytes:
        """Returns S3's form of a refusal."""
        return f"<Error><Code>{self.outcome}</Code><Message>{escape(self.message)}</Message></Error>".encode()


class ResponseEndpoint:
    """An HTTPS server that accepts requests for URLs that it has signed.

    Attributes:
        deliveries: Every PUT, in order of arrival.
    """

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self._expectations: dict[tuple[str, str], Expectation] = {}
        self._offers: dict[tuple[str, str], bytes] = {}
        self._signer = Signer()
        self._names: Names | None = None
        self._server: ThreadingHTTPServer | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Starts to listen on a free port of 127.0.0.1, unless it does."""
        with self._lock:
            if self._server is None:
                self._names = Names()
                server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
                server.daemon_threads = True
                # The handshake belongs to the connection's own thread, or a silent client blocks all others.
                server.socket = self._names.server_context().wrap_socket(
                    server.socket, server_side=True, do_handshake_on_connect=False
                )
                threading.Thread(target=server.serve_forever, name="response endpoint", daemon=True).start()
                self._names.lead(response_urls.hosts_pattern(), int(server.server_address[1]))
                self._server = server

    @property
    def names(self) -> Names:
        """The host names that lead here and elsewhere, and the authority that their clients must trust."""
        self.start()
        if self._names is None:
            raise AssertionError("a started endpoint has names")
        return self._names

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        self.start()
        if self._server is None:
            raise AssertionError("a started endpoint has a server")
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Stops the server and removes its certificate files."""
        with self._lock:
            server, self._server = self._server, None
            names, self._names = self._names, None
        if server is not None:
            server.shutdown()
            server.server_close()
        if names is not None:
            names.close()

    def expect(
        self,
        host: str,
        key: str,
        region: str,
        *,
        receive: Callable[[bytes], None],
        expires_s: int,
        operation: str = "Signal",
    ) -> Expectation:
        """Signs a URL and waits for PUTs there.

        Args:
            host: The bucket's, see ``response_urls``.
            key: The object's, unique.
            region: The bucket's.
            receive: Called as a step with each body while the expectation is open.
            expires_s: How long the URL is valid, in seconds.
            operation: See ``Expectation``.
        """
        self.start()
        expectation = Expectation(self._signer.sign(host, key, region, expires_s), receive, operation)
        self._expectations[host, key] = expectation
        return expectation

    def offer(self, host: str, key: str, region: str, body: bytes, expires_s: int) -> str:
        """Returns a signed URL of an object that can be fetched until the URL expires.

        Args:
            host: The bucket's, see ``response_urls``.
            key: The object's, unique.
            region: The bucket's.
            body: The object.
            expires_s: How long the URL is valid, in seconds.
        """
        self.start()
        self._offers[host, key] = body
        return self._signer.sign(host, key, region, expires_s, "GET")

    def _fetch(self, place: tuple[str, str], query: str) -> tuple[_Answer, bytes]:
        if refusal := self._signer.refusal(*place, query, "GET"):
            return _Answer(403, *refusal), b""
        return _Answer(200, "fetched"), self._offers[place]

    def _arrive(self, request: _Request, client_port: int) -> _Answer | None:
        """Accepts a response, unless a fault matches it; None for no HTTP response."""
        if faults.is_empty or self._server is None:
            return self._take(request)
        caller = callers.by_connection(client_port, self.port)
        expectation = self._expectations.get(request.place)
        kind = faults.for_call(RESPONSE, expectation.operation if expectation else "", caller)
        if kind in http_front.S3_REFUSALS:
            status, code = http_front.S3_REFUSALS[kind]
            return self._note(request, _Answer(status, code, "Refused by a fault that was asked for"))
        if kind in {None, "drop", "kill-after", "time-out-after"}:
            answer = self._take(request)
            if kind is None:
                return answer
        http_front.end(caller, kind)
        return None

    def _take(self, request: _Request) -> _Answer:
        answer = self._note(request, self._judge(request))
        if answer.outcome == "accepted":
            receive = self._expectations[request.place].receive
            schedule(lambda: receive(request.body))
        return answer

    def _note(self, request: _Request, answer: _Answer) -> _Answer:
        _, key = request.place
        self.deliveries.append(Delivery(clock.now(), key, request.body, answer.status, answer.outcome))
        return answer

    def _judge(self, request: _Request) -> _Answer:
        if refusal := self._signer.refusal(*request.place, request.query):
            return _Answer(403, *refusal)
        expectation = self._expectations.get(request.place)
        if request.content_type and not (expectation is not None and expectation.operation == "Signal"):
            # A wait condition's handle was recorded to take a content type. For custom resources nothing is
            # recorded, and S3's older signatures cover it.
            return _Answer(
                403, "SignatureDoesNotMatch", f"Content-Type must be empty, not {request.content_type}"
            )
        return _Answer(200, "accepted" if expectation is not None and expectation.open else "ignored")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(_S3RequestHandler):
            def do_PUT(self) -> None:
                length = _length(self.headers.get("Content-Length"))
                if length is None:
                    self.close_connection = True
                    self._reply(_Answer(411, "MissingContentLength", "A Content-Length is required"))
                    return
                url = urlsplit(self.path)
                request = _Request(
                    place=(self.headers.get("Host", "").lower(), key_of(url.path)),
                    query=url.query,
                    content_type=self.headers.get("Content-Type"),
                    body=self.rfile.read(length),
                )
                with clock.busy():
                    answer = endpoint._arrive(request, self.client_address[1])
                self._reply(answer)

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                place = (self.headers.get("Host", "").lower(), key_of(url.path))
                self._reply(*endpoint._fetch(place, url.query))

            def do_POST(self) -> None:
                self.close_connection = True
                self._reply(_Answer(403, "SignatureDoesNotMatch", "Only PUT and GET are signed"))

            do_HEAD = do_DELETE = do_POST  # noqa: N815 - named by http.server

            def _reply(self, answer: _Answer | None, body: bytes = b"") -> None:
                if answer is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if answer.status != HTTPStatus.OK:
                    body = answer.as_xml()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        return Handler


class _S3RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S

    def version_string(self) -> str:
        return "AmazonS3"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Logs nothing: a response URL is a credential."""


def _length(text: str | None) -> int | None:
    """Returns the length that a request announces; None for none, and for one that is too large."""
    return int(text) if text and text.isdigit() and int(text) <= _MAX_BODY_BYTES else None


#: The endpoint of this process.
response_endpoint = ResponseEndpoint()
