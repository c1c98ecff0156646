"""What the port Claims MUST do, on the fake and on the embedded cloud."""

import pytest

from cluster_provider.adapters.claims import DynamoClaims
from cluster_provider.core.identity import Owner
from cluster_provider.ports import Claims
from tests.support.fakes import MemoryClaims, MovedClock

CLUSTER = "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/1"
FIRST = Owner("arn:aws:cloudformation:us-east-1:123456789012:stack/first/0", "Cluster")
SECOND = Owner("arn:aws:cloudformation:us-east-1:123456789012:stack/second/0", "Cluster")
THIRD = Owner("arn:aws:cloudformation:us-east-1:123456789012:stack/third/0", "Cluster")


@pytest.fixture(params=["fake", "dynamodb"])
def claims(request: pytest.FixtureRequest, clock: MovedClock) -> Claims:
    if request.param == "fake":
        return MemoryClaims()
    client, table = request.getfixturevalue("dynamodb")
    return DynamoClaims(client, table, clock)


def test_the_first_claim_counts_however_often_it_is_made(claims: Claims) -> None:
    assert claims.claim(CLUSTER, FIRST) == FIRST
    assert claims.claim(CLUSTER, SECOND) == FIRST
    assert claims.claim(CLUSTER, FIRST) == FIRST


def test_a_claim_is_about_one_cluster(claims: Claims) -> None:
    claims.claim(CLUSTER, FIRST)
    assert claims.claim(CLUSTER.replace("/1", "/2"), SECOND) == SECOND


def test_a_claim_is_taken_from_the_named_owner_and_from_no_other(claims: Claims) -> None:
    claims.claim(CLUSTER, FIRST)
    assert claims.claim(CLUSTER, SECOND, instead_of=THIRD) == FIRST
    assert claims.claim(CLUSTER, SECOND, instead_of=FIRST) == SECOND
    assert claims.claim(CLUSTER, FIRST) == SECOND


def test_what_is_given_up_can_be_claimed(claims: Claims) -> None:
    claims.claim(CLUSTER, FIRST)
    claims.disclaim(CLUSTER, FIRST)
    assert claims.claim(CLUSTER, SECOND) == SECOND
    assert claims.claim(CLUSTER, FIRST) == SECOND


def test_only_the_owner_of_a_claim_can_release_it(claims: Claims) -> None:
    claims.claim(CLUSTER, FIRST)
    claims.disclaim(CLUSTER, SECOND)
    claims.disclaim(CLUSTER.replace("/1", "/2"), SECOND)
    assert claims.claim(CLUSTER, SECOND) == FIRST
