"""Where responses and signals arrive: HTTPS on 127.0.0.1 behind URLs that look like presigned S3 ones."""

import hashlib
import hmac
import json
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from xml.sax.saxutils import escape

from localcloud import edge
from localcloud.callers import callers
from localcloud.clock import clock
from localcloud.cloudformation.certificate import ServerCertificate, issue
from localcloud.cloudformation.steps import schedule
from localcloud.faults import RESPONSE, faults

_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_TIMEOUT_S = 30
#: No answer comes near this; it only keeps a mistake from filling the memory.
_MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True)
class Delivery:
    """One PUT that reached the sink.

    Attributes:
        key: The object key, which ends in something unguessable.
        outcome: ``accepted``, ``ignored`` (S3 took it, but nobody waits any more) or why it was refused.
    """

    at: datetime
    key: str
    body: bytes
    http_status: int
    outcome: str

    def to_json(self) -> dict[str, Any]:
        """Returns whose answer it is and what it says, without the key: who knows it can answer."""
        try:
            said = json.loads(self.body)
        except ValueError:
            said = {}
        names = ("StackId", "LogicalResourceId", "RequestId", "Status", "Reason")
        told = {name: said.get(name) for name in names} if isinstance(said, dict) else {}
        facts = {"at": self.at.isoformat(), "http_status": self.http_status, "outcome": self.outcome}
        return {**facts, "size_bytes": len(self.body), **told}


@dataclass
class Expectation:
    """A URL that somebody waits at.

    Attributes:
        url: To be given to who answers.
        operation: What is answered: Create, Update, Delete, or Signal for a wait condition.
        open: Whether somebody still waits; S3 takes objects either way.
    """

    url: str
    receive: Callable[[bytes], None] = field(repr=False)
    operation: str
    open: bool = True

    def close(self) -> None:
        """Waits no more: what arrives later is taken and ignored."""
        self.open = False


@dataclass(frozen=True)
class _Answer:
    status: int
    outcome: str
    message: str = ""


class ResponseSink:
    """An HTTPS server that takes PUTs to URLs it has signed.

    Attributes:
        deliveries: Every PUT, in order of arrival, whatever became of it.
    """

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self._expectations: dict[str, Expectation] = {}
        self._secret = secrets.token_bytes(32)
        self._certificate: ServerCertificate | None = None
        self._server: ThreadingHTTPServer | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Starts to listen on a free port of 127.0.0.1; without effect when it does already."""
        with self._lock:
            if self._server is None:
                self._certificate = issue()
                server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
                server.daemon_threads = True
                # The handshake belongs to the connection's own thread, or a silent client blocks all others.
                server.socket = self._certificate.context.wrap_socket(
                    server.socket, server_side=True, do_handshake_on_connect=False
                )
                threading.Thread(target=server.serve_forever, name="response sink", daemon=True).start()
                self._server = server

    @property
    def ca_file(self) -> Path:
        """What clients must trust; functions get it as ``SSL_CERT_FILE``."""
        self.start()
        if self._certificate is None:
            raise AssertionError("a started sink has a certificate")
        return self._certificate.ca_file

    def stop(self) -> None:
        """Ends the server and removes what clients trusted."""
        with self._lock:
            server, self._server = self._server, None
            certificate, self._certificate = self._certificate, None
        if server is not None:
            server.shutdown()
            server.server_close()
        if certificate is not None:
            certificate.remove()

    def expect(
        self,
        bucket: str,
        name: str,
        receive: Callable[[bytes], None],
        expires_s: int,
        operation: str = "Signal",
    ) -> Expectation:
        """Signs a URL and waits there.

        Args:
            bucket: Becomes the first part of the path.
            name: Becomes the second part, with something unguessable behind it.
            receive: Called as a step with each body while the expectation is open.
            expires_s: How long the URL is good for.
            operation: What is answered.
        """
        self.start()
        if self._server is None:
            raise AssertionError("a started sink has a server")
        key = f"/{bucket}/{quote(name, safe='')}%7C{secrets.token_urlsafe(24)}"
        date = clock.now().strftime(_DATE_FORMAT)
        query = urlencode(
            {
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-Date": date,
                "X-Amz-SignedHeaders": "host",
                "X-Amz-Expires": str(expires_s),
                "X-Amz-Credential": f"AKIAIOSFODNN7EXAMPLE/{date[:8]}/us-east-1/s3/aws4_request",
                "X-Amz-Signature": self._sign(key, date, str(expires_s)),
            }
        )
        port = self._server.server_address[1]
        expectation = Expectation(f"https://127.0.0.1:{port}{key}?{query}", receive, operation)
        self._expectations[key] = expectation
        return expectation

    def _sign(self, key: str, date: str, expires: str) -> str:
        return hmac.new(self._secret, f"{key}\n{date}\n{expires}".encode(), hashlib.sha256).hexdigest()

    def _arrive(self, path: str, content_type: str | None, body: bytes, client_port: int) -> _Answer | None:
        """Takes a response, unless a fault is meant for it; None where there is to be no answer."""
        if faults.is_empty or self._server is None:
            return self._take(path, content_type, body)
        key = urlsplit(path).path
        caller = callers.by_connection(client_port, int(self._server.server_address[1]))
        expectation = self._expectations.get(key)
        kind = faults.for_call(RESPONSE, expectation.operation if expectation else "", caller)
        if kind in edge.S3_REFUSALS:
            status, code = edge.S3_REFUSALS[kind]
            self.deliveries.append(Delivery(clock.now(), key, body, status, code))
            return _Answer(status, code, "Refused by a fault that was asked for")
        if kind in {None, "drop", "kill-after", "time-out-after"}:
            answer = self._take(path, content_type, body)
            if kind is None:
                return answer
        edge.end(caller, kind)
        return None

    def _take(self, path: str, content_type: str | None, body: bytes) -> _Answer:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        answer = self._judge(parts.path, query, content_type)
        delivery = Delivery(clock.now(), parts.path, body, answer.status, answer.outcome)
        self.deliveries.append(delivery)
        if answer.outcome == "accepted":
            receive = self._expectations[parts.path].receive
            schedule(lambda: receive(body))
        return answer

    def _judge(self, key: str, query: dict[str, str], content_type: str | None) -> _Answer:
        date, expires = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")
        signature = self._sign(key, date, expires)
        if not hmac.compare_digest(signature, query.get("X-Amz-Signature", "")):
            return _Answer(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
        if content_type:
            # Source: CloudFormation user guide, wait conditions: the signature covers an empty content type.
            return _Answer(403, "SignatureDoesNotMatch", f"Content-Type must be empty, not {content_type}")
        signed_at = datetime.strptime(date, _DATE_FORMAT).replace(tzinfo=UTC)
        if clock.now() > signed_at + timedelta(seconds=int(expires)):
            return _Answer(403, "AccessDenied", "Request has expired")
        expectation = self._expectations.get(key)
        return _Answer(200, "accepted" if expectation is not None and expectation.open else "ignored")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = _TIMEOUT_S

            def do_PUT(self) -> None:
                length = self.headers.get("Content-Length")
                if length is None or not length.isdigit() or int(length) > _MAX_BODY_BYTES:
                    self.close_connection = True
                    self._reply(_Answer(411, "MissingContentLength", "A Content-Length is required"))
                    return
                body = self.rfile.read(int(length))
                with clock.busy():
                    content_type = self.headers.get("Content-Type")
                    answer = sink._arrive(self.path, content_type, body, self.client_address[1])
                if answer is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                else:
                    self._reply(answer)

            def do_GET(self) -> None:
                self.close_connection = True
                self._reply(_Answer(403, "SignatureDoesNotMatch", "Only PUT is signed"))

            do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815 - named by http.server

            def _reply(self, answer: _Answer) -> None:
                body = b""
                if answer.status != HTTPStatus.OK:
                    message = escape(answer.message)
                    body = (
                        f"<Error><Code>{answer.outcome}</Code><Message>{message}</Message></Error>".encode()
                    )
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Server", "AmazonS3")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Says nothing: whoever can read a URL can answer in its name."""

        return Handler


#: The sink of this process.
sink = ResponseSink()
