"""What the port Responses MUST do over a real connection."""

import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cluster_provider.adapters.responses import HttpResponses
from cluster_provider.core.errors import DeliveryFailed, Undeliverable

#: Stands for S3's answer to a body that came too slowly: 400, and a code.
SLOW = -400


class _Bucket(HTTPServer):
    """Answers PUTs with the statuses it was given, the last one for ever."""

    statuses: list[int]
    received: list[tuple[str, bytes, str | None]]


class _Handler(BaseHTTPRequestHandler):
    server: _Bucket

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body, self.headers.get("Content-Type")))
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


@pytest.fixture
def bucket() -> Iterator[_Bucket]:
    server = _Bucket(("127.0.0.1", 0), _Handler)
    server.statuses, server.received = [200], []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url(server: _Bucket) -> str:
    return f"http://127.0.0.1:{server.server_port}/key%2Fwith?X-Amz-Signature=s3cr3t"


def test_a_body_arrives_as_it_was_written_without_a_content_type(bucket: _Bucket) -> None:
    HttpResponses().send(url(bucket), '{"Reason":"größer"}')
    assert bucket.received == [("/key%2Fwith?X-Amz-Signature=s3cr3t", '{"Reason":"größer"}'.encode(), None)]


def test_a_server_error_is_repeated_until_it_passes(bucket: _Bucket) -> None:
    bucket.statuses = [503, 500, 200]
    HttpResponses().send(url(bucket), "{}")
    assert len(bucket.received) == 3


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


def test_a_closed_port_is_a_failed_delivery_that_does_not_tell_the_url(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DeliveryFailed) as refused:
        HttpResponses().send("http://127.0.0.1:1/key?X-Amz-Signature=s3cr3t", "{}")
    assert "s3cr3t" not in str(refused.value)
    assert "s3cr3t" not in caplog.text
