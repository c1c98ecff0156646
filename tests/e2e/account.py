"""CloudFormation and EC2 of an embedded cloud, as users see them, and a template to drive them with."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from cfn_template.nodes import child, put, scalar
from localcloud.cloud import Cloud
from pcluster_cfn.package import Bucket, package
from pcluster_cfn.template import Template

ROOT = Path(__file__).parent.parent.parent
#: What `make build-runnable` built, None where the tests run on the sources.
ARTEFACT = (ROOT / os.environ["ARTEFACT"]) if os.environ.get("ARTEFACT") else None
#: Far more than any stack takes here: what is slower hangs.
DEADLINE_S = 300
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]

#: What is larger goes by way of the bucket. Source: CloudFormation quotas, "Template body size in a request".
MAX_INLINE_BYTES = 51_200

#: One cluster, its provider elsewhere; ``%s`` is the ``Properties`` besides ``ServiceToken``.
CLUSTER_TEMPLATE = """\
Parameters:
  ServiceToken: {Type: String}
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !Ref ServiceToken
      ServiceTimeout: 3600
%s
Outputs:
  HeadNodeIp: {Value: !GetAtt Cluster.headNode.publicIpAddress}
"""


@dataclass
class Account:
    """CloudFormation and EC2 of the embedded cloud, with waits that are bounded.

    Attributes:
        cloud: Any source of clients, with the ids in ``exports`` and the end of a ``log``.
        tags: Tags of every stack that is made.
        deadline_s: Seconds that an operation of a stack may take.
        poll_s: Seconds between two looks at a stack.
        prefix: Where uploads go in the bucket.
    """

    cloud: Cloud
    tags: dict = field(default_factory=dict)
    deadline_s: float = DEADLINE_S
    poll_s: float = 0.2
    prefix: str = "pcluster-cfn"

    def __post_init__(self):
        self.cloudformation = self.cloud.client("cloudformation")
        self.ec2 = self.cloud.client("ec2")

    def packaged(self, path):
        """Returns a template of this project as CloudFormation can take it."""
        template = Template.read(built(path))
        for resource in template.resources():
            named = scalar(child(resource.properties, "TemplateURL"))
            if named and "://" not in named:
                put(resource.properties, "TemplateURL", str(built(path.parent / named)))
        package(template, built(path).parent, self._bucket())
        return template.text()

    def create(self, name, body, **parameters):
        created = self.cloudformation.create_stack(**self._request(name, body, parameters), **self.tagged())
        return self.settled(created["StackId"])

    def update(self, name, body, **parameters):
        updated = self.cloudformation.update_stack(**self._request(name, body, parameters))
        return self.settled(updated["StackId"])

    def delete(self, name):
        stack_id = self.stack(name)["StackId"]
        self.cloudformation.delete_stack(StackName=stack_id)
        return self.settled(stack_id)

    def summary(self, body):
        """Returns what CloudFormation says of a template before it is deployed."""
        return self.cloudformation.get_template_summary(**self._template(body))

    def let_iam_settle(self):
        """Every service knows of the roles and policies that were made so far, as after a user's minute."""
        self.cloud.advance(60)

    def settled(self, stack_id):
        """Waits until a stack is not in progress any more and returns its description."""
        give_up_at = time.monotonic() + self.deadline_s
        while (stack := self.stack(stack_id))["StackStatus"].endswith("_IN_PROGRESS"):
            assert time.monotonic() < give_up_at, f"{stack_id} is still {stack['StackStatus']}"
            time.sleep(self.poll_s)
        return stack

    def stack(self, name):
        """Returns a stack's description, None where there is no such stack."""
        try:
            return self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def stack_names(self):
        """Returns the names of all living stacks."""
        pages = self.cloudformation.get_paginator("describe_stacks").paginate()
        return {stack["StackName"] for page in pages for stack in page["Stacks"]}

    def failures(self, stack_id, logical_id):
        """Returns the reasons of a resource's failures, oldest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        events = [event for page in pages for event in page["StackEvents"]]
        return [
            event["ResourceStatusReason"]
            for event in reversed(events)
            if event["LogicalResourceId"] == logical_id and event["ResourceStatus"].endswith("_FAILED")
        ]

    def why(self, stack):
        """Returns what a stack's failures and the cloud's own log say, for assertions that fail."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=stack["StackId"]
        )
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for page in pages
            for event in page["StackEvents"]
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        return "\n".join([stack["StackStatus"], *reasons, self.cloud.log])

    def head_nodes(self, cluster):
        """Returns the head nodes of a cluster that EC2 reports as running."""
        filters = [
            {"Name": "tag:parallelcluster:cluster-name", "Values": [cluster]},
            {"Name": "tag:parallelcluster:node-type", "Values": ["HeadNode"]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        reservations = self.ec2.describe_instances(Filters=filters)["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def configuration(self, **changes):
        """Returns a cluster configuration that is good but for the changes: ``HeadNode__InstanceType=…``."""
        configuration = {
            "Image": {"Os": "alinux2023"},
            "HeadNode": {
                "InstanceType": "t3.medium",
                "Networking": {"SubnetId": self.cloud.exports["HEAD_NODE_SUBNET"]},
                "Ssh": {"KeyName": self.cloud.exports["KEY_NAME"]},
            },
            "Scheduling": {
                "Scheduler": "slurm",
                "SlurmQueues": [
                    {
                        "Name": "compute",
                        "ComputeResources": [
                            {"Name": "c6i", "InstanceType": "c6i.xlarge", "MinCount": 0, "MaxCount": 4}
                        ],
                        "Networking": {"SubnetIds": [self.cloud.exports["COMPUTE_SUBNET"]]},
                    }
                ],
            },
        }
        for path, value in changes.items():
            node = configuration
            *parents, last = [int(key) if key.isdigit() else key for key in path.split("__")]
            for key in parents:
                node = node[key]
            node[last] = value
        return configuration

    def tagged(self):
        """Returns the tags as an argument of CreateStack."""
        return {"Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()]}

    def _request(self, name, body, parameters):
        return {
            "StackName": name,
            **self._template(body),
            "Capabilities": CAPABILITIES,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        }

    def _template(self, body):
        if len(body.encode()) <= MAX_INLINE_BYTES:
            return {"TemplateBody": body}
        bucket = self._bucket()
        return {"TemplateURL": bucket.url(bucket.put(body.encode(), ".template"))}

    def _bucket(self):
        return Bucket(self.cloud.client("s3"), self.cloud.exports["ARTIFACT_BUCKET"], prefix=self.prefix)


def built(path):
    """Returns the template that was built in a template's place, where the tests run on what was built."""
    return ARTEFACT / "template.yaml" if ARTEFACT and path.resolve() == ROOT / "template.yaml" else path


def outputs(stack):
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
