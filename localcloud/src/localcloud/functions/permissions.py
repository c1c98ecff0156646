"""Who may invoke a function, and what Lambda checks with a function's role before it accepts a setting."""

import logging
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from localcloud.gaps import gap
from localcloud.iam.account import function_policy
from localcloud.iam.judge import judge
from localcloud.iam.lambda_service import delivery
from localcloud.iam.policy import Request, UnsupportedPolicyError, lets_service

_LOG = logging.getLogger(__name__)


def lets_invoke(statements: list[dict[str, Any]], service: str, source_arn: str, source_account: str) -> bool:
    """Says whether a resource policy lets an AWS service invoke the function.

    Args:
        statements: Of the function's resource policy.
        service: Principal, such as ``events.amazonaws.com``.
        source_arn: On whose behalf, such as a rule's ARN.
        source_account: The account that owns the source.

    Raises:
        UnsupportedPolicyError: A condition of the policy is not supported.
    """
    context = {"aws:sourcearn": (source_arn,), "aws:sourceaccount": (source_account,)}
    request = Request("lambda:InvokeFunction", "*", context)
    try:
        return lets_service(function_policy(statements), service, request)
    except UnsupportedPolicyError as error:
        raise UnsupportedPolicyError(f"{error} {gap('lambda.permissions')}") from error


def require_destination(role_arn: str, target_arn: str) -> None:
    """Checks that a function's role may call a destination of asynchronous invocations.

    Source: aws-amplify/amplify-cli issue 10395 for the check. The words are in public deployment logs,
    for SQS and for Lambda alike.

    Raises:
        InvalidParameterValueException: It may not, with Lambda's message.
    """
    action = delivery(target_arn)
    if not judge.may(role_arn, action, target_arn):
        raise InvalidParameterValueException(
            "The function's execution role does not have permissions to call "
            f"{action.partition(':')[2]} on {target_arn}"
        )


def require_dead_letters(role_arn: str, queue_arn: str) -> None:
    """Checks that a function's role may send to a dead-letter queue.

    Source: nasa/cumulus, "Troubleshooting your deployment".

    Raises:
        InvalidParameterValueException: It may not, with Lambda's message.
    """
    if not judge.may(role_arn, delivery(queue_arn), queue_arn):
        raise InvalidParameterValueException(
            "The provided execution role does not have permissions to call SendMessage on SQS"
        )


def may_deliver(function: str, role_arn: str, target_arn: str) -> bool:
    """Returns whether a function's role lets Lambda deliver to a destination or dead-letter queue."""
    may = judge.may(role_arn, delivery(target_arn), target_arn, function)
    if not may:
        _LOG.warning("nothing is delivered to %s: the role of %s does not allow it", target_arn, function)
    return may
