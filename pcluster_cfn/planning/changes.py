"""What the engine's dry run reports: changed parameters, and the messages of the library's validators."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from pcluster_cfn.planning.requests import Verdict

_LEVELS = ("ERROR", "WARNING", "INFO")

#: Returns what a change needs, in words, for a parameter and a ParallelCluster version.
Policy = Callable[[str, str], str]


def changes_of(verdict: Verdict, policy: Policy = lambda *_: "") -> Iterator[dict[str, str]]:
    """Yields the changes, refused ones first, each with its update policy in words.

    Args:
        verdict: The library's answer.
        policy: Returns what a change of a parameter needs, for a version; by default nothing is said.
    """
    error = verdict.answer.get("error", {})
    details = error.get("details", []) if error.get("code") == "UpdateRejected" else []
    refused = {detail["parameter"]: detail for detail in details}
    others = [change for change in verdict.answer["change_set"] if change["parameter"] not in refused]
    for change in [*refused.values(), *others]:
        yield {
            "parameter": change["parameter"],
            "currentValue": change["currentValue"],
            "requestedValue": change["requestedValue"],
            "update": policy(change["parameter"], verdict.answer["version"]),
            "refused": change.get("message", "") if change["parameter"] in refused else "",
            "cure": change.get("cure", ""),
        }


def messages_of(verdict: Verdict) -> list[dict[str, Any]]:
    """Returns the library's messages, each once, the worst first."""
    once = {json.dumps(message, sort_keys=True): message for message in verdict.answer["validation_messages"]}
    return sorted(once.values(), key=lambda message: _LEVELS.index(message["level"]))
