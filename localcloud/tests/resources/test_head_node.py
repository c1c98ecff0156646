"""A head node's part in the life of its cluster, second by second."""

import uuid

import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends
from moto.logs.models import logs_backends

from localcloud.boot_log import Failure
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
        self.logs = logs_backends[ACCOUNT][REGION]
        self.log_group = f"/aws/parallelcluster/{self.name}"

    def log(self) -> None:
        """Logging is on."""
        self.logs.create_log_group(self.log_group, {})
        self.event("CloudWatchLogGroup", "AWS::Logs::LogGroup", "CREATE_COMPLETE", self.log_group)

    @property
    def streams(self) -> dict[str, str]:
        """What each log has, by the end of its stream's name."""
        host = self.ec2.get_instance_by_id(self.instance_id).private_dns_name.partition(".")[0]
        prefix = f"{host}.{self.instance_id}."
        streams = self.logs.groups[self.log_group].streams
        assert all(name.startswith(prefix) for name in streams), list(streams)
        return {
            name.removeprefix(prefix): "\n".join(event.message for event in stream.events)
            for name, stream in streams.items()
        }

    @property
    def console(self) -> str:
        return self.ec2.__dict__.get("console_outputs", {}).get(self.instance_id, "")

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
    cluster.head_nodes.configure(Plan("cluster-*", create_s=20, failure=Failure("no space left")))
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


def test_a_boot_that_succeeds_leaves_a_healthy_log_and_says_little_on_the_console(cluster):
    cluster.log()
    cluster.boot()
    assert set(cluster.streams) == {"cfn-init", "chef-client", "cloud-init-output"}
    assert "Build complete" in cluster.streams["cfn-init"]
    assert "Cinc Client Run complete" in cluster.streams["chef-client"]
    assert not any("ERROR" in text for text in cluster.streams.values())
    assert "Cloud-init v. 22.2.2 finished" in cluster.console
    assert "CHEF-CLIENT.LOG" not in cluster.console


def test_a_boot_in_progress_has_begun_to_log(cluster):
    cluster.log()
    cluster.wait_for("one")
    cluster.launch()
    assert "Starting build" in cluster.streams["cfn-init"]
    assert "Build complete" not in cluster.streams["cfn-init"]


def test_a_recipe_that_fails_is_in_chefs_log_and_on_the_console(cluster):
    cluster.log()
    cluster.head_nodes.configure(
        Plan(failure=Failure("Failed to mount EFS.", printed=("mount.nfs4: denied",)))
    )
    cluster.boot()
    assert cluster.signals == [("one", "FAILURE", "Failed to mount EFS.")]
    assert "STDERR: mount.nfs4: denied" in cluster.streams["chef-client"]
    assert cluster.streams["bootstrap_error_msg"] == "Failed to mount EFS."
    assert "Command chef failed" in cluster.streams["cfn-init"]
    assert "mount.nfs4: denied" in cluster.console
    assert "BUILD FAILED" not in cluster.console


def test_a_custom_action_that_fails_is_in_cfn_inits_log_and_chefs_is_healthy(cluster):
    cluster.log()
    failure = Failure("Failed to execute OnNodeConfigured script 1", "custom-action", ("x.sh: no such file",))
    cluster.head_nodes.configure(Plan(failure=failure))
    cluster.boot()
    assert "Command runpostinstall output: x.sh: no such file" in cluster.streams["cfn-init"]
    assert "fetch_and_run - Failed to execute OnNodeConfigured script 1" in cluster.streams["cfn-init"]
    assert "ERROR" not in cluster.streams["chef-client"]
    assert "Error occurred during build: Command runpostinstall failed" in cluster.console
    assert "x.sh" not in cluster.console


ERRORS = ("x.sh: line 4: no such file",)


def test_the_standard_error_of_a_custom_action_is_dropped(cluster):
    cluster.log()
    failure = Failure("Failed to execute OnNodeConfigured script 1", "custom-action", ("copying",), ERRORS)
    cluster.head_nodes.configure(Plan(failure=failure))
    cluster.boot()
    assert "Command runpostinstall output: copying\nfetch_and_run - Failed" in cluster.streams["cfn-init"]
    assert not any(ERRORS[0] in text for text in [*cluster.streams.values(), cluster.console])


def test_what_a_custom_action_copies_is_in_all_logs_and_on_the_console_before_and_after_the_failure(cluster):
    cluster.log()
    failure = Failure("Failed to execute", "custom-action", ("copying",), ERRORS, copied=True)
    cluster.head_nodes.configure(Plan(failure=failure))
    cluster.boot()
    assert f"output: copying\n{ERRORS[0]}\nfetch_and_run - Failed" in cluster.streams["cfn-init"]
    assert cluster.streams["chef-client"].endswith(f"Report handlers complete\ncopying\n{ERRORS[0]}")
    assert set(cluster.streams) == {"cfn-init", "chef-client", "cloud-init-output", "bootstrap_error_msg"}
    direct, _, printed = cluster.console.partition("Error occurred during build")
    assert f"copying\n{ERRORS[0]}\n" in direct
    ends = f"cloud-init[2214]: {ERRORS[0]}\ncloud-init[2214]: ========== END CHEF-CLIENT.LOG"
    assert ends in printed


def test_a_recipe_has_neither_a_standard_error_of_its_own_nor_a_copy():
    with pytest.raises(ValueError, match="errors and copied are of step custom-action, not of step 'chef'"):
        Failure("Failed to mount EFS.", errors=ERRORS)
    with pytest.raises(ValueError, match="step 'cook' is not one of chef, custom-action"):
        Failure("Failed to mount EFS.", step="cook")


def test_an_update_that_fails_is_logged_after_the_boot(cluster):
    cluster.log()
    cluster.boot()
    cluster.head_nodes.configure(Plan(failure=Failure("Update failed", printed=("no such queue",))))
    cluster.wait_for("two")
    cluster.clock.advance(60)
    assert cluster.streams["chef-client"].index("Run complete") < cluster.streams["chef-client"].index(
        "no such"
    )
    assert "Running configSets: update" in cluster.streams["cfn-init"]


def test_without_a_log_group_only_the_console_has_lines(cluster):
    cluster.head_nodes.configure(Plan(failure=Failure("no disk")))
    cluster.boot()
    assert cluster.log_group not in cluster.logs.groups
    assert "STDERR: no disk" in cluster.console


def test_a_log_group_that_is_gone_stays_gone(cluster):
    cluster.log()
    cluster.wait_for("one")
    cluster.launch()
    cluster.logs.delete_log_group(cluster.log_group)
    cluster.clock.advance(300)
    assert cluster.log_group not in cluster.logs.groups
