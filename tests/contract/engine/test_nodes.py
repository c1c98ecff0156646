"""What a describe counts of a cluster's nodes, with the real library and instances on the embedded cloud."""

import pytest

from tests.contract.engine.conftest import OWNER_TAGS, RELEASE

pytestmark = pytest.mark.library


@pytest.fixture
def running(cloud):
    """Starts instances of the cluster "living"; they end with the test."""
    ec2, started = cloud.client("ec2"), []

    def run(count, *, node_type="Compute", queue="compute", cluster="living"):
        tags = {
            "parallelcluster:cluster-name": cluster,
            "parallelcluster:node-type": node_type,
            "parallelcluster:queue-name": queue,
        }
        ran = ec2.run_instances(
            ImageId=ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
            MinCount=count,
            MaxCount=count,
            InstanceType="c5.large",
            SubnetId=cloud.exports["COMPUTE_SUBNET"],
            TagSpecifications=[
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
            ],
        )
        ids = [each["InstanceId"] for each in ran["Instances"]]
        started.extend(ids)
        return ids

    yield run
    if started:
        ec2.terminate_instances(InstanceIds=started)


@pytest.fixture
def count(engine, api, made):
    api.reset()
    stack = api.add("living", tags=made.tags | OWNER_TAGS, parameters=made.parameters)

    def ask():
        arguments = {"dynamic_nodes": True}
        described = engine("describe", cluster_name="living", stack_id=stack.stack_id, arguments=arguments)
        assert described["status"] == "succeeded", described
        return described["dynamic_nodes"]

    return ask


def test_what_runs_beyond_the_static_nodes_of_a_queue_is_counted(cloud, running, count):
    assert count() == 0
    ids = running(3)
    running(2, queue="another")
    if RELEASE >= (3, 7):  # earlier ones have no login nodes, and take everything for a compute node
        running(1, node_type="LoginNode")
    running(4, cluster="neighbour")
    assert count() == 5
    cloud.client("ec2").terminate_instances(InstanceIds=ids[:2])
    assert count() == 3
    cloud.client("ec2").stop_instances(InstanceIds=ids[2:])
    assert count() == 2


def test_static_nodes_are_not_counted(running, count, monkeypatch):
    running(3)
    running(2, queue="another")
    queues = (
        "Scheduling: {SlurmQueues: ["
        "{Name: compute, ComputeResources: [{Name: a, MinCount: 1}, {Name: b, MinCount: 1}, {Name: c}]},"
        "{Name: another, ComputeResources: [{Name: d, MinCount: 4}]}]}"
    )
    monkeypatch.setattr("cluster_engine.library.nodes.stored_configuration", lambda *_: queues)
    assert count() == 1


def test_a_cluster_without_slurm_queues_has_dynamic_nodes_only(running, count, monkeypatch):
    running(2)
    monkeypatch.setattr(
        "cluster_engine.library.nodes.stored_configuration", lambda *_: "Scheduling: {Scheduler: awsbatch}"
    )
    assert count() == 2


def test_a_plain_describe_counts_nothing(engine, api, made):
    api.reset()
    stack = api.add("living", tags=made.tags, parameters=made.parameters)
    described = engine("describe", cluster_name="living", stack_id=stack.stack_id)
    assert (described["status"], "dynamic_nodes" in described) == ("succeeded", False)
