"""The bounds of clusters, as the operator and a resource set them."""

import re
from pathlib import Path

import pytest

from cfn_template.reading import read_plain
from cluster_provider.core.budget import COST_PATTERN, MAX_COST, MAX_NODES, NODES_PATTERN, UNBOUNDED, Budget

PARAMETERS = read_plain(Path("template.yaml").read_text())["Parameters"]


@pytest.mark.parametrize(("name", "pattern"), [(MAX_NODES, NODES_PATTERN), (MAX_COST, COST_PATTERN)])
def test_the_template_takes_what_the_provider_reads_and_nothing_else(name: str, pattern: str) -> None:
    assert PARAMETERS[name]["AllowedPattern"] == pattern
    assert PARAMETERS[name]["Default"] == "0"
    assert re.fullmatch(pattern, "20")


@pytest.mark.parametrize(
    "given",
    [
        {MAX_NODES: "1.5"},
        {MAX_NODES: "-1"},
        {MAX_NODES: ""},
        {MAX_NODES: "1e3"},
        {MAX_NODES: "1234567890"},
        {MAX_COST: "1,5"},
        {MAX_COST: ".5"},
        {MAX_COST: "1."},
        {MAX_COST: "1.1234567"},
        {MAX_COST: "NaN"},
    ],
)
def test_what_is_no_bound_is_refused(given: dict[str, str]) -> None:
    (name,) = given
    with pytest.raises(ValueError, match=f"{name} is .*; expected a number, and 0 for no bound"):
        Budget.parse(given)
    assert not re.fullmatch(PARAMETERS[name]["AllowedPattern"], given[name])


def test_zero_and_nothing_are_no_bounds() -> None:
    assert Budget.parse({}) == UNBOUNDED == Budget.parse({MAX_NODES: "0", MAX_COST: 0})
    assert Budget.parse({MAX_COST: "0.00"}).arguments(UNBOUNDED) == {}


@pytest.mark.parametrize(
    ("operators", "resources", "limit", "set_by"),
    [
        ("0", "7", "7", "property"),
        ("7", "0", "7", "provider"),
        ("7", "8", "7", "provider"),
        ("8", "7", "7", "property"),
        ("9", "10", "9", "provider"),
        ("7", "7", "7", "provider"),
        ("07", "7", "07", "provider"),
    ],
)
def test_the_stricter_bound_counts_with_who_set_it(
    operators: str, resources: str, limit: str, set_by: str
) -> None:
    bound = {"limit": limit, "set_by": set_by}
    own = Budget(max_nodes=resources)
    assert Budget(max_nodes=operators).arguments(own) == {"budget": {"max_nodes": bound}}
    own = Budget(max_hourly_cost=resources)
    assert Budget(max_hourly_cost=operators).arguments(own) == {"budget": {"max_hourly_cost_at_scale": bound}}
