"""Acts as the head nodes of clusters: signals and logs boots and updates, and runs the compute fleet daemon.

No node runs here. When a cluster stack waits for its head node, this module signals the stack after the time
of a boot, and writes what the node would have logged until then. When the library asks the fleet to stop or
start, the fleet passes through the daemon's states. No compute node is launched, since no Slurm runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.ec2.models import ec2_backends
from moto.logs.models import logs_backends

from localcloud import boot_log, cloudformation
from localcloud.boot_log import Failure
from localcloud.clock import Clock, clock
from localcloud.resources import consoles
from localcloud.timers import Timer

#: Source: aws-parallelcluster 3.16.1, pcluster/constants.py PCLUSTER_CLUSTER_NAME_TAG.
CLUSTER_NAME_TAG = "parallelcluster:cluster-name"
#: The head node's logical id in a cluster stack. Source: pcluster/templates/cluster_stack.py, _add_head_node.
HEAD_NODE = "HeadNode"
#: The log group's. Source: pcluster/templates/cluster_stack.py, _add_cluster_log_group.
LOG_GROUP = "CloudWatchLogGroup"

#: Source: aws-parallelcluster 3.16.1, pcluster/constants.py PCLUSTER_DYNAMODB_PREFIX, and
#: pcluster/models/compute_fleet_status_manager.py JsonComputeFleetStatusManager.
_TABLE_PREFIX = "parallelcluster-"
_KEY = {"Id": {"S": "COMPUTE_FLEET"}}
#: What the daemon makes of a fleet's status, and after how many seconds.
_FLEET_STEPS = {
    "STOP_REQUESTED": ("STOPPING", 10.0),
    "STOPPING": ("STOPPED", 60.0),
    "START_REQUESTED": ("STARTING", 10.0),
    "STARTING": ("RUNNING", 60.0),
}

#: Calls `cloudformation.signal_wait_handle`: handle, status, reason, unique id, data.
Signal = Callable[[str, str, str, str, str], None]


@dataclass(frozen=True)
class Plan:
    """How long the head nodes of some clusters take, and whether they fail.

    Attributes:
        cluster: Glob of cluster names.
        create_s: Simulated seconds from launch to the signal.
        update_s: Simulated seconds from an update to the signal.
        failure: Why they fail; None for success.
    """

    cluster: str = "*"
    create_s: float = 300.0
    update_s: float = 60.0
    failure: Failure | None = None


@dataclass(frozen=True)
class ComputeFleet:
    """The fleet of one cluster."""

    cluster_name: str
    account_id: str
    region_name: str

    @property
    def _backend(self) -> DynamoDBBackend:
        backend: DynamoDBBackend = dynamodb_backends[self.account_id][self.region_name]
        return backend

    @property
    def _table(self) -> str:
        return f"{_TABLE_PREFIX}{self.cluster_name}"

    @property
    def status(self) -> str | None:
        """The status in the table; None before the first boot and after the cluster's deletion."""
        if self._table not in self._backend.tables:
            return None
        item = self._backend.get_item(self._table, _KEY)
        if item is None:
            return None
        status: str = item.to_json()["Attributes"]["Data"]["M"]["status"]["S"]
        return status

    def put(self, status: str, at: datetime) -> None:
        """Writes the status, if the cluster exists."""
        if self._table not in self._backend.tables:
            return
        state = {"status": {"S": status}, "lastStatusUpdatedTime": {"S": str(at)}}
        self._backend.put_item(self._table, {**_KEY, "Data": {"M": state}}, overwrite=True)


def _watch_fleets(listener: Callable[[str], None]) -> None:
    """Calls a listener with the cluster's name after each request to start or stop its fleet.

    Requests update the fleet's item; the head node's own writes replace it and are not announced.
    """
    update_item = DynamoDBBackend.update_item

    def update_and_tell(
        self: DynamoDBBackend, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        item = update_item(self, table_name, key, *args, **kwargs)
        if key == _KEY and table_name.startswith(_TABLE_PREFIX):
            listener(table_name.removeprefix(_TABLE_PREFIX))
        return item

    backend_class: Any = DynamoDBBackend
    backend_class.update_item = update_and_tell


@dataclass
class _HeadNode:
    fleet: ComputeFleet
    instance_id: str | None = None
    #: The wait condition handle it is to signal next.
    handle: str | None = None
    handles_taken: set[str] = field(default_factory=set)
    has_booted: bool = False
    timer: Timer | None = None
    #: The cluster's log group; None if logging is off.
    log_group: str | None = None
    #: Everything in chef's log, which a failure prints to the console.
    chef_log: list[str] = field(default_factory=list)

    def write(self, lines: boot_log.Lines, at: datetime, *, failed: bool = False) -> None:
        """Writes lines to the node's log streams, if there is a log group, and to its console."""
        account_id, region_name, instance_id = self.fleet.account_id, self.fleet.region_name, self.instance_id
        ec2 = ec2_backends[account_id][region_name]
        instance = ec2.get_instance_by_id(instance_id) if instance_id else None
        if instance_id is None or instance is None:
            return
        self.chef_log += lines.get(boot_log.CHEF, [])
        consoles.write(ec2, instance_id, boot_log.on_console(lines, self.chef_log, failed=failed))
        logs = logs_backends[account_id][region_name]
        if self.log_group not in logs.groups:
            return  # logging is off, or the group was deleted
        host = instance.private_dns_name.partition(".")[0]
        timestamp_ms = int(at.timestamp() * 1000)
        for log, texts in lines.items():
            if log == boot_log.CONSOLE:
                continue
            stream = f"{host}.{instance_id}.{log}"
            logs.ensure_log_stream(self.log_group, stream)
            logs.put_log_events(
                self.log_group, stream, [{"timestamp": timestamp_ms, "message": text} for text in texts]
            )

    @property
    def is_running(self) -> bool:
        """Whether the instance is running."""
        if self.instance_id is None:
            return False
        instance = ec2_backends[self.fleet.account_id][self.fleet.region_name].get_instance_by_id(
            self.instance_id
        )
        return instance is not None and instance.state == "running"


class HeadNodes:
    """The head nodes of all clusters.

    Args:
        clock: The time boots and transitions take.
        signal: How a wait condition is signalled.
    """

    def __init__(self, clock: Clock, signal: Signal) -> None:
        self._clock = clock
        self._signal = signal
        self._plans: list[Plan] = []
        self._nodes: dict[str, _HeadNode] = {}

    def configure(self, plan: Plan) -> None:
        """Adds a plan for boots and updates from now on; the newest that matches a cluster applies."""
        self._plans = [plan, *(other for other in self._plans if other.cluster != plan.cluster)]

    def observe(self, event: cloudformation.ResourceEvent) -> None:
        """Follows a cluster stack: launch, wait conditions, end."""
        name = event.stack_tags.get(CLUSTER_NAME_TAG)
        if name != event.stack_name:
            return  # no cluster stack, or one nested in it, which carries its tags
        match event.resource_type, event.status:
            case "AWS::Logs::LogGroup", "CREATE_COMPLETE" if event.logical_id == LOG_GROUP:
                self._node(event).log_group = event.physical_id
            case "AWS::EC2::Instance", "CREATE_COMPLETE" | "UPDATE_COMPLETE" if event.logical_id == HEAD_NODE:
                self._node(event).instance_id = event.physical_id
                self._begin(self._node(event))
            case "AWS::EC2::Instance", "DELETE_IN_PROGRESS" if event.logical_id == HEAD_NODE:
                self._end(event.stack_id)
            case "AWS::CloudFormation::WaitCondition", "CREATE_IN_PROGRESS":
                self._node(event).handle = str(event.properties["Handle"])
                self._begin(self._node(event))

    def fleet_requested(self, cluster_name: str) -> None:
        """Starts or stops a cluster's fleet as requested."""
        for node in list(self._nodes.values()):
            if node.fleet.cluster_name == cluster_name and node.has_booted:
                self._follow(node)

    def _node(self, event: cloudformation.ResourceEvent) -> _HeadNode:
        _, _, _, region_name, account_id, _ = event.stack_id.split(":", maxsplit=5)
        fleet = ComputeFleet(event.stack_name, account_id, region_name)
        return self._nodes.setdefault(event.stack_id, _HeadNode(fleet))

    def _begin(self, node: _HeadNode) -> None:
        """Starts a boot or an update, once the node runs and a wait condition waits for it."""
        handle = node.handle
        if node.instance_id is None or handle is None or handle in node.handles_taken:
            return
        node.handles_taken.add(handle)
        plan = self._plan(node.fleet.cluster_name)
        delay_s = plan.update_s if node.has_booted else plan.create_s
        if not node.has_booted:
            node.write(boot_log.boot_begun(self._clock.now()), self._clock.now())
        node.timer = self._clock.call_later(delay_s, lambda: self._report(node, handle, plan))

    def _report(self, node: _HeadNode, handle: str, plan: Plan) -> None:
        if not node.is_running:
            return
        now, unique_id = self._clock.now(), str(node.instance_id)
        if plan.failure is not None:
            write_failure = boot_log.update_failed if node.has_booted else boot_log.boot_failed
            node.write(write_failure(now, plan.failure), now, failed=not node.has_booted)
            self._signal(handle, "FAILURE", plan.failure.reason, unique_id, "")
            return
        node.write(boot_log.update_succeeded(now) if node.has_booted else boot_log.boot_succeeded(now), now)
        node.has_booted = True
        if node.fleet.status is None:
            node.fleet.put("RUNNING", now)
        self._signal(handle, "SUCCESS", "HeadNode setup complete", unique_id, "")

    def _end(self, stack_id: str) -> None:
        node = self._nodes.pop(stack_id, None)
        if node and node.timer:
            node.timer.cancel()

    def _follow(self, node: _HeadNode) -> None:
        """Schedules the fleet's next status, if there is one."""
        status = node.fleet.status
        if status not in _FLEET_STEPS:
            return
        next_status, delay_s = _FLEET_STEPS[status]

        def step() -> None:
            # A newer request may have come meanwhile, which has its own timer.
            if node.is_running and node.fleet.status == status:
                node.fleet.put(next_status, self._clock.now())
                self._follow(node)

        self._clock.call_later(delay_s, step)

    def _plan(self, cluster_name: str) -> Plan:
        return next((plan for plan in self._plans if fnmatchcase(cluster_name, plan.cluster)), Plan())


_head_nodes = HeadNodes(clock, cloudformation.signal_wait_handle)


def install() -> None:
    """Starts to follow the stacks and tables of this process; call it once."""
    cloudformation.subscribe(_head_nodes.observe)
    _watch_fleets(_head_nodes.fleet_requested)


def configure(settings: dict[str, Any]) -> None:
    """Configures head nodes for the control API.

    Args:
        settings: Each optional: `cluster` (glob), `create_s`, `update_s` (simulated seconds), `failure` (None
            or an object with `reason`, and optionally `step`, `chef` or `custom-action`, `printed`, the lines
            that this step prints, and of a custom action `errors`, the lines of its standard error, and
            `copied`, see `boot_log.Failure`).

    Raises:
        TypeError: an unknown setting, or a failure without a reason.
        ValueError: a step that is none, or settings of another step.
    """
    failure = settings.get("failure")
    if failure is not None:
        lines = {name: tuple(failure.get(name, ())) for name in ("printed", "errors")}
        failure = Failure(**{**failure, **lines})
    _head_nodes.configure(Plan(**{**settings, "failure": failure}))
