"""Puts bodies to response URLs as a client outside the functions does, wherever their hosts really are."""

from urllib.parse import urlsplit

import urllib3

PATIENCE_S = 20


def put(url, body, *, address, ca_file, content_type=""):
    """Puts a body to a URL and returns the HTTP status.

    The certificate is verified for the URL's host, and the request names that host; only the connection goes
    elsewhere.

    Args:
        url: A response URL, or a wait condition's handle.
        body: Bytes.
        address: ``LOCALCLOUD_RESPONSES``: host and port.
        ca_file: ``LOCALCLOUD_CA_FILE``.
        content_type: Empty for what CloudFormation takes.
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
        headers = {"Host": parts.hostname, "Content-Type": content_type}
        return pool.urlopen("PUT", f"{parts.path}?{parts.query}", body=body, headers=headers).status
