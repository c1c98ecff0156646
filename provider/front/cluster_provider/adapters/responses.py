"""The way back to CloudFormation: one PUT to a presigned URL, bounded in time and in what is read."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urlsplit

from cluster_provider.core.errors import DeliveryFailed, Undeliverable

#: The time that a delivery takes at most, in seconds, with its name look-up, handshake and repetitions.
DELIVERY_MAX_S = 10.0

#: The time that one step of the network may take, in seconds.
STEP_MAX_S = 5.0

#: What is read of an answer's body, in bytes: S3's error codes stand in its first lines.
READ_MAX_BYTES = 4096

#: Tries within one delivery. The next wake-up sends the same bytes again.
ATTEMPTS_MAX = 3
PAUSE_S = 0.5

_HTTPS_PORT = 443
_OK, _CLIENT_ERROR, _SERVER_ERROR = 200, 400, 500
_WORTH_REPEATING = frozenset({408, 409, 429})

#: S3's word for a body that came too slowly; its status is 400. Source: Amazon S3 API reference, "Error
#: responses".
_TOO_SLOW = b"<Code>RequestTimeout</Code>"


class HttpResponses:
    """The port Responses over HTTPS.

    The standard library's client is used, since its socket can be closed while it is read from. A socket's
    timeout bounds the time to the next byte only, and a host that drips sends one just in time, for ever. It
    follows no redirect.

    Args:
        delivery_max_s: The time that a delivery takes at most, in seconds.
    """

    def __init__(self, delivery_max_s: float = DELIVERY_MAX_S) -> None:
        self._delivery_max_s = delivery_max_s
        # Certificates and host names are checked, against what the system trusts.
        self._context = ssl.create_default_context()

    def send(self, url: str, body: str) -> None:
        """Puts a response to its URL.

        No Content-Type goes with it: the URL's signature covers an empty one.
        Source: AWS CloudFormation user guide, "Using wait conditions"; no message carries the URL, which is a
        credential.
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
            # What a library says of an error may quote the URL.
            raise DeliveryFailed(f"the response could not be sent: {type(error).__name__}") from None
        if status == _OK:
            return
        passes = status in _WORTH_REPEATING or _TOO_SLOW in text
        if _CLIENT_ERROR <= status < _SERVER_ERROR and not passes:
            raise Undeliverable(f"CloudFormation's URL answered {status}")
        raise DeliveryFailed(f"CloudFormation's URL answered {status}")

    def _put(self, url: SplitResult, body: bytes, until_s: float) -> tuple[int, bytes]:
        """Sends one request; returns the answer's status and the beginning of its body."""
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
                # What was cut looks like an answer that ended.
                raise TimeoutError
            return answer.status, text


@contextmanager
def _closed_at(until_s: float, connection: socket.socket) -> Iterator[threading.Event]:
    """Cuts a connection when its time is over: whoever reads from it meets its end. Yields whether it was."""
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It is closed already, which is what was to be.
            return

    timer = threading.Timer(max(0.0, until_s - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield was_cut
    finally:
        timer.cancel()
