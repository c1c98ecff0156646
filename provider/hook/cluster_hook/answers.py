"""What the hook answers: a plan in at most as many characters as Hooks keeps, the worst first; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pcluster_cfn.planning.clusters import PlannedAction, PlannedCluster
from pcluster_cfn.planning.guardrails import Provider
from pcluster_cfn.planning.words import MARKS, details, sentence, tally_clusters

#: Characters that Hooks keeps of a message; CloudFormation's API shows the first 1,024.
#: Source: CloudFormation Hooks user guide, "Response input"; API reference, HookResultSummary.
MESSAGE_MAX = 4096
#: The worst first.
_ORDER = (
    PlannedAction.REFUSED,
    PlannedAction.UNKNOWN,
    PlannedAction.DELETE,
    PlannedAction.REPLACE,
    PlannedAction.UPDATE_STOPPED,
    PlannedAction.RETAIN,
    PlannedAction.UPDATE,
    PlannedAction.ADOPT,
    PlannedAction.CREATE,
    PlannedAction.UNCHANGED,
)
_INDENT = "    "


@dataclass(frozen=True)
class Outcome:
    """How a judgement ends.

    Attributes:
        error_code: Empty for a success; ``NonCompliant`` if something is refused, ``InternalFailure`` if the
            hook could not judge.
        message: What the user reads.
    """

    message: str
    error_code: str = ""

    def answer(self, token: str) -> dict[str, Any]:
        """Returns the response to a call."""
        status = {"hookStatus": "FAILED", "errorCode": self.error_code} if self.error_code else {}
        said = {"message": self.message, "clientRequestToken": token}
        return {"hookStatus": "SUCCESS", **status, **said}


def not_yet(token: str, plan_id: str, delay_s: int) -> dict[str, Any]:
    """Returns the response that asks for another call, some seconds later."""
    return {
        "hookStatus": "IN_PROGRESS",
        "message": "ParallelCluster is being asked.",
        "clientRequestToken": token,
        "callbackContext": plan_id,
        "callbackDelaySeconds": delay_s,
    }


def unable(reason: str) -> Outcome:
    """Returns the outcome of a judgement that was not possible."""
    return Outcome(bounded([f"The clusters were not planned: {reason}."]), "InternalFailure")


def outcome(clusters: Sequence[PlannedCluster], provider: Provider) -> Outcome:
    """Returns the outcome of a plan; only a refusal fails the hook.

    Args:
        clusters: The plan.
        provider: The clusters' provider. What is not known of it is said at once, before what may not fit.
    """
    ordered = sorted(clusters, key=lambda each: _ORDER.index(each.action))
    tally = tally_clusters(clusters) or "no cluster changes"
    refused = any(each.action is PlannedAction.REFUSED for each in clusters)
    unread = [f"{provider.sentence()}."] if provider.is_uncertain else []
    text = bounded([f"Plan: {tally}.", *unread, *(line for each in ordered for line in _lines(each))])
    return Outcome(text, "NonCompliant" if refused else "")


def _lines(cluster: PlannedCluster) -> Iterator[str]:
    mark, _ = MARKS[cluster.action]
    yield f"{mark} {cluster.place}  {sentence(cluster)}"
    for text, _ in details(cluster):
        yield _INDENT + " ".join(text.split())


def bounded(lines: Sequence[str], limit: int = MESSAGE_MAX) -> str:
    """Returns as many of the lines as fit, with the number of the others.

    Args:
        lines: Without line ends. The first is shortened if it alone does not fit.
        limit: Characters at most.
    """
    if len("\n".join(lines)) <= limit:
        return "\n".join(lines)
    last = "… and {} more lines"
    room = limit - len(last.format(len(lines)))
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    if not kept:
        return lines[0][: limit - 1] + "…"
    return "\n".join([*kept, last.format(len(lines) - len(kept))])
