"""Lists of packages that share a virtual environment agree."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "requirements"


def pins(name: str) -> dict[str, str]:
    """What a list pins each package to, with the packages' environment markers."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==", maxsplit=1) for line in lines)


def test_everything_that_the_demo_installs_is_installed_for_the_tests_in_the_same_version() -> None:
    demo, dev = pins("demo.txt"), pins("dev.txt")
    assert {name: dev.get(name) for name in demo} == demo


def test_the_browser_s_packages_change_no_version_that_the_tests_have() -> None:
    browser, dev = pins("browser.txt"), pins("dev.txt")
    assert {name: dev[name] for name in browser if name in dev} == {
        name: version for name, version in browser.items() if name in dev
    }


@pytest.mark.parametrize("package", ["awscli", "cfn-lint", "sympy", "mypy", "pytest", "ruff"])
def test_the_demo_installs_nothing_that_only_tests_and_checks_need(package: str) -> None:
    assert package in pins("dev.txt")
    assert package not in pins("demo.txt")
