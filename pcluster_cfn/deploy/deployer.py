"""Creates, updates and deletes a stack, and shows its progress."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pcluster_cfn.aws import Aws, find_stack
from pcluster_cfn.deploy.change_set import CHANGE_SET_TIMEOUT_S, ChangeSet, ChangeSets, Deployment
from pcluster_cfn.deploy.ctrl_c import StackChange, with_advice
from pcluster_cfn.deploy.events import View
from pcluster_cfn.deploy.feed import EventFeed
from pcluster_cfn.deploy.follow import follow
from pcluster_cfn.deploy.head_node_boot import BootWatch
from pcluster_cfn.deploy.outcome import Operation, Outcome, outcome
from pcluster_cfn.errors import CommandError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

    from pcluster_cfn.package import Bucket

#: CloudFormation throttles all requests of an account together, and the provider and ParallelCluster need
#: their share.
_REQUESTS_PER_POLL = 6
#: Longer than any stack takes whose resources each end within CloudFormation's own time-outs.
_OPERATION_TIMEOUT_S = 24 * 3600.0


@dataclass(frozen=True)
class PreparedChange:
    """A change set that has been computed and not been executed.

    Attributes:
        change_set: The change set.
        feed: Reads the events that follow.
    """

    change_set: ChangeSet
    feed: EventFeed


class Deployer:
    """Runs stack operations, one at a time."""

    def __init__(
        self,
        aws: Aws,
        *,
        bucket: "Bucket | None" = None,
        poll_s: float = 2.0,
        timeout_s: float = _OPERATION_TIMEOUT_S,
    ) -> None:
        self._cloudformation: CloudFormationClient = aws.client("cloudformation")
        self._aws = aws
        self._region = self._cloudformation.meta.region_name
        self._change_sets = ChangeSets(
            self._cloudformation,
            bucket=bucket,
            poll_s=poll_s,
            timeout_s=min(timeout_s, CHANGE_SET_TIMEOUT_S),
        )
        self._poll_s = poll_s
        self._timeout_s = timeout_s

    def deploy(self, deployment: Deployment, view: View) -> Outcome:
        """Creates or updates the stack through a change set, and waits until the operation ends.

        Raises:
            CommandError: The request cannot be made, CloudFormation refuses it, or it does not end in time.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        return self.execute(self.prepare(deployment), lambda: nullcontext(view))

    def prepare(self, deployment: Deployment) -> PreparedChange:
        """Has CloudFormation compute the change of a stack; nothing is changed yet.

        Raises:
            CommandError: The request cannot be made, or CloudFormation refuses it.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        change_set = self._change_sets.prepare(deployment)
        # Made last: another update invalidates the change set, so all later events are of this one.
        with with_advice(change_set.advice.before_start(change_set.id, is_new=change_set.stack is None)):
            feed = self._feed(change_set.stack["StackId"] if change_set.stack else None)
        return PreparedChange(change_set, feed)

    def execute(
        self, prepared: PreparedChange, open_view: Callable[[], AbstractContextManager[View]]
    ) -> Outcome:
        """Executes a change set and waits until the operation ends.

        Args:
            prepared: The change set. If it is empty, nothing is executed.
            open_view: Returns where to show the operation.

        Returns:
            The outcome. Without changes, it has the stack's present status.

        Raises:
            CommandError: CloudFormation refuses, or the operation does not end in time.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        change_set = prepared.change_set
        if change_set.is_empty:
            assert change_set.stack is not None  # noqa: S101 - a change set that creates a stack has changes
            return outcome(change_set.stack, [], changed=False)
        with open_view() as view:
            with with_advice(change_set.advice.while_requesting()):
                self._cloudformation.execute_change_set(ChangeSetName=change_set.id)
            with with_advice(change_set.advice.while_running()):
                return self._follow(change_set.stack_id, prepared.feed, view, Operation.DEPLOY)

    def discard(self, prepared: PreparedChange) -> None:
        """Deletes a change set that is not to be executed, and the stack that was made only to have it."""
        self._change_sets.discard(prepared.change_set)

    def delete(self, stack_name: str, view: View) -> Outcome:
        """Deletes a stack and waits until the deletion ends.

        Raises:
            CommandError: The stack does not exist, CloudFormation refuses, or the time is up.
            InterruptedOperationError: Ctrl-C, after CloudFormation was asked to do anything.
        """
        stack = find_stack(self._cloudformation, stack_name)
        if stack is None:
            raise CommandError(f"there is no stack {stack_name}", "check the name and the Region")
        feed = self._feed(stack["StackId"])
        change = StackChange("delete", stack["StackName"], stack["StackId"], self._region)
        with with_advice(change.while_requesting()):
            self._cloudformation.delete_stack(StackName=stack["StackId"])
        with with_advice(change.while_running()):
            return self._follow(stack["StackId"], feed, view, Operation.DELETE)

    def _feed(self, stack_id: str | None) -> EventFeed:
        return EventFeed(
            self._cloudformation, stack_id, with_clusters=True, requests_per_poll=_REQUESTS_PER_POLL
        )

    def _follow(self, stack_id: str, feed: EventFeed, view: View, operation: Operation) -> Outcome:
        return follow(
            self._cloudformation,
            stack_id,
            feed,
            BootWatch(self._logs),
            view,
            operation=operation,
            poll_s=self._poll_s,
            timeout_s=self._timeout_s,
        )

    def _logs(self) -> Any:
        return self._aws.client("logs")
