"""The stacks of the examples, begun together and looked at one by one."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.e2e.account import CAPABILITIES, ROOT, Account, outputs

EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Place:
    """Where examples begin.

    Attributes:
        account: The embedded cloud's.
        seeded: The ids of what it was seeded with, as parameters.
        folder: For what is made on the way.
    """

    account: Account
    seeded: dict[str, str]
    folder: Path


@dataclass
class Example:
    """One stack of an example.

    Args:
        account: Where.
        name: The stack's name.
        body: Its template, packaged.
        parameters: Those that its user gives.
        options: Further arguments of CreateStack.
    """

    account: Account
    name: str
    body: str
    parameters: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)
    stack_id: str = ""

    def begin(self):
        """Asks for the stack, and returns at once."""
        made = self.account.cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=self.body,
            Capabilities=CAPABILITIES,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()
            ],
            **self.options,
        )
        self.stack_id = made["StackId"]
        return self

    def created(self):
        """Waits for the stack, and returns its outputs."""
        stack = self.account.settled(self.stack_id)
        assert stack["StackStatus"] == "CREATE_COMPLETE", self.account.why(stack)
        return outputs(stack)

    def deleted(self):
        """Deletes the stack and waits until it is gone, with its cluster."""
        self.account.cloudformation.delete_stack(StackName=self.stack_id)
        stack = self.account.settled(self.stack_id)
        assert stack["StackStatus"] == "DELETE_COMPLETE", self.account.why(stack)
        assert self.account.stack(self.cluster) is None
        assert self.account.head_nodes(self.cluster) == []

    def stored_configuration(self):
        """Reads the configuration in force, as ParallelCluster keeps it."""
        cluster = self.account.stack(self.cluster)
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in cluster["Parameters"]}
        stored = self.account.cloud.client("s3").get_object(
            Bucket=parameters["ResourcesS3Bucket"],
            Key=f"{parameters['ArtifactS3RootDirectory']}/configs/cluster-config.yaml",
            VersionId=parameters["ConfigVersion"],
        )
        return yaml.safe_load(stored["Body"].read())

    @property
    def cluster(self):
        """The cluster's name, as every example makes it from the stack's."""
        return f"c-{self.name}"
