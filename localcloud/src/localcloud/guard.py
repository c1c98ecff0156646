"""Refuses every connection of this process beyond this machine.

Tests, demos and emulated functions install it first. An AWS call that is not sent to the embedded cloud then
fails with an error that names its destination, and never reaches a real account.
"""

import ipaddress
import os
import socket
import sys
from typing import Any

#: Every value a real credential could be looked up from, replaced before any SDK is imported.
FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "localcloud-secret",
    "AWS_SESSION_TOKEN": "localcloud-session",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


class OutsideConnectionError(ConnectionRefusedError):
    """A connection to somewhere else than this machine was attempted and refused."""

    def __init__(self, destination: str) -> None:
        super().__init__(
            f"connection to {destination} refused: the embedded cloud allows 127.0.0.1 only; "
            "set AWS_ENDPOINT_URL to its address"
        )


def is_local(host: str) -> bool:
    """Whether a host's name or address means this machine."""
    if host in {"", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_outside(event: str, args: tuple[Any, ...]) -> None:
    if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = args[0].decode("ascii") if isinstance(args[0], bytes) else args[0]
        if host is not None and not is_local(host):
            raise OutsideConnectionError(host)
    elif event == "socket.connect":
        connection, address = args
        if connection.family in {socket.AF_INET, socket.AF_INET6} and not is_local(address[0]):
            raise OutsideConnectionError(f"{address[0]}:{address[1]}")


_installed = False


def is_installed() -> bool:
    """Whether this process cannot reach anything but this machine."""
    return _installed


def close_account() -> None:
    """Closes every way to an account for this process: fake credentials, a closed endpoint, and the guard.

    A client that is not pointed at an embedded cloud is refused at once. For test sessions.
    """
    os.environ.update(FAKE_CREDENTIALS)
    os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = "us-east-1"
    # Port 1 is closed everywhere.
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    install()


def install() -> None:
    """Refuses connections and name look-ups beyond loopback in this process, for the rest of its life.

    Source: audit events ``socket.connect``, ``socket.getaddrinfo`` and ``socket.gethostbyname``, Python
    library reference, "Audit events table". A hook cannot be removed, which is what makes this a guard.
    """
    global _installed  # noqa: PLW0603 - one process, one guard; hooks would add up otherwise
    if not _installed:
        _installed = True
        sys.addaudithook(_refuse_outside)
