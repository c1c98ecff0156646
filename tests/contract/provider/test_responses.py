"""What the port Responses MUST do over a real connection: TLS, bounded in time and in what is read."""

import gzip
import logging
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme

from cluster_provider.adapters.responses import ATTEMPTS_MAX, HttpResponses
from cluster_provider.core.errors import DeliveryFailed, Undeliverable

#: Stands for S3's answer to a body that came too slowly: 400, and a code.
SLOW = -400

#: Far more than a test waits, far less than what a hostile host would like.
PATIENCE_S = 30.0


class _Bucket(ThreadingHTTPServer):
    """Answers PUTs with the statuses it was given, the last one for ever, unless it is hostile."""

    daemon_threads = True
    statuses: list[int]
    received: list[tuple[str, bytes, str | None]]
    hostile: Callable[["_Handler"], None] | None = None
    over: threading.Event

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints a traceback, except for the client of one test, which does not trust this server."""
        if not isinstance(sys.exception(), ssl.SSLError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Bucket

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body, self.headers.get("Content-Type")))
        if self.server.hostile is not None:
            self.close_connection = True
            try:
                self.server.hostile(self)
            except OSError:
                return  # the provider closed the connection, which is the point
            return
        status = self.server.statuses[0]
        if len(self.server.statuses) > 1:
            self.server.statuses.pop(0)
        content = b"<Error><Code>RequestTimeout</Code></Error>" if status == SLOW else b""
        self.send_response(400 if status == SLOW else status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is trusted the way an operator would have it: by the variable that OpenSSL reads."""
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))


@pytest.fixture
def bucket(authority: trustme.CA) -> Iterator[_Bucket]:
    yield from _serve(authority.issue_cert("127.0.0.1"))


@pytest.fixture
def impostor(authority: trustme.CA) -> Iterator[_Bucket]:
    yield from _serve(authority.issue_cert("another-host.test"))


def _serve(certificate: trustme.LeafCert) -> Iterator[_Bucket]:
    server = _Bucket(("127.0.0.1", 0), _Handler)
    server.statuses, server.received, server.over = [200], [], threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def url(server: _Bucket) -> str:
    return f"https://127.0.0.1:{server.server_port}/key%2Fwith?X-Amz-Signature=s3cr3t"


def test_a_body_arrives_as_it_was_written_without_a_content_type(bucket: _Bucket) -> None:
    HttpResponses().send(url(bucket), '{"Reason":"größer"}')
    assert bucket.received == [("/key%2Fwith?X-Amz-Signature=s3cr3t", '{"Reason":"größer"}'.encode(), None)]


def test_a_server_error_is_repeated_until_it_passes(bucket: _Bucket) -> None:
    bucket.statuses = [503, 500, 200]
    HttpResponses().send(url(bucket), "{}")
    assert len(bucket.received) == 3


def test_a_lasting_server_error_is_given_up_after_a_few_tries(bucket: _Bucket) -> None:
    bucket.statuses = [503]
    with pytest.raises(DeliveryFailed, match="503"):
        HttpResponses().send(url(bucket), "{}")
    assert len(bucket.received) == ATTEMPTS_MAX


def test_an_expired_url_can_never_be_delivered_to(bucket: _Bucket) -> None:
    bucket.statuses = [403]
    with pytest.raises(Undeliverable, match="403") as refused:
        HttpResponses().send(url(bucket), "{}")
    assert "s3cr3t" not in str(refused.value)
    assert len(bucket.received) == 1


@pytest.mark.parametrize("status", [SLOW, 408, 409])
def test_an_answer_that_asks_to_send_again_is_a_failed_delivery(bucket: _Bucket, status: int) -> None:
    bucket.statuses = [status]
    with pytest.raises(DeliveryFailed):
        HttpResponses().send(url(bucket), "{}")


def test_a_redirect_is_not_followed(bucket: _Bucket) -> None:
    target = f"https://127.0.0.1:{bucket.server_port}/elsewhere"

    def redirect(handler: _Handler) -> None:
        handler.send_response(307)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    bucket.hostile = redirect
    with pytest.raises(DeliveryFailed, match="307"):
        HttpResponses().send(url(bucket), "{}")
    assert {path for path, *_ in bucket.received} == {"/key%2Fwith?X-Amz-Signature=s3cr3t"}


def test_a_closed_port_is_a_failed_delivery_that_does_not_show_the_url(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DeliveryFailed) as refused:
        HttpResponses().send("https://127.0.0.1:1/key?X-Amz-Signature=s3cr3t", "{}")
    assert "s3cr3t" not in str(refused.value)
    assert "s3cr3t" not in caplog.text


def test_a_host_without_the_certificate_of_its_name_gets_nothing(impostor: _Bucket) -> None:
    with pytest.raises(DeliveryFailed, match="SSLCertVerificationError"):
        HttpResponses().send(url(impostor), "{}")
    assert impostor.received == []


def test_an_authority_that_the_system_does_not_trust_gets_nothing(
    bucket: _Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    another = tmp_path / "another.pem"
    trustme.CA().cert_pem.write_to_path(another)
    monkeypatch.setenv("SSL_CERT_FILE", str(another))
    with pytest.raises(DeliveryFailed, match="SSLCertVerificationError"):
        HttpResponses().send(url(bucket), "{}")
    assert bucket.received == []


def test_a_url_without_tls_is_never_sent_to() -> None:
    with pytest.raises(Undeliverable, match="https"):
        HttpResponses().send("http://127.0.0.1:1/key", "{}")


def _drip_headers(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not handler.server.over.wait(0.05):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def _drip_body(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000\r\n\r\n")
    while not handler.server.over.wait(0.05):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def _silent(handler: _Handler) -> None:
    handler.server.over.wait(PATIENCE_S)


@pytest.mark.parametrize("behaviour", [_drip_headers, _drip_body, _silent])
def test_a_host_that_never_comes_to_an_end_is_left_when_the_time_is_over(
    bucket: _Bucket, behaviour: Callable[[_Handler], None]
) -> None:
    """Its end is waited for in another thread, so that a delivery without a bound fails this test too."""
    bucket.hostile = behaviour
    ends: list[Exception | None] = []

    def send() -> None:
        try:
            HttpResponses(delivery_max_s=1.0).send(url(bucket), "{}")
        except DeliveryFailed as error:
            ends.append(error)

    thread = Thread(target=send, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert len(ends) == 1, "the delivery goes on"


def test_no_more_of_an_answer_is_read_than_an_error_code_needs(bucket: _Bucket) -> None:
    """An endless body would fill the function's memory."""
    written, ended = 0, threading.Event()

    def flood(handler: _Handler) -> None:
        nonlocal written
        handler.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        until = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < until:
                handler.wfile.write(b"x" * 65536)
                written += 65536
        finally:
            ended.set()

    bucket.hostile = flood
    with pytest.raises(Undeliverable):
        HttpResponses().send(url(bucket), "{}")
    assert ended.wait(PATIENCE_S)
    # What the two sockets hold between them is written, too: megabytes at most.
    assert written < 64 << 20


def test_a_compressed_answer_is_not_unpacked(bucket: _Bucket) -> None:
    bomb = gzip.compress(b"\0" * (32 << 20))

    def send_bomb(handler: _Handler) -> None:
        handler.send_response(403)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(bomb)))
        handler.end_headers()
        handler.wfile.write(bomb)

    bucket.hostile = send_bomb
    with pytest.raises(Undeliverable):
        HttpResponses().send(url(bucket), "{}")
