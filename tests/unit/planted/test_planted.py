"""What an account has no room for, what breaks a policy and what exceeds a bound is found at its place only.

A line that ends with ``# planted: CODE …`` has what is to be found there, and no other line has anything.
"""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from pcluster_cfn.cost.budget import MAX_COST, MAX_NODES, Bound, excesses, scale_of
from pcluster_cfn.cost.table import table_prices
from pcluster_cfn.forecast.checks import applicable
from pcluster_cfn.forecast.demand import PROFILES, ROLES, STACKS, ZONES, Check, demand_of
from pcluster_cfn.forecast.facts import InstanceType, Limit, Reservation, Subnet
from pcluster_cfn.forecast.forecast import compare
from pcluster_cfn.forecast.quotas import EFS, LUSTRE
from pcluster_cfn.planning.requests import engine_request
from pcluster_cfn.project import ROOT
from pcluster_cfn.validation.deployed_stack import DeployedStack
from pcluster_cfn.validation.dry_run import requested_clusters
from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.policy import Policy
from tests.support import custom_resource_properties
from tests.support.accounts import ACCOUNT, clusters
from tests.unit.validation.test_real_configurations import PATHS, template

MARK = "# planted: "
BOUNDS = {MAX_COST, MAX_NODES}
PRICES = table_prices("us-east-1")
PLANTED = sorted((Path(__file__).parent / "templates").glob("*.yaml"))
HOUSE_RULES = ROOT / "examples" / "policies" / "house-rules.yaml"
GIVEN = {
    "HeadNodeSubnet": "subnet-0000000000000000a",
    "ComputeSubnet": "subnet-0000000000000000b",
    "KeyName": "key",
    "ClusterName": "hpc",
    "ServiceToken": "arn",
}
#: Limits that a template meets where it plants the code of their check.
FULL = {
    Check.ROLES: {ROLES: Limit(1_000, 990)},
    Check.PROFILES: {PROFILES: Limit(1_000, 990)},
    Check.STACKS: {STACKS: Limit(2_000, 1_999)},
    Check.ZONES: {ZONES: Limit(500, 500)},
    Check.EFS: {EFS: Limit(1_000, 1_000)},
    Check.FSX: {LUSTRE["SCRATCH_2"]: Limit(100, 100)},
}
EXAMPLES = [
    path
    for path in sorted((ROOT / "examples").rglob("*.yaml"))
    if "Type: Custom::PclusterCluster\n" in path.read_text(encoding="utf-8")
]
CONFIGURATIONS = sorted(custom_resource_properties.CONFIGURATIONS.glob("*.yaml"))


def marked(text):
    return {
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        if MARK in line
        for code in line.partition(MARK)[2].split()
    }


def foreseen(text, source, account):
    demand = demand_of(clusters(text, source, GIVEN))
    return compare(applicable(demand, ()), demand, account)


def broken_rules(text, source):
    report = check_file(text, source, Inputs(GIVEN, policies=[Policy.read(HOUSE_RULES)]))
    return {(each.place.line, each.rule) for each in report.findings}


def bounds_in(text):
    """The bounds in a template, as a question to the engine has them."""
    deployed = DeployedStack("stack", {"AWS::Region": "us-east-1"})
    (cluster,) = requested_clusters(text, GIVEN, deployed)
    _, question = engine_request(cluster, deployed, None)
    return Bound.parse_all(question["arguments"].get("budget", {}))


def beyond_bounds(text, source):
    """Each bound that the cluster of a template exceeds, at the largest part of what exceeds it."""
    (cluster,) = clusters(text, source, GIVEN)
    found = excesses(scale_of(cluster.configuration, PRICES), bounds_in(text))
    places = [(each.shares[0].path.split("/")[1:], each.bound.name) for each in found]
    keys = [([int(key) if key.isdigit() else key for key in path], name) for path, name in places]
    return {(cluster.site(*path).place.line, name) for path, name in keys}


def test_there_are_enough_of_both():
    assert len(PLANTED) >= 10
    assert len(EXAMPLES) + len(CONFIGURATIONS) >= 15
    every = {code for path in PLANTED for _, code in marked(path.read_text(encoding="utf-8"))}
    assert every >= {*Check, "policy", *BOUNDS}


@pytest.mark.parametrize("path", PLANTED, ids=lambda path: path.stem)
def test_what_is_planted_is_found_at_its_place_and_nothing_else(path):
    text = path.read_text(encoding="utf-8")
    planted = marked(text)
    assert planted
    if {code for _, code in planted} == {"policy"}:
        assert broken_rules(text, str(path)) == planted
        return
    if {code for _, code in planted} <= BOUNDS:
        assert beyond_bounds(text, str(path)) == planted
        return
    assert check_file(text, str(path), Inputs()).findings == []
    full = {key: limit for _, code in planted for key, limit in FULL.get(code, {}).items()}
    account = replace(ACCOUNT, limits={**ACCOUNT.limits, **full})
    found = foreseen(text, str(path), account)
    assert {(each.site.place.line, each.check) for each in found.warnings} == planted
    assert found.not_seen == ()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_gives_no_warning(path):
    found = foreseen(path.read_text(encoding="utf-8"), str(path), ACCOUNT)
    assert found.checks
    assert found.warnings == ()


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_configuration_gives_no_warning(path):
    written = path.read_text(encoding="utf-8")
    for configuration in (yaml.safe_load(written), written):
        found = foreseen(template(configuration), "hpc.json", ACCOUNT)
        assert {Check.VCPUS, Check.ADDRESSES, Check.OFFERINGS, Check.ROLES} <= set(found.checks)
        assert found.warnings == ()
        assert found.not_seen == ()


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_configuration_exceeds_no_bound_that_is_its_own_scale(path):
    (cluster,) = clusters(template(yaml.safe_load(path.read_text(encoding="utf-8"))))
    scale = scale_of(cluster.configuration, PRICES)
    nodes = Bound(MAX_NODES, Decimal(scale.node_count), "provider")
    cost = Bound(MAX_COST, scale.cost.at_scale, "provider")
    assert excesses(scale, [nodes]) == []
    assert [each.value for each in excesses(scale, [cost])] == ([None] if scale.cost.gaps else [])


def with_room_for(demand):
    """An account that has exactly what a demand names, in one zone and with room."""
    nodes = demand.nodes
    return replace(
        ACCOUNT,
        quotas=dict.fromkeys(ACCOUNT.quotas, 1_000_000.0),
        types={name: InstanceType(2) for name in demand.types},
        subnets={name: Subnet(60_000, "us-east-1a") for name in demand.subnets},
        offerings={name: frozenset({"us-east-1a"}) for name in demand.types},
        reservations={
            each.reservation: Reservation(each.types[0], "us-east-1a", "active", 1_000)
            for each in nodes
            if each.reservation
        },
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_real_configuration_gives_no_warning_where_there_is_room(path):
    demand = demand_of(clusters(template(path.read_text(encoding="utf-8"))))
    found = compare(applicable(demand, ()), demand, with_room_for(demand))
    assert {Check.VCPUS, Check.ADDRESSES, Check.OFFERINGS} <= set(found.checks)
    assert found.warnings == ()
