"""What AWS answers, told apart by its error codes: slower, or not allowed."""

#: Error codes that mean "slower". Source: botocore, retries/standard.py, ThrottledRetryableChecker, without
#: LimitExceededException, which is CloudFormation's word for a full quota.
THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)

#: Error codes that mean "not allowed", by which service they come from: most; EC2; SNS; S3, where there is no
#: body to say more. Source: botocore's service models, and each service's API reference ("Common errors").
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
