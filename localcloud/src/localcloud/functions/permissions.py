"""Who may invoke a function, as its resource policy says."""

from fnmatch import fnmatchcase
from typing import Any

from localcloud.gaps import gap

_ACTIONS = {"lambda:InvokeFunction", "lambda:*", "*"}


def allows(statements: list[dict[str, Any]], service: str, source_arn: str, source_account: str) -> bool:
    """Says whether a resource policy lets an AWS service invoke the function.

    Args:
        statements: Of the function's resource policy.
        service: Principal, such as ``events.amazonaws.com``.
        source_arn: On whose behalf, such as a rule's ARN.
        source_account: The account that owns the source.
    """
    matching = [
        statement
        for statement in statements
        if _of(statement.get("Action")) & _ACTIONS
        and _is_principal(statement.get("Principal"), service)
        and _conditions_hold(statement.get("Condition", {}), source_arn, source_account)
    ]
    effects = {statement.get("Effect", "Allow") for statement in matching}
    return "Allow" in effects and "Deny" not in effects


def _of(value: Any) -> set[str]:
    return set(value) if isinstance(value, list) else {str(value)}


def _is_principal(principal: Any, service: str) -> bool:
    if principal == "*":
        return True
    return isinstance(principal, dict) and service in _of(principal.get("Service"))


def _conditions_hold(conditions: dict[str, dict[str, Any]], source_arn: str, source_account: str) -> bool:
    facts = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_account}
    return all(
        any(_matches(operator, facts.get(key.lower(), ""), wanted) for wanted in _of(value))
        for operator, tests in conditions.items()
        for key, value in tests.items()
    )


def _matches(operator: str, fact: str, wanted: str) -> bool:
    if operator in {"ArnLike", "ArnEquals", "StringLike"}:
        return fnmatchcase(fact, wanted)
    if operator == "StringEquals":
        return fact == wanted
    raise NotImplementedError(f"condition operator {operator} {gap('lambda.permissions')}")
