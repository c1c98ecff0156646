"""The launch page in a real browser, which `make test-browser` makes sure of; elsewhere, nothing."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from tools import browser as installed

collect_ignore_glob = [] if os.environ.get("BROWSER") else ["test_*.py"]

URL = "https://bucket.s3.us-east-1.amazonaws.com/hpc/cluster.yaml"
PICTURES = Path("build/launch-page")
#: Works for root, in a container, and talks to nobody.
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not there for the other tests

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=installed.executable(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def launch_page(tmp_path):
    """Writes a page with the command."""

    def write(template, *arguments, url=URL):
        output = tmp_path / "page.html"
        command = ["launch-page", str(template), "--template-url", url, "-o", str(output), *arguments]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
        return output

    return write


@pytest.fixture
def visit(browser, launch_page):
    """Opens a template's page from the disk; whatever it asks of the network or complains about is a failure.

    The console alone may be visited, and is not there either: an empty page stands for it.
    """
    contexts, complaints = [], []

    def answer(route):
        if not route.request.url.startswith("https://us-east-1.console.aws.amazon.com/"):
            complaints.append(route.request.url)
        route.fulfill(body="")

    def open_page(template, *arguments, url=URL, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.route(lambda address: not address.startswith(("file:", "data:")), answer)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(launch_page(template, *arguments, url=url).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
