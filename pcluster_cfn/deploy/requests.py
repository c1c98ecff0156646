"""Which errors of a request to AWS pass, and which say that a permission is missing."""

from botocore.exceptions import ClientError
from botocore.retries.standard import RetryContext, ThrottledRetryableChecker

_THROTTLED = ThrottledRetryableChecker()
#: Source: API references of CloudFormation, CloudWatch Logs, EC2 and S3, "Common errors".
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled"}


def is_throttled(error: ClientError) -> bool:
    """Whether AWS refused a request because there were too many, by botocore's own list of codes."""
    context = RetryContext(attempt_number=1, parsed_response=error.response)
    return bool(_THROTTLED.is_retryable(context))


def is_denied(error: ClientError) -> bool:
    """Whether the credentials may not make a request."""
    return error.response.get("Error", {}).get("Code") in _DENIED
