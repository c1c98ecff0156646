"""The engine refuses what exceeds a bound before the library is asked; an update may always shrink."""

import copy
from decimal import Decimal

import pytest

from cluster_engine import dry_run, library, prices
from pcluster_cfn.cost.table import table_prices
from tests.contract.engine.conftest import OWNER_TAGS, RELEASE, question

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("api", "listed")]

#: The configuration at full scale by hand: a t3.small, 4 x c5.large, 5 root volumes of 45 GB gp3.
NODES = 1 + 4
#: The error of an update that takes nodes away while the fleet runs; before 3.9 the fleet must be stopped.
SHRINKS = None if RELEASE >= (3, 9) else "UpdateRejected"
COST = Decimal("0.0208") + 4 * Decimal("0.085") + 5 * 45 * Decimal("0.08") / 730


@pytest.fixture
def listed(monkeypatch):
    """AWS's Price List knows nothing, so that the dated table counts."""
    monkeypatch.setattr(prices, "list_prices", lambda *_: iter(()))


def budget(nodes=None, cost=None, set_by="provider"):
    bounds = {"max_nodes": nodes, "max_hourly_cost_at_scale": cost}
    given = {name: {"limit": str(limit), "set_by": set_by} for name, limit in bounds.items() if limit}
    return {"budget": given}


def code_of(answer):
    """The code of an answer's error; None if it has none."""
    return answer.get("error", {}).get("code")


def compute(configuration):
    return configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]


def nodes(count):
    """Changes a configuration so that the first compute resource has so many nodes, and may lose some."""

    def change(wanted):
        compute(wanted)["MaxCount"] = str(count)
        wanted["Scheduling"]["SlurmSettings"] = {"QueueUpdateStrategy": "TERMINATE"}

    return change


def test_a_create_beyond_a_bound_is_refused_and_the_library_is_not_asked(
    engine, api, configuration, monkeypatch
):
    monkeypatch.setattr(library, "invoke", lambda *_, **__: pytest.fail("the library was asked"))
    result = engine("create", configuration, stack_tags=OWNER_TAGS, arguments=budget(nodes=NODES - 1))
    error = result["error"]
    assert (error["code"], result["sent"], api.sent("CreateStack")) == ("BudgetExceeded", False, [])
    said = (
        "t full scale the cluster has 5 nodes, more than MaxNodes of the provider stack (4). Largest parts: "
    )
    assert error["message"].startswith(f"A{said}")
    assert error["message"].endswith(
        "Lower MaxCount or Count, or ask the provider's operator for another MaxNodes."
    )
    (detail,) = error["details"]
    assert detail.pop("message").startswith(f"a{said}")
    assert error["message"].endswith(f" {detail.pop('way_out')}")
    place = "/Scheduling/SlurmQueues/0/ComputeResources/0"
    assert detail == {
        "bound": "MaxNodes",
        "set_by": "provider",
        "limit": "4",
        "value": "5",
        "parts": [
            {"path": place, "name": "queue compute/nodes", "value": "4"},
            {"path": "/HeadNode", "name": "head node", "value": "1"},
        ],
    }


def test_the_cost_is_that_of_the_command_at_the_same_prices(engine, configuration):
    arguments = budget(cost=round(COST, 4) - Decimal("0.0001"), set_by="property")
    (detail,) = engine("create", configuration, arguments=arguments)["error"]["details"]
    assert round(Decimal(detail["value"]), 12) == round(COST, 12)
    assert (detail["bound"], detail["set_by"]) == ("MaxHourlyCostAtScale", "property")
    assert detail["parts"][0]["value"] == "0.340"


def test_a_create_within_its_bounds_is_sent(engine, api, configuration):
    arguments = budget(nodes=NODES, cost=round(COST, 4) + Decimal("0.0001"))
    result = engine("create", configuration, stack_tags=OWNER_TAGS, arguments=arguments)
    assert (result["status"], result["sent"], len(api.sent("CreateStack"))) == ("succeeded", True, 1)


def test_what_has_no_price_is_refused_where_the_cost_is_bounded(engine, configuration, monkeypatch):
    monkeypatch.setattr(prices, "table_prices", lambda _: {})
    (detail,) = engine("create", configuration, arguments=budget(cost=1000))["error"]["details"]
    assert (detail["value"], detail["parts"][0]["path"]) == (None, "/HeadNode")
    assert detail["parts"][0]["value"] == "no price is known for 1 x t3.small"


def test_an_update_of_a_cluster_above_its_bounds_may_shrink_it_but_not_enlarge_it(update, api):
    # 1 + 4 + 2 nodes are in force.
    bounds = budget(nodes=3, cost="0.1")
    adopted = {"resemble_stored": True}
    smaller = update(nodes(3), **bounds, **adopted)
    assert (code_of(smaller), smaller["sent"]) == (SHRINKS, SHRINKS is None)
    larger = update(nodes(5), **bounds, **adopted)
    assert larger["error"]["code"] == "BudgetExceeded"
    assert [each["bound"] for each in larger["error"]["details"]] == ["MaxNodes", "MaxHourlyCostAtScale"]
    assert larger["error"]["details"][0]["value"] == "8"
    assert api.sent("UpdateStack") == []


def test_an_update_that_changes_nothing_is_not_refused(update):
    result = update(**budget(nodes=1, cost="0.01"), resemble_stored=True)
    assert result["error"]["code"] == "NoChanges"


def test_a_dry_run_refuses_in_the_same_words(cloud, engine, configuration, foretold):
    arguments = budget(nodes=2)
    error = dry_run.run(question(cloud, copy.deepcopy(configuration), arguments=arguments))["error"]
    assert error == engine("create", configuration, arguments=arguments)["error"]
    larger = foretold(nodes(5), **arguments, resemble_stored=True)
    assert larger["error"]["code"] == "BudgetExceeded"
    smaller = foretold(nodes(3), **arguments, resemble_stored=True)
    assert code_of(smaller) == SHRINKS


def test_the_table_stands_in_where_the_cloud_has_no_price_list(cloud, monkeypatch):
    monkeypatch.undo()
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    assert prices.read(cloud.region, table_prices(cloud.region)) == table_prices(cloud.region)
