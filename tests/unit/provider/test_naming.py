"""Generated names: what CloudFormation and ParallelCluster accept, and the same for every delivery."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_provider.core.identity import Owner, may_be_cluster
from cluster_provider.core.naming import NAME_MAX, generated_name

ARN = "arn:aws:cloudformation:us-east-1:123456789012:stack/{}/0f1e2d3c"
STACKS = st.from_regex(r"[a-zA-Z][a-zA-Z0-9-]{0,127}", fullmatch=True)
LOGICAL_IDS = st.from_regex(r"[a-zA-Z0-9]{1,255}", fullmatch=True)


@given(STACKS, LOGICAL_IDS, st.text(min_size=1))
def test_a_generated_name_is_one_that_parallelcluster_accepts(
    stack: str, logical_id: str, request_id: str
) -> None:
    name = generated_name(Owner(ARN.format(stack), logical_id), request_id)
    assert may_be_cluster(name)
    assert len(name) <= NAME_MAX


@pytest.mark.parametrize(
    ("stack", "logical_id", "begins"),
    [
        ("lab", "Cluster", "lab-Cluster-"),
        ("the-physics-department-in-stockholm", "Cluster", "the-physics-department-Cluster-"),
        ("lab", "TheClusterOfThePhysicsDepartment", "lab-TheClusterOfThePhysicsDepar-"),
        ("the-physics-department-in-stockholm", "TheClusterOfThePhysics", "the-physics-dep-TheClusterOfThe-"),
        ("the-physics-de-partment-in-stockholm", "TheClusterOfThePhysics", "the-physics-de-TheClusterOfThe-"),
    ],
)
def test_the_words_of_a_name_are_cut_to_the_room_there_is(stack: str, logical_id: str, begins: str) -> None:
    name = generated_name(Owner(ARN.format(stack), logical_id), "request-1")
    assert name.startswith(begins)
    assert len(name) == len(begins) + 8


def test_each_request_has_a_name_of_its_own_which_every_delivery_of_it_gets() -> None:
    first, second = Owner(ARN.format("lab"), "Cluster"), Owner(ARN.format("lab"), "Other")
    assert generated_name(first, "request-1") == generated_name(first, "request-1")
    names = {generated_name(owner, request) for owner in (first, second) for request in ("1", "2")}
    assert len(names) == 4
