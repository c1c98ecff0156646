"""Lives of clusters: each change is planned, then deployed, and both are compared."""

import contextlib
import io
import json
import logging
import os
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import boto3
from botocore.exceptions import ClientError

from cluster_engine import dry_run as engine
from localcloud.cloud import Cloud
from pcluster_cfn.plan.planner import PlannedTemplate, Planner
from pcluster_cfn.planning.clusters import PlannedAction, PlannedCluster
from pcluster_cfn.validation.deployed_stack import read_deployed_stack
from tests.e2e.account import CAPABILITIES, Account
from tests.e2e.parents import library_environment
from tests.plan_property.changes import Properties, draw
from tests.plan_property.configurations import deployable

#: An operation takes seconds on an idle machine; a busy one may take long.
_DEADLINE_S = 3600
CREATED, REFUSED, CHANGED_NOTHING = "create", "refused", "no change"
FAILED = "neither"
NOT_CLEAN = "refused, and yet something changed"


@dataclass(frozen=True)
class Trial:
    """One change, planned and deployed.

    Attributes:
        configuration: Name of the configuration.
        kind: Kind of the change.
        foretold: What the plan said, as ``PlannedAction`` has it.
        happened: What the deployment then did, in the same words.
        reason: Why, by the plan and by the deployment.
        took_s: Seconds that plan and deployment took.
        properties: The properties that were deployed.
    """

    configuration: str
    kind: str
    foretold: str
    happened: str
    reason: str
    took_s: float
    properties: Mapping[str, Any]

    @property
    def agrees(self) -> bool:
        """Whether the plan was right."""
        return self.foretold == self.happened

    @property
    def is_base_refused(self) -> bool:
        """Whether the library refuses the configuration itself, so that nothing of it can be changed."""
        return self.kind == CREATED and self.happened == REFUSED

    def text(self) -> str:
        """Returns a line about the trial, and for a disagreement all that is known of it."""
        line = f"{self.configuration}: {self.kind}: {self.happened} ({self.took_s:.0f} s)"
        if self.agrees:
            return f"ok        {line}" + (f"\n          {self.reason}" if self.is_base_refused else "")
        known = [f"foretold: {self.foretold}", self.reason, json.dumps(self.properties)]
        return "\n          ".join([f"DISAGREES {line}", *known])


@dataclass(frozen=True)
class _Seen:
    """A cluster at one moment: its resource's physical id, its stack, configuration and fleet."""

    physical_id: str
    stack_id: str
    config_version: str
    fleet_changed_at: str


class Life:
    """One stack with one cluster, from its creation to its deletion."""

    def __init__(self, cloud: Cloud, service_token: str, name: str) -> None:
        self._account = Account(cloud)
        self._dynamodb = cloud.client("dynamodb")
        self._service_token = service_token
        self._name = name
        self._stack_id = ""

    def begin(self, properties: Properties) -> tuple[str, str, str]:
        """Plans and creates the stack; returns what was foretold, what happened, and why."""
        body = self._body(properties)
        planned = self._planned(body)
        made = self._account.cloudformation.create_stack(
            StackName=self._name, TemplateBody=body, Capabilities=CAPABILITIES
        )
        self._stack_id = made["StackId"]
        status = self._ended()
        happened = {"CREATE_COMPLETE": CREATED, "ROLLBACK_COMPLETE": REFUSED}.get(status, status)
        return planned.action.value, happened, self._why(planned)

    def change(self, properties: Properties) -> tuple[str, str, str]:
        """Plans and deploys a change; returns what was foretold, what happened, and why."""
        body = self._body(properties)
        planned = self._planned(body)
        before = self._seen()
        try:
            self._account.cloudformation.update_stack(
                StackName=self._stack_id, TemplateBody=body, Capabilities=CAPABILITIES
            )
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            return planned.action.value, CHANGED_NOTHING, self._why(planned)
        status = self._ended()
        return planned.action.value, self._happened(status, before, self._seen()), self._why(planned)

    def end(self) -> None:
        """Deletes the stack."""
        if self._stack_id:
            self._account.cloudformation.delete_stack(StackName=self._stack_id)
            self._ended()

    def _happened(self, status: str, before: _Seen, after: _Seen) -> str:
        if status == "UPDATE_ROLLBACK_COMPLETE":
            return REFUSED if after == before else NOT_CLEAN
        if status != "UPDATE_COMPLETE":
            return status
        if after.physical_id != before.physical_id:
            is_gone = self._account.stack(before.stack_id)["StackStatus"] == "DELETE_COMPLETE"
            return PlannedAction.REPLACE.value if is_gone else "replaced, and the old cluster is still there"
        if after.config_version == before.config_version:
            return CHANGED_NOTHING
        is_stopped = after.fleet_changed_at != before.fleet_changed_at
        return (PlannedAction.UPDATE_STOPPED if is_stopped else PlannedAction.UPDATE).value

    def _body(self, properties: Properties) -> str:
        found = {"ServiceToken": self._service_token, "ServiceTimeout": 3600, **properties}
        return json.dumps(
            {"Resources": {"Cluster": {"Type": "Custom::PclusterCluster", "Properties": found}}}
        )

    def _planned(self, body: str) -> PlannedCluster:
        aws = boto3.Session(region_name=self._account.cloud.region)
        stack = read_deployed_stack(aws, self._stack_id or self._name)
        (planned,) = Planner(aws, ask=_ask_here).plan(PlannedTemplate(body, "template.json", {}, stack))
        return planned

    def _ended(self) -> str:
        give_up_at_s = time.monotonic() + _DEADLINE_S
        while (status := self._account.stack(self._stack_id)["StackStatus"]).endswith("_IN_PROGRESS"):
            assert time.monotonic() < give_up_at_s, f"{self._stack_id} is still {status}"
            time.sleep(0.2)
        return str(status)

    def _seen(self) -> _Seen:
        found = self._account.cloudformation.describe_stack_resource(
            StackName=self._stack_id, LogicalResourceId="Cluster"
        )
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        stack = self._account.stack(name)
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
        item = self._dynamodb.get_item(
            TableName=f"parallelcluster-{name}", Key={"Id": {"S": "COMPUTE_FLEET"}}
        )
        changed_at = item["Item"]["Data"]["M"]["lastStatusUpdatedTime"]["S"]
        return _Seen(name, stack["StackId"], parameters["ConfigVersion"], changed_at)

    def _why(self, planned: PlannedCluster) -> str:
        said = [planned.reason, *(each["message"] for each in planned.messages if each["level"] == "ERROR")]
        changed = [f"{each['parameter']} ({each['update']})" for each in planned.changes]
        deployed = self._account.failures(self._stack_id, "Cluster")[-1:]
        return f"plan: {'; '.join([*said, *changed])} | deployment: {'; '.join(deployed)}"


@dataclass(frozen=True)
class Course:
    """What a life starts with.

    Args:
        path: The configuration.
        name: Name of the stack, and beginning of the clusters' names.
        seed: Seed of the changes.
        changes: How many changes after the creation.
    """

    path: Path
    name: str
    seed: str
    changes: int


def live(exports: Mapping[str, str], service_token: str, course: Course) -> list[Trial]:
    """Lives one life in a process of its own, and returns its trials, the creation first.

    The plan asks the library in this process, which keeps it warm as the engine's function does; the command
    starts a process for each question.

    Args:
        exports: Variables of the running cloud.
        service_token: The provider's.
        course: What the life starts with.
    """
    logging.disable(logging.CRITICAL)
    cloud = Cloud.attach(exports)
    os.environ.update(library_environment(Account(cloud)))
    life = Life(cloud, service_token, course.name)
    trials = []
    for trial in _trials(life, course, cloud.exports):
        print(trial.text(), flush=True)  # noqa: T201
        trials.append(trial)
    life.end()
    return trials


def _ask_here(_: Any, request: Mapping[str, Any]) -> Mapping[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()):
        answer = engine.run(json.loads(json.dumps(request)))
    found: Mapping[str, Any] = json.loads(json.dumps(answer))
    return found


def _trials(life: Life, course: Course, exports: Mapping[str, str]) -> Iterator[Trial]:
    random = Random(course.seed)  # noqa: S311 - no secret
    properties: Properties = {
        "ClusterName": f"c-{course.name}",
        "ClusterConfiguration": deployable(course.path, exports),
    }
    if random.random() < 0.5:
        del properties["ClusterName"]
        properties["ReplacementPolicy"] = random.choice(["Refuse", "Replace"])
    if random.random() < 0.5:
        properties["ComputeFleetUpdatePolicy"] = "StopAndRestart"
    kind = CREATED
    for number in range(course.changes + 1):
        changed = properties
        if number:
            kind, changed = draw(random, properties)
        began_s = time.monotonic()
        try:
            foretold, happened, reason = life.change(changed) if number else life.begin(changed)
        except Exception:
            foretold, happened, reason = FAILED, "an exception", traceback.format_exc()
        yield Trial(course.path.stem, kind, foretold, happened, reason, time.monotonic() - began_s, changed)
        if foretold == FAILED or (not number and happened != CREATED):
            return
        if happened not in {REFUSED, NOT_CLEAN}:
            properties = changed
