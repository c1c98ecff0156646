"""Hooks: functions that judge a change set, or an operation on a stack, before it goes on.

Source: CloudFormation Hooks user guide, "Create Lambda functions to evaluate resources for Lambda Hooks"; the
words of a refusal: aws/aws-cdk-cli pull request 1768, and events that users published.
"""

from __future__ import annotations

import json
import uuid
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import LambdaClientError

from localcloud.cloudformation.ports import connected
from localcloud.cloudformation.response_endpoint import response_endpoint
from localcloud.cloudformation.response_urls import hook_host
from localcloud.cloudformation.stack import HookResult, Stack
from localcloud.cloudformation.steps import schedule
from localcloud.cloudformation.template.functions import stringify
from localcloud.iam.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from localcloud.cloudformation.request import Change, ChangeSet
    from localcloud.cloudformation.resource import Made

#: How long Hooks waits for one call, and how often it calls. Source: user guide, "Developing a Lambda Hook"
#: and "Response input", ``hookStatus``.
_CALL_S, _CALLS = 30, 3
#: What is kept of a message. Source: user guide, "Response input", ``message``.
_MESSAGE_MAX = 4096
#: What the API shows of it. Source: CloudFormation API reference, HookResultSummary, ``HookStatusReason``.
_SHOWN_MAX = 1024
_URL_EXPIRES_S = 3600
VERSION = "00000001"
_ACTIONS = {"Add": "CREATE", "Modify": "UPDATE", "Remove": "DELETE", "Import": "CREATE"}


def judge_change_set(change_set: ChangeSet) -> None:
    """Has the hooks judge a change set, which stays in progress until all of them have answered."""
    payload = {
        "template": change_set.template.source,
        "changedResources": [_changed(change) for change in change_set.changes],
    }
    hooks = _matching(change_set.stack, "CHANGE_SET", "CREATE")
    if not hooks:
        return
    change_set.status, change_set.execution_status = "CREATE_IN_PROGRESS", "UNAVAILABLE"

    def ended(failed: list[str]) -> None:
        if failed:
            change_set.fail(f"Change set creation failed. {_sentence(failed)}")
        else:
            change_set.status, change_set.execution_status = "CREATE_COMPLETE", "AVAILABLE"

    about = {"changeSetId": change_set.id, "actionInvocationPoint": "CREATE_PRE_PROVISION"}
    _Judgement(change_set.stack, ("CHANGE_SET", change_set.id), about, payload, ended).start(hooks)


def judge_stack(
    stack: Stack, action: str, previous: str | None, go_on: Callable[[], None], refused: Callable[[str], None]
) -> None:
    """Has the hooks judge an operation on a stack, and goes on as a step of its own.

    Args:
        stack: The stack; its operation has begun, and nothing has been changed.
        action: CREATE, UPDATE or DELETE.
        previous: The template until now.
        go_on: Called if no hook objects.
        refused: Called with the reason if one does.
    """
    hooks = _matching(stack, "STACK", action)
    if not hooks:
        schedule(go_on)
        return
    operation, status = stack.operation, stack.status
    payload = (
        {"template": None, "previousTemplate": None}
        if action == "DELETE"
        else {"template": stack.template.source if stack.template else None, "previousTemplate": previous}
    )

    def ended(failed: list[str]) -> None:
        if stack.operation is not operation or stack.status != status:
            return  # It was cancelled meanwhile.
        if failed:
            refused(f"{_sentence(failed)}. ")
        else:
            go_on()

    about = {"changeSetId": None, "actionInvocationPoint": f"{action}_PRE_PROVISION"}
    _Judgement(stack, ("STACK", stack.id), about, payload, ended).start(hooks)


class _Judgement:
    """The invocations of all hooks that match a target.

    Args:
        stack: The stack that is concerned.
        target: Type and ARN.
        about: What the event says of the target.
        payload: What the hooks fetch.
        ended: Called once, with the aliases of the hooks that object.
    """

    def __init__(
        self,
        stack: Stack,
        target: tuple[str, str],
        about: Mapping[str, Any],
        payload: Mapping[str, Any],
        ended: Callable[[list[str]], None],
    ) -> None:
        self._stack = stack
        self._target = target
        self._about = about
        self._payload = json.dumps(payload).encode()
        self._ended = ended
        self._running: set[str] = set()
        self._failed: list[str] = []

    def start(self, hooks: Sequence[Made]) -> None:
        """Invokes each hook as a step of its own."""
        results = [HookResult(str(uuid.uuid4()), hook, *self._target) for hook in hooks]
        self._running = {result.id for result in results}
        for result in results:
            self._stack.registry.hook_results[result.id] = result
            self._show(result)
            schedule(lambda result=result: self._call(result, 1, None))  # type: ignore[misc]

    def _call(self, result: HookResult, number: int, context: Any) -> None:
        """Calls a hook's function, and waits so long for its answer."""
        properties = result.hook.target.properties
        function, role = str(properties["LambdaFunction"]), str(properties["ExecutionRole"])
        if not judge.may(role, "lambda:InvokeFunction", function, properties["Alias"]):
            self._end(result, "HOOK_FAILED", f"{role} is not authorized to perform: lambda:InvokeFunction")
            return
        is_open = True

        def answered(body: bytes | None) -> None:
            nonlocal is_open
            if is_open:
                is_open = False
                timer.cancel()
                self._take(result, number, body)

        def time_out() -> None:
            nonlocal is_open
            is_open = False
            self._end(result, "HOOK_FAILED", f"Hook did not respond within {_CALL_S} seconds")

        timer = schedule(time_out, delay_s=_CALL_S)
        event = json.dumps(self._event(result, number, context)).encode()
        try:
            connected().begin_invocation(function, event, lambda body: _soon(lambda: answered(body)))
        except LambdaClientError as error:
            is_open = False
            timer.cancel()
            self._end(result, "HOOK_FAILED", str(error.message))

    def _event(self, result: HookResult, number: int, context: Any) -> dict[str, Any]:
        stack, (target_type, target_id) = self._stack, self._target
        properties = result.hook.target.properties
        host, region = hook_host(stack.region_name), stack.region_name
        url = response_endpoint.offer(host, f"{result.id}/{number}", region, self._payload, _URL_EXPIRES_S)
        return {
            **self._about,
            "clientRequestToken": result.id,
            "awsAccountId": stack.account_id,
            "stackId": stack.id,
            "hookTypeName": properties["Alias"],
            "hookTypeVersion": VERSION,
            "hookModel": {"LambdaFunction": properties["LambdaFunction"]},
            "requestData": {
                "targetName": target_type,
                "targetType": target_type,
                "targetLogicalId": target_id if target_type == "CHANGE_SET" else stack.name,
                "payload": url,
            },
            "requestContext": {"invocation": number, "callbackContext": context},
        }

    def _take(self, result: HookResult, number: int, body: bytes | None) -> None:
        answer = _parsed(body)
        message = str(answer.get("message") or "")[:_MESSAGE_MAX]
        match answer.get("hookStatus"):
            case "SUCCESS":
                self._end(result, "HOOK_COMPLETE_SUCCEEDED", message)
            case "FAILED":
                code = answer.get("errorCode")
                status = "HOOK_COMPLETE_FAILED" if code == "NonCompliant" else "HOOK_FAILED"
                self._end(result, status, f"Hook failed with message: {message}")
            case "IN_PROGRESS" if number < _CALLS:
                again = answer.get("callbackContext")
                delay_s = float(answer.get("callbackDelaySeconds") or 0)
                schedule(lambda: self._call(result, number + 1, again), delay_s=delay_s)
            case "IN_PROGRESS":
                self._end(result, "HOOK_FAILED", f"Hook gave no result in {_CALLS} invocations")
            case _:
                self._end(result, "HOOK_FAILED", "Hook function failed, or its response is not valid")

    def _end(self, result: HookResult, status: str, reason: str) -> None:
        result.status, result.reason = status, reason
        self._show(result)
        properties = result.hook.target.properties
        if status != "HOOK_COMPLETE_SUCCEEDED" and properties["FailureMode"] == "FAIL":
            self._failed.append(properties["Alias"])
        self._running.discard(result.id)
        if not self._running:
            self._ended(self._failed)

    def _show(self, result: HookResult) -> None:
        """Records an event of the stack. A change set has none: ListHookResults shows its hooks."""
        stack = self._stack
        if result.target_type == "STACK":
            fields = {f"Hook{name}": value for name, value in shown(result).items()}
            kind = "AWS::CloudFormation::Stack"
            stack.record(stack.name, stack.id, kind, status=stack.status, reason=None, hook=fields)


def shown(result: HookResult) -> dict[str, str]:
    """Returns what an event and ListHookResults both show of an invocation, without their prefix."""
    properties = result.hook.target.properties
    fields = {
        "Type": properties["Alias"],
        "Status": result.status,
        "InvocationPoint": "PRE_PROVISION",
        "InvocationId": result.id,
        "FailureMode": properties["FailureMode"],
    }
    return fields | ({"StatusReason": result.reason[:_SHOWN_MAX]} if result.reason else {})


def _matching(stack: Stack, operation: str, action: str) -> list[Made]:
    """Returns the enabled hooks whose targets and filters include an operation on a stack."""
    if stack.parent is not None:
        return []
    found = [hook for hook in stack.registry.hooks() if _targets(hook.target.properties, operation, action)]
    return [hook for hook in found if _includes(hook.target.properties.get("StackFilters"), stack)]


def _targets(hook: Mapping[str, Any], operation: str, action: str) -> bool:
    filters = hook.get("TargetFilters") or {}
    actions = filters.get("Actions") or [target["Action"] for target in filters.get("Targets") or []]
    is_enabled = hook["HookStatus"] == "ENABLED" and operation in hook["TargetOperations"]
    return is_enabled and (not actions or action in actions)


def _includes(filters: Mapping[str, Any] | None, stack: Stack) -> bool:
    """Returns whether a stack passes the filters by its name and its role.

    Source: Hooks user guide, "CloudFormation Hooks stack level filters".
    """
    if not filters:
        return True
    values = {"StackNames": stack.name, "StackRoles": stack.options.role_arn or ""}
    passed = [_passes(filters[key], value) for key, value in values.items() if key in filters]
    return any(passed) if filters["FilteringCriteria"] == "ANY" else all(passed)


def _passes(limits: Mapping[str, Sequence[str]], value: str) -> bool:
    included = limits.get("Include") or ["*"]
    return any(fnmatchcase(value, one) for one in included) and not any(
        fnmatchcase(value, one) for one in limits.get("Exclude") or []
    )


def _changed(change: Change) -> dict[str, Any]:
    action = _ACTIONS[change.action]
    contexts = {
        "beforeContext": None if action == "CREATE" else change.before,
        "afterContext": None if action == "DELETE" else change.after,
    }
    return {
        "logicalResourceId": change.logical_id,
        "resourceType": change.resource_type,
        "action": action,
        "lineNumber": None,
        **{
            key: None if properties is None else json.dumps({"Properties": stringify(properties)})
            for key, properties in contexts.items()
        },
    }


def _sentence(failed: Sequence[str]) -> str:
    return f"The following hook(s) failed: [{', '.join(failed)}]"


def _parsed(body: bytes | None) -> Mapping[str, Any]:
    try:
        answer = json.loads(body or b"null")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _soon(step: Callable[[], None]) -> None:
    schedule(step)
