"""Sends responses to CloudFormation: one PUT to a presigned URL, bounded in time and in bytes read."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urlsplit

from cluster_provider.core.errors import DeliveryFailed, Undeliverable

#: Maximum time of a delivery, in seconds, including DNS look-up, TLS handshake and retries.
DELIVERY_MAX_S = 10.0

#: Maximum time of one network operation, in seconds.
STEP_MAX_S = 5.0

#: Maximum number of bytes read from the server's body. S3's error codes are in its first lines.
READ_MAX_BYTES = 4096

#: Attempts within one delivery, and the pause after the first, in seconds; it doubles each time. The next
#: pass sends the same bytes again.
ATTEMPTS_MAX = 3
PAUSE_S = 0.5

_HTTPS_PORT = 443
_OK, _CLIENT_ERROR, _SERVER_ERROR = 200, 400, 500
_WORTH_REPEATING = frozenset({408, 409, 429})

#: S3's error for a body that arrived too slowly; its status is 400, though a retry may succeed.
#: Source: Amazon S3 API reference, "Error responses".
_TOO_SLOW = b"<Code>RequestTimeout</Code>"


class HttpResponses:
    """The port Responses over HTTPS.

    It uses the standard library's client, whose socket can be closed during a read. A socket's own timeout
    bounds only the time to the next byte, so a host that sends single bytes could keep a read open for ever.
    Redirects are not followed.

    Args:
        delivery_max_s: Maximum time of a delivery, in seconds.
    """

    def __init__(self, delivery_max_s: float = DELIVERY_MAX_S) -> None:
        self._delivery_max_s = delivery_max_s
        # Checks certificates and host names against the system's trust store.
        self._context = ssl.create_default_context()

    def send(self, url: str, body: str) -> None:
        """Puts a response to its URL.

        The request has no Content-Type, because the URL's signature covers an empty one. No message contains
        the URL, which is a credential.
        Source: AWS CloudFormation user guide, "Using wait conditions".

        Args:
            url: The presigned URL.
            body: The response, as JSON text.

        Raises:
            DeliveryFailed: The response did not arrive; another attempt may help.
            Undeliverable: The response can never arrive.
        """
        if not url.startswith("https://"):
            raise Undeliverable("the URL is not https")
        until_s = time.monotonic() + self._delivery_max_s
        for attempt in range(ATTEMPTS_MAX):
            try:
                self._attempt(url, body.encode(), until_s)
            except DeliveryFailed:
                pause_s = PAUSE_S * 2**attempt
                if attempt == ATTEMPTS_MAX - 1 or time.monotonic() + pause_s >= until_s:
                    raise
                time.sleep(pause_s)
            else:
                return

    def _attempt(self, url: str, body: bytes, until_s: float) -> None:
        try:
            status, text = self._put(urlsplit(url), body, until_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # A library's error message may quote the URL.
            raise DeliveryFailed(f"the response could not be sent: {type(error).__name__}") from None
        if status == _OK:
            return
        passes = status in _WORTH_REPEATING or _TOO_SLOW in text
        if _CLIENT_ERROR <= status < _SERVER_ERROR and not passes:
            raise Undeliverable(f"CloudFormation's URL answered {status}")
        raise DeliveryFailed(f"CloudFormation's URL answered {status}")

    def _put(self, url: SplitResult, body: bytes, until_s: float) -> tuple[int, bytes]:
        """Sends one request; returns the response's status and the beginning of its body."""
        host = url.hostname or ""
        left_s = max(0.1, until_s - time.monotonic())
        plain = socket.create_connection((host, url.port or _HTTPS_PORT), timeout=min(STEP_MAX_S, left_s))
        try:
            tls = self._context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        except BaseException:
            plain.close()
            raise
        with tls, _closed_at(until_s, tls) as was_cut:
            tls.do_handshake()
            connection = http.client.HTTPConnection(host)
            connection.sock = tls
            connection.request("PUT", f"{url.path}?{url.query}", body=body)
            answer = connection.getresponse()
            text = b"" if answer.status == _OK else answer.read(READ_MAX_BYTES)
            if was_cut.is_set():
                # A body that was cut off looks like one that ended.
                raise TimeoutError
            return answer.status, text


@contextmanager
def _closed_at(until_s: float, connection: socket.socket) -> Iterator[threading.Event]:
    """Shuts a connection down at an instant of the monotonic clock; yields whether that has happened."""
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It is closed already, so there is nothing to shut down.
            return

    timer = threading.Timer(max(0.0, until_s - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield was_cut
    finally:
        timer.cancel()
