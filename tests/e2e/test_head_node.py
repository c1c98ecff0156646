"""A head node that does not start: why, in its own words, where the template's author looks."""

import pytest

from tests.e2e.parents import COMPUTE, PLAIN, all_created, all_deleted

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("parent")]

UNLOGGED = {**PLAIN, "Logs": {"CloudWatch": {"Enabled": False}}}
ACTION = "Failed to execute OnNodeConfigured script 1, return code: 1."
SAID = "install-licence.sh: line 41: /shared/licence.dat: No such file or directory"
#: What a script prints, which fails with SAID on its standard error.
SCRIPT = ("custom-action", "copying the licence")
#: An error of a script's with a password in it.
REFUSED = "licence server: login failed for password=hunter2-of-the-licence"
MOUNT = "mount.nfs4: access denied by server while mounting fs-0123456789abcdef0:/"
#: Simulated seconds from the end of the cluster's stack to the answer.
ANSWERED_WITHIN_S = 30


def fails(cloud, stack, reason, step, *printed, **script):
    """The head nodes of a stack's cluster fail at a step that prints something."""
    failure = {"reason": reason, "step": step, "printed": printed, **script}
    cloud.set_head_nodes(cluster=stack.cluster, failure=failure)


def log_groups(account, stack):
    prefix = f"/aws/parallelcluster/{stack.cluster}-"
    found = account.cloud.client("logs").describe_log_groups(logGroupNamePrefix=prefix)
    return [group["logGroupName"] for group in found["logGroups"]]


def settled_at(account, stack):
    """When the cluster's own stack settled, and when the stack's author could read why."""
    pages = account.cloudformation.get_paginator("list_stacks").paginate()
    clusters = [
        each for page in pages for each in page["StackSummaries"] if each["StackName"] == stack.cluster
    ]
    # Deleted stacks are listed, too, and another test may have had one of this name.
    cluster_id = max(clusters, key=lambda each: each["CreationTime"])["StackId"]
    at = {}
    for stack_id, physical_id, status in [
        (cluster_id, cluster_id, "ROLLBACK_COMPLETE"),
        (stack.stack_id, None, "CREATE_FAILED"),
    ]:
        pages = account.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        (at[stack_id],) = (
            event["Timestamp"]
            for page in pages
            for event in page["StackEvents"]
            if event["ResourceStatus"] == status
            and (event["PhysicalResourceId"] == physical_id or event["LogicalResourceId"] == "Cluster")
        )
    return at[cluster_id], at[stack.stack_id]


def says(account, stack, *words):
    """The stack's reason has words, and came in time."""
    (reason,) = stack.reasons
    assert [word for word in words if word not in reason] == [], reason
    settled, answered = settled_at(account, stack)
    assert 0 <= (answered - settled).total_seconds() <= ANSWERED_WITHIN_S


def test_a_bootstrap_that_fails_is_answered_with_its_own_error_line(cloud, account, parent):
    scripted, plain, mounting = parent("scripted"), parent("plain"), parent("mounting")
    unlogged = parent("unlogged", monitoring=UNLOGGED)
    fails(cloud, scripted, ACTION, *SCRIPT, errors=[SAID], copied=True)
    fails(cloud, plain, ACTION, *SCRIPT, errors=[SAID])
    fails(cloud, mounting, "Failed to mount EFS.", "chef", MOUNT)
    fails(cloud, unlogged, "Failed to mount EFS.", "chef", MOUNT)
    stacks = [stack.create() for stack in (scripted, plain, mounting, unlogged)]
    for stack in stacks:
        assert stack.status == "ROLLBACK_COMPLETE", stack.why

    for stack, *words in [
        (
            scripted,
            ACTION,
            "OnNodeConfiguredExecutionFailure",
            f"The head node's cfn-init: {SAID} | Failed to",
        ),
        # ParallelCluster drops what a script prints to its standard error.
        (plain, ACTION, f"The head node's cfn-init: {SCRIPT[1]} | Failed to"),
        (
            mounting,
            "EfsMountFailure",
            "The head node's chef-client: Error executing action",
            f"STDERR: {MOUNT}",
        ),
        (unlogged, "EfsMountFailure", "The head node's console output: Error executing", f"STDERR: {MOUNT}"),
    ]:
        says(account, stack, *words)

    assert SAID not in plain.reasons[0]
    (group,) = log_groups(account, scripted)
    assert f"pcluster-cfn logs c-scripted, or aws logs tail {group} --since 1d" in scripted.reasons[0]
    assert "log group" not in unlogged.reasons[0]
    assert log_groups(account, unlogged) == []
    all_deleted(*stacks)
    assert log_groups(account, scripted) == [group]
    streams = account.cloud.client("logs").describe_log_streams(logGroupName=group)["logStreams"]
    names = {stream["logStreamName"].rpartition(".")[2] for stream in streams}
    assert {"cfn-init", "chef-client", "cloud-init-output", "bootstrap_error_msg"} <= names


def test_without_logging_a_script_that_copies_its_output_is_answered_with_its_own_error_line(
    cloud, account, parent
):
    copying, blind = (parent(name, monitoring=UNLOGGED) for name in ("copying", "blind"))
    fails(cloud, copying, ACTION, *SCRIPT, errors=[REFUSED, SAID], copied=True)
    fails(cloud, blind, ACTION, *SCRIPT, errors=[REFUSED, SAID])
    for stack in (copying.create(), blind.create()):
        assert stack.status == "ROLLBACK_COMPLETE", stack.why

    masked = REFUSED.replace("hunter2-of-the-licence", "***")
    says(account, copying, ACTION, f"console output: {masked} | {SAID} | Command runpostinstall failed")
    # What it prints is in cfn-init's log, if at all, and that is nowhere without logging.
    says(account, blind, ACTION, "console output: Error occurred during build: Command runpostinstall failed")
    assert SCRIPT[1] not in blind.reasons[0]
    assert SAID not in blind.reasons[0]
    for stack in (copying, blind):
        assert "hunter2" not in stack.reasons[0]
        assert log_groups(account, stack) == []
    all_deleted(copying, blind)


def test_an_update_that_the_head_node_fails_is_answered_with_its_own_error_line(cloud, parent):
    stack = parent("changing")
    all_created(stack)
    fails(cloud, stack, "Update failed", "chef", "slurmctld: error: unknown queue")
    assert stack.update(changes={f"{COMPUTE}__MaxCount": 7}).status == "UPDATE_ROLLBACK_COMPLETE", stack.why
    assert "STDERR: slurmctld: error: unknown queue" in stack.reasons[-1]
    assert stack.has_one_good_cluster()
    cloud.set_head_nodes(cluster=stack.cluster)
    all_deleted(stack)


def test_logs_that_the_engine_may_not_read_change_nothing_but_a_sentence(cloud, parent):
    stack = parent("denied")
    fails(cloud, stack, ACTION, "custom-action", SAID)
    cloud.set_faults(
        [
            {"service": "logs", "operation": "DescribeLogStreams", "function": "?*", "kind": "deny"},
            {"service": "ec2", "operation": "GetConsoleOutput", "function": "?*", "kind": "deny"},
        ]
    )
    assert stack.create().status == "ROLLBACK_COMPLETE", stack.why
    (reason,) = stack.reasons
    assert "ClusterFailed: cluster c-denied: HeadNodeWaitCondition" in reason
    assert "The head node's logs could not be read: log group /aws/parallelcluster/c-denied-" in reason
    assert "DescribeLogStreams: AccessDeniedException" in reason
    all_deleted(stack)
