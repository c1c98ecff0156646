"""Whoever follows a link of the documents arrives, and whoever types a command gets what it says."""

import re
import shlex
from pathlib import Path

import click
import pytest

from pcluster_cfn.cli import main

FOLDERS = ("cdk", "docs", "examples", "layers", "localcloud", "provider", "tests")
PAGES = sorted([*Path().glob("*.md"), *(page for folder in FOLDERS for page in Path(folder).rglob("*.md"))])
#: Programs of others, and what a shell has; theirs to test.
OTHERS = {
    *("aws", "curl", "eval", "kill", "pcluster", "python", "sam", "source", "sudo", "export", "open"),
    *("cd", "pip", "pipx", "sha256sum", "ssh", "ssh-keygen", "terraform", "uvx"),
}


def anchors(page):
    """The anchors that GitHub gives to a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = []
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        plain = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return found


def broken_links(page):
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_within_the_project_leads_somewhere(page):
    assert list(broken_links(page)) == []


def named_pages(source):
    return set(re.findall(r"\bdocs/[\w./-]*\w\.(?:md|json|svg|png)\b", source.read_text(encoding="utf-8")))


def test_every_page_that_a_source_file_names_exists():
    folders = {*FOLDERS, "cfn_template", "pcluster_cfn", "tools"}
    files = [
        path
        for folder in folders
        for path in Path(folder).rglob("*")
        if path.suffix in {".py", ".yaml", ".in"}
    ]
    named = {page: str(source) for source in [*files, *Path().glob("*.yaml")] for page in named_pages(source)}
    of_others = {"docs/CLOUDFORMATION.md", "docs/rules.md"}  # AWS CDK's and cfn-lint's, named as sources
    missing = {page: source for page, source in named.items() if not Path(page).exists()}
    assert {page: source for page, source in missing.items() if page not in of_others} == {}


def commands():
    """Every command line of the pages, without prompt, continuation and comment."""
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            for line in re.findall(r"^\$ (.+)", block.replace("\\\n", " "), re.MULTILINE):
                yield page, shlex.split(re.sub(r"^\w+=\$\(", "", line), comments=True)


def lines_of(program):
    return [pytest.param(words[1:], id=" ".join(words)) for _, words in commands() if words[:1] == [program]]


@pytest.mark.parametrize("arguments", lines_of("make"))
def test_every_make_line_names_targets_that_there_are(arguments):
    targets = re.findall(r"^([\w./-]+):", Path("Makefile").read_text(), re.MULTILINE)
    assert [word for word in arguments if "=" not in word and word not in targets] == []


@pytest.mark.parametrize("arguments", lines_of("pcluster-cfn"))
def test_every_line_of_the_command_is_understood_by_it_and_tested(arguments):
    name, *rest = arguments
    command = main.get_command(click.Context(main), name)
    assert command is not None
    with command.make_context(name, rest, resilient_parsing=False):
        pass
    tests = "".join(path.read_text() for path in Path("tests").rglob("*.py"))
    assert f'"{name}"' in tests


#: The same, in the tutorials.
LEARNT = {"cfn-lint", "cp", "git", "sed"}


def test_every_other_program_is_somebody_else_s():
    ours = {"make", "localcloud", "pcluster-cfn", "examples/deploy.sh"}
    assert [(str(page), words) for page, words in commands() if words[0] not in ours | OTHERS | LEARNT] == []
