"""Host names of this cloud: the server that each leads to, and its certificate."""

import atexit
import re
import shutil
import ssl
import threading

import trustme

from localcloud import hosts, leftovers

#: What a client that names no host is shown.
_NAMELESS = ("localhost", "127.0.0.1")


class Names:
    """Host names that lead to servers of this machine, and their certificate authority.

    The authority's key stays in the memory of this process. Its certificates are valid from 2000 to 3000,
    since clients live in simulated time.

    Attributes:
        ca_file: PEM of the authority; clients name it in ``SSL_CERT_FILE``.
        hosts_file: The names, for ``hosts.install``.
    """

    def __init__(self) -> None:
        folder = leftovers.make_folder("tls-")
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
        """Leads all names that match a regular expression to a port, except those of ``add_host``."""
        with self._lock:
            self._patterns[pattern] = port
            self._write()

    def add_host(self, name: str, port: int) -> str:
        """Leads one name to a port, whatever the patterns are.

        Args:
            name: A host's name.
            port: Where a server listens on 127.0.0.1.

        Returns:
            The server's private key and certificates, PEM.

        Raises:
            ValueError: The name or the port is not valid.
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
        """Removes a name that ``add_host`` added, if there is one."""
        with self._lock:
            self._single.pop(re.escape(name.lower()), None)
            self._write()

    def server_context(self) -> ssl.SSLContext:
        """Returns a context with a certificate for each name that matches a pattern."""
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
