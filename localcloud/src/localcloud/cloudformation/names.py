"""Host names of this cloud: which server each leads to, and the certificates that its clients verify."""

import atexit
import re
import shutil
import ssl
import tempfile
import threading
from pathlib import Path

import trustme

from localcloud import hosts

#: What a client that names no host is shown.
_NAMELESS = ("localhost", "127.0.0.1")


class Names:
    """Host names that lead to servers of this machine, and an authority of their own for them.

    The authority's key never leaves the memory of this process. Its certificates are valid from 2000 to 3000,
    since the time of clients is simulated.

    Attributes:
        ca_file: PEM of the authority; clients name it in ``SSL_CERT_FILE``.
        hosts_file: The names, for ``hosts.install``.
    """

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="localcloud-tls-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self.ca_file, self.hosts_file = folder / "ca.pem", folder / "hosts.json"
        self._authority = trustme.CA(organization_name="localcloud")
        self._authority.cert_pem.write_to_path(self.ca_file)
        self._lock = threading.Lock()
        self._single: dict[str, int] = {}
        self._patterns: dict[str, int] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._write()

    def lead(self, pattern: str, port: int) -> None:
        """Lets all names that match a regular expression lead to a port, unless one is led elsewhere."""
        with self._lock:
            self._patterns[pattern] = port
            self._write()

    def add_host(self, name: str, port: int) -> str:
        """Lets one name lead to a port, whatever the patterns say.

        Args:
            name: A host's name.
            port: Where a server listens on 127.0.0.1.

        Returns:
            The server's private key and certificates, PEM.

        Raises:
            ValueError: It is no host's name, or no port.
        """
        plain = name.lower()
        if not 0 < port < 1 << 16:
            raise ValueError(f"no port: {port}")
        pem = self._authority.issue_cert(plain).private_key_and_cert_chain_pem.bytes().decode()
        with self._lock:
            self._single[re.escape(plain)] = port
            self._write()
        return pem

    def remove_host(self, name: str) -> None:
        """Takes back what ``add_host`` did; without effect for a name that was not added."""
        with self._lock:
            self._single.pop(re.escape(name.lower()), None)
            self._write()

    def server_context(self) -> ssl.SSLContext:
        """Returns what a server behind the names of the patterns needs: a certificate for each of them."""
        context = self._issue(*_NAMELESS)
        context.sni_callback = self._show_certificate
        return context

    def close(self) -> None:
        """Removes the files."""
        shutil.rmtree(self.ca_file.parent, ignore_errors=True)

    def _show_certificate(
        self,
        connection: ssl.SSLSocket | ssl.SSLObject,
        name: str | None,
        _context: ssl.SSLContext,
    ) -> None:
        plain = (name or "").lower()
        with self._lock:
            if any(re.fullmatch(pattern, plain) for pattern in self._patterns):
                if plain not in self._contexts:
                    self._contexts[plain] = self._issue(plain)
                connection.context = self._contexts[plain]

    def _issue(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names).configure_cert(context)
        return context

    def _write(self) -> None:
        hosts.write(self.hosts_file, {**self._single, **self._patterns})
