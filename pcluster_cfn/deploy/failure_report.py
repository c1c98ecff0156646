"""The report of a failed operation: every mistake with its place, what to do, and the next command."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cfn_template.limits import Place, TemplateError
from cfn_template.reading import read
from cfn_template.values import place_of
from pcluster_cfn.deploy.events import Event
from pcluster_cfn.deploy.outcome import Operation, Outcome
from pcluster_cfn.deploy.reasons import Cause, Mistake, read_reason
from pcluster_cfn.template import NESTED_STACK
from pcluster_cfn.terminal import one_line


@dataclass(frozen=True)
class Source:
    """The template's text as its author wrote it, and its file."""

    text: str
    file: str

    def place_of(self, resource: Sequence[str], property_path: Sequence[str]) -> Place | None:
        """Returns the place of a property, or of the nearest key above it.

        Args:
            resource: Logical ids that lead to the resource; only one in this very template has a place.
            property_path: The property and the keys below it.
        """
        if len(resource) != 1:
            return None
        try:
            root = read(self.text)
        except TemplateError:
            return None
        resources = root.get("Resources") if isinstance(root, dict) else None
        if not isinstance(resources, dict) or resource[0] not in resources:
            return None  # a transform made it
        below = ("Properties", *property_path) if property_path else ()
        return place_of(root, ("Resources", resource[0], *below), of_key=not property_path)


@dataclass(frozen=True)
class Failure:
    """A resource that failed, and why.

    Attributes:
        event: The failure as CloudFormation reports it.
        name: Logical ids that lead to the resource.
        cause: The reason's parts.
        places: Place in the template of each mistake.
    """

    event: Event
    name: str
    cause: Cause
    places: tuple[Place | None, ...]

    def lines(self, source: Source | None) -> Iterator[str]:
        """Yields one line per mistake, the quoted lines of logs, and one that says what to do."""
        for mistake, place in zip(self.cause.mistakes, self.places, strict=True):
            yield one_line(": ".join(filter(None, self._parts(mistake, place, source))))
        for detail in self.cause.details:
            yield f"  {one_line(detail)}"
        if self.cause.next_step:
            yield f"What to do: {self.cause.next_step}"

    def _parts(self, mistake: Mistake, place: Place | None, source: Source | None) -> list[str]:
        where = f"{source.file}:{place.line}:{place.column}" if source and place else ""
        path = "/".join((self.name, *mistake.property_path))
        about = mistake.place if mistake.place and not mistake.property_path else ""
        kind = "" if mistake.property_path else f" ({self.event.type})"
        return [where, path + kind, self.cause.code, about, mistake.text]

    def as_json(self, source: Source | None) -> dict[str, Any]:
        """Returns the failure as JSON values; ``Reason`` is CloudFormation's text."""
        return {
            "Resource": self.name,
            "ResourceType": self.event.type,
            "Reason": self.event.reason or self.cause.mistakes[0].text,
            "Code": self.cause.code,
            "Mistakes": [
                {
                    "Path": mistake.place,
                    "Cause": mistake.text,
                    "File": source.file if source and place else None,
                    "Line": place.line if place else None,
                    "Column": place.column if place else None,
                }
                for mistake, place in zip(self.cause.mistakes, self.places, strict=True)
            ],
            "Details": list(self.cause.details),
            "NextStep": self.cause.next_step,
        }


def failures_of(outcome: Outcome, source: Source | None) -> list[Failure]:
    """Returns the resources that failed by themselves, the first failure first; at least one of a failure."""
    if outcome.succeeded:
        return []
    found: list[Failure] = []
    for event in outcome.root_causes() or [_without_events(outcome)]:
        cause = read_reason(event.reason)
        found.append(_failure(outcome, event, cause, source))
        if not cause.code:
            # Without the provider's words, what failed in the cluster's stack is the cause.
            inner = outcome.failures_in_cluster(event)
            found += [_failure(outcome, each, read_reason(each.reason), source) for each in inner]
    return found


def _failure(outcome: Outcome, event: Event, cause: Cause, source: Source | None) -> Failure:
    places = (
        source.place_of(event.path, mistake.property_path) if source and not event.cluster else None
        for mistake in cause.mistakes
    )
    return Failure(event, outcome.name_of(event), cause, tuple(places))


def _without_events(outcome: Outcome) -> Event:
    """Returns the stack itself as its cause, if no event of the operation gives a reason."""
    newest = [event for event in outcome.events if not event.path][-1:]
    if newest:
        return newest[0]
    reason = outcome.reason or f"the stack is {outcome.status}; CloudFormation gives no reason"
    unknown = datetime.fromtimestamp(0, UTC)
    return Event((), NESTED_STACK, outcome.status, reason, outcome.stack_id, unknown, outcome.stack_id)


def next_command(outcome: Outcome) -> str:
    """Returns the command with which to go on after a failure."""
    name = outcome.stack_name
    region = f" --region {outcome.region}" if outcome.region else ""
    if outcome.operation is Operation.DELETE:
        return f"pcluster-cfn delete {name}{region}"
    match outcome.status:
        case "UPDATE_ROLLBACK_FAILED":
            return f"aws cloudformation continue-update-rollback --stack-name {name}{region}"
        case "UPDATE_ROLLBACK_COMPLETE":
            return "pcluster-cfn deploy again, with the mistake corrected: the stack is as it was before"
        case "DELETE_COMPLETE":
            return "pcluster-cfn deploy again"
        case _:
            return f"pcluster-cfn delete {name}{region}"


def document(outcome: Outcome, source: Source | None) -> dict[str, Any]:
    """Returns an outcome as JSON values, with CloudFormation's names where it has one."""
    failed = failures_of(outcome, source)
    return {
        "StackName": outcome.stack_name,
        "StackId": outcome.stack_id,
        "StackStatus": outcome.status,
        "StackStatusReason": outcome.why or (failed[0].cause.mistakes[0].text if failed else ""),
        "Changed": outcome.changed,
        "Outputs": outcome.outputs,
        "RootCauses": [failure.as_json(source) for failure in failed],
        "NextCommand": next_command(outcome) if failed else "",
    }
