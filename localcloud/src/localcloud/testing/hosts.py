"""Servers of tests behind host names that functions trust, among them hostile ones."""

import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import parse_headers
from pathlib import Path
from typing import Protocol

from localcloud import hosts
from localcloud.cloudformation.names import Names

_CHUNK_BYTES = 1 << 16
#: How long a server waits for a client that says nothing, in real seconds.
_PATIENCE_S = 60


class HostNames(Protocol):
    """Leads names to servers: an embedded cloud, or the result of ``local_names``."""

    def add_host(self, name: str, port: int) -> str:
        """Leads a name to a port of 127.0.0.1; returns the server's private key and certificates, PEM."""

    def remove_host(self, name: str) -> None:
        """Removes the name."""


@dataclass(frozen=True)
class Request:
    """A request that arrived; header names are in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Host:
    """A server behind a name.

    Attributes:
        connections: How many were opened, those included whose handshake failed.
        requests: What arrived in full.
        sent_bytes: What was sent in all.
    """

    name: str
    connections: int = 0
    requests: list[Request] = field(default_factory=list)
    sent_bytes: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def send(self, connection: ssl.SSLSocket, content: bytes) -> None:
        """Sends bytes to a client and counts them."""
        connection.sendall(content)
        self.sent_bytes += len(content)

    def pause(self, seconds: float) -> bool:
        """Waits in real time; returns whether the server goes on."""
        return not self._ended.wait(seconds)

    def wait(self) -> None:
        """Waits for the server's end."""
        self._ended.wait()


Behaviour = Callable[[Host, ssl.SSLSocket], None]


def answers(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Answers every request in one way; header names have underscores for hyphens."""
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    def behave(host: Host, connection: ssl.SSLSocket) -> None:
        head = f"HTTP/1.1 {status} Any\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{fields}\r\n"
        host.send(connection, head.encode() + body)

    return behave


def redirects(location: str, status: int = 307) -> Behaviour:
    """Redirects every request."""
    return answers(status, Location=location)


def drips(interval_s: float = 1.0, *, head: bytes = b"HTTP/1.1 200 OK\r\nX-Drip: ") -> Behaviour:
    """Sends a byte at a time and never ends; every byte comes before a client's read times out.

    Args:
        interval_s: Between two bytes, in real seconds.
        head: What is sent at once: with all headers of a response in it, the body drips.
    """

    def behave(host: Host, connection: ssl.SSLSocket) -> None:
        host.send(connection, head)
        while host.pause(interval_s):
            host.send(connection, b"-")

    return behave


def floods(status: int = 200) -> Behaviour:
    """Sends a body without end, as fast as it is read."""

    def behave(host: Host, connection: ssl.SSLSocket) -> None:
        host.send(connection, f"HTTP/1.1 {status} Any\r\nConnection: close\r\n\r\n".encode())
        while host.pause(0):
            host.send(connection, b"-" * _CHUNK_BYTES)

    return behave


def stays_silent(host: Host, _connection: ssl.SSLSocket) -> None:
    """Accepts a request and never responds."""
    host.wait()


@contextmanager
def local_names() -> Iterator[Names]:
    """Leads names to servers for the clients of this process, which must trust its ``ca_file``.

    ``monkeypatch.setenv("SSL_CERT_FILE", str(names.ca_file))`` makes most of them do so.
    """
    names = Names()
    try:
        with hosts.installed(names.hosts_file):
            yield names
    finally:
        names.close()


@contextmanager
def standing_behind(
    names: HostNames, name: str, behaviour: Behaviour, *, shakes_hands: bool = True
) -> Iterator[Host]:
    """Puts a TLS server behind a host's name until the context ends.

    Args:
        names: Who leads the name, an embedded cloud for instance. All other names stay as they are.
        name: The name, such as ``cloudformation-waitcondition-us-east-2.s3.us-east-2.amazonaws.com``.
        behaviour: Called with each connection once its first request has arrived.
        shakes_hands: False for a server that takes connections and never begins to speak TLS.
    """
    host = Host(name)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        context = _context(names.add_host(name, listener.getsockname()[1]))
        threading.Thread(
            target=_accept, args=(listener, context if shakes_hands else None, host, behaviour), daemon=True
        ).start()
        try:
            yield host
        finally:
            names.remove_host(name)
            host._ended.set()  # noqa: SLF001 - the same module's
            with suppress(OSError):  # which ends the accept; some systems refuse it on a listener
                listener.shutdown(socket.SHUT_RDWR)


def _context(pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "server.pem")
        file.touch(mode=0o600)
        file.write_text(pem)
        context.load_cert_chain(file)
    return context


def _accept(
    listener: socket.socket, context: ssl.SSLContext | None, host: Host, behaviour: Behaviour
) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # the listener was closed
            return
        host.connections += 1
        threading.Thread(target=_serve, args=(connection, context, host, behaviour), daemon=True).start()


def _serve(
    connection: socket.socket, context: ssl.SSLContext | None, host: Host, behaviour: Behaviour
) -> None:
    with connection:
        if context is None:
            host.wait()
            return
        connection.settimeout(_PATIENCE_S)
        # Clients that hang up in the middle are what these servers are for.
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            if request := _read(secured):
                host.requests.append(request)
                behaviour(host, secured)


def _read(connection: ssl.SSLSocket) -> Request | None:
    with connection.makefile("rb") as stream:
        line = stream.readline().decode("latin-1").strip()
        if not line:
            return None
        headers = {key.lower(): value for key, value in parse_headers(stream).items()}
        return Request(line, headers, stream.read(int(headers.get("content-length", 0))))
