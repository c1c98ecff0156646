"""The requests that Lambda itself makes with a function's role."""

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.iam.policy import Place, Request

#: Source: AWS Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC".
_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
)
#: The action that delivers to a destination or a dead-letter queue, by the target's service.
#: Source: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
_DELIVERIES = {
    "events": "events:PutEvents",
    "lambda": "lambda:InvokeFunction",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
}


def delivery(target_arn: str) -> str:
    """Returns the action with which Lambda delivers to a destination or a dead-letter queue."""
    return _DELIVERIES[target_arn.split(":")[2]]


def requests_for(
    configuration: Mapping[str, Any], asynchronous: Mapping[str, Any], place: Place
) -> Iterator[Request]:
    """Yields the requests that Lambda makes with a function's role.

    Args:
        configuration: The answer of GetFunctionConfiguration.
        asynchronous: The answer of GetFunctionEventInvokeConfig; empty if there is none.
        place: The function's account and Region.
    """
    context = {"aws:requestedregion": (place.region,)}
    group = configuration["LoggingConfig"]["LogGroup"]
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield Request(action, place.arn("logs", f"log-group:{group}:log-stream:some"), context)
    targets = [configuration.get("DeadLetterConfig", {}).get("TargetArn")]
    destinations = asynchronous.get("DestinationConfig", {})
    targets += [destinations.get(end, {}).get("Destination") for end in ("OnSuccess", "OnFailure")]
    for target in filter(None, targets):
        yield Request(delivery(target), target, context)
    if configuration.get("VpcConfig", {}).get("SubnetIds"):
        for action in _NETWORK:
            yield Request(action, "*", context)
    if key := configuration.get("KMSKeyArn"):
        yield Request("kms:Decrypt", key, context)
    if configuration.get("TracingConfig", {}).get("Mode") == "Active":
        for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
            yield Request(action, "*", context)
