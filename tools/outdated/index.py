"""The package index that pip uses on this machine: its URL, and the pages of packages."""

import base64
import json
import os
import re
import ssl
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

from tools import pip

_TIMEOUT_S = 30
_JSON = "application/vnd.pypi.simple.v1+json"
#: pip's help shows the index it would use, whichever file or variable names it, but hides a password in it.
_DEFAULT = re.compile(r"--index-url <url>.*?\(default\s+(\S+?)\)", re.DOTALL)


class IndexUnavailableError(Exception):
    """A package's page cannot be read; the message says why."""


class Index:
    """A package index.

    Args:
        url: The root's URL, with name and password if it needs them.
        certificates: The file with the trusted authorities; None for the system's.
    """

    def __init__(self, url: str, certificates: str | None = None) -> None:
        parts = urlsplit(url)
        _, _, host = parts.netloc.rpartition("@")
        self._root = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = {"Accept": f"{_JSON}, text/html;q=0.1"}
        if parts.username is not None:
            named = f"{parts.username}:{parts.password or ''}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(named).decode()}"
        self._tls = ssl.create_default_context(cafile=certificates)

    @classmethod
    def of_pip(cls) -> "Index":
        """Returns the index that pip is configured with on this machine, or pip's own default.

        Raises:
            IndexUnavailableError: pip names no index.
        """
        settings = pip.settings()
        url = pip.configured(settings, os.environ, "index-url")
        shown = _DEFAULT.search(pip.output("download", "--help"))
        if url is None and shown is None:
            raise IndexUnavailableError("pip names no package index: see 'pip config list'")
        return cls(url or (shown[1] if shown else ""), pip.configured(settings, os.environ, "cert"))

    def page(self, package: str) -> dict[str, Any]:
        """Returns a package's page as JSON.

        Args:
            package: Its normalised name.

        Raises:
            IndexUnavailableError: The index does not answer, or not with JSON.
        """
        request = Request(f"{self._root}/{package}/", headers=self._headers)  # noqa: S310 - see below
        if urlsplit(self._root).scheme not in {"http", "https"}:
            raise IndexUnavailableError(f"the index {self._root} is no HTTP server, so it lists no dates")
        try:
            with urlopen(request, timeout=_TIMEOUT_S, context=self._tls) as answer:  # noqa: S310
                kind, body = answer.headers.get_content_type(), answer.read()
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise IndexUnavailableError(f"the index does not answer about {package}: {reason}") from error
        if kind != _JSON:
            raise IndexUnavailableError(
                f"the index answers with {kind} and offers no dates: they are in the JSON of PEP 691 and 700"
            )
        page: dict[str, Any] = json.loads(body)
        return page
