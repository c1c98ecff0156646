"""Error codes of AWS that stand for one answer in many services: throttled, and access denied."""

from botocore.retries.standard import ThrottledRetryableChecker

#: Throttled: botocore's own list, which it has nowhere in public. LimitExceededException is left out, because
#: CloudFormation means a full quota by it.
THROTTLING_CODES = frozenset(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]) - {
    "LimitExceededException"
}

#: Access denied, in the words of most services, of EC2, of SNS, and of S3 where the answer has no body.
#: Source: botocore's service models, and each service's API reference ("Common errors").
DENIED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "403",
        "Forbidden",
    }
)
