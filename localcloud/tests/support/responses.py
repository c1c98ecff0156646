"""Requests signed URLs as a client outside the functions does, wherever their hosts really are."""

from urllib.parse import urlsplit

import urllib3

PATIENCE_S = 20


def put(url, body, *, address, ca_file, content_type=""):
    """Puts a body to a URL and returns the HTTP status.

    Args:
        url: A response URL, or a wait condition's handle.
        body: Bytes.
        address: ``LOCALCLOUD_RESPONSES``: host and port.
        ca_file: ``LOCALCLOUD_CA_FILE``.
        content_type: Empty for what CloudFormation takes.
    """
    return _request("PUT", url, address, ca_file, body=body, headers={"Content-Type": content_type}).status


def get(url, *, address, ca_file):
    """Fetches a URL, such as a hook's payload, and returns the HTTP status and the body."""
    answer = _request("GET", url, address, ca_file)
    return answer.status, answer.data


def _request(method, url, address, ca_file, *, body=None, headers=()):
    """Returns the answer to a request.

    The certificate is verified for the URL's host, and the request names that host; only the connection goes
    elsewhere.
    """
    parts, (host, _, port) = urlsplit(url), address.partition(":")
    with urllib3.HTTPSConnectionPool(
        host,
        int(port),
        ca_certs=str(ca_file),
        server_hostname=parts.hostname,
        assert_hostname=parts.hostname,
        timeout=PATIENCE_S,
        retries=False,
    ) as pool:
        named = {"Host": parts.hostname, **dict(headers)}
        return pool.urlopen(method, f"{parts.path}?{parts.query}", body=body, headers=named)
