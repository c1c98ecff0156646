"""What an embedded cloud warns of reaches whoever waits for it, once, and disturbs nothing else."""

import io
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pcluster_cfn.aws import warnings_shown
from pcluster_cfn.terminal import Console

PATIENCE_S = 10


@contextmanager
def serving(answers):
    """A control API; each look gets the next answer, and the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            assert self.path == "/_localcloud/warnings"
            status, text = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments):
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


def shown(console):
    return console.file.getvalue().splitlines()


def warnings(*texts):
    return 200, json.dumps(texts)


def test_each_warning_is_shown_once_while_somebody_waits(console):
    with (
        serving([warnings(), warnings("first"), warnings("first", "second")]) as address,
        warnings_shown(address, console, every_s=0.01),
    ):
        give_up_at_s = time.monotonic() + PATIENCE_S
        while "Warning: second" not in shown(console):
            assert time.monotonic() < give_up_at_s, shown(console)
            time.sleep(0.01)
    assert shown(console) == ["Warning: first", "Warning: second"]


def test_what_came_last_is_shown_at_the_end(console):
    with serving([warnings("late")]) as address, warnings_shown(address, console, every_s=3600):
        assert shown(console) == []
    assert shown(console) == ["Warning: late"]


def test_a_warning_cannot_give_the_terminal_orders(console):
    with serving([warnings("[bold]\x1b[2J")]) as address, warnings_shown(address, console):
        pass
    assert shown(console) == ["Warning: [bold]\\u001b[2J"]


@pytest.mark.parametrize(
    "answer", [(404, "no such call"), (200, "<html>")], ids=["another emulator", "no JSON"]
)
def test_a_cloud_that_has_no_warnings_to_give_disturbs_nothing(console, answer):
    with serving([answer]) as address, warnings_shown(address, console):
        pass
    assert shown(console) == []


def test_a_cloud_that_has_ended_and_aws_are_not_waited_for(console):
    for address in (None, "http://127.0.0.1:9"):
        with warnings_shown(address, console):
            pass
    assert shown(console) == []
