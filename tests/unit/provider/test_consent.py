"""Which clusters the provider's operator allows to be taken over."""

import re
from pathlib import Path

import pytest

from cfn_template.reading import read_plain
from cluster_provider.core.consent import PARAMETER, Consent

PATTERN = re.compile(read_plain(Path("template.yaml").read_text())["Parameters"][PARAMETER]["AllowedPattern"])


@pytest.mark.parametrize(
    ("text", "tags", "covered"),
    [
        ("Allow", {}, True),
        ("Forbid", {"Forbid": ""}, False),
        ("team=hpc", {"team": "hpc"}, True),
        ("team=hpc", {"team": "web"}, False),
        ("team=hpc", {}, False),
        ("team=", {"team": ""}, True),
        ("team=", {}, False),
        ("team=a=b", {"team": "a=b"}, True),
        ("parallelcluster:cluster-name=hpc", {"parallelcluster:cluster-name": "hpc"}, True),
    ],
)
def test_a_choice_covers_all_clusters_none_or_those_with_just_this_tag(
    text: str, tags: dict[str, str], covered: bool
) -> None:
    assert Consent.parse(text).covers(tags) is covered
    assert PATTERN.fullmatch(text)


@pytest.mark.parametrize("text", ["", "allow", "Yes", "=hpc", "team"])
def test_what_is_neither_a_word_nor_a_tag_is_refused_by_the_template_and_by_the_provider(text: str) -> None:
    assert not PATTERN.fullmatch(text)
    with pytest.raises(ValueError, match="expected Allow, Forbid or a tag as key=value"):
        Consent.parse(text)


def test_without_a_choice_no_cluster_is_taken_over() -> None:
    assert not Consent().covers({"parallelcluster:cluster-name": "hpc"})
