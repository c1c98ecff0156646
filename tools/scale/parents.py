"""Creates, updates and deletes the stacks that have the clusters as resources, as a user would."""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from tools.bench.calls import configuration
from tools.scale.plan import Action
from tools.scale.world import World

PREFIX = "p-"
#: The pending work per execution environment at which the next stack is requested: the environments are busy,
#: and no queue grows that AWS would not have.
_IN_FLIGHT_EACH = 4
_PACE_S = 0.1
#: Real seconds after which a run counts as hanging: per cluster, and at least.
_PATIENCE_S, _PATIENCE_EACH_S = 300, 30
#: Compute nodes at most, before and after the update.
_MAX_COUNT = {Action.CREATE: 4, Action.UPDATE: 8}


class Parents:
    """All parent stacks of a run.

    Args:
        world: The embedded cloud with the provider.
        concurrency: Execution environments per function.
    """

    def __init__(self, world: World, concurrency: int) -> None:
        self._world = world
        self._in_flight_max = _IN_FLIGHT_EACH * concurrency
        self._cloudformation = world.cloud.client("cloudformation")
        self.ids: dict[str, str] = {}

    def carry_out(self, action: Action, names: Iterable[str]) -> None:
        """Runs one action on the parents with these names, and waits until all have ended.

        Raises:
            ScaleError: One did not end in far more time than it needs.
        """
        asked = list(names)
        for name in asked:
            self._await_room()
            self._ask(action, name)
        patience_s = _PATIENCE_S + _PATIENCE_EACH_S * len(asked)
        self._world.settle(lambda: not any(self._in_progress()), f"{action} of {len(asked)}", patience_s)

    def _await_room(self) -> None:
        while self._world.cloud.in_flight() >= self._in_flight_max:
            time.sleep(_PACE_S)

    def _ask(self, action: Action, name: str) -> None:
        parent = f"{PREFIX}{name}"
        match action:
            case Action.CREATE:
                created = self._cloudformation.create_stack(
                    StackName=parent, TemplateBody=self._template(action, name)
                )
                self.ids[name] = created["StackId"]
            case Action.UPDATE:
                self._cloudformation.update_stack(StackName=parent, TemplateBody=self._template(action, name))
            case Action.DELETE:
                self._cloudformation.delete_stack(StackName=parent)

    def _in_progress(self) -> Iterator[str]:
        statuses = [f"{action}_IN_PROGRESS" for action in Action]
        statuses += ["ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"]
        statuses += ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"]
        pages = self._cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=statuses)
        for page in pages:
            for stack in page["StackSummaries"]:
                if stack["StackName"].startswith(PREFIX):
                    yield stack["StackName"]

    def _template(self, action: Action, name: str) -> str:
        properties = {
            "ServiceToken": self._world.service_token,
            "ServiceTimeout": 3600,
            "ClusterName": f"c-{name}",
            "ClusterConfiguration": _configuration(self._world.cloud.exports, _MAX_COUNT[action]),
            # Validators make some hundred calls to EC2 and S3, the same for every cluster.
            "SuppressValidators": ["ALL"],
        }
        resource = {"Type": "Custom::PclusterCluster", "Properties": properties}
        return json.dumps({"Resources": {"Cluster": resource}})


def _configuration(seeded: dict[str, str], max_count: int) -> dict[str, Any]:
    off = {"Enabled": False}
    return {
        **configuration(seeded, max_count),
        "Monitoring": {"Dashboards": {"CloudWatch": off}, "Alarms": off},
    }
