"""Finds and removes what runs of the scenarios made, by its tag, until nothing is left or patience ends.

Every round looks at what is there and begins what can be begun now, as the provider itself does. So it does
not matter where a run was interrupted, and a connection that is lost for a while costs a round.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pcluster_cfn.aws import tags_of
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG
from tools.verify_aws.run import TAG, UPLOADS

#: Every cluster's log group has this in front of its name. Source: pcluster/constants.py, 3.16.1.
_LOGS = "/aws/parallelcluster/c-pcv-"
#: Stacks with a cluster are removed first, while there is a provider.
_PARENT = 1
_ALIVE = ["pending", "running", "stopping", "stopped"]
#: Source: S3 API reference, DeleteObjects.
_OBJECTS_MAX = 1000


@dataclass(frozen=True)
class Leftover:
    """Something that a run made and that is there.

    Attributes:
        kind: What it is.
        name: Its name or id.
        rank: Order of removal: what is used by others comes after them.
        command: The command that removes it by hand.
        remove: Begins its removal; called again while it is there.
        why: What stands in the way, as AWS says it.
    """

    kind: str
    name: str
    rank: int
    command: str
    remove: Callable[[], object] = field(repr=False, compare=False)
    why: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" ({self.why})" if self.why else "")


class Cleaner:
    """Removes what runs made in one Region of an account.

    Args:
        client: Makes a boto3 client of a service.
        bucket: The bucket that runs upload to.
        region: The Region, for commands.
    """

    def __init__(self, client: Callable[[str], Any], bucket: str, region: str) -> None:
        self._bucket, self._region = bucket, region
        self._cloudformation, self._ec2 = client("cloudformation"), client("ec2")
        self._s3, self._logs = client("s3"), client("logs")

    def find(self) -> list[Leftover]:
        """Returns what is there, whichever run made it, in the order of removal."""
        found = [*self._stacks(), *self._instances(), *self._log_groups(), *self._uploads()]
        return sorted(found, key=lambda item: (item.rank, item.name))

    def remove(
        self, patience_s: float, poll_s: float, say: Callable[[str], None] = lambda _: None
    ) -> list[Leftover] | None:
        """Removes everything that is there.

        Args:
            patience_s: How long to try.
            poll_s: Seconds between two rounds.
            say: Receives a line when what is left has changed.

        Returns:
            What is still there, each with what stands in the way; None if AWS could not be asked at all.
        """
        give_up_at = time.monotonic() + patience_s
        left: list[Leftover] | None = None
        while True:
            try:
                found = self.find()
            except (ClientError, BotoCoreError) as error:
                say(f"cannot look yet: {error}")
            else:
                if found != left:
                    say(f"{len(found)} left: " + ", ".join(map(str, found)) if found else "nothing is left")
                left = found
                for item in [item for item in found if item.rank == found[0].rank]:
                    self._begin(item, left)
            if left == [] or time.monotonic() > give_up_at:
                return left
            time.sleep(poll_s)

    def _begin(self, item: Leftover, left: list[Leftover]) -> None:
        try:
            item.remove()
        except (ClientError, BotoCoreError) as error:
            # Another round tries again: a stack that is being updated cannot be deleted yet, for instance.
            left[left.index(item)] = Leftover(
                item.kind, item.name, item.rank, item.command, item.remove, str(error)
            )

    def _stacks(self) -> Iterator[Leftover]:
        for page in self._cloudformation.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                tags = tags_of(stack)
                if TAG in tags and "ParentId" not in stack:
                    name, status = stack["StackName"], stack["StackStatus"]
                    kind, rank = _kind(name, CLUSTER_NAME_TAG in tags)
                    command = f"aws cloudformation delete-stack --stack-name {name} --region {self._region}"
                    why = "" if status == "DELETE_IN_PROGRESS" else stack.get("StackStatusReason", status)
                    yield Leftover(kind, name, rank, command, self._deletion(name, status, rank), why)

    def _deletion(self, name: str, status: str, rank: int) -> Callable[[], None]:
        def delete() -> None:
            if status == "DELETE_IN_PROGRESS":
                return
            goes_without = status == "DELETE_FAILED" and rank == _PARENT
            kept = {"RetainResources": self._undeletable(name)} if goes_without else {}
            self._cloudformation.delete_stack(StackName=name, **kept)

        return delete

    def _undeletable(self, name: str) -> list[str]:
        """The resources of a stack that could not be deleted. A cluster among them has a stack of its own."""
        resources = self._cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        return [
            resource["LogicalResourceId"]
            for resource in resources
            if resource["ResourceStatus"] == "DELETE_FAILED"
        ]

    def _instances(self) -> Iterator[Leftover]:
        """Instances of clusters whose stacks are gone or could not end them."""
        filters = [
            {"Name": "tag-key", "Values": [TAG]},
            {"Name": "instance-state-name", "Values": _ALIVE},
        ]
        for page in self._ec2.get_paginator("describe_instances").paginate(Filters=filters):
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    name = instance["InstanceId"]
                    command = f"aws ec2 terminate-instances --instance-ids {name} --region {self._region}"
                    yield Leftover("instance", name, 3, command, self._termination(name))

    def _termination(self, name: str) -> Callable[[], object]:
        return lambda: self._ec2.terminate_instances(InstanceIds=[name])

    def _log_groups(self) -> Iterator[Leftover]:
        for page in self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=_LOGS):
            for group in page["logGroups"]:
                name = group["logGroupName"]
                command = f"aws logs delete-log-group --log-group-name {name} --region {self._region}"
                yield Leftover("log group", name, 6, command, self._log_deletion(name))

    def _log_deletion(self, name: str) -> Callable[[], object]:
        return lambda: self._logs.delete_log_group(logGroupName=name)

    def _uploads(self) -> Iterator[Leftover]:
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=f"{UPLOADS}/"
        )
        keys = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for page in pages
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
        if keys:
            name = f"s3://{self._bucket}/{UPLOADS}/"
            yield Leftover("uploads", name, 7, f"aws s3 rm --recursive {name}", lambda: self._delete(keys))

    def _delete(self, keys: list[dict[str, str]]) -> None:
        for begin in range(0, len(keys), _OBJECTS_MAX):
            some = keys[begin : begin + _OBJECTS_MAX]
            self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})


def _kind(name: str, is_cluster: bool) -> tuple[str, int]:
    """What a stack is, and when it is removed: clusters by their provider first, the provider after them."""
    if is_cluster:
        return "cluster", 2
    if name.endswith("-provider"):
        return "provider stack", 4
    if name.endswith("-network"):
        return "network stack", 5
    return "stack", _PARENT
