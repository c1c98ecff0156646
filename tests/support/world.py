"""CloudFormation's and the engine's side of the provider, in memory: what a scenario test drives.

The engine here keeps the contract of docs/reference/engine.md, the gate's rules included, on declared stacks.
It runs only when the test says so, so that every interleaving can be produced.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

from cluster_provider.core.budget import UNBOUNDED, Budget
from cluster_provider.core.consent import ALLOW, Consent
from cluster_provider.core.document import parse_instant
from cluster_provider.core.errors import DeliveryFailed, Unavailable
from cluster_provider.core.guardrails import Guardrails
from cluster_provider.core.identity import OWNER_TAG_PREFIX, Owner, StackArn
from cluster_provider.core.observed import ClusterStack, StackFailure
from cluster_provider.core.properties import decode_configuration
from cluster_provider.core.state import OwnerRecord
from cluster_provider.handler import Provider
from cluster_provider.ports import Ports
from tests.support.fakes import (
    RESPONSES,
    FactStacks,
    ListedLetters,
    MemoryClaims,
    MemoryStore,
    MovedClock,
    NotedMetrics,
    NotedNotifications,
    QueuedEngines,
    Sink,
    stack_of,
)

CONFIGURATION = {"Region": "us-east-1", "Scheduling": {"SlurmQueues": [{"Name": "q1", "MaxCount": "4"}]}}
#: What the engine does only while CloudFormation waits for the resource.
AWAITED = {"create", "update", "build-image", "stop-fleet"}
#: What the library changes only while no compute node runs.
OTHER_NODES = {
    "Region": "us-east-1",
    "Scheduling": {"SlurmQueues": [{"Name": "q1", "MaxCount": "4", "InstanceType": "hpc7a.96xlarge"}]},
}
PARENT = "arn:aws:cloudformation:us-east-1:123456789012:stack/parent/0"
LOG_GROUP = "/aws/lambda/provider"
VERSION = "1.2.3"
#: The type of what waits for the head node's signal.
WAIT_CONDITION = "AWS::CloudFormation::WaitCondition"


@dataclass
class Context:
    """Lambda's context, as far as the provider looks at it."""

    aws_request_id: str
    remaining_ms: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class World:
    """One account with a provider in it."""

    def __init__(
        self,
        versions: tuple[str, ...] = ("3.16.1",),
        *,
        stacks: FactStacks | None = None,
        engines: QueuedEngines | None = None,
        sink: Sink | None = None,
        consent: str = ALLOW,
        budget: Budget = UNBOUNDED,
        refused_severity: str = "",
        clock: MovedClock | None = None,
    ) -> None:
        self.clock = clock or MovedClock()
        self.stacks = stacks or FactStacks()
        self.engines = engines or QueuedEngines(versions)
        self.sink = sink or Sink()
        self.store = MemoryStore(self.clock)
        self.claims = MemoryClaims()
        self.metrics = NotedMetrics()
        self.notifications = NotedNotifications()
        self.letters = ListedLetters(self.clock)
        #: The compute fleet's status by cluster name; RUNNING unless a test says otherwise.
        self.fleets: dict[str, str] = {}
        #: Dynamic nodes that run, by cluster name; none unless a test says otherwise.
        self.dynamic_nodes: dict[str, int] = {}
        #: What the engine finds in the logs of a head node that did not start.
        self.head_node_logs: dict[str, Any] = {"lines": []}
        self.budget, self.refused_severity = budget, refused_severity
        self.choose(consent)
        self.stacks.declare(stack_of("parent", "CREATE_IN_PROGRESS", {"team": "hpc"}, unique="0"))
        #: The tags of every image's AMI, by the image's id.
        self.amis: dict[str, dict[str, str]] = {}
        #: ARNs of the stacks that build images.
        self.builds: set[str] = set()
        #: CloudFormation's newest request for each resource.
        self._newest: dict[Owner, dict[str, Any]] = {}
        self._invocations = count(1)
        self._requests = count(1)
        self._stacks = count(1)
        self._states = count(1)

    def choose(self, consent: str) -> None:
        """The operator gives the provider stack's parameter ClusterAdoption a value."""
        self.ports = Ports(
            self.clock,
            self.stacks,
            self.engines,
            self.sink,
            self.store,
            self.claims,
            self.metrics,
            self.letters,
            self.notifications,
        )
        guardrails = Guardrails(Consent(consent), self.budget, self.refused_severity)
        self.provider = Provider(self.ports, LOG_GROUP, guardrails, VERSION)

    # CloudFormation's side

    def event(self, request_type: str, *, logical_id: str = "Cluster", **fields: Any) -> dict[str, Any]:
        """A request as CloudFormation issues it now; the resource is in the state that it is about."""
        event = self.forge(request_type, logical_id=logical_id, **fields)
        # No two states begin at the same instant.
        since = self.clock.now() + timedelta(milliseconds=next(self._states))
        owner = Owner(event["StackId"], logical_id)
        self.stacks.requested[owner] = (request_type, event.get("PhysicalResourceId"), since)
        self._newest[owner] = event
        return event

    def is_in_progress(self, owner: Owner) -> bool:
        """Whether CloudFormation waits for an answer to a Create or an Update of a resource."""
        newest = self._newest.get(owner)
        if newest is None or newest["RequestType"] == "Delete" or self.sink.answers(newest["RequestId"]):
            return False
        return self.stacks.awaits_answer(owner)

    def forge(self, request_type: str, *, logical_id: str = "Cluster", **fields: Any) -> dict[str, Any]:
        """A forged event of the same form: CloudFormation knows nothing of it."""
        request_id = f"request-{next(self._requests)}"
        signed_at = self.clock.now().strftime("%Y%m%dT%H%M%SZ")
        event = {
            "RequestType": request_type,
            "RequestId": request_id,
            "ResponseURL": f"{RESPONSES}?request={request_id}&X-Amz-Date={signed_at}&X-Amz-Signature=s3cr3t",
            "StackId": PARENT,
            "LogicalResourceId": logical_id,
            "ResourceType": CLUSTER_TYPE,
            "ResourceProperties": properties(),
        }
        return event | fields

    def deliver(self, event: dict[str, Any]) -> str:
        """Delivers an event to the provider; answers its RequestId."""
        self.provider.handle(json.loads(json.dumps(event)), Context(f"invocation-{next(self._invocations)}"))
        return str(event.get("RequestId", ""))

    def deliver_until_handled(self, event: dict[str, Any]) -> str:
        """Delivers an event as Lambda does: again after one minute and after two more, if it fails."""
        for pause_s in (60, 120, 0):
            try:
                return self.deliver(event)
            except (Unavailable, DeliveryFailed):
                self.clock.advance(pause_s)
        self.letters.put(event)
        return str(event.get("RequestId", ""))

    def create(self, **fields: Any) -> str:
        return self.deliver(self.event("Create", **fields))

    def update(self, old: dict[str, Any] | None = None, physical_id: str = "hpc", **changed: Any) -> str:
        new = properties(**changed)
        return self.deliver(
            self.event(
                "Update",
                PhysicalResourceId=physical_id,
                ResourceProperties=new,
                OldResourceProperties=old or properties(),
            )
        )

    def delete(self, physical_id: str = "hpc", **fields: Any) -> str:
        return self.deliver(self.event("Delete", PhysicalResourceId=physical_id, **fields))

    def sweep(self) -> None:
        self.deliver({"detail-type": "Scheduled Event", "source": "aws.events"})

    def settle(self, name: str, status: str, reason: str = "", *, tell: bool = True, **facts: Any) -> None:
        """A cluster's stack reaches a status; with ``tell``, CloudFormation sends an event about it."""
        stack = self.cluster(name)
        self.stacks.declare(replace(stack, status=status, reason=reason, **facts), at=self.clock.now())
        if tell:
            detail = {"stack-id": stack.stack_id, "status-details": {"status": status}}
            self.deliver({"detail-type": "CloudFormation Stack Status Change", "detail": detail})

    def fail(self, name: str, status: str, *failures: tuple[str, str]) -> None:
        """A cluster's stack fails because of resources (logical id, reason)."""
        stack = self.cluster(name)
        for logical_id, reason in failures:
            self.stacks.declare_failure(stack.stack_id, self.failure(logical_id, reason))
            self.clock.advance(1)
        self.settle(name, status)

    def failure(self, logical_id: str, reason: str) -> StackFailure:
        """A resource of a cluster's stack that fails now."""
        kind = WAIT_CONDITION if logical_id.startswith("HeadNodeWaitCondition") else "AWS::EC2::Instance"
        return StackFailure(logical_id, kind, "CREATE_FAILED", reason, self.clock.now())

    def cluster(self, name: str = "hpc") -> ClusterStack:
        stack = self.stacks.living(name)
        assert stack is not None, f"there is no stack {name}"
        return stack

    # The engine's side

    def run_engine(
        self, result: dict[str, Any] | None = None, *, report: bool = True, on_its_way: bool = False
    ) -> dict[str, Any]:
        """Runs the oldest engine call that waits; ``result`` overrides what it would come to.

        Args:
            result: Fields of the result instead of doing the work.
            report: Whether its end is reported; a crash after the work is not.
            on_its_way: Whether its request to AWS had already left when CloudFormation was last answered.
        """
        version, call = self.engines.calls.pop(0)
        if result is None:
            result = self._send(version, call) if on_its_way else self._work(version, call)
        base = {"contract": 1, "call_id": call["call_id"], "operation": call["operation"], "version": version}
        if report:
            self.report(call, base | result)
        return call

    def crash_engine(self, message: str = "exit status 1") -> dict[str, Any]:
        """The engine dies before it does anything; Lambda reports it."""
        _, call = self.engines.calls.pop(0)
        crash = {"errorType": "Runtime.ExitError", "errorMessage": message}
        self.report(call, crash, condition="RetriesExhausted")
        return call

    def report(self, call: dict[str, Any], answer: dict[str, Any], condition: str = "Success") -> None:
        """Lambda's destination brings an engine's end to the provider."""
        context = {
            "condition": condition,
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:engine",
        }
        self.deliver({"requestPayload": call, "requestContext": context, "responsePayload": answer})

    def _work(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        if call["operation"] != "describe" and self.clock.now() > parse_instant(call["not_after"]):
            return failed("Fenced", "not_after had passed")
        if call["operation"] in AWAITED and not self.is_in_progress(Owner(**call["owner"])):
            return failed("Fenced", "the resource is no longer being created or updated")
        return self._send(version, call)

    def _send(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        work = {
            "create": self._create,
            "update": self._update,
            "delete": self._delete,
            "describe": self._describe,
            "build-image": self._build,
            "describe-image": self._describe_image,
            "delete-image": self._delete_image,
            "list-clusters": self._list_clusters,
            "list-official-images": self._list_official_images,
            "stop-fleet": self._change_fleet,
            "start-fleet": self._change_fleet,
        }
        return work[call["operation"]](version, call)

    def _create(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        living = self.stacks.living(call["cluster_name"])
        if living is not None and call["call_id"] in self.stacks.facts[living.stack_id].tokens:
            return {"status": "succeeded", "stack_id": living.stack_id, "sent": False}
        if living is not None:
            return failed("AlreadyExists", f"Cluster {call['cluster_name']} already exists.")
        tags = {"parallelcluster:version": version, **call["stack_tags"]}
        stack = stack_of(
            call["cluster_name"],
            "CREATE_IN_PROGRESS",
            tags,
            unique=f"c{next(self._stacks)}",
            parameters={"ConfigVersion": call["call_id"], "ClusterCWLogGroup": "/aws/parallelcluster/hpc"},
            outputs={"Configuration": json.dumps(decode_configuration(call["configuration"]))},
        )
        self.stacks.declare(stack, tokens=[call["call_id"]])
        self.fleets.pop(stack.name, None)  # that of a cluster that is gone
        return {"status": "succeeded", "stack_id": stack.stack_id, "sent": True, "validation_messages": []}

    def _build(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        name = call["cluster_name"]
        if name in self.amis:
            if call["stack_tags"].items() <= self.amis[name].items():
                return {"status": "succeeded", "sent": False}
            return failed("AlreadyExists", f"ParallelCluster image {name} already exists.")
        outcome = self._create(version, call)
        if outcome["status"] == "succeeded":
            self.builds.add(outcome["stack_id"])
        return outcome

    def _update(self, _: str, call: dict[str, Any]) -> dict[str, Any]:
        stack = self.stacks.describe(call["stack_id"])
        if stack is None or stack.gone:
            return failed("NotFound", "there is no such cluster")
        if (refusal := self._hold_mark(call)) is not None:
            return refusal
        configuration = json.dumps(decode_configuration(call["configuration"]))
        if stack.outputs["Configuration"] == configuration:
            return failed("NoChanges", "No changes found in your cluster configuration.")
        if _head_node(configuration) != _head_node(stack.outputs["Configuration"]):
            return failed("UpdateRejected", "Update failure", details=[NOT_IN_PLACE])
        fleet = self.fleet(stack.name)
        if fleet != "STOPPED" and _nodes(configuration) != _nodes(stack.outputs["Configuration"]):
            return failed("UpdateRejected", "Update failure", details=[FLEET_RUNS]) | {"fleet_status": fleet}
        kept = {key: value for key, value in stack.tags.items() if not key.startswith(OWNER_TAG_PREFIX)}
        self.stacks.declare(
            replace(
                stack,
                status="UPDATE_IN_PROGRESS",
                updated_at=self.clock.now(),
                tags={**kept, **call["stack_tags"]},
                parameters={**stack.parameters, "ConfigVersion": call["call_id"]},
                outputs={"Configuration": configuration},
            ),
            tokens=[call["call_id"]],
        )
        return {"status": "succeeded", "stack_id": stack.stack_id, "sent": True, "validation_messages": []}

    def _delete(self, _: str, call: dict[str, Any]) -> dict[str, Any]:
        stack = self.stacks.describe(call["stack_id"])
        if stack is None or stack.gone:
            return failed("NotFound", "there is no such cluster")
        if (refusal := self._hold_mark(call)) is not None:
            return refusal
        self.stacks.declare(replace(stack, status="DELETE_IN_PROGRESS"), tokens=[call["call_id"]])
        return {"status": "succeeded", "stack_id": stack.stack_id, "sent": True}

    def _hold_mark(self, call: dict[str, Any]) -> dict[str, Any] | None:
        """The cluster's mark names the call's owner from here on; or the refusal because it names another."""
        if "mark" not in call:
            return None
        marks, stack_id = self.stacks.marks, call["stack_id"]
        holder, previous_owner = marks.get(stack_id), call["mark"].get("instead_of")
        if holder is not None and holder not in {
            Owner(**call["owner"]),
            Owner(**previous_owner) if previous_owner else None,
        }:
            named = {"stack_id": holder.stack_id, "logical_id": holder.logical_id}
            return failed("OtherOwner", "The mark names another resource.", details=[named])
        marks[stack_id] = Owner(**call["owner"])
        return None

    def fleet(self, name: str = "hpc") -> str:
        return self.fleets.get(name, "RUNNING")

    def _change_fleet(self, _: str, call: dict[str, Any]) -> dict[str, Any]:
        stack = self.stacks.describe(call["stack_id"])
        if stack is None or not stack.works:
            return failed("BadRequest", f"stack is in {stack.status if stack else 'no'} status.")
        requested, others = FLEET_WORDS[call["operation"]]
        if self.fleet(stack.name) not in others:
            self.fleets[stack.name] = requested
        return {"status": "succeeded", "fleet_status": self.fleet(stack.name)}

    def _describe(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        stack = self.stacks.describe(call["stack_id"] or call["cluster_name"])
        if stack is None or stack.gone:
            return failed("NotFound", "there is no such cluster")
        cluster = {
            "clusterName": stack.name,
            "clusterStatus": stack.status,
            "cloudFormationStackStatus": stack.status,
            "cloudformationStackArn": stack.stack_id,
            "region": StackArn.parse(stack.stack_id).region,
            "version": version,
            "computeFleetStatus": self.fleet(stack.name),
            "headNode": {"instanceId": "i-1", "publicIpAddress": "203.0.113.7", "state": "running"},
        }
        described = {"cluster": cluster, "head_node": "present", "stack_id": stack.stack_id}
        if call["arguments"].get("dynamic_nodes"):
            described["dynamic_nodes"] = self.dynamic_nodes.get(stack.name, 0)
        if "head_node_logs" in call["arguments"]:
            described["head_node_logs"] = self.head_node_logs
        return {"status": "succeeded", **described}

    def _describe_image(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        name = call["cluster_name"]
        image = {"imageId": name, "imageBuildStatus": "BUILD_COMPLETE", "version": version}
        stack = self.stacks.describe(call["stack_id"]) if call["stack_id"] else None
        if name in self.amis:
            tags = [{"key": key, "value": value} for key, value in self.amis[name].items()]
            image["ec2AmiInfo"] = {"amiId": f"ami-{name}", "state": "AVAILABLE", "tags": tags}
        elif stack is None or stack.gone:
            return failed("NotFound", f"No image or stack associated with ParallelCluster image id: {name}.")
        return {"status": "succeeded", "image": image}

    def _delete_image(self, _: str, call: dict[str, Any]) -> dict[str, Any]:
        name, stack = call["cluster_name"], self.stacks.describe(call["stack_id"] or call["cluster_name"])
        living = stack is not None and not stack.gone and call["stack_tags"].items() <= stack.tags.items()
        ours = call["stack_tags"].items() <= self.amis.get(name, {}).items()
        if not living and (name not in self.amis or not ours):
            return failed("NotFound", f"No image or stack associated with ParallelCluster image id: {name}.")
        if stack is not None and living:
            self.stacks.declare(replace(stack, status="DELETE_IN_PROGRESS"), tokens=[call["call_id"]])
        if ours:
            self.amis.pop(name, None)
        return {"status": "succeeded", "sent": living, "stack_id": call["stack_id"]}

    def _list_clusters(self, _: str, call: dict[str, Any]) -> dict[str, Any]:
        living = [fact.stack for fact in self.stacks.facts.values() if not fact.stack.gone]
        clusters = [
            {"clusterName": stack.name, "clusterStatus": stack.status, "version": stack.version}
            for stack in living
            if stack.version and stack.name.startswith(call["arguments"]["name_prefix"])
        ]
        return {"status": "succeeded", "clusters": clusters, "cluster_count": len(clusters)}

    @staticmethod
    def _list_official_images(version: str, call: dict[str, Any]) -> dict[str, Any]:
        wanted = call["arguments"]
        name = f"aws-parallelcluster-{version}-{wanted['os']}-{wanted['architecture']}"
        images = [
            {"amiId": f"ami-{day}", "name": f"{name}-2026010{day}", "version": version, **wanted}
            for day in (2, 3, 1)
        ]
        return {"status": "succeeded", "images": images}

    # Whole stretches

    def foreign(self, name: str = "hpc", status: str = "CREATE_COMPLETE", **facts: Any) -> ClusterStack:
        """A cluster that was made with ParallelCluster's own tools."""
        tags = {"parallelcluster:version": "3.16.1", **facts.pop("tags", {})}
        outputs = {"Configuration": json.dumps(facts.pop("configuration", CONFIGURATION))}
        parameters = {"ConfigVersion": "made elsewhere"}
        made = stack_of(name, status, tags, unique="foreign", outputs=outputs, parameters=parameters)
        return self.stacks.declare(replace(made, **facts))

    def made(self, name: str = "hpc", **fields: Any) -> str:
        """A cluster is created and answered; answers the Create's RequestId."""
        request_id = self.create(ResourceProperties=properties(ClusterName=name), **fields)
        self.run_engine()
        self.settle(name, "CREATE_COMPLETE")
        self.run_engine()
        assert self.sink.answer(request_id)["Status"] == "SUCCESS"
        self.clock.advance(60)
        return request_id

    def pass_time(self, seconds: float) -> None:
        """Minutes pass, the sweep fires in each."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < end:
            self.clock.advance(min(60, (end - self.clock.now()).total_seconds()))
            self.sweep()

    def record(self) -> OwnerRecord:
        """What is known of the resource."""
        record = self.store.load(self.owner())
        assert record is not None
        return record

    def owner(self, logical_id: str = "Cluster") -> Owner:
        return Owner(PARENT, logical_id)


CLUSTER_TYPE, IMAGE_TYPE = "Custom::PclusterCluster", "Custom::PclusterImage"
TOKEN = "arn:aws:lambda:us-east-1:123456789012:function:provider"
IMAGE_CONFIGURATION = {"Build": {"InstanceType": "c5.xlarge", "ParentImage": "ami-0123"}}


def properties(**changed: Any) -> dict[str, Any]:
    """Properties of a resource, stringified as CloudFormation hands them over."""
    base = {
        "ServiceToken": TOKEN,
        "ClusterName": "hpc",
        "ClusterConfiguration": CONFIGURATION,
    }
    return base | changed


def failed_id(request_id: str, name: str = "hpc") -> str:
    """The physical id of a Create that failed and left something of this name behind."""
    return f"pcluster-cfn:failed:{request_id}:{name}"


def image_properties(**changed: Any) -> dict[str, Any]:
    """Properties of an image, stringified as CloudFormation hands them over."""
    return {
        "ServiceToken": TOKEN,
        "ImageId": "image",
        "ImageConfiguration": IMAGE_CONFIGURATION,
        **changed,
    }


#: How the engine refuses what needs a stopped fleet.
FLEET_RUNS = {
    "parameter": "Scheduling.SlurmQueues[q1].InstanceType",
    "currentValue": "-",
    "requestedValue": "hpc7a.96xlarge",
    "message": "All compute nodes must be stopped",
    "cure": "fleet-stop",
}


#: How the engine refuses what no update changes.
NOT_IN_PLACE = {
    "parameter": "HeadNode.Networking.SubnetId",
    "currentValue": "subnet-1",
    "requestedValue": "subnet-2",
    "message": "Update actions are not currently supported for the 'SubnetId' parameter",
}


#: What an operation writes, unless the fleet has one of these statuses.
#: Source: aws-parallelcluster 3.16.1, models/compute_fleet_status_manager.py (update_status).
FLEET_WORDS = {
    "stop-fleet": ("STOP_REQUESTED", {"STOP_REQUESTED", "STOPPING", "STOPPED"}),
    "start-fleet": ("START_REQUESTED", {"START_REQUESTED", "STARTING", "RUNNING"}),
}


def _head_node(configuration: str) -> Any:
    wanted = json.loads(configuration)
    return wanted.get("HeadNode") if isinstance(wanted, dict) else None


def _nodes(configuration: str) -> list[str]:
    wanted = json.loads(configuration)
    scheduling = wanted.get("Scheduling") if isinstance(wanted, dict) else None
    queues = scheduling.get("SlurmQueues") if isinstance(scheduling, dict) else None
    known = queues if isinstance(queues, list) else []
    return [str(queue.get("InstanceType", "")) for queue in known if isinstance(queue, dict)]


def failed(code: str, message: str, **more: Any) -> dict[str, Any]:
    """A failed result of the engine."""
    return {"status": "failed", "error": {"code": code, "message": message, **more}}
