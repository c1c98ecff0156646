"""The lines of a cluster's status."""

from datetime import UTC, date, datetime

import pytest

from cluster_schema.advisories import advisories_for
from pcluster_cfn.clusters.cluster import Cluster
from pcluster_cfn.clusters.configuration import Drift
from pcluster_cfn.clusters.finding import Ownership
from pcluster_cfn.clusters.nodes import Fleet
from pcluster_cfn.clusters.status import Status
from pcluster_cfn.cost.estimate import estimate
from pcluster_cfn.cost.quotes import offline_quotes

NOW = datetime(2026, 11, 30, tzinfo=UTC)
CONFIGURATION = {"Image": {"Os": "alinux2023"}, "Scheduling": {"Scheduler": "slurm"}}


def status(version, cost=None, quotes=None):
    stack = {
        "StackName": "hpc",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/1",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": NOW,
        "Tags": [{"Key": "parallelcluster:version", "Value": version}],
    }
    known = advisories_for(version, CONFIGURATION, date(2026, 11, 30))
    owner = Ownership(None, None, None, None, "")
    return Status(Cluster(stack), owner, None, None, [], Fleet(None, ""), Drift(), known, cost, quotes)


def below_advisories(version):
    lines = list(status(version).lines(NOW))
    start = next(index for index, line in enumerate(lines) if line.startswith("Advisories"))
    end = next(index for index, line in enumerate(lines) if line.startswith("Cost"))
    return lines[start:end]


def test_a_release_with_known_flaws_shows_the_worst_and_where_all_of_them_are():
    title, *worst = below_advisories("3.14.0")
    count = len(status("3.14.0").as_json()["advisories"])
    assert title == f"Advisories     {count}, all of them with pcluster-cfn advise --all-clusters"
    assert len(worst) == 3 < count
    assert worst[0].startswith("               critical CVE-2026-25506: ")


@pytest.mark.parametrize("version", ["99.0.0", ""])
def test_a_release_of_which_nothing_is_known_says_so(version):
    assert below_advisories(version) == ["Advisories     none known"]


def test_a_status_has_the_cost_at_rest_and_at_most_and_what_is_not_in_it():
    quotes = offline_quotes("us-east-1", "AWS was not asked")
    head_node = {"HeadNode": {"InstanceType": "t3.medium"}}
    shown = status("3.16.1", estimate(head_node, quotes.prices), quotes)
    lines = list(shown.lines(NOW))
    start = next(index for index, line in enumerate(lines) if line.startswith("Cost"))
    assert lines[start] == (
        "Cost           0.047 USD/h (34 a month) at rest; at most 0.047 USD/h (34 a month)"
    )
    assert lines[start + 1].startswith("               Not priced: CloudWatch logs; ")
    assert lines[start + 2].startswith(
        "               Prices of us-east-1 without tax and discounts: dated table"
    )
    assert shown.as_json()["cost"]["atRest"] == {"hourly": 0.046532, "monthly": 33.97}


def test_a_status_without_the_configuration_says_that_the_cost_is_not_known():
    assert "Cost           not known: the configuration cannot be read" in list(status("3.16.1").lines(NOW))
    assert status("3.16.1").as_json()["cost"] is None
