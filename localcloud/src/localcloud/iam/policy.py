"""Decides whether policies allow a request, as IAM does.

Source: IAM user guide, "Policy evaluation logic" (a role's policies, its permissions boundary and the
resource's own policy, within one account) and "IAM JSON policy elements".
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

#: Values of condition keys, by key in lower case; keys that take several values have several.
Context = Mapping[str, tuple[str, ...]]


class UnsupportedPolicyError(Exception):
    """A policy has an element that this module does not support, so no decision is made."""


@dataclass(frozen=True)
class Place:
    """A Region of an account, for the ARNs of its resources."""

    region: str
    account: str = "123456789012"
    partition: str = "aws"
    url_suffix: str = "amazonaws.com"

    def arn(self, service: str, resource: str) -> str:
        """Returns the ARN of a resource; an ARN stays as it is."""
        if resource.startswith("arn:"):
            return resource
        # Source: Service Authorization Reference: IAM has no Regions, S3 and Route 53 name no account either.
        region = "" if service in {"iam", "s3", "route53"} else self.region
        account = "" if service in {"s3", "route53"} else self.account
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"


@dataclass(frozen=True)
class Request:
    """One action on one resource.

    Attributes:
        action: The action, such as ``s3:GetObject``.
        resource: Its ARN, ``*`` for an action that has none.
        context: The values of condition keys, by key in lower case.
        is_exact: Whether the resource is known; otherwise it stands for any of its service.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    is_exact: bool = True


class Decision(Enum):
    """What IAM decides, as its refusals say it.

    Source: IAM user guide, "Troubleshoot access denied error messages".
    """

    ALLOWED = ""
    NOT_GRANTED = "because no identity-based policy allows the {action} action"
    NOT_IN_BOUNDARY = "because no permissions boundary allows the {action} action"
    DENIED = "with an explicit deny in an identity-based policy"
    DENIED_BY_BOUNDARY = "with an explicit deny in a permissions boundary"
    DENIED_BY_RESOURCE = "with an explicit deny in a resource-based policy"


@dataclass(frozen=True)
class Condition:
    """One operator with one key, such as ``StringEquals`` of ``iam:PassedToService``."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Context) -> bool:
        """Returns whether the values in a request's context satisfy the condition.

        Raises:
            UnsupportedPolicyError: The operator is not supported.
        """
        quantifier, _, operator = self.operator.rpartition(":")
        operator, is_optional = operator.removesuffix("IfExists"), operator.endswith("IfExists")
        asked = context.get(self.key.lower(), ())
        if operator == "Null":
            return (not asked) == (self.values[0] == "true")
        if not asked and is_optional:
            return True
        matches, is_negated = _OPERATORS.get(operator, (None, False))
        if matches is None:
            raise UnsupportedPolicyError(f"condition operator {self.operator}")
        found = [any(matches(value, one) for value in self.values) != is_negated for one in asked]
        if quantifier == "ForAllValues":
            return all(found)
        if quantifier == "ForAnyValue":
            return any(found)
        return all(found) if asked else is_negated


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; ``principals`` are those of a resource's own policy."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    excludes_actions: bool
    excludes_resources: bool
    conditions: tuple[Condition, ...]
    principals: tuple[str, ...] = ()

    def names(self, action: str) -> bool:
        """Returns whether the statement covers an action."""
        return _is_one_of(action.lower(), self.actions) != self.excludes_actions

    def applies(self, request: Request, *, anywhere: bool = False) -> bool:
        """Returns whether the statement covers a request of anybody; ``anywhere``: on some resource."""
        return (
            self.names(request.action)
            and (
                anywhere
                or any(glob(one, request.resource) for one in self.resources) != self.excludes_resources
            )
            and all(condition.holds(request.context) for condition in self.conditions)
        )


Policy = tuple[Statement, ...]


@dataclass(frozen=True)
class Policies:
    """All policies that decide about a role's requests.

    Attributes:
        identity: The role's own policies.
        boundary: Its permissions boundary; None if it has none.
        resource: The policy of the resource that a request is about.
        principals: The role as policies of resources name it, by its ARN and by its session's.
    """

    identity: Sequence[Policy]
    boundary: Policy | None = None
    resource: Policy = ()
    principals: tuple[str, ...] = ()

    def decide(self, request: Request) -> Decision:
        """Returns IAM's decision; a denial wins, wherever it is.

        Raises:
            UnsupportedPolicyError: A statement that covers the request has a condition that is not supported,
                or it depends on the resource, which is not known.
        """
        decision = self._decide(request, anywhere=False)
        if not request.is_exact:
            possible = self._decide(request, anywhere=True)
            if (decision is Decision.ALLOWED) != (possible is Decision.ALLOWED):
                raise UnsupportedPolicyError("it depends on the resource, which is not known")
        return decision

    def _decide(self, request: Request, *, anywhere: bool) -> Decision:
        own = [one for policy in self.identity for one in policy]
        identity = _effects(own, request, anywhere=anywhere)
        boundary = {"Allow"} if self.boundary is None else _effects(self.boundary, request, anywhere=anywhere)
        resource = _effects(_naming(self.resource, self.principals), request, anywhere=anywhere)
        denials = {
            Decision.DENIED: identity,
            Decision.DENIED_BY_BOUNDARY: boundary,
            Decision.DENIED_BY_RESOURCE: resource,
        }
        if denied := next((decision for decision, effects in denials.items() if "Deny" in effects), None):
            return denied
        if not identity | resource:
            return Decision.NOT_GRANTED
        return Decision.ALLOWED if boundary else Decision.NOT_IN_BOUNDARY


def parse(document: str | Mapping[str, Any], *, of_resource: bool = False) -> Policy:
    """Returns the statements of a policy document, a role's or a resource's own.

    Raises:
        UnsupportedPolicyError: It has an element that is not supported.
    """
    content = json.loads(document) if isinstance(document, str) else document
    statements = content["Statement"]
    elements = _ELEMENTS | {"Principal"} if of_resource else _ELEMENTS
    return tuple(
        _statement(item, elements) for item in ([statements] if isinstance(statements, dict) else statements)
    )


def lets_service(policy: Policy, service: str, request: Request) -> bool:
    """Returns whether a resource's own policy lets an AWS service do something with it.

    Args:
        policy: Of the resource.
        service: The principal, such as ``events.amazonaws.com``.
        request: What it wants to do.

    Raises:
        UnsupportedPolicyError: A statement that covers the request has a condition that is not supported.
    """
    return _effects(_naming(policy, (service,)), request) == {"Allow"}


def glob(pattern: str, text: str) -> bool:
    """Returns whether a text matches a pattern with ``*`` and ``?``, the only wildcards of policies."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


@cache
def _is_one_of(action: str, patterns: tuple[str, ...]) -> bool:
    return any(glob(pattern.lower(), action) for pattern in patterns)


def _effects(statements: Iterable[Statement], request: Request, *, anywhere: bool = False) -> set[str]:
    return {statement.effect for statement in statements if statement.applies(request, anywhere=anywhere)}


def _naming(policy: Policy, principals: tuple[str, ...]) -> Iterator[Statement]:
    """The statements about these principals. An account as principal leaves it to its own policies."""
    return (one for one in policy if {"*", *principals}.intersection(one.principals))


def _arn_like(pattern: str, arn: str) -> bool:
    # Source: IAM user guide, "Amazon Resource Name (ARN) condition operators": each component by itself.
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(glob, patterns, parts))


def _equals(value: str, asked: str) -> bool:
    return value == asked


#: How a value matches, and whether the condition is negated, by operator.
_OPERATORS: dict[str, tuple[Callable[[str, str], bool] | None, bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringLike": (glob, False),
    "StringNotLike": (glob, True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
    "Bool": (_equals, False),
}

_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


def _statement(item: Mapping[str, Any], elements: set[str]) -> Statement:
    if unknown := set(item) - elements:
        raise UnsupportedPolicyError(f"elements {sorted(unknown)}")
    resources = _texts(item.get("Resource", item.get("NotResource", "*")))
    if "${" in json.dumps([resources, item.get("Condition")]):
        raise UnsupportedPolicyError(f"policy variables in {json.dumps(item)}")
    return Statement(
        effect=item["Effect"],
        actions=_texts(item.get("Action", item.get("NotAction"))),
        resources=resources,
        excludes_actions="NotAction" in item,
        excludes_resources="NotResource" in item,
        conditions=tuple(
            Condition(operator, key, _texts(values))
            for operator, keys in item.get("Condition", {}).items()
            for key, values in keys.items()
        ),
        principals=tuple(_principals(item.get("Principal", ()))),
    )


def _principals(given: Any) -> Iterator[str]:
    for value in given.values() if isinstance(given, dict) else [given]:
        yield from _texts(value)


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in values)
