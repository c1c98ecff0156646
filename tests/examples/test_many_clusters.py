"""One provider, deployed once, serves the clusters of many stacks."""

import pytest

from tests.examples.stacks import EXAMPLES, Example

pytestmark = pytest.mark.e2e

PATH = EXAMPLES / "many-clusters" / "cluster.yaml"
TEAMS = ("team-a", "team-b")


def begin(place):
    body = place.account.packaged(PATH)
    for team in TEAMS:
        yield Example(place.account, team, body, place.seeded)


@pytest.fixture(scope="module")
def teams(begun):
    return [begun[team] for team in TEAMS]


@pytest.fixture(scope="module")
def created(teams):
    return [team.created() for team in teams]


def test_each_stack_has_a_cluster_of_its_own(account, created):
    assert [values["ClusterName"] for values in created] == ["c-team-a", "c-team-b"]
    for values in created:
        (head_node,) = account.head_nodes(values["ClusterName"])
        assert values["HeadNodeIp"] == head_node["PublicIpAddress"]


@pytest.mark.usefixtures("created")
def test_both_use_the_provider_s_export(account):
    importing = account.cloudformation.list_imports(ExportName="pcluster-service-token")["Imports"]
    assert set(TEAMS) <= set(importing)


@pytest.mark.usefixtures("created")
def test_the_provider_cannot_go_before_its_clusters(account, provider):
    account.cloudformation.delete_stack(StackName=provider.stack_id)
    refused = account.settled(provider.stack_id)
    assert refused["StackStatus"] == "DELETE_FAILED"
    assert "pcluster-service-token cannot be deleted as it is in use" in refused["StackStatusReason"]


@pytest.mark.usefixtures("created")
def test_one_team_s_cluster_changes_and_goes_without_the_other_s(account, teams):
    one, other = teams
    updated = account.update(one.name, one.body, **one.parameters, MaxCount="8")
    assert updated["StackStatus"] == "UPDATE_COMPLETE", account.why(updated)
    one.deleted()
    assert len(account.head_nodes(other.cluster)) == 1
    other.deleted()
