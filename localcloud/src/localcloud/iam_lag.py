"""IAM that lags: for a while, a new permission of a role has no effect.

IAM is eventually consistent. For some seconds after a role was created, or a policy was added or attached to
it, services answer as before. Sources: IAM user guide, "Troubleshoot IAM", "Changes that I make
are not always immediately visible"; aws-samples/amazon-opensearch-service-sample-cdk pull request 146, whose
events show a refused call after the policy was CREATE_COMPLETE.
"""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import InvalidParameterValueException, UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from localcloud.clock import clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.calls import Call
    from localcloud.notifications import ResourceEvent

#: IAM's prefix of a service, where it is not the signing name. Source: Service Authorization Reference.
_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
#: IAM's action, where it is not named after the operation. Source: Service Authorization Reference.
_ACTIONS = {
    ("lambda", "Invoke"): "InvokeFunction",
    ("s3", "HeadBucket"): "ListBucket",
    ("s3", "HeadObject"): "GetObject",
    ("s3", "ListBuckets"): "ListAllMyBuckets",
    ("s3", "ListObjects"): "ListBucket",
    ("s3", "ListObjectsV2"): "ListBucket",
    ("s3", "ListObjectVersions"): "ListBucketVersions",
    ("s3", "DeleteObjects"): "DeleteObject",
    ("s3", "CopyObject"): "PutObject",
}
#: Allowed to everybody. Source: AWS STS API reference, GetCallerIdentity.
_ALWAYS = "sts:GetCallerIdentity"
#: What Lambda calls for a function, by the service of the target, and how it names that call.
_DELIVERIES = {
    "lambda": ("lambda:InvokeFunction", "InvokeFunction"),
    "sqs": ("sqs:SendMessage", "SendMessage"),
}


@dataclass
class _Grants:
    """The permissions of a role, and since when it has them.

    Attributes:
        since: By statement, as JSON.
        original: Statements that the role's own template has.
    """

    since: dict[str, datetime] = field(default_factory=dict)
    original: set[str] = field(default_factory=set)


class IamLag:
    """The lag of this cloud's IAM; without a lag nothing is refused."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lag = timedelta()
        self._account = self._region = ""
        #: By a role's unique id: another role of the same name has nothing of it.
        self._grants: dict[str, _Grants] = {}
        self._refused: Counter[str] = Counter()

    def install(self, account: str, region: str) -> None:
        """Sets the account (12 digits) and the Region whose roles are observed."""
        self._account, self._region = account, region

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

    @property
    def is_on(self) -> bool:
        """Whether IAM lags."""
        return bool(self._lag)

    def refused(self) -> dict[str, int]:
        """Returns how often each action was refused because it had been granted too recently."""
        with self._lock:
            return dict(self._refused)

    def observe(self) -> None:
        """Records new permissions of roles; call it after any change."""
        if self.is_on:
            self._observe(clock.now())

    def _observe(self, now: datetime) -> None:
        roles = list(iam_backends[self._account][get_partition(self._region)].roles.values())
        with self._lock:
            known, self._grants = self._grants, {}
            for role in roles:
                before = known.get(role.id, _Grants())
                since = {one: before.since.get(one, now) for one in _statements(role)}
                self._grants[role.id] = _Grants(since, set(_statements(role, original=True)))

    def note_change(self, event: ResourceEvent) -> None:
        """Records new permissions after CloudFormation changed a role or a policy."""
        if event.resource_type.startswith("AWS::IAM::"):
            self.observe()

    def refusal(self, call: Call) -> str | None:
        """Returns AWS's message for the refusal of a function's call; None if the call is allowed.

        A call is refused while all statements of the role that allow its action are younger than the lag.
        Their resources and conditions are ignored. An action that no statement allows is not refused, as
        everywhere in this cloud, unless the whole role is younger than the lag.
        """
        if not self.is_on or call.caller is None or not call.operation:
            return None
        prefix = _PREFIXES.get(call.service, call.service)
        action = f"{prefix}:{_ACTIONS.get((call.service, call.operation), call.operation)}"
        role = self._role_of(call.caller.function)
        if role is None or action == _ALWAYS or not self._is_young(role, action, prefix):
            return None
        self._count(action)
        session = f"assumed-role/{role.name}/{call.caller.function}"
        partition = get_partition(self._region)
        said = (
            f"User: arn:{partition}:sts::{self._account}:{session} is not authorized to perform: {action} "
            f"because no identity-based policy allows the {action} action"
        )
        return f"You are not authorized to perform this operation. {said}" if prefix == "ec2" else said

    def check_destination(self, role_arn: str, target_arn: str) -> None:
        """Checks that a function's role may call a destination of asynchronous invocations.

        Source: aws-amplify/amplify-cli issue 10395 for the check. The words are in public deployment logs,
        for SQS and for Lambda alike.

        Raises:
            InvalidParameterValueException: It may not yet, with Lambda's message.
        """
        action, call = _DELIVERIES[target_arn.split(":")[2]]
        if not self._may_deliver(role_arn, target_arn, action):
            raise InvalidParameterValueException(
                f"The function's execution role does not have permissions to call {call} on {target_arn}"
            )

    def check_dead_letters(self, role_arn: str, queue_arn: str) -> None:
        """Checks that a function's role may send to a dead-letter queue.

        Source: nasa/cumulus, "Troubleshooting your deployment".

        Raises:
            InvalidParameterValueException: It may not yet, with Lambda's message.
        """
        action, _ = _DELIVERIES["sqs"]
        if not self._may_deliver(role_arn, queue_arn, action):
            raise InvalidParameterValueException(
                "The provided execution role does not have permissions to call SendMessage on SQS"
            )

    def _may_deliver(self, role_arn: str, target_arn: str, action: str) -> bool:
        """Returns whether Lambda finds the permission.

        Permissions in the role's own template count at once, since CloudFormation waits for those.
        """
        role = self._role(role_arn)
        if not self.is_on or role is None:
            return True
        self.observe()
        grants = self._grants.get(role.id, _Grants())
        visible_from = clock.now() - self._lag
        may = any(
            _allows(json.loads(statement), action, target_arn)
            for statement, since in grants.since.items()
            if since <= visible_from or statement in grants.original
        )
        if not may:
            self._count(action)
        return may

    def _count(self, action: str) -> None:
        with self._lock:
            self._refused[action] += 1

    def _is_young(self, role: Any, action: str, prefix: str) -> bool:
        self.observe()
        grants = self._grants.get(role.id, _Grants())
        by_action = [since for one, since in grants.since.items() if _allows(json.loads(one), action)]
        # An operation whose action is named otherwise: whatever concerns the service.
        since = by_action or [at for one, at in grants.since.items() if _concerns(json.loads(one), prefix)]
        judged = since or list(grants.since.values())
        visible_from = clock.now() - self._lag
        return bool(judged) and all(at > visible_from for at in judged)

    def _role_of(self, function_name: str) -> Any:
        try:
            function = lambda_backends[self._account][self._region].get_function(function_name)
        except UnknownFunctionException:  # deleted, while it still runs
            return None
        return self._role(str(function.role))

    def _role(self, arn: str) -> Any:
        roles = iam_backends[self._account][get_partition(self._region)].roles.values() if self.is_on else ()
        return next((role for role in roles if role.arn == arn), None)


def _statements(role: Any, *, original: bool = False) -> Iterator[str]:
    """The statements of a role's policies as JSON, all or those of its own template only."""
    for name, document in list(role.policies.items()):
        if not original or name in getattr(role, "embedded_policies", ()):
            yield from _parsed(document)
    for arn, policy in list(role.managed_policies.items()):
        if not original or arn in getattr(role, "embedded_policy_arns", ()):
            default = next((version for version in policy.versions if version.is_default), None)
            yield from _parsed(default.document) if default else ()


@cache
def _parsed(document: str) -> tuple[str, ...]:
    statements = json.loads(document)["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    return tuple(json.dumps(statement, sort_keys=True) for statement in listed)


def _allows(statement: Mapping[str, Any], action: str, resource: str | None = None) -> bool:
    return (
        statement["Effect"] == "Allow"
        and _matches(statement, "Action", action.lower(), lower=True)
        and (resource is None or _matches(statement, "Resource", resource))
    )


def _concerns(statement: Mapping[str, Any], prefix: str) -> bool:
    actions = _listed(statement.get("Action", []))
    return statement["Effect"] == "Allow" and any(one.lower().startswith(f"{prefix}:") for one in actions)


def _matches(statement: Mapping[str, Any], element: str, value: str, *, lower: bool = False) -> bool:
    if f"Not{element}" in statement:
        return not _matches({element: statement[f"Not{element}"]}, element, value, lower=lower)
    patterns = _listed(statement.get(element, []))
    return any(fnmatchcase(value, one.lower() if lower else one) for one in patterns)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


#: The lag of this process.
iam_lag = IamLag()
