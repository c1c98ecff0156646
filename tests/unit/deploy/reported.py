"""Events as CloudFormation reports them, for tests of what is made of them."""

from datetime import UTC, datetime, timedelta

from pcluster_cfn.deploy.events import Event

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STACK = "AWS::CloudFormation::Stack"
CLUSTER = "Custom::PclusterCluster"
WAIT = "AWS::CloudFormation::WaitCondition"


def event(path, status, after_s=0, reason="", kind="AWS::SNS::Topic", *, cluster="", physical_id="id"):
    return Event(
        tuple(path.split("/")) if path else (),
        kind,
        status,
        reason,
        physical_id,
        START + timedelta(seconds=after_s),
        cluster=cluster,
    )


def wrapped(reason):
    """A custom resource's reason in CloudFormation's words."""
    return (
        "Received response status [FAILED] from custom resource. "
        f"Message returned: {reason} (RequestId: 4f1c9a52-0d3e-4c1b-9a57-1f0b7f3f2c11)"
    )
