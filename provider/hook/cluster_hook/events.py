"""What Hooks sends for one call.

Source: CloudFormation Hooks user guide, "Evaluating change set operations with Lambda Hooks" and "Evaluating
stack operations with Lambda Hooks".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Kinds of targets that this hook judges.
CHANGE_SET, STACK = "CHANGE_SET", "STACK"
#: How often Hooks calls for one target. Source: as above, "Response input", ``hookStatus``.
CALLS_MAX = 3


class EventError(ValueError):
    """The event is not one that Hooks sends; the text names the place and what belongs there."""


@dataclass(frozen=True)
class HookEvent:
    """One call of a hook.

    Attributes:
        token: The answer has to repeat it.
        stack_id: ARN of the stack.
        change_set_id: ARN of the change set from which an operation on a stack comes; empty for none.
        target: ``CHANGE_SET`` or ``STACK``.
        is_deletion: Whether the stack is to be deleted.
        payload_url: Where the template and the changes are.
        call: 1 for the first.
        plan_id: What the answer to an earlier call has kept; empty at the first.
    """

    token: str
    stack_id: str
    change_set_id: str
    target: str
    is_deletion: bool
    payload_url: str
    call: int
    plan_id: str

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "HookEvent":
        """Returns the call in an event.

        Raises:
            EventError: The event has another form.
        """
        data, context = _map(event, "requestData"), _map(event, "requestContext")
        target = _text(data, "targetType", "requestData/")
        if target not in {CHANGE_SET, STACK}:
            raise EventError(
                f"requestData/targetType is {target!r}; this hook judges {CHANGE_SET} and {STACK}: "
                "correct the hook's TargetOperations"
            )
        call = context.get("invocation", 1)
        if not isinstance(call, int) or call < 1:
            raise EventError(f"requestContext/invocation is {call!r}; it must be a number from 1")
        return cls(
            token=str(event.get("clientRequestToken") or ""),
            stack_id=_text(event, "stackId"),
            change_set_id=str(event.get("changeSetId") or ""),
            target=target,
            is_deletion=str(event.get("actionInvocationPoint")).startswith("DELETE"),
            payload_url=_text(data, "payload", "requestData/"),
            call=call,
            plan_id=str(context.get("callbackContext") or ""),
        )


def _map(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key) or {}
    if not isinstance(found, Mapping):
        raise EventError(f"{key} must be an object")
    return found


def _text(holder: Mapping[str, Any], key: str, path: str = "") -> str:
    found = holder.get(key)
    if not isinstance(found, str) or not found:
        raise EventError(f"{path}{key} is missing; CloudFormation Hooks sends a text")
    return found
