"""A browser that is missing is told, and never skipped."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def run(tmp_path):
    def run(**environment):
        return subprocess.run(
            [sys.executable, "-m", "tools.browser"],
            env={"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}])  # in CI, too, where nothing can install it
def test_a_missing_browser_is_an_error_that_says_what_to_install(run, environment):
    done = run(**environment)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith(
        "There is no chromium to test with. Install it: apt-get update && apt-get install"
    )
    assert second == "Or name one: CHROMIUM=/path"


def test_a_browser_on_the_path_is_found(run, tmp_path):
    (tmp_path / "chromium").touch(mode=0o755)
    assert run().stdout == f"testing with {tmp_path / 'chromium'}\n"


def test_a_browser_that_is_named_is_taken(run):
    assert run(CHROMIUM="/opt/chrome").stdout == "testing with /opt/chrome\n"


def test_in_ci_it_is_installed_where_that_is_allowed(run, tmp_path):
    installer = tmp_path / "apt-get"
    installer.write_text(f'#!/bin/sh\n[ "$1" = update ] || /bin/cp "$0" {tmp_path}/chromium\n')
    installer.chmod(0o755)
    assert run().returncode == 1
    assert run(CI="true").returncode == (0 if os.geteuid() == 0 else 1)
