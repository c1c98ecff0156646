import logging

import pytest

from cluster_provider import handler
from cluster_provider.core.redact import redact
from tests.support.world import World

URL = "https://bucket.s3.amazonaws.com/key?X-Amz-Date=1&X-Amz-Credential=AKIA%2F&X-Amz-Signature=c0ffee&x=1"


def test_a_presigned_url_in_any_text_is_useless() -> None:
    shown = redact(f"PUT {URL} failed")
    assert "c0ffee" not in shown
    assert "AKIA" not in shown
    assert "X-Amz-Date=1" in shown


def test_secret_keys_are_masked_at_any_depth() -> None:
    event = {"a": [{"ResponseURL": URL, "Properties": {"ClusterConfiguration": {"Secret": "s"}}}]}
    assert redact(event) == {"a": [{"ResponseURL": "***", "Properties": {"ClusterConfiguration": "***"}}]}


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What the function would have printed."""
    return "\n".join(handler.logger.registered_formatter.format(record) for record in caplog.records)


def test_no_log_line_of_a_create_carries_the_urls_signature(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.made()
    handler.logger.info("the whole event", extra={"event": world.event("Create")})
    shown = logged(caplog)
    assert "the whole event" in shown
    assert "s3cr3t" not in shown
    assert "SlurmQueues" not in shown


def test_an_exceptions_text_is_redacted_too(caplog: pytest.LogCaptureFixture) -> None:
    child = logging.getLogger("cluster_provider.somewhere")
    try:
        raise ConnectionError(f"could not reach {URL}")
    except ConnectionError:
        child.exception("failed")
    shown = logged(caplog)
    assert "could not reach" in shown
    assert "c0ffee" not in shown
