"""Reports on roles: the requests made with them, those refused, and unused permissions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from localcloud.iam.policy import Request
from tools.permissions.roles import INLINE_POLICIES_LIMIT, MANAGED_POLICY_LIMIT, Role

_WIDTH = 110


@dataclass(frozen=True)
class Asked:
    """A request, and the call or change that needs it.

    Attributes:
        request: The request that IAM decides on.
        function: The function with whose role it was made.
        cause: The API call, or the resource that CloudFormation changed.
        times: How often it was made.
    """

    request: Request
    function: str
    cause: str
    times: int = 1


@dataclass
class RoleReport:
    """A role and the requests that were made with it."""

    name: str
    role: Role
    asked: Sequence[Asked]
    #: Why an action is allowed that was never requested, by action.
    reasons: Mapping[str, str] = field(default_factory=dict)
    #: The roles of functions that have their own, by function.
    others: Mapping[str, Role] = field(default_factory=dict)

    @property
    def refused(self) -> list[Asked]:
        """The requests that the function's role does not allow."""
        return [
            item for item in self.asked if not self.others.get(item.function, self.role).allows(item.request)
        ]

    @property
    def unseen(self) -> list[str]:
        """The allowed actions that were never requested, in lower case."""
        return sorted(self.role.actions() - {item.request.action.lower() for item in self.asked})

    @property
    def unexplained(self) -> list[str]:
        """The actions in ``unseen`` without a reason."""
        known = {action.lower() for action in self.reasons}
        return [action for action in self.unseen if action not in known]

    @property
    def stale(self) -> list[str]:
        """The actions with a reason that the role does not allow."""
        return sorted(action for action in self.reasons if action.lower() not in self.role.actions())


def text(reports: Sequence[RoleReport]) -> str:
    """Returns the report as text."""
    return "\n".join(
        [
            f"{'role':12}{'requests':>9}{'allowed':>9}{'distinct':>10}{'actions':>11}{'seen':>6}{'unseen':>8}",
            *map(_row, reports),
            "",
            f"{'policy':50}{'characters':>12}{'of':>8}",
            *(line for report in reports for line in _sizes(report)),
            *(line for report in reports for line in _unseen(report)),
        ]
    )


def refusals(reports: Sequence[RoleReport]) -> str:
    """Returns what was refused: function, action, resource, and what made it necessary."""
    lines = (
        f"{item.function} may not {item.request.action} on {item.request.resource} ({item.cause})"
        for report in reports
        for item in report.refused
    )
    return "\n".join(sorted(set(lines)))


def _row(report: RoleReport) -> str:
    times = sum(item.times for item in report.asked)
    refused = sum(item.times for item in report.refused)
    distinct = {(item.request.action, item.request.resource) for item in report.asked}
    actions, unseen = len(report.role.actions()), len(report.unseen)
    return (
        f"{report.name:12}{times:9,}{times - refused:9,}{len(distinct):10,}"
        f"{actions:11,}{actions - unseen:6,}{unseen:8,}"
    )


def _sizes(report: RoleReport) -> Iterator[str]:
    for name, size in sorted(report.role.sizes().items()):
        is_managed = name.startswith("arn:")
        limit = MANAGED_POLICY_LIMIT if is_managed else INLINE_POLICIES_LIMIT
        shown = name.rpartition("/")[2] if is_managed else f"{report.name}: {name} (inline)"
        yield f"{shown[:50]:50}{size:12,}{limit:8,}"


def _unseen(report: RoleReport) -> Iterator[str]:
    reasons = {action.lower(): (action, reason) for action, reason in report.reasons.items()}
    by_reason: dict[str, list[str]] = {}
    for action in report.unseen:
        named, reason = reasons.get(action, (action, "no reason given"))
        by_reason.setdefault(reason, []).append(named)
    if by_reason:
        yield from ("", f"{report.name}: allowed and not seen, because")
    for reason, actions in by_reason.items():
        yield from wrap(reason, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
        indent = " " * 6
        yield from wrap(
            " ".join(actions), _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
