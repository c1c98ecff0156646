"""What the adapters of the AWS SDK share: time limits of clients, and which errors are transient."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.retries.standard import (
    OrRetryChecker,
    RetryContext,
    ThrottledRetryableChecker,
    TransientRetryableChecker,
)

from cluster_provider.core.errors import RecordTooLarge, Unavailable

#: Long enough for a burst of throttling, short enough for an invocation. The next pass tries again.
CLIENT_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4}
)

#: CloudFormation throttles per account, so a client that is throttled lowers its own rate of calls.
ADAPTIVE_CONFIG = CLIENT_CONFIG.merge(Config(retries={"mode": "adaptive", "total_max_attempts": 4}))

#: The SDK never repeats an invocation: after a time-out it is not known whether Lambda accepted the first
#: one.
SINGLE_ATTEMPT_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1}
)

#: A notification follows an answer, and other answers may follow it: 7 s at most for each destination.
NOTIFYING_CONFIG = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)

#: botocore's own lists of error codes that pass: throttling and time-outs of a request.
_PASSING = OrRetryChecker([ThrottledRetryableChecker(), TransientRetryableChecker()])

#: DynamoDB's code for an item that another transaction is writing; botocore does not list it.
_CONFLICT_CODE = "TransactionConflictException"

_SERVER_ERROR = 500

#: Reasons why DynamoDB refuses a part of a transaction.
#: Source: Amazon DynamoDB API reference, TransactWriteItems (CancellationReasons).
_NO_REASON, CONDITION_FAILED, WRITE_CONFLICT = "None", "ConditionalCheckFailed", "TransactionConflict"
_REASONS_THAT_PASS = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
_CANCELLED, _INVALID_CODE, _INVALID = (
    "TransactionCanceledException",
    "ValidationException",
    "ValidationError",
)

#: Part of DynamoDB's message about an item of more than 400 KB. No error code tells it from other mistakes.
_TOO_LARGE = "Item size"


@contextmanager
def unavailable_if_transient() -> Iterator[None]:
    """Raises transient SDK errors as Unavailable; other errors pass unchanged.

    Throttling, server errors and connection errors are transient.
    """
    try:
        yield
    except ClientError as error:
        if is_transient(error):
            raise Unavailable(str(error)) from error
        raise
    except ParamValidationError:
        raise
    except BotoCoreError as error:
        raise Unavailable(str(error)) from error


def is_transient(error: ClientError) -> bool:
    """Returns whether an error does not depend on the request: throttling, or a fault of the server."""
    answer = RetryContext(attempt_number=1, parsed_response=error.response)
    conflict = error.response["Error"]["Code"] == _CONFLICT_CODE
    return conflict or is_server_error(error) or bool(_PASSING.is_retryable(answer))


def is_server_error(error: ClientError) -> bool:
    """Returns whether the service failed while processing the request; it may have carried it out."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _SERVER_ERROR


def why_not_written(error: ClientError) -> str:
    """Returns why DynamoDB refused a transaction, if another attempt may succeed.

    Args:
        error: DynamoDB's error.

    Returns:
        CONDITION_FAILED if a condition failed; WRITE_CONFLICT if another transaction is in progress.

    Raises:
        RecordTooLarge: An item is larger than DynamoDB allows.
        Unavailable: DynamoDB throttles.
        ClientError: Any other reason.
    """
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    details: Any = error.response.get("CancellationReasons", [])
    reasons = {detail["Code"]: detail.get("Message", "") for detail in details}
    refused = set(reasons) - {_NO_REASON}
    if (code == _INVALID_CODE and _TOO_LARGE in message) or _TOO_LARGE in reasons.get(_INVALID, ""):
        raise RecordTooLarge("ResourceProperties", "what is to be recorded of this request is too large.")
    if code == _CANCELLED:
        for reason in (CONDITION_FAILED, WRITE_CONFLICT):
            if reason in refused:
                return reason
        if refused and refused <= _REASONS_THAT_PASS:
            raise Unavailable(message)
    raise error
