"""A package's page is read from an index as the standards have it, and what is in the way is said."""

import base64
import json
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tools.outdated.__main__ import ages
from tools.outdated.index import Index, IndexUnavailableError
from tools.outdated.report import Pin

JSON = "application/vnd.pypi.simple.v1+json"
PAGE = {"files": [{"filename": "alpha-1.tar.gz", "upload-time": "2026-11-19T00:00:00Z"}]}
TODAY = date(2026, 11, 29)


class Handler(BaseHTTPRequestHandler):
    """An index with one package, and one whose page is as it was before there was JSON."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Accept"], self.headers["Authorization"]))
        kind, body = {
            "/simple/alpha/": (JSON, json.dumps(PAGE)),
            "/simple/old/": ("text/html", "<a>old-1.tar.gz</a>"),
        }.get(self.path, ("", ""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server, credentials=""):
    return f"http://{credentials}127.0.0.1:{server.server_port}/simple/"


def test_a_page_is_asked_for_as_json(server):
    assert Index(address(server)).page("alpha") == PAGE
    ((path, accepted, authorization),) = server.asked
    assert (path, authorization) == ("/simple/alpha/", None)
    assert accepted.startswith(JSON)


def test_the_credentials_in_an_indexs_address_are_sent_as_a_header_and_shown_in_no_error(server):
    index = Index(address(server, "me:s3cr3t@"))
    index.page("alpha")
    assert server.asked[0][2] == "Basic " + base64.b64encode(b"me:s3cr3t").decode()
    with pytest.raises(IndexUnavailableError) as error:
        index.page("old")
    assert "s3cr3t" not in str(error.value)


def test_an_index_without_json_is_told_from_one_that_does_not_know_the_package(server):
    index = Index(address(server))
    with pytest.raises(IndexUnavailableError, match="answers with text/html and offers no dates"):
        index.page("old")
    with pytest.raises(IndexUnavailableError, match="does not answer about beta: Not Found"):
        index.page("beta")


def test_a_folder_is_no_index_with_dates(tmp_path):
    with pytest.raises(IndexUnavailableError, match="no HTTP server"):
        Index(tmp_path.as_uri()).page("alpha")


def test_what_the_index_does_not_know_is_listed_without_an_age(server):
    chosen = [Pin("alpha", "1", ("provider",)), Pin("beta", "1", ("provider",))]
    rows, complaints = ages(chosen, Index(address(server)), TODAY)
    assert [(pin.package, found.days if found else None) for pin, found in rows] == [
        ("alpha", 10),
        ("beta", None),
    ]
    assert complaints == ["the index does not answer about beta: Not Found"]


def test_an_index_that_says_nothing_of_the_first_packages_is_not_asked_about_the_others(server):
    chosen = [Pin(f"p{number}", "1", ("provider",)) for number in range(10)]
    rows, complaints = ages(chosen, Index(address(server)), TODAY)
    assert [found for _, found in rows] == [None] * 10
    assert len(server.asked) == len(complaints) == 3
