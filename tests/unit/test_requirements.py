"""Lists of packages that share a virtual environment agree, and the wheels require what they import."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"


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


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
CLOUD = tomllib.loads((ROOT / "localcloud" / "pyproject.toml").read_text())["project"]
SHIPPED = ("pcluster_cfn", "cfn_template", "provider/engine/cluster_schema")
#: The packages by what is imported of them; boto3 brings botocore.
DISTRIBUTIONS = {"botocore": "boto3", "samtranslator": "aws-sam-translator", "yaml": "pyyaml"}
#: What the wheel has itself, what the extra "local" brings, and what runs the rules for cfn-lint.
OTHERWISE_THERE = {"cfn_template", "cluster_schema", "pcluster_cfn", "localcloud", "cfnlint"}


def imported(source: Path) -> Iterator[str]:
    """The packages that a module imports when it runs: not those that only its types need."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def named(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[<>=\[]", requirement)[0] for requirement in requirements}


def test_the_wheel_requires_what_the_command_imports_and_no_more() -> None:
    sources = [path for package in SHIPPED for path in (ROOT / package).rglob("*.py")]
    found = {name for source in sources for name in imported(source)}
    foreign = {name for name in found - OTHERWISE_THERE - sys.stdlib_module_names if "types_" not in name}
    assert {DISTRIBUTIONS.get(name, name) for name in foreign} == named(PROJECT["dependencies"])


def test_the_wheel_s_extras_have_the_versions_that_the_tests_run_with() -> None:
    demo = pins("demo.txt")
    for requirement in [*PROJECT["dependencies"], *EXTRAS["library"], *EXTRAS["local"][2:]]:
        name, bounds = re.fullmatch(r"([a-z0-9-]+)(.+)", requirement).groups()  # type: ignore[union-attr]
        assert SpecifierSet(bounds).contains(demo[name].partition(" ")[0]), requirement


def test_the_embedded_cloud_that_the_extra_brings_is_the_one_of_the_same_release() -> None:
    assert EXTRAS["local"][0] == f"{CLOUD['name']}=={PROJECT['version']}"
    assert CLOUD["version"] == PROJECT["version"]


def test_the_cdk_construct_requires_the_command_of_the_same_release() -> None:
    construct = tomllib.loads((ROOT / "cdk" / "pyproject.toml").read_text())["project"]
    assert construct["version"] == PROJECT["version"]
    assert f"pcluster-cfn=={PROJECT['version']}" in construct["dependencies"]
    example = (ROOT / "examples" / "cdk" / "requirements.txt").read_text().splitlines()
    assert f"{construct['name']}=={construct['version']}" in example
