"""Decides whether policies allow a request, as IAM does.

Source: IAM user guide, "Policy evaluation logic" (identity policies of a role within one account, and its
permissions boundary) and "IAM JSON policy elements".
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)


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
    """One statement of a policy."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    excludes_actions: bool
    excludes_resources: bool
    conditions: tuple[Condition, ...]

    def names(self, action: str) -> bool:
        """Returns whether the statement covers an action."""
        return any(glob(one.lower(), action.lower()) for one in self.actions) != self.excludes_actions

    def applies(self, request: Request) -> bool:
        """Returns whether the statement covers a request."""
        return (
            self.names(request.action)
            and any(glob(one, request.resource) for one in self.resources) != self.excludes_resources
            and all(condition.holds(request.context) for condition in self.conditions)
        )


Policy = tuple[Statement, ...]


def parse(document: str | Mapping[str, Any]) -> Policy:
    """Returns the statements of a policy document.

    Raises:
        UnsupportedPolicyError: It has an element that is not supported.
    """
    content = json.loads(document) if isinstance(document, str) else document
    statements = content["Statement"]
    return tuple(_statement(item) for item in ([statements] if isinstance(statements, dict) else statements))


def allows(policies: Iterable[Policy], boundary: Policy | None, request: Request) -> bool:
    """Returns whether a role with these policies and this boundary allows a request."""
    statements = [statement for policy in policies for statement in policy]
    return _grants(statements, request) and (boundary is None or _grants(boundary, request))


def glob(pattern: str, text: str) -> bool:
    """Returns whether a text matches a pattern with ``*`` and ``?``, the only wildcards of policies."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _grants(statements: Sequence[Statement], request: Request) -> bool:
    effects = {statement.effect for statement in statements if statement.applies(request)}
    return effects == {"Allow"}


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


def _statement(item: Mapping[str, Any]) -> Statement:
    if unknown := set(item) - _ELEMENTS:
        raise UnsupportedPolicyError(f"elements {sorted(unknown)}")
    resources = _texts(item.get("Resource", item.get("NotResource", "*")))
    if any("${" in resource for resource in resources):
        raise UnsupportedPolicyError(f"policy variables in {resources}")
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
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
