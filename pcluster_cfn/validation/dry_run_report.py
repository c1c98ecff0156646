"""Prints the answer of a dry run: changes, refusals with their reasons, and messages, the worst first."""

import re
from collections.abc import Iterator
from typing import Any

from cluster_schema import configuration_schema, versions
from pcluster_cfn.editor_schemas import update
from pcluster_cfn.planning.changes import changes_of, messages_of
from pcluster_cfn.planning.requests import Verdict

#: An item of a list in the library's names of parameters: its key in brackets.
_ITEM = re.compile(r"\[[^\]]*\]")


def is_refused(verdict: Verdict) -> bool:
    """Whether a deployment would be refused. An update without changes is not refused."""
    code = verdict.answer.get("error", {}).get("code", "NoChanges")
    return code != "NoChanges" or bool(verdict.forbidden) or not verdict.is_ours


def document(verdict: Verdict, source: str) -> dict[str, Any]:
    """Returns a verdict as JSON values."""
    return {
        "file": source,
        "resource": verdict.wanted.resource.logical_id,
        "cluster": verdict.wanted.name,
        "operation": verdict.operation,
        "version": verdict.answer["version"],
        "refused": is_refused(verdict),
        "error": verdict.answer.get("error"),
        "forbidden": verdict.forbidden,
        "provider": verdict.provider.document(),
        "changes": list(changes_of(verdict, update_policy)),
        "messages": messages_of(verdict),
    }


def lines(verdict: Verdict, source: str) -> Iterator[str]:
    """Yields the lines of a verdict."""
    answer, wanted = verdict.answer, verdict.wanted
    about = f"{verdict.operation} of cluster {wanted.title}"
    yield f"{source}: {wanted.resource.logical_id}: {about}, {_outcome(verdict)}"
    if not verdict.is_ours:
        yield f"  cluster {wanted.name} exists and does not belong to this stack: it stays unchanged"
    if verdict.forbidden:
        yield f"  {verdict.forbidden}"
    for change in changes_of(verdict, update_policy):
        mark = "refused" if change["refused"] else "allowed"
        yield f"  {mark}  {change['parameter']}: {change['currentValue']} → {change['requestedValue']}"
        if change["update"]:
            yield f"           a change of this key: {change['update']}"
        if change["refused"]:
            yield f"           {change['refused']}"
        if change["cure"]:
            yield "           the provider does it with ComputeFleetUpdatePolicy: StopAndRestart"
    for message in messages_of(verdict):
        yield f"  {message['level']}  {message['type']}: {message['message']}"
    error = answer.get("error", {"code": "NoChanges"})
    if error["code"] not in {"NoChanges", "UpdateRejected"} and not answer["validation_messages"]:
        yield f"  {error['code']}: {error['message']}"
    if verdict.provider.is_uncertain:
        yield f"  {verdict.provider.sentence()}"


def _outcome(verdict: Verdict) -> str:
    if verdict.answer.get("error", {}).get("code") == "NoChanges":
        return "without changes"
    return "would be refused" if is_refused(verdict) else "would be accepted"


def update_policy(parameter: str, version: str) -> str:
    """Returns what a change of a parameter needs, in words; empty if the schema lacks the parameter."""
    place = configuration_schema(version) if version in versions() else {}
    keys = _ITEM.sub("", parameter).split(".")
    for key in keys:
        place = place.get("items", place).get("properties", {}).get(key, {})
    policy = place.get("x-update-policy")
    return update(policy, keys[-1]) if policy else ""
