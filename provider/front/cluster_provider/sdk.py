"""What the SDK's adapters share: how patient a client is, and which errors say nothing about the request."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from cluster_provider.core.errors import RecordTooLarge, Unavailable

#: Patient enough for a burst of throttling, short enough for an invocation; the next wake-up does the rest.
CLIENT_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4}
)

#: CloudFormation's limits are the whole account's: who is throttled by it asks more slowly from then on.
ADAPTIVE_CONFIG = CLIENT_CONFIG.merge(Config(retries={"mode": "adaptive", "total_max_attempts": 4}))

#: An invocation is never repeated by the SDK: a time-out does not tell whether it was accepted.
SINGLE_ATTEMPT_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1}
)

#: Source: botocore, retries/standard.py (throttling and transient error codes).
_TRANSIENT_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)

_SERVER_ERROR = 500

#: Why a part of a transaction was refused. Source: Amazon DynamoDB API reference, TransactWriteItems
#: (CancellationReasons).
_NO_REASON, SOMEBODY_WROTE, SOMEBODY_WRITES = "None", "ConditionalCheckFailed", "TransactionConflict"
_REASONS_THAT_PASS = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
_CANCELLED, _INVALID_CODE, _INVALID = (
    "TransactionCanceledException",
    "ValidationException",
    "ValidationError",
)

#: DynamoDB's words for an item of more than 400 KB, which is refused like any other mistake.
_TOO_LARGE = "Item size"


@contextmanager
def unavailable_if_transient() -> Iterator[None]:
    """Turns throttling, server errors and connection errors into Unavailable; others pass as they are."""
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
    """Whether an error answer says nothing about the request: throttling, or the server's own trouble."""
    return error.response["Error"]["Code"] in _TRANSIENT_CODES or is_server_error(error)


def is_server_error(error: ClientError) -> bool:
    """Whether the service failed while it had the request, so that it may have acted on it."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _SERVER_ERROR


def why_not_written(error: ClientError) -> str:
    """Why DynamoDB refused a transaction, where another attempt may help: SOMEBODY_WROTE or SOMEBODY_WRITES.

    Raises:
        RecordTooLarge: An item is larger than DynamoDB allows.
        Unavailable: DynamoDB throttles.
        ClientError: Anything else.
    """
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    details: Any = error.response.get("CancellationReasons", [])
    reasons = {detail["Code"]: detail.get("Message", "") for detail in details}
    refused = set(reasons) - {_NO_REASON}
    if (code == _INVALID_CODE and _TOO_LARGE in message) or _TOO_LARGE in reasons.get(_INVALID, ""):
        raise RecordTooLarge("ResourceProperties", "what is to be recorded of this request is too large.")
    if code == _CANCELLED:
        for reason in (SOMEBODY_WROTE, SOMEBODY_WRITES):
            if reason in refused:
                return reason
        if refused and refused <= _REASONS_THAT_PASS:
            raise Unavailable(message)
    raise error
