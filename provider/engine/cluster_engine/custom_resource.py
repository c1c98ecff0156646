"""The custom resource that a call is made for, as its stack reports it.

Lambda may deliver an asynchronous event twice, the second time minutes later. The first delivery may have
been refused, and the refusal answered. Nobody would follow or delete what the second one makes.
Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
"""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from cluster_engine.runtimes import Session

#: Statuses of a resource while CloudFormation waits for an answer to a Create or an Update. A rollback sends
#: Updates, too. Source: AWS CloudFormation API reference, StackResourceDetail (ResourceStatus).
IN_PROGRESS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"})


@dataclass(frozen=True)
class CustomResource:
    """A resource of a template.

    Args:
        stack_id: ARN of its stack.
        logical_id: Its logical id.
        region: The stack's Region.
    """

    stack_id: str
    logical_id: str
    region: str

    def is_in_progress(self, session: Session) -> bool:
        """Returns whether CloudFormation waits for an answer to a Create or an Update of this resource.

        Args:
            session: The session of the call.

        Raises:
            ClientError: CloudFormation refused to answer.
        """
        client = session.client("cloudformation", region_name=self.region)
        try:
            answer = client.describe_stack_resource(
                StackName=self.stack_id, LogicalResourceId=self.logical_id
            )
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return False
            raise
        return answer["StackResourceDetail"]["ResourceStatus"] in IN_PROGRESS
