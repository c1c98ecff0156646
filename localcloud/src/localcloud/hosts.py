"""Host names that lead to servers of this machine, in place of the network that a function has on AWS.

A file lists them, and an environment variable names the file to functions' processes. ``guard`` refuses all
other names.
"""

import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: The environment variable that names the file.
VARIABLE = "LOCALCLOUD_HOSTS"

_real_getaddrinfo = socket.getaddrinfo
_files: list[Path] = []


def write(file: Path, ports: Mapping[str, int]) -> None:
    """Writes a file of host names atomically.

    Args:
        file: Where it is.
        ports: Ports of 127.0.0.1 by regular expressions of whole host names in lower case; the first match
            decides.
    """
    new = file.with_suffix(".new")
    new.write_text(json.dumps(dict(ports)), encoding="utf-8")
    new.replace(file)


def install(file: Path) -> None:
    """Leads the names in a file to this machine, for all Python clients of this process.

    The file is read at each look-up, so changes apply at once. The port in a client's request is ignored.
    Clients verify certificates for the name that they asked for.

    Args:
        file: As ``write`` makes it.
    """
    _files.append(file)
    socket.getaddrinfo = _getaddrinfo


def remove(file: Path) -> None:
    """Undoes one ``install`` of a file."""
    _files.remove(file)
    if not _files:
        socket.getaddrinfo = _real_getaddrinfo


@contextmanager
def installed(file: Path) -> Iterator[None]:
    """Leads the names in a file to this machine while the context lasts."""
    install(file)
    try:
        yield
    finally:
        remove(file)


def port_of(name: str) -> int | None:
    """Returns the port of 127.0.0.1 for a host name; None if no file lists it."""
    plain = name.lower().removesuffix(".")
    for file in _files:
        ports: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
        for pattern, port in ports.items():
            if re.fullmatch(pattern, plain):
                return port
    return None


def _getaddrinfo(  # noqa: PLR0917 - as in the standard library
    host: Any,
    port: Any,
    family: int = 0,
    type: int = 0,  # noqa: A002 - the parameter's name in the standard library
    proto: int = 0,
    flags: int = 0,
) -> Any:
    name = host.decode("ascii") if isinstance(host, bytes) else host
    local_port = port_of(name) if name else None
    if local_port is not None:
        host, port = "127.0.0.1", local_port
    return _real_getaddrinfo(host, port, family, type, proto, flags)
