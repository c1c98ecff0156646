"""A head node's part in the life of its cluster, second by second."""

import uuid

import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends

from localcloud.clock import Clock
from localcloud.cloudformation import ResourceEvent
from localcloud.head_node import CLUSTER_NAME_TAG, ComputeFleet, HeadNodes, Plan

ACCOUNT = "123456789012"
REGION = "us-west-2"


class Cluster:
    """A cluster stack's events, its instance and its table, stated by a test."""

    def __init__(self, clock: Clock) -> None:
        self.name = f"cluster-{uuid.uuid4().hex[:8]}"
        self.stack_id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}/1"
        self.signals: list[tuple[str, str, str]] = []
        self.clock = clock
        self.head_nodes = HeadNodes(clock, self._signal)
        self.ec2 = ec2_backends[ACCOUNT][REGION]
        reservation = self.ec2.run_instances(
            "", 1, None, [], instance_type="t3.large", is_instance_type_default=False
        )
        self.instance_id = reservation.instances[0].id
        schema = [{"AttributeName": "Id", "KeyType": "HASH"}]
        dynamodb_backends[ACCOUNT][REGION].create_table(
            f"parallelcluster-{self.name}",
            schema=schema,
            throughput=None,
            attr=[{"AttributeName": "Id", "AttributeType": "S"}],
            global_indexes=[],
            indexes=[],
            streams=None,
            billing_mode="PAY_PER_REQUEST",
            sse_specification=None,
            tags=[],
            deletion_protection_enabled=False,
            warm_throughput=None,
        )
        self.fleet = ComputeFleet(self.name, ACCOUNT, REGION)

    def _signal(self, handle: str, status: str, reason: str, *_: str) -> None:
        self.signals.append((handle, status, reason))

    def event(
        self, logical_id, resource_type, status, physical_id=None, stack_name=None, **properties
    ) -> None:
        tags = {CLUSTER_NAME_TAG: self.name}
        self.head_nodes.observe(
            ResourceEvent(
                self.stack_id,
                stack_name or self.name,
                self.name,
                tags,
                logical_id,
                physical_id,
                resource_type,
                status,
                properties,
            )
        )

    def launch(self) -> None:
        self.event("HeadNode", "AWS::EC2::Instance", "CREATE_COMPLETE", self.instance_id)

    def wait_for(self, handle: str, **where) -> None:
        kind = "AWS::CloudFormation::WaitCondition"
        self.event(f"Wait{handle}", kind, "CREATE_IN_PROGRESS", None, Handle=handle, **where)

    def boot(self) -> None:
        self.wait_for("one")
        self.launch()
        self.clock.advance(300)


@pytest.fixture
def cluster():
    clock = Clock()
    yield Cluster(clock)
    clock.stop()


def test_it_signals_once_it_has_booted_and_not_before(cluster):
    cluster.wait_for("one")
    cluster.launch()
    cluster.clock.advance(290)
    assert cluster.signals == []
    assert cluster.fleet.status is None
    cluster.clock.advance(15)
    assert cluster.signals == [("one", "SUCCESS", "HeadNode setup complete")]
    assert cluster.fleet.status == "RUNNING"


def test_the_boot_starts_when_there_is_an_instance(cluster):
    cluster.wait_for("one")
    cluster.clock.advance(1000)
    assert cluster.signals == []
    cluster.launch()
    cluster.clock.advance(300)
    assert len(cluster.signals) == 1


def test_an_event_delivered_twice_is_one_boot(cluster):
    cluster.wait_for("one")
    cluster.wait_for("one")
    cluster.launch()
    cluster.clock.advance(1000)
    assert len(cluster.signals) == 1


def test_it_signals_an_update_through_its_new_handle(cluster):
    cluster.boot()
    cluster.wait_for("two")
    cluster.clock.advance(60)
    assert [handle for handle, _, _ in cluster.signals] == ["one", "two"]


def test_it_signals_nothing_once_it_is_terminated(cluster):
    cluster.wait_for("one")
    cluster.launch()
    cluster.ec2.terminate_instances([cluster.instance_id])
    cluster.clock.advance(1000)
    assert cluster.signals == []


def test_it_signals_nothing_once_its_stack_deletes_it(cluster):
    cluster.wait_for("one")
    cluster.launch()
    cluster.event("HeadNode", "AWS::EC2::Instance", "DELETE_IN_PROGRESS", cluster.instance_id)
    cluster.clock.advance(1000)
    assert cluster.signals == []


def test_stacks_nested_in_a_cluster_stack_have_no_head_node(cluster):
    cluster.wait_for("one", stack_name=f"{cluster.name}-Queues")
    cluster.event(
        "HeadNode", "AWS::EC2::Instance", "CREATE_COMPLETE", cluster.instance_id, f"{cluster.name}-Queues"
    )
    cluster.clock.advance(1000)
    assert cluster.signals == []


def test_the_newest_plan_that_matches_counts(cluster):
    cluster.head_nodes.configure(Plan(create_s=10))
    cluster.head_nodes.configure(Plan("other-*", create_s=1))
    cluster.head_nodes.configure(Plan("cluster-*", create_s=20, failure="no space left"))
    cluster.wait_for("one")
    cluster.launch()
    cluster.clock.advance(15)
    assert cluster.signals == []
    cluster.clock.advance(10)
    assert cluster.signals == [("one", "FAILURE", "no space left")]
    assert cluster.fleet.status is None


def test_the_fleet_passes_through_the_states_of_a_stop(cluster):
    cluster.boot()
    cluster.fleet.put("STOP_REQUESTED", cluster.clock.now())
    cluster.head_nodes.fleet_requested(cluster.name)
    cluster.clock.advance(15)
    assert cluster.fleet.status == "STOPPING"
    cluster.clock.advance(60)
    assert cluster.fleet.status == "STOPPED"


def test_a_start_asked_for_during_a_stop_wins(cluster):
    cluster.boot()
    cluster.fleet.put("STOP_REQUESTED", cluster.clock.now())
    cluster.head_nodes.fleet_requested(cluster.name)
    cluster.clock.advance(15)
    cluster.fleet.put("START_REQUESTED", cluster.clock.now())
    cluster.head_nodes.fleet_requested(cluster.name)
    cluster.clock.advance(200)
    assert cluster.fleet.status == "RUNNING"


def test_a_fleet_without_a_running_head_node_stays_as_it_is(cluster):
    cluster.boot()
    cluster.ec2.terminate_instances([cluster.instance_id])
    cluster.fleet.put("STOP_REQUESTED", cluster.clock.now())
    cluster.head_nodes.fleet_requested(cluster.name)
    cluster.clock.advance(200)
    assert cluster.fleet.status == "STOP_REQUESTED"
