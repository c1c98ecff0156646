"""The hosts of CloudFormation's buckets: what they are called, where they lead, what their clients verify."""

import re
import socket
import ssl
import threading
from datetime import UTC, datetime

import pytest
import urllib3

from localcloud.cloudformation import response_urls
from localcloud.guard import OutsideConnectionError
from localcloud.testing.hosts import answers, local_names, standing_behind

HOST = "cloudformation-waitcondition-us-east-2.s3.us-east-2.amazonaws.com"
#: Of recorded events and handles, from 2016 to 2025.
RECORDED = [
    "cloudformation-custom-resource-response-useast1.s3.amazonaws.com",
    "cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com",
    "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn",
    "cloudformation-waitcondition-us-east-1.s3.amazonaws.com",
    "cloudformation-waitcondition-us-east-2.s3.us-east-2.amazonaws.com",
    "cloudformation-waitcondition-eu-west-3.s3.eu-west-3.amazonaws.com",
]


@pytest.fixture
def names(monkeypatch):
    """Names that the clients of this process reach and trust."""
    with local_names() as names:
        monkeypatch.setenv("SSL_CERT_FILE", str(names.ca_file))
        yield names


def get(host):
    with urllib3.PoolManager(retries=False, timeout=5) as pool:
        return pool.request("GET", f"https://{host}/").status


@pytest.mark.parametrize("host", [*RECORDED, HOST.replace("s3.", "s3.dualstack.")])
def test_what_was_recorded_is_a_host_of_cloudformation(host):
    assert re.fullmatch(response_urls.hosts_pattern(), host)


@pytest.mark.parametrize(
    "host",
    [
        "bucket.s3.amazonaws.com",
        "cloudformation-waitcondition-us-east-1.s3.amazonaws.com.example.com",
        "cloudformation-waitcondition-us-east-1.s3.example.com",
        "a.cloudformation-waitcondition-us-east-1.s3.amazonaws.com",
        "cloudformation-waitcondition-.s3xamazonaws.com",
    ],
)
def test_no_other_host_is_one(host):
    assert not re.fullmatch(response_urls.hosts_pattern(), host)


@pytest.mark.parametrize(
    ("region", "responses", "signals"),
    [
        ("us-east-1", RECORDED[0], RECORDED[3]),
        (
            "us-east-2",
            RECORDED[4].replace("waitcondition-us-east-2", "custom-resource-response-useast2"),
            RECORDED[4],
        ),
        (
            "cn-north-1",
            RECORDED[2],
            RECORDED[2].replace("custom-resource-response-cnnorth1", "waitcondition-cn-north-1"),
        ),
    ],
)
def test_a_region_s_hosts_are_those_that_were_recorded(region, responses, signals):
    assert response_urls.response_host(region) == responses
    assert response_urls.signal_host(region) == signals


def test_a_name_leads_to_a_server_only_while_it_stands_behind_it(names):
    with standing_behind(names, HOST, answers(204)):
        assert get(HOST) == get(HOST.upper()) == get(f"{HOST}:8443") == 204
    with pytest.raises(OutsideConnectionError):
        socket.getaddrinfo(HOST, 443)


def test_a_name_leads_nowhere_in_a_process_without_the_hosts():
    with local_names() as names:
        names.add_host(HOST, 443)
        assert socket.getaddrinfo(HOST, 443, socket.AF_INET, socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 443)
    with pytest.raises(OutsideConnectionError):
        socket.getaddrinfo(HOST, 443)


def test_one_server_shows_each_name_of_a_pattern_a_certificate_of_its_own(names):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        names.lead(r"[a-z]+\.example", listener.getsockname()[1])
        context = names.server_context()

        def serve():
            for _ in range(3):
                connection, _ = listener.accept()
                with connection, context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)

        server = threading.Thread(target=serve)
        server.start()
        shown = [_shown(host, names.ca_file) for host in ("one.example", "two.example", "one.example")]
        server.join(5)
    assert [certificate["subjectAltName"] for certificate in shown] == [
        (("DNS", "one.example"),),
        (("DNS", "two.example"),),
        (("DNS", "one.example"),),
    ]
    # Whatever the simulated time is.
    years = [
        datetime.fromtimestamp(ssl.cert_time_to_seconds(shown[0][end]), UTC).year
        for end in ("notBefore", "notAfter")
    ]
    assert years == [2000, 3000]


def _shown(host, ca_file):
    context = ssl.create_default_context(cafile=str(ca_file))
    connection = socket.create_connection((host, 443), timeout=5)
    with connection, context.wrap_socket(connection, server_hostname=host) as secured:
        secured.send(b".")
        return secured.getpeercert()


def test_a_client_that_expects_another_host_or_authority_is_not_fooled(names, monkeypatch):
    with standing_behind(names, HOST, answers(204)) as host:
        names.add_host("other.example", socket.getaddrinfo(HOST, 443)[0][4][1])
        with pytest.raises(urllib3.exceptions.SSLError, match="Hostname mismatch"):
            get("other.example")
        monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
        with pytest.raises(urllib3.exceptions.SSLError, match="certificate verify failed"):
            get(HOST)
    assert host.requests == []


def test_no_private_key_stays_on_the_disk_and_nothing_when_it_ends():
    with local_names() as names:
        names.add_host(HOST, 443)
        names.server_context()
        folder = names.ca_file.parent
        files = list(folder.iterdir())
        assert {file.name for file in files} >= {"ca.pem", "hosts.json"}
        assert not [file.name for file in files if b"PRIVATE" in file.read_bytes()]
    assert not folder.exists()
