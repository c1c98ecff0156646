"""Records the calls of functions and the changes that CloudFormation makes for them, to compare permissions.

CloudFormation changes the resources of a stack with the permissions of whoever asked for it last, unless the
stack has a role of its own. Source: CloudFormation user guide, "CloudFormation service role".
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.calls import Call
    from localcloud.notifications import ResourceEvent

#: What makes the caller the one in whose name a stack's resources are changed.
_STACK_CHANGES = {"CreateStack", "UpdateStack", "DeleteStack"}
_LONGEST_VALUE = 512
_ENDS = ("_COMPLETE", "_FAILED")


class Recording:
    """Each distinct call and change since the start of the cloud, with its count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._changes: Counter[str] = Counter()
        #: By name of a stack that is no child of another: the function that asked for its last change.
        self._askers: dict[str, str | None] = {}

    def note_call(self, call: Call) -> None:
        """Records a request, if a function sent it."""
        function = call.caller.function if call.caller else None
        if call.service == "cloudformation" and call.operation in _STACK_CHANGES:
            name = call.parameters.get("StackName", "")
            self._askers[name.split("/")[1] if name.startswith("arn:") else name] = function
        if function is None:
            return
        fact = {
            "function": function,
            "service": call.service,
            "operation": call.operation,
            "region": call.region,
            "parameters": dict(call.parameters),
        }
        with self._lock:
            self._calls[json.dumps(fact, sort_keys=True)] += 1

    def note_change(self, event: ResourceEvent) -> None:
        """Records the end of a resource's creation, update or deletion in a stack that a function changes."""
        function = self._askers.get(event.root_name)
        action, _, ended = event.status.partition("_")
        if function is None or f"_{ended}" not in _ENDS:
            return
        fact = {
            "function": function,
            "stack_name": event.stack_name,
            "stack_tags": dict(event.stack_tags),
            "type": event.resource_type,
            "action": action,
            "physical_id": event.physical_id,
            "properties": dict(_short(event.properties)),
        }
        with self._lock:
            self._changes[json.dumps(fact, sort_keys=True)] += 1

    def calls(self) -> list[dict[str, Any]]:
        """Returns the calls of functions: function, service, operation, region, parameters, count."""
        return self._listed(self._calls)

    def changes(self) -> list[dict[str, Any]]:
        """Returns the changes CloudFormation made for functions: type, action, physical id, properties."""
        return self._listed(self._changes)

    def _listed(self, facts: Counter[str]) -> list[dict[str, Any]]:
        with self._lock:
            return [{**json.loads(fact), "count": count} for fact, count in facts.items()]


def _short(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The properties that are short enough; documents and scripts are not."""
    for name, value in properties.items():
        if len(json.dumps(value, default=str)) <= _LONGEST_VALUE:
            yield name, value


#: The recording of this process.
recording = Recording()
