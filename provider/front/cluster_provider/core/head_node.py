"""Why a head node did not start: when its logs are asked for, and how an answer shows them."""

from cluster_provider.core.engine import HeadNodeLogs
from cluster_provider.core.observed import ClusterStack, StackFailure

#: Type of the resource that fails if the head node does not start: it waits for the head node's signal.
#: Source: aws-parallelcluster 3.16.1, templates/cluster_stack.py (_add_wait_condition).
_WAIT_CONDITION = "AWS::CloudFormation::WaitCondition"


def is_head_nodes(cause: StackFailure | None) -> bool:
    """Returns whether a cluster's stack failed because of its head node: it signalled a failure, or nothing.

    Args:
        cause: The root cause of the stack's failure; None if no event named one.
    """
    return cause is not None and cause.resource_type == _WAIT_CONDITION


def sentences(logs: HeadNodeLogs | None) -> list[str]:
    """Returns the decisive lines for an answer, each whole, the name of the log before its first line.

    Args:
        logs: What the engine found; None if it was not asked.
    """
    if logs is None:
        return []
    shown: list[str] = []
    before = ""
    for line in logs.lines:
        name = line["log"]
        shown.append(f"| {line['text']}" if name == before else f"The head node's {name}: {line['text']}")
        before = name
    if logs.unread:
        shown.append(f"The head node's logs could not be read: {logs.unread}.")
    return shown


def where_logs_are(stack: ClusterStack) -> str:
    """Returns the log group of a cluster's nodes and the commands that read it; empty if logging is off.

    Args:
        stack: The cluster's stack.
    """
    if not stack.log_group:
        return ""
    return (
        f"Logs of the nodes: CloudWatch log group {stack.log_group}; read them with "
        f"pcluster-cfn logs {stack.name}, or aws logs tail {stack.log_group} --since 1d."
    )
