"""The payload is fetched from Amazon S3 only, within bounds, and no message has its URL."""

import json

import pytest

from cluster_hook import payload
from cluster_hook.payload import PayloadError, fetch
from localcloud.testing.hosts import answers, local_names, standing_behind

HOST = "hooks.s3.us-east-1.amazonaws.com"


@pytest.fixture
def served(monkeypatch):
    """Serves answers at the host."""
    with local_names() as names:
        monkeypatch.setenv("SSL_CERT_FILE", str(names.ca_file))

        def run(behaviour, path="/key?signature=secret"):
            with standing_behind(names, HOST, behaviour):
                return fetch(f"https://{HOST}{path}")

        yield run


@pytest.mark.parametrize(
    "url",
    [
        "http://s3.amazonaws.com/x",
        "https://example.com/x",
        "https://s3.amazonaws.com.example.com/x",
        "https://evil-s3.example.com/x",
        "file:///etc/passwd",
        "text",
    ],
)
def test_other_places_are_not_asked(url):
    with pytest.raises(PayloadError, match="requestData/payload is no URL of Amazon S3"):
        fetch(url)


def test_an_object_is_returned(served):
    assert served(answers(200, json.dumps({"template": "x"}).encode())) == {"template": "x"}


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (answers(403, b"<Error/>"), "Amazon S3 answered 403"),
        (answers(302, Location="https://example.com/"), "Amazon S3 answered 302"),
        (answers(200, b"text"), "the payload is not JSON"),
        (answers(200, b"[]"), "the payload is no JSON object"),
        (answers(200, b" " * 101), "the payload has more than 100 bytes"),
    ],
)
def test_everything_else_is_refused_without_the_url(served, monkeypatch, behaviour, said):
    monkeypatch.setattr(payload, "SIZE_MAX_BYTES", 100)
    with pytest.raises(PayloadError, match=said) as refused:
        served(behaviour)
    assert "secret" not in str(refused.value)
