"""Every gap that an error names is one of gaps.yaml, from which GAPS.md is made."""

import re
from pathlib import Path

import yaml

import localcloud

FOLDER = Path(__file__).parents[2]
SOURCES = list(Path(localcloud.__file__).parent.rglob("*.py"))


def gaps():
    sections = yaml.safe_load((FOLDER / "gaps.yaml").read_text())
    return [identity for section in sections for identity in section.get("gaps", {})]


def test_an_id_names_one_gap():
    assert len(set(gaps())) == len(gaps())


def test_an_error_names_a_gap_that_is_listed():
    named = {
        identity
        for source in SOURCES
        for identity in re.findall(r"""(?:gap\(|area = )["']([\w.-]+)""", source.read_text())
    }
    assert len(named) > 10
    assert named <= set(gaps())


def test_the_page_lists_every_gap():
    page = (FOLDER / "GAPS.md").read_text()
    assert [identity for identity in gaps() if f"| `{identity}` |" not in page] == []
