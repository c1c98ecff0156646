"""What templates and configurations cost, against arithmetic that is written out by hand.

Prices of us-east-1 as they are in the table: a node of c7i.xlarge 0.1785 an hour, a gp3 volume 0.08 a month
for each GB, and so on. A month has 730 hours. A root volume without a size has 45 GB.
"""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from cfn_template.reading import read
from pcluster_cfn.cost.estimate import estimate
from pcluster_cfn.cost.quotes import offline_quotes
from pcluster_cfn.cost.table import table_prices
from pcluster_cfn.cost.template_cost import cost_of
from pcluster_cfn.validation.partial_template import Answers, evaluate_partially

usd = Decimal
ROOT = Path(__file__).parents[3]
CONFIGURATIONS = ROOT / "tests/support/configurations"


def of_template(name, **parameters):
    text = (ROOT / "examples" / name).read_text()
    template = evaluate_partially(read(text), parameters, Answers(known={"AWS::Region": "us-east-1"}))
    return cost_of(template, offline_quotes("us-east-1")).total


def of_configuration(name):
    return estimate(yaml.safe_load((CONFIGURATIONS / name).read_text()), table_prices("us-east-1"))


def near(amount):
    return pytest.approx(amount, abs=usd("0.0000001"))


def gaps(cost):
    return [each.name for each in cost.gaps]


def test_simple_cluster():
    cost = of_template("simple-cluster.yaml")
    # head node t3.medium, and its 45 GB
    assert cost.at_rest == near(usd("0.0416") + 45 * usd("0.08") / 730)
    # and four c7i.xlarge with 45 GB each
    assert cost.at_scale == near(
        usd("0.0416") + 45 * usd("0.08") / 730 + 4 * (usd("0.1785") + 45 * usd("0.08") / 730)
    )
    assert cost.at_scale * 730 == near(usd("30.368") + usd("3.60") + usd("521.22") + usd("14.40"))
    assert gaps(cost) == []


def test_simple_cluster_with_more_nodes():
    cost = of_template("simple-cluster.yaml", MaxCount="100")
    # 30.368 + 3.60 for the head node; 100 nodes for 130.305 + 3.60 each
    assert cost.at_scale * 730 == near(usd("33.968") + 100 * usd("133.905"))


def test_one_click_makes_a_nat_gateway_too():
    cost = of_template("one-click.yaml")
    # head node m7i.large and 45 GB; a NAT gateway
    at_rest = usd("0.1008") + usd("3.60") / 730 + usd("0.045")
    assert cost.at_rest == near(at_rest)
    # four c7i.xlarge with 45 GB each
    assert cost.at_scale == near(at_rest + usd("0.714") + usd("14.40") / 730)


def test_slurm_accounting():
    cost = of_template("slurm-accounting/cluster.yaml")
    assert cost.at_rest == near(usd("0.1008") + usd("3.60") / 730)
    # eight c8i.xlarge with 45 GB each
    assert cost.at_scale == near(
        usd("0.1008") + usd("3.60") / 730 + 8 * usd("0.18742") + 8 * usd("3.60") / 730
    )


def test_shared_storage_that_others_made_is_named_and_not_added():
    cost = of_template("shared-storage.yaml")
    # eight c7i.xlarge with 45 GB each
    assert cost.at_scale == near(usd("0.1008") + usd("3.60") / 730 + usd("1.428") + usd("28.80") / 730)
    named = {each.name for each in cost.not_priced}
    assert {"shared storage shared", "shared storage scratch"} <= named


def test_login_nodes_run_always_behind_a_load_balancer():
    cost = of_configuration("login_nodes.yaml")
    # head node t3.small; two t3.medium; three root volumes; a load balancer
    at_rest = usd("0.0208") + 2 * usd("0.0416") + 3 * usd("3.60") / 730 + usd("0.0225")
    assert cost.at_rest == near(at_rest)
    # 16 c5.large
    assert cost.at_scale == near(at_rest + 16 * usd("0.085") + 16 * usd("3.60") / 730)


def test_spot_instances_without_a_spot_price_cost_at_most_the_limit_or_the_on_demand_price():
    cost = of_configuration("spot.yaml")
    # ten c5.large for SpotPrice 0.05, below 0.085; ten c5.4xlarge for 0.68, below SpotPrice 2
    nodes = 10 * usd("0.05") + 10 * usd("0.68") + 20 * usd("3.60") / 730
    assert cost.at_scale == near(usd("0.0208") + usd("3.60") / 730 + nodes)
    assert [line.part.name for line in cost.lines if line.is_bound] == ["queue spot/cheap", "queue spot/dear"]


def test_storage():
    cost = of_configuration("storage.yaml")
    # head node; 128 MiB/s of EFS for 6 USD a month each; two volumes of 50 GB in a RAID
    at_rest = usd("0.0208") + (usd("3.60") + 128 * usd(6) + 2 * 50 * usd("0.08")) / 730
    assert cost.at_rest == near(at_rest)
    # ten c5.large, which is MaxCount's default
    assert cost.at_scale == near(at_rest + 10 * usd("0.085") + 10 * usd("3.60") / 730)
    assert gaps(cost) == ["shared storage scratch"]  # no source for PERSISTENT_1 with 200 MB/s/TiB
