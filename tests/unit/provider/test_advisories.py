"""Which advisories refuse a new cluster, as the operator has chosen."""

import re
from pathlib import Path

import pytest

from cfn_template.reading import read_plain
from cluster_provider.core.advisories import PARAMETER, SEVERITIES, parse_refused
from cluster_schema.advisories import Severity

DECLARED = read_plain(Path("template.yaml").read_text())["Parameters"][PARAMETER]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_severity_is_one_that_advisories_have(severity: str) -> None:
    assert parse_refused(severity) == severity == Severity[severity.upper()].word
    assert re.fullmatch(DECLARED["AllowedPattern"], severity)


def test_by_default_no_advisory_refuses() -> None:
    assert parse_refused(DECLARED["Default"]) == ""


@pytest.mark.parametrize("text", ["", "none", "info", "High"])
def test_what_is_no_severity_is_refused(text: str) -> None:
    assert not re.fullmatch(DECLARED["AllowedPattern"], text)
    with pytest.raises(ValueError, match=r"RefuseAdvisories is .*; expected None or one of critical, high"):
        parse_refused(text)
