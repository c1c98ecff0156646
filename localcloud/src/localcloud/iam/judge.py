"""Judges the calls of functions, and what CloudFormation and Lambda do for them, as IAM does.

Without enforcement, only IAM's lag refuses: what a role was granted a moment ago. IAM is eventually
consistent. For some seconds after a role was created, or a policy was added or attached to it, services
answer as before. Sources: IAM user guide, "Troubleshoot IAM", "Changes that I make are not always immediately
visible"; aws-samples/amazon-opensearch-service-sample-cdk pull request 146, whose events show a refused call
after the policy was CREATE_COMPLETE.

CloudFormation acts with the permissions of whoever asked for a stack's last change, unless the stack has a
role of its own. Source: CloudFormation user guide, "CloudFormation service role".
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from localcloud.clock import clock
from localcloud.iam.account import Account, identity_of, statements_of
from localcloud.iam.calls import prefix_of, requests_of
from localcloud.iam.changes import Change, Changes
from localcloud.iam.policy import Context, Decision, Policies, Request, UnsupportedPolicyError
from localcloud.iam.reference import UnknownActionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localcloud.calls import Call
    from localcloud.notifications import ResourceEvent

#: What makes the caller the one in whose name a stack's resources are changed.
_STACK_CHANGES = {
    "ContinueUpdateRollback",
    "CreateStack",
    "DeleteStack",
    "ExecuteChangeSet",
    "RollbackStack",
    "UpdateStack",
}
_SERVICE_ROLE_SESSION = "AWSCloudFormation"


#: The statements that IAM's lag spares: none, those in the role's own template, or all.
_Spared = Literal["nothing", "originals", "all"]


@dataclass
class _Grants:
    """The permissions of a role, and since when it has them.

    Attributes:
        since: By statement, as JSON.
        original: Statements that the role's own template has.
    """

    since: dict[str, datetime] = field(default_factory=dict)
    original: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Judged:
    """One request of a role, and what IAM decided.

    Attributes:
        function: Whose code made it, or in whose name CloudFormation or Lambda made it.
        cause: The API call or the change of a resource that needed it.
        is_late: Whether it was refused only because it had been granted too recently.
        of_deleted: Whether it was refused to a function that had been deleted, or whose role had been.
    """

    role: str
    function: str
    cause: str
    request: Request
    decision: Decision
    is_late: bool = False
    of_deleted: bool = False

    def words(self) -> str:
        """Returns AWS's message for a refusal.

        Source: IAM user guide, "Troubleshoot access denied error messages".
        """
        place, _, role = self.role.partition(":role/")
        action, resource = self.request.action, self.request.resource
        session = f"{place.replace(':iam:', ':sts:')}:assumed-role/{role.rpartition('/')[2]}/{self.function}"
        # Source: S3 user guide, "Troubleshoot access denied (403 Forbidden) errors": S3 quotes the resource.
        named = f'"{resource}"' if action.startswith("s3:") else resource
        return (
            f"User: {session} is not authorized to perform: {action} on resource: {named} "
            + self.decision.value.format(action=action)
        )


class Judge:
    """IAM of this cloud; without enforcement and without a lag nothing is refused."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lag = timedelta()
        self._is_enforced = False
        self._account = Account("", "")
        self._changes = Changes(self._account)
        #: By a role's unique id: another role of the same name has nothing of it.
        self._grants: dict[str, _Grants] = {}
        self._judged: Counter[tuple[Any, ...]] = Counter()
        self._unjudged: Counter[str] = Counter()
        #: By name of a stack that is no child of another: the function that asked for its last change, and
        #: its role; None for everybody else.
        self._askers: dict[str, tuple[str, str] | None] = {}

    def install(self, account_id: str, region: str, *, is_enforced: bool = False) -> None:
        """Sets the account (12 digits) and the Region, and whether permissions are enforced."""
        self._account, self._is_enforced = Account(account_id, region), is_enforced
        self._changes = Changes(self._account)

    def set_lag(self, lag_s: float) -> None:
        """Sets the lag; present permissions count as old.

        Args:
            lag_s: Seconds of the cloud's clock, at least 0; 0 for no lag.

        Raises:
            ValueError: It is not valid; the present lag stays.
        """
        if not 0 <= lag_s < math.inf:
            raise ValueError(f"the lag is {lag_s} s; it is a number of seconds from 0")
        self._lag = timedelta(seconds=lag_s)
        with self._lock:
            self._grants = {}
        self._observe(datetime.min.replace(tzinfo=UTC))

    def observe(self) -> None:
        """Records new permissions of roles; call it after any change."""
        if self._lag:
            self._observe(clock.now())

    def note_change(self, event: ResourceEvent) -> None:
        """Records new permissions after CloudFormation changed a role or a policy."""
        if event.resource_type.startswith("AWS::IAM::"):
            self.observe()

    def note_asker(self, call: Call) -> None:
        """Records in whose name CloudFormation acts from now on; call it for calls that are not refused."""
        if call.service == "cloudformation" and call.operation in _STACK_CHANGES:
            name = call.parameters.get("StackName", "")
            # The stack may delete the function, and goes on in its name.
            asker = (call.caller.function, call.caller.role_arn) if call.caller else None
            self._askers[name.split("/")[1] if name.startswith("arn:") else name] = asker

    def refusal_of_call(self, call: Call) -> str | None:
        """Returns AWS's message for the refusal of a function's call; None for all other calls."""
        if not self._is_on or call.caller is None:
            return None
        function, cause = call.caller.function, f"{call.service} {call.operation}"
        if not call.operation:
            self._note_unjudged(cause, "the operation is not known")
            return None
        own = {"lambda:sourcefunctionarn": (self._account.place.arn("lambda", f"function:{function}"),)}
        asked = requests_of(call, self._account)
        refused = self._judge(call.caller.role_arn, function, cause, asked, own, at_once="nothing")
        if refused is None:
            return None
        is_ec2 = prefix_of(call.service) == "ec2"
        return f"{'You are not authorized to perform this operation. ' if is_ec2 else ''}{refused.words()}"

    def refusal_of_change(self, change: Change, root_name: str, role_arn: str | None) -> str | None:
        """Returns the reason with which a change of CloudFormation fails; None if it is allowed.

        Args:
            change: The change.
            root_name: Name of the stack at the top of the nesting.
            role_arn: The stack's own role, if it has one.
        """
        asker = self._askers.get(root_name)
        session = (_SERVICE_ROLE_SESSION, role_arn) if role_arn else asker
        if not self._is_on or session is None:
            return None
        cause = f"{change.action} {change.resource_type}"
        (name, role), asked = session, self._changes.requests_of(change)
        refused = self._judge(role, name, cause, asked, {}, at_once="all")
        return None if refused is None else _handler_message(refused)

    def may(self, role_arn: str, action: str, resource: str, function: str = "") -> bool:
        """Returns whether Lambda, which acts with a function's role, finds the permission.

        Args:
            role_arn: The role.
            action: What Lambda does, or may do later.
            resource: With what.
            function: Which function it does it for. Empty where it only checks a setting: permissions in
                the role's own template then count at once, since CloudFormation waits for those.
        """
        if not self._is_on:
            return True
        request = Request(action, resource, {"aws:requestedregion": (self._account.place.region,)})
        cause = f"Lambda {action.partition(':')[2]}"
        spared: _Spared = "nothing" if function else "originals"
        return self._judge(role_arn, function, cause, [request], {}, at_once=spared) is None

    def refused_by_lag(self) -> dict[str, int]:
        """Returns how often each action was refused because it had been granted too recently."""
        with self._lock:
            late: Counter[str] = Counter()
            for (*_, action, _, _, _, is_late, _), count in self._judged.items():
                late[action] += count if is_late else 0
        return dict(+late)

    def report(self) -> dict[str, Any]:
        """Returns every distinct request that was judged, and what could not be judged, with counts."""
        request = ("role", "function", "cause", "action", "resource", "context")
        names = (*request, "decision", "is_late", "of_deleted")
        with self._lock:
            judged = [
                {**dict(zip(names, facts, strict=True)), "count": count}
                for facts, count in self._judged.items()
            ]
            return {"judged": judged, "unjudged": dict(self._unjudged)}

    @property
    def _is_on(self) -> bool:
        return self._is_enforced or bool(self._lag)

    def _judge(
        self,
        role_arn: str,
        function: str,
        cause: str,
        requests: Iterable[Request],
        more: Context,
        *,
        at_once: _Spared,
    ) -> Judged | None:
        """Decides about all requests and returns the first that is refused, if any."""
        role = self._account.role(role_arn)
        session: Context = {
            "aws:principalarn": (role_arn,),
            "aws:principalaccount": (self._account.place.account,),
            "aws:securetransport": ("true",),
            **more,
        }
        refused = None
        try:
            for request in requests:
                asked = replace(request, context={**request.context, **session})
                decision, is_late = self._decide(role, asked, at_once)
                is_gone = decision is not Decision.ALLOWED and self._is_gone(function, role_arn)
                judged = Judged(role_arn, function, cause, request, decision, is_late, is_gone)
                self._note(judged)
                if decision is not Decision.ALLOWED and refused is None:
                    refused = judged
        except (UnknownActionError, UnsupportedPolicyError, KeyError) as error:
            self._note_unjudged(cause, f"{type(error).__name__} {error}")
        return refused

    def _is_gone(self, function: str, role_arn: str) -> bool:
        """Whether a function outlives itself or its role, which loses its policies first."""
        if self._account.role(role_arn) is None:
            return True
        return function != _SERVICE_ROLE_SESSION and not self._account.has_function(function)

    def _decide(self, role: Any, request: Request, at_once: _Spared) -> tuple[Decision, bool]:
        """Returns the decision, and whether it is a refusal for IAM's lag only.

        What runs with a role that has been deleted, None here, is allowed nothing any more.
        Source: IAM user guide, "Delete roles or instance profiles".
        """
        policies = self._account.policies(role, request.resource) if role is not None else Policies(())
        decision = policies.decide(request)
        if decision is not Decision.ALLOWED:
            # Without enforcement, only what is granted can be refused: because it is late.
            return (decision if self._is_enforced else Decision.ALLOWED), False
        if not self._lag or at_once == "all":
            return decision, False
        self.observe()
        visible = self._visible(role, with_originals=at_once == "originals")
        now = replace(policies, identity=identity_of(visible)).decide(request)
        return now, now is not Decision.ALLOWED

    def _visible(self, role: Any, *, with_originals: bool) -> Iterator[str]:
        grants, visible_from = self._grants.get(role.id, _Grants()), clock.now() - self._lag
        for statement, since in grants.since.items():
            if since <= visible_from or (with_originals and statement in grants.original):
                yield statement

    def _observe(self, now: datetime) -> None:
        roles = self._account.roles()
        with self._lock:
            known, self._grants = self._grants, {}
            for role in roles:
                before = known.get(role.id, _Grants())
                since = {one: before.since.get(one, now) for one in statements_of(role)}
                self._grants[role.id] = _Grants(since, set(statements_of(role, original=True)))

    def _note(self, judged: Judged) -> None:
        request = judged.request
        context = tuple(sorted(request.context.items()))
        facts = (judged.role, judged.function, judged.cause, request.action, request.resource, context)
        decided = (judged.decision.name, judged.is_late, judged.of_deleted)
        with self._lock:
            self._judged[(*facts, *decided)] += 1

    def _note_unjudged(self, cause: str, reason: str) -> None:
        with self._lock:
            self._unjudged[f"{cause}: {reason}"] += 1


def _handler_message(refused: Judged) -> str:
    """The reason of a resource's failure, as resource handlers and custom resources give it.

    Source: CloudFormation user guide, "Troubleshooting CloudFormation", for HandlerErrorCode AccessDenied.
    """
    service = refused.request.action.partition(":")[0].title()
    if refused.request.action == "lambda:InvokeFunction" and refused.cause.endswith("CustomResource"):
        return f"{refused.words()} (Service: Lambda, Status Code: 403)"
    return (
        f'Resource handler returned message: "{refused.words()} (Service: {service}, Status Code: 403)" '
        "(HandlerErrorCode: AccessDenied)"
    )


#: IAM of this process.
judge = Judge()
