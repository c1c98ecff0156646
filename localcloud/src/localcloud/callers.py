"""Finds the function that sent a request: each process has its own access key id and its own sockets."""

import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Source: IAM user guide, "Unique identifiers": temporary credentials begin with ASIA.
_PREFIX = "ASIA"
_ALPHABET = string.ascii_uppercase + string.digits
_LENGTH = 16

#: Columns of /proc/net/tcp. Source: proc_net_tcp.txt of the Linux kernel.
_LOCAL, _REMOTE, _INODE = 1, 2, 9


@dataclass(frozen=True)
class Caller:
    """A process of a function.

    Attributes:
        function: The function's name.
        role_arn: Its role, which the process keeps until it ends.
        pid: The process.
        kill: Ends it like a crash.
        time_out: Lets its time run out, and ends it as Lambda's timeout does.
    """

    function: str
    role_arn: str
    pid: int
    kill: Callable[[], None]
    time_out: Callable[[], None]


def new_access_key_id() -> str:
    """Returns an unused access key id."""
    return _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


class Callers:
    """The processes of functions that are running, by their access key ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers: dict[str, Caller] = {}

    def add(self, access_key_id: str, caller: Caller) -> None:
        """Adds a process."""
        with self._lock:
            self._callers[access_key_id] = caller

    def remove(self, access_key_id: str) -> None:
        """Removes a process."""
        with self._lock:
            self._callers.pop(access_key_id, None)

    def by_key(self, access_key_id: str) -> Caller | None:
        """Returns the process that signs with this key; None for other clients."""
        with self._lock:
            return self._callers.get(access_key_id)

    def by_connection(self, client_port: int, server_port: int) -> Caller | None:
        """Returns the process at the other end of a local connection; None if it cannot be found."""
        with self._lock:
            callers = list(self._callers.values())
        try:
            inode = _inode(client_port, server_port)
            return next((caller for caller in callers if inode and _holds(caller.pid, inode)), None)
        except OSError:  # not Linux
            return None


def _inode(local_port: int, remote_port: int) -> str | None:
    wanted = (local_port, remote_port)
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if (_port(columns[_LOCAL]), _port(columns[_REMOTE])) == wanted:
            return columns[_INODE]
    return None


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _holds(pid: int, inode: str) -> bool:
    try:
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # it has ended, or closes files meanwhile
        return False
    return f"socket:[{inode}]" in links


#: The processes of this cloud's functions.
callers = Callers()
