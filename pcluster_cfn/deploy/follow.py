"""Shows a stack operation until it ends."""

import time
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pcluster_cfn.deploy.events import Event, View
from pcluster_cfn.deploy.outcome import Operation, Outcome, outcome
from pcluster_cfn.deploy.requests import is_throttled
from pcluster_cfn.errors import CommandError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

    from pcluster_cfn.deploy.feed import EventFeed
    from pcluster_cfn.deploy.head_node_boot import BootWatch


def follow(
    cloudformation: "CloudFormationClient",
    stack_id: str,
    feed: "EventFeed",
    boots: "BootWatch",
    view: View,
    *,
    operation: Operation,
    poll_s: float,
    timeout_s: float,
) -> Outcome:
    """Shows an operation until it ends, and returns its outcome.

    CloudFormation accepts a request before it starts the operation, so the stack's status may still be that
    of the operation before. The operation has ended when the stack's own newest event since the request is an
    end, and the status, read later, agrees with it.

    Args:
        cloudformation: Client in the stack's Region.
        stack_id: ARN of the stack: its name no longer resolves after a deletion.
        feed: Created before the operation was started.
        boots: Reads the logs of head nodes.
        view: Where to show the operation.
        operation: The kind of operation.
        poll_s: Seconds between two requests for events.
        timeout_s: Seconds after which to give up.

    Raises:
        CommandError: The operation still runs after ``timeout_s``.
    """
    events: list[Event] = []
    give_up_at_s = time.monotonic() + timeout_s
    while True:
        fresh = feed.poll(stack_id)
        _show(fresh, feed, boots, view)
        events += fresh
        stack = _describe(cloudformation, stack_id)
        status = stack["StackStatus"] if stack else ""
        newest = next((event.status for event in reversed(events) if not event.path), None)
        if stack and newest == status and operation.may_end_in(status):
            rest = feed.rest()
            view.show(rest)
            return outcome(stack, [*events, *rest], operation=operation)
        if time.monotonic() > give_up_at_s:
            raise CommandError(
                f"stack {stack['StackName'] if stack else stack_id} is {status or 'not described'} after "
                f"{timeout_s:.0f} s",
                "CloudFormation continues; look at the stack's events",
            )
        time.sleep(poll_s)


def _show(fresh: list[Event], feed: "EventFeed", boots: "BootWatch", view: View) -> None:
    view.show(fresh)
    for path, cluster in feed.take_new_clusters():
        boots.expect(path, cluster)
    boots.observe(fresh)
    if activity := boots.poll():
        view.show_activity(activity)


def _describe(cloudformation: "CloudFormationClient", stack_id: str) -> "StackTypeDef | None":
    """Returns the stack; None if CloudFormation had too many requests."""
    try:
        return cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
    except ClientError as error:
        if is_throttled(error):
            return None
        raise
