"""An operation's events include those of its clusters' own stacks, within a bounded number of requests."""

import pytest
from botocore.exceptions import ClientError

from pcluster_cfn.deploy.feed import EventFeed
from tests.unit.deploy.cloudformation import Stacks
from tests.unit.deploy.reported import STACK


@pytest.fixture
def aws():
    return Stacks()


@pytest.fixture
def hpc(aws):
    stack = aws.stack("hpc")
    aws.own(stack, "CREATE_IN_PROGRESS")
    return stack


def following(aws, stack=None):
    return EventFeed(aws, stack, with_clusters=True, requests_per_poll=6)


def shown(events):
    return [("/".join(event.path), event.status) for event in events]


def test_the_stack_of_a_cluster_is_found_by_its_name_before_the_resource_has_a_physical_id(aws, hpc):
    feed = following(aws)
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    assert shown(feed.poll(hpc)) == [("", "CREATE_IN_PROGRESS"), ("Cluster", "CREATE_IN_PROGRESS")]
    cluster = aws.cluster("c-hpc", hpc)
    aws.own(cluster, "CREATE_IN_PROGRESS")
    aws.say(cluster, "HeadNode", "CREATE_IN_PROGRESS")
    events = feed.poll(hpc)
    assert shown(events) == [
        ("Cluster/c-hpc", "CREATE_IN_PROGRESS"),
        ("Cluster/c-hpc/HeadNode", "CREATE_IN_PROGRESS"),
    ]
    assert {event.cluster for event in events} == {"c-hpc"}
    ((path, found),) = feed.take_new_clusters()
    assert (path, found.name, found.log_group) == (("Cluster", "c-hpc"), "c-hpc", "/aws/c-hpc")
    assert feed.take_new_clusters() == []


@pytest.mark.parametrize("is_over", [False, True])
def test_a_cluster_that_is_made_between_two_polls_is_shown(aws, hpc, is_over):
    cluster = aws.cluster("c-hpc", hpc)
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    aws.own(cluster, "CREATE_IN_PROGRESS")
    aws.say(cluster, "HeadNode", "CREATE_COMPLETE")
    aws.own(cluster, "CREATE_COMPLETE")
    aws.resource(hpc, "CREATE_COMPLETE", "c-hpc", physical_id="c-hpc")
    # Without room for requests in the only poll, the end of the operation asks for what is missing.
    feed = EventFeed(aws, None, with_clusters=True, requests_per_poll=0 if is_over else 6)
    events = [*feed.poll(hpc), *feed.rest()]
    assert ("Cluster/c-hpc/HeadNode", "CREATE_COMPLETE") in shown(events)


def test_a_resource_that_ended_without_a_cluster_is_looked_up_once(aws, hpc):
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    aws.resource(hpc, "CREATE_FAILED", "c-hpc", physical_id="pcluster-cfn:not-created:1")
    feed = following(aws)
    for _ in range(3):
        feed.poll(hpc)
    feed.rest()
    assert [operation for operation, _ in aws.requests].count("describe_stacks") == 1


def test_stacks_nested_in_a_cluster_s_stack_are_below_it(aws, hpc):
    feed = following(aws)
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    cluster, queues = aws.cluster("c-hpc", hpc), aws.stack("c-hpc-Queues")
    aws.say(cluster, "Queues", "CREATE_IN_PROGRESS", kind=STACK, physical_id=queues)
    aws.own(queues, "CREATE_IN_PROGRESS")
    aws.say(queues, "Role", "CREATE_COMPLETE")
    assert shown(feed.poll(hpc))[-2:] == [
        ("Cluster/c-hpc/Queues", "CREATE_IN_PROGRESS"),
        ("Cluster/c-hpc/Queues/Role", "CREATE_COMPLETE"),
    ]


@pytest.mark.parametrize("logical_id", ["Other", "Cluster2"])
def test_a_cluster_of_that_name_that_belongs_to_another_resource_is_not_shown(aws, hpc, logical_id):
    cluster = aws.cluster("c-hpc", hpc, logical_id)
    aws.own(cluster, "UPDATE_IN_PROGRESS")
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    assert [event for event in following(aws).poll(hpc) if event.cluster] == []


def test_a_stack_of_that_name_that_is_no_cluster_is_not_shown(aws, hpc):
    aws.own(aws.stack("c-hpc"), "UPDATE_IN_PROGRESS")
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc", physical_id="c-hpc")
    assert [event for event in following(aws).poll(hpc) if event.cluster] == []


def test_an_adopted_cluster_without_owner_tags_is_found_by_its_physical_id(aws, hpc):
    cluster = aws.stack("lab", parallelcluster__cluster_name="lab")
    feed = following(aws)
    aws.resource(hpc, "UPDATE_IN_PROGRESS", "lab")
    assert shown(feed.poll(hpc))[-1] == ("Cluster", "UPDATE_IN_PROGRESS")
    aws.resource(hpc, "UPDATE_IN_PROGRESS", "lab", physical_id="lab")
    aws.own(cluster, "UPDATE_IN_PROGRESS")
    assert shown(feed.poll(hpc))[-1] == ("Cluster/lab", "UPDATE_IN_PROGRESS")


@pytest.mark.parametrize("physical_id", ["", "hpc-Cluster-old"])
def test_a_cluster_with_a_generated_name_is_found_by_its_owner_while_it_is_made(aws, hpc, physical_id):
    """The resource has the id of the cluster that is to be replaced, or none."""
    if physical_id:
        aws.own(aws.cluster(physical_id, hpc), "CREATE_COMPLETE")
        aws.described[physical_id]["StackStatus"] = "CREATE_COMPLETE"
    new, others = aws.cluster("hpc-Cluster-new", hpc), aws.cluster("hpc-Other-new", hpc, "Other")
    for stack in (new, others):
        aws.own(stack, "CREATE_IN_PROGRESS")
    status = "UPDATE_IN_PROGRESS" if physical_id else "CREATE_IN_PROGRESS"
    aws.say(hpc, "Cluster", status, kind="Custom::PclusterCluster", physical_id=physical_id)
    (made,) = [each for each in shown(following(aws).poll(hpc)) if "/" in each[0]]
    assert made == ("Cluster/hpc-Cluster-new", "CREATE_IN_PROGRESS")


def test_a_delete_has_only_the_physical_id(aws, hpc):
    cluster = aws.cluster("c-hpc", hpc)
    aws.say(hpc, "Cluster", "DELETE_IN_PROGRESS", kind="Custom::PclusterCluster", physical_id="c-hpc")
    aws.own(cluster, "DELETE_IN_PROGRESS")
    assert shown(following(aws).poll(hpc))[-1] == ("Cluster/c-hpc", "DELETE_IN_PROGRESS")


def test_a_physical_id_that_is_no_cluster_s_is_not_looked_up(aws, hpc):
    aws.say(hpc, "Cluster", "DELETE_IN_PROGRESS", kind="Custom::X", physical_id="pcluster-cfn:failed:1")
    following(aws).poll(hpc)
    assert [operation for operation, _ in aws.requests] == ["describe_stack_events"]


def test_what_a_cluster_did_before_the_operation_is_not_shown(aws):
    hpc = aws.stack("hpc")
    aws.own(hpc, "CREATE_COMPLETE")
    cluster = aws.cluster("c-hpc", hpc)
    aws.own(cluster, "CREATE_COMPLETE")
    feed = following(aws, hpc)
    aws.own(hpc, "UPDATE_IN_PROGRESS")
    aws.resource(hpc, "UPDATE_IN_PROGRESS", "c-hpc", physical_id="c-hpc")
    aws.own(cluster, "UPDATE_IN_PROGRESS")
    assert shown(feed.poll(hpc)) == [
        ("", "UPDATE_IN_PROGRESS"),
        ("Cluster", "UPDATE_IN_PROGRESS"),
        ("Cluster/c-hpc", "UPDATE_IN_PROGRESS"),
    ]


def test_a_retry_s_second_cluster_of_the_same_name_is_shown_after_the_first_is_deleted(aws, hpc):
    feed = following(aws)
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    first = aws.cluster("c-hpc", hpc)
    aws.own(first, "DELETE_IN_PROGRESS")
    feed.poll(hpc)
    aws.own(first, "DELETE_COMPLETE")
    feed.poll(hpc)
    second = aws.cluster("c-hpc", hpc, suffix="2")
    aws.own(second, "CREATE_IN_PROGRESS")
    assert shown(feed.poll(hpc)) == [("Cluster/c-hpc", "CREATE_IN_PROGRESS")]


def test_many_clusters_share_a_bounded_number_of_requests_and_each_has_its_turn(aws, hpc):
    feed = following(aws)
    names = [f"c{number}" for number in range(40)]
    for name in names:
        cluster = aws.cluster(name, hpc, name)
        aws.own(cluster, "CREATE_IN_PROGRESS")
        aws.resource(hpc, "CREATE_IN_PROGRESS", name, logical_id=name)
    seen = set()
    for _ in range(14):
        aws.requests.clear()
        seen |= {event.cluster for event in feed.poll(hpc)}
        assert len(aws.requests) <= 7
    assert seen == {"", *names}


def test_what_had_no_turn_is_read_when_the_operation_has_ended(aws, hpc):
    feed = following(aws)
    for number in range(20):
        nested = aws.stack(f"n{number}")
        aws.own(nested, "CREATE_FAILED")
        aws.say(nested, "Topic", "CREATE_FAILED")
        aws.say(hpc, f"N{number}", "CREATE_FAILED", kind=STACK, physical_id=nested)
    events = [*feed.poll(hpc), *feed.rest()]
    assert len([event for event in events if len(event.path) == 2]) == 20
    aws.requests.clear()
    assert (feed.rest(), aws.requests) == ([], [])


@pytest.mark.parametrize("throttled", ["describe_stacks", "describe_stack_events"])
def test_a_throttled_request_ends_nothing_and_is_repeated_later(aws, hpc, throttled):
    feed = following(aws)
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    aws.own(aws.cluster("c-hpc", hpc), "CREATE_IN_PROGRESS")
    aws.refusals[throttled] = "Throttling"
    events = feed.poll(hpc)
    aws.requests.clear()
    events += feed.poll(hpc)
    assert len(aws.requests) <= 1
    aws.refusals.clear()
    for _ in range(8):
        events += feed.poll(hpc)
    assert sorted(shown(events)) == [
        ("", "CREATE_IN_PROGRESS"),
        ("Cluster", "CREATE_IN_PROGRESS"),
        ("Cluster/c-hpc", "CREATE_IN_PROGRESS"),
    ]


@pytest.mark.parametrize("denied", ["describe_stacks", "cluster"])
def test_without_the_permission_to_read_a_cluster_s_stack_the_rest_is_shown(aws, hpc, denied):
    cluster = aws.cluster("c-hpc", hpc)
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    aws.refusals[cluster if denied == "cluster" else denied] = "AccessDenied"
    assert [event for event in following(aws).poll(hpc) if event.cluster] == []


def test_any_other_refusal_is_an_error(aws, hpc):
    aws.refusals[hpc] = "AccessDenied"
    with pytest.raises(ClientError):
        following(aws).poll(hpc)


def test_a_feed_without_clusters_reads_the_stack_and_all_that_is_nested_in_it_at_once(aws, hpc):
    aws.resource(hpc, "CREATE_IN_PROGRESS", "c-hpc")
    aws.own(aws.cluster("c-hpc", hpc), "CREATE_IN_PROGRESS")
    for number in range(20):
        nested = aws.stack(f"n{number}")
        aws.say(nested, "Topic", "CREATE_COMPLETE")
        aws.say(hpc, f"N{number}", "CREATE_COMPLETE", kind=STACK, physical_id=nested)
    events = EventFeed(aws, None).poll(hpc)
    assert len([event for event in events if event.path[1:] == ("Topic",)]) == 20
    assert [event for event in events if event.cluster] == []
