"""Whether a stack can be updated, and what to do about it if not."""

from typing import TYPE_CHECKING

from pcluster_cfn.aws import find_stack
from pcluster_cfn.errors import CommandError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

#: A stack in one of these states cannot be updated. Source: CloudFormation, "Stack status codes".
_ONLY_DELETABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
#: A stack that failed with rollback disabled can be retried, corrected or rolled back, but only with rollback
#: disabled, which no change set here asks for. Source: CloudFormation user guide, "Stack failure options".
_FAILED = {"CREATE_FAILED", "UPDATE_FAILED"}
#: A stack whose rollback stopped half-way can only continue the rollback, or be deleted.
#: Source: CloudFormation user guide, "Continue rolling back an update".
_HALF_ROLLED_BACK = "UPDATE_ROLLBACK_FAILED"
#: A stack that has only had change sets so far.
IN_REVIEW = "REVIEW_IN_PROGRESS"


def find_updatable_stack(cloudformation: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    """Returns the stack that a deployment would update; None if there is none.

    Raises:
        CommandError: It is in a state that does not allow an update.
    """
    stack = find_stack(cloudformation, name)
    if stack:
        _require_updatable(stack, cloudformation.meta.region_name)
    return stack


def _require_updatable(stack: "StackTypeDef", region: str) -> None:
    name, status = stack["StackName"], stack["StackStatus"]
    if status in _ONLY_DELETABLE:
        raise CommandError(
            f"stack {name} is {status} and cannot be updated",
            f"delete it: pcluster-cfn delete {name} --region {region}",
        )
    if status in _FAILED:
        named = f"--stack-name {name} --region {region}"
        raise CommandError(
            f"stack {name} is {status}: it failed with rollback disabled, and updates need it disabled, too",
            "retry or correct it: aws cloudformation update-stack --disable-rollback with the "
            f"template, its parameters and {named}; or roll it back: "
            f"aws cloudformation rollback-stack {named}",
        )
    if status == _HALF_ROLLED_BACK:
        raise CommandError(
            f"stack {name} is {status} and cannot be updated",
            "fix what the rollback failed at and continue it: "
            f"aws cloudformation continue-update-rollback --stack-name {name} --region {region}",
        )
    if status.endswith("_IN_PROGRESS") and status != IN_REVIEW:
        raise CommandError(f"stack {name} is {status}", "try again when the operation has ended")
