"""Errors of Lambda's Invoke.

Source: AWS Lambda API reference, Invoke, errors.
"""

import json
from dataclasses import dataclass

from moto.awslambda.exceptions import LambdaClientError

from localcloud.functions.records import Kind


@dataclass(frozen=True)
class Caller:
    """A service that invokes a function on behalf of a resource; the function's policy must allow it."""

    service: str
    source_arn: str


class RequestTooLargeError(LambdaClientError):
    """The payload exceeds what this kind of invocation takes."""

    code = 413

    def __init__(self, size_bytes: int, kind: Kind, limit_bytes: int) -> None:
        super().__init__(
            "RequestTooLargeException",
            f"{size_bytes} byte payload is too large for the {kind} invocation type "
            f"(limit {limit_bytes} bytes)",
        )


class ThrottledError(LambdaClientError):
    """No concurrency is left in the account, or in what is reserved for the function."""

    code = 429

    def __init__(self, reason: str) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")
        self.description = json.dumps({"Reason": reason, "Type": "User", "message": self.message})


class RecursiveInvocationError(LambdaClientError):
    """The function has run too often in one chain of invocations."""

    def __init__(self) -> None:
        super().__init__(
            "RecursiveInvocationException",
            "Lambda has detected your function being invoked in a recursive loop with other Amazon Web "
            "Services resources and stopped your function's invocation.",
        )


class InvokeDeniedError(LambdaClientError):
    """The function's resource policy does not let the caller invoke it."""

    code = 403

    def __init__(self, caller: Caller, function_arn: str) -> None:
        super().__init__(
            "AccessDeniedException",
            f"{caller.service} (on behalf of {caller.source_arn}) is not authorized to perform: "
            f"lambda:InvokeFunction on resource: {function_arn} because no resource-based policy allows "
            "the lambda:InvokeFunction action",
        )


class InvalidRequestContentError(LambdaClientError):
    """The payload is not JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "InvalidRequestContentException", f"Could not parse request body into json: {reason}"
        )
