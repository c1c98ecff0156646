#!/usr/bin/env python3
"""Creates, updates or deletes a CloudFormation stack with boto3, and prints what happens to it.

    python deploy.py packaged.yaml --stack-name hpc KeyName=me HeadNodeSubnet=subnet-… ComputeSubnet=subnet-…
    python deploy.py --delete --stack-name hpc

The template must be packaged (``aws cloudformation package``, ``sam package``): CloudFormation itself reads
no local files. A template larger than 51,200 bytes needs --bucket. Nothing but boto3 is required; copy this
file and make it yours.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

POLL_S = 3.0
INLINE_TEMPLATE_BYTES = 51_200
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
GOOD_ENDS = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}


def main() -> int:
    """Does what the arguments ask for and returns the exit code."""
    arguments = parse_arguments()
    cloudformation = boto3.client("cloudformation", region_name=arguments.region)
    try:
        if arguments.delete:
            stack = delete(cloudformation, arguments.stack_name)
        else:
            stack = create_or_update(cloudformation, arguments)
    except (BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for output in stack.get("Outputs", []):
        print(f"{output['OutputKey']} = {output['OutputValue']}")
    print(f"{stack['StackName']}: {stack['StackStatus']}")
    return 0 if stack["StackStatus"] in GOOD_ENDS else 1


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's arguments, parameters as a list of pairs."""
    parser = argparse.ArgumentParser(description="Create, update or delete a stack.")
    parser.add_argument("template", type=Path, nargs="?", help="packaged template")
    parser.add_argument("parameters", type=parameter, nargs="*", metavar="Key=Value")
    parser.add_argument("--stack-name", required=True)
    parser.add_argument("--region", help="default: as configured")
    parser.add_argument("--bucket", help="bucket for a template larger than 51,200 bytes")
    parser.add_argument("--delete", action="store_true", help="delete the stack")
    arguments = parser.parse_intermixed_args()
    if not arguments.delete and arguments.template is None:
        parser.error("name a template, or say --delete")
    return arguments


def parameter(text: str) -> dict[str, str]:
    """Returns ``Key=Value`` as CloudFormation wants it."""
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not Key=Value")
    return {"ParameterKey": key, "ParameterValue": value}


def create_or_update(cloudformation: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Creates the stack, or updates it where it exists, and returns its description at the end."""
    request = {
        "StackName": arguments.stack_name,
        "Parameters": arguments.parameters,
        "Capabilities": CAPABILITIES,
        **template_argument(arguments),
    }
    existing = find(cloudformation, arguments.stack_name)
    if existing is None:
        stack_id = cloudformation.create_stack(**request)["StackId"]
        return wait(cloudformation, stack_id, seen=set())
    request["Parameters"] += kept_parameters(existing, arguments.parameters)
    seen = {event["EventId"] for event in events(cloudformation, existing["StackId"])}
    try:
        cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return existing
        raise
    return wait(cloudformation, existing["StackId"], seen)


def delete(cloudformation: Any, stack_name: str) -> dict[str, Any]:
    """Deletes the stack and returns its description at the end."""
    stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    seen = {event["EventId"] for event in events(cloudformation, stack["StackId"])}
    cloudformation.delete_stack(StackName=stack["StackId"])
    return wait(cloudformation, stack["StackId"], seen)


def template_argument(arguments: argparse.Namespace) -> dict[str, str]:
    """Returns the template as an argument of create_stack, uploaded where it is too large for one."""
    body = arguments.template.read_text(encoding="utf-8")
    if arguments.bucket is None or len(body.encode()) <= INLINE_TEMPLATE_BYTES:
        return {"TemplateBody": body}
    s3 = boto3.client("s3", region_name=arguments.region)
    key = f"templates/{hashlib.sha256(body.encode()).hexdigest()}"
    s3.put_object(Bucket=arguments.bucket, Key=key, Body=body.encode())
    return {"TemplateURL": f"{s3.meta.endpoint_url}/{arguments.bucket}/{key}"}


def kept_parameters(stack: dict[str, Any], given: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Returns the parameters of an existing stack that keep their values."""
    names = {item["ParameterKey"] for item in given}
    return [
        {"ParameterKey": item["ParameterKey"], "UsePreviousValue": True}
        for item in stack.get("Parameters", [])
        if item["ParameterKey"] not in names
    ]


def find(cloudformation: Any, stack_name: str) -> dict[str, Any] | None:
    """Returns the stack's description, or None when there is no such stack."""
    try:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return stack


def events(cloudformation: Any, stack_id: str) -> Iterator[dict[str, Any]]:
    """Yields the stack's events, newest first."""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        yield from page["StackEvents"]


def wait(cloudformation: Any, stack_id: str, seen: set[str]) -> dict[str, Any]:
    """Prints new events until the operation is over and returns the stack's description.

    Args:
        cloudformation: Client.
        stack_id: ARN of the stack: a name stops resolving once the stack is deleted.
        seen: Ids of events that happened before; new ones are added.
    """
    started = False
    while True:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        fresh = [event for event in events(cloudformation, stack_id) if event["EventId"] not in seen]
        for event in reversed(fresh):
            seen.add(event["EventId"])
            reason = event.get("ResourceStatusReason", "")
            print(
                f"{event['Timestamp']:%H:%M:%S}  {event['ResourceStatus']:<20}  "
                f"{event['LogicalResourceId']}  {reason}".rstrip(),
                flush=True,
            )
        # A fresh request may not show in the status yet: wait for its first event.
        started = started or bool(fresh)
        if started and not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        time.sleep(POLL_S)


if __name__ == "__main__":
    sys.exit(main())
