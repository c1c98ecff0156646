"""Response URLs as functions meet them: CloudFormation's hosts, over TLS that every client verifies."""

import pytest
from tests.support.functions import call, deploy

from localcloud.cloud import CloudError
from localcloud.testing.hosts import answers, drips, floods, redirects, standing_behind, stays_silent
from tests.support import responses

RESPONSES = "cloudformation-custom-resource-response-useast1.s3.amazonaws.com"
#: A handle of another Region, behind which a test may stand while the cloud's own is where it was.
ELSEWHERE = "cloudformation-waitcondition-us-east-2.s3.us-east-2.amazonaws.com"

PUT = """
    import urllib3

    def handler(event, context):
        limits = urllib3.Timeout(connect=3, read=1)
        try:
            answer = urllib3.PoolManager(timeout=limits, retries=False).request("PUT", event, body=b"{}")
        except urllib3.exceptions.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        return [answer.status, answer.headers.get("Server")]
"""
CLIENTS = {
    "urllib3": PUT,
    "urllib": """
        import urllib.request, urllib.error

        def handler(event, context):
            try:
                urllib.request.urlopen(urllib.request.Request(event, b"{}", {}, method="PUT"))
            except urllib.error.HTTPError as error:
                return [error.code, error.headers["Server"]]
    """,
    "http.client": """
        from http.client import HTTPSConnection
        from urllib.parse import urlsplit

        def handler(event, context):
            connection = HTTPSConnection(urlsplit(event).netloc)
            connection.request("PUT", urlsplit(event).path, b"{}")
            answer = connection.getresponse()
            return [answer.status, answer.headers["Server"]]
    """,
    "requests": """
        import requests

        def handler(event, context):
            answer = requests.put(event, b"{}")
            return [answer.status_code, answer.headers["Server"]]
    """,
    "asyncio": """
        import asyncio, ssl
        from urllib.parse import urlsplit

        async def put(url):
            reader, writer = await asyncio.open_connection(url.netloc, 443, ssl=ssl.create_default_context())
            head = ("PUT /key HTTP/1.0", f"Host: {url.netloc}", "Content-Length: 0", "", "")
            writer.write("\\r\\n".join(head).encode())
            lines = (await reader.read()).decode().splitlines()
            writer.close()
            return [int(lines[0].split()[1]), next(l[8:] for l in lines if l.startswith("Server: "))]

        def handler(event, context):
            return asyncio.run(put(urlsplit(event)))
    """,
}


@pytest.fixture(scope="module")
def function(cloud):
    return deploy(cloud, PUT)


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_reaches_the_cloud_behind_the_name_and_verifies_it(cloud, client):
    assert call(cloud, deploy(cloud, CLIENTS[client]), f"https://{RESPONSES}/key")["Payload"] == [
        403,
        "AmazonS3",
    ]


@pytest.mark.parametrize(
    "host",
    [
        RESPONSES.upper(),
        "cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com",
        "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn",
        "cloudformation-waitcondition-us-gov-west-1.s3.us-gov-west-1.amazonaws.com",
        "cloudformation-waitcondition-eusc-de-east-1.s3.eusc-de-east-1.amazonaws.eu",
        "cloudformation-waitcondition-us-iso-east-1.s3.us-iso-east-1.c2s.ic.gov",
    ],
)
def test_the_buckets_of_every_region_and_partition_are_there(cloud, function, host):
    assert call(cloud, function, f"https://{host}/key")["Payload"] == [403, "AmazonS3"]


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "s3.amazonaws.com",
        "my-bucket.s3.amazonaws.com",
        "cloudformation-waitcondition-us-east-1.amazonaws.com",
        f"{RESPONSES}.example.com",
        f"evil.{RESPONSES}",
        "169.254.169.254",
    ],
)
def test_every_other_host_is_refused(cloud, function, host):
    answer = call(cloud, function, f"https://{host}/key")["Payload"]
    assert f"connection to {host}" in answer
    assert "refused: the embedded cloud allows 127.0.0.1 only" in answer


def test_a_function_that_trusts_other_authorities_than_the_clouds_does_not_get_through(cloud):
    other = {"Variables": {"SSL_CERT_FILE": "/dev/null"}}
    answer = call(cloud, deploy(cloud, PUT, Environment=other), f"https://{RESPONSES}/key")["Payload"]
    assert "certificate verify failed" in answer


class TestAHostOfATestsOwn:
    def test_stands_behind_one_name_until_it_goes_and_the_cloud_behind_all_others(self, cloud, function):
        with standing_behind(cloud, ELSEWHERE, answers(200, b"", Server="mine")) as host:
            assert call(cloud, function, f"https://{ELSEWHERE}/key?a=b")["Payload"] == [200, "mine"]
            assert call(cloud, function, f"https://{RESPONSES}/key")["Payload"] == [403, "AmazonS3"]
        assert call(cloud, function, f"https://{ELSEWHERE}/key")["Payload"] == [403, "AmazonS3"]
        (request,) = host.requests
        assert (request.line, request.body) == ("PUT /key?a=b HTTP/1.1", b"{}")
        assert request.headers["host"] == ELSEWHERE

    def test_can_be_any_host(self, cloud, function):
        with standing_behind(cloud, "example.com", answers(204)):
            assert call(cloud, function, "https://example.com/")["Payload"] == [204, None]

    def test_can_send_clients_elsewhere(self, cloud):
        following = deploy(cloud, CLIENTS["requests"])
        with standing_behind(cloud, ELSEWHERE, redirects("https://169.254.169.254/")) as host:
            answer = call(cloud, following, f"https://{ELSEWHERE}/")["Payload"]
        assert "connection to 169.254.169.254 refused" in answer["errorMessage"]
        assert len(host.requests) == 1

    @pytest.mark.parametrize("behaviour", [stays_silent, drips(0.2)])
    def test_can_keep_a_client_waiting(self, cloud, behaviour):
        name = deploy(cloud, PUT, Timeout=3)
        with standing_behind(cloud, ELSEWHERE, behaviour):
            answer = call(cloud, name, f"https://{ELSEWHERE}/")["Payload"]
        # A client whose limits are for each read only, and Lambda's for all of it.
        expected = "Read timed out" if behaviour is stays_silent else "Task timed out after 3.00 seconds"
        assert expected in str(answer)

    def test_can_keep_a_client_waiting_before_anything_is_said(self, cloud, function):
        with standing_behind(cloud, ELSEWHERE, stays_silent, shakes_hands=False) as host:
            answer = call(cloud, function, f"https://{ELSEWHERE}/")["Payload"]
        assert "timed out" in answer
        assert (host.connections, host.requests) == (1, [])

    def test_can_send_more_than_a_client_can_hold(self, cloud):
        name = deploy(
            cloud,
            """
            import urllib3

            def handler(event, context):
                answer = urllib3.PoolManager().request("PUT", event, body=b"{}", preload_content=False)
                return sum(len(answer.read(1 << 16)) for _ in range(500))
            """,
        )
        with standing_behind(cloud, ELSEWHERE, floods()) as host:
            assert call(cloud, name, f"https://{ELSEWHERE}/")["Payload"] == 500 << 16
        assert host.sent_bytes >= 500 << 16

    def test_needs_a_name_and_a_port(self, cloud):
        with pytest.raises(CloudError, match="no port: 0"):
            cloud.add_host(ELSEWHERE, 0)
        with pytest.raises(CloudError, match="not allowed"):
            cloud.add_host("no host", 443)


def test_a_shell_reaches_a_response_url_at_the_address_that_the_cloud_exports(cloud):
    exports = cloud.exports
    status = responses.put(
        f"https://{RESPONSES}/key?X-Amz-Signature=none",
        b"{}",
        address=exports["LOCALCLOUD_RESPONSES"],
        ca_file=exports["LOCALCLOUD_CA_FILE"],
    )
    assert status == 403
