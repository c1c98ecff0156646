#!/usr/bin/env python3
"""A network and a cluster in it with the AWS CDK in Python; the provider is there already.

    pip install -r requirements.txt      # Node.js must be on the PATH, as for every CDK app
    npx cdk deploy                       # or python app.py, and deploy cdk.out/hpc.template.json yourself

``examples/many-clusters/provider.yaml`` makes the provider, whose export is imported here. The stack needs no
bootstrapped account. Copy ``PclusterCluster`` and make the rest yours.
"""

from typing import Any

from aws_cdk import (
    App,
    Aws,
    CfnOutput,
    CustomResource,
    Duration,
    Fn,
    LegacyStackSynthesizer,
    Stack,
    Tags,
)
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

SESSION_MANAGER = f"arn:{Aws.PARTITION}:iam::aws:policy/AmazonSSMManagedInstanceCore"


class PclusterCluster(Construct):
    """A cluster, made by the provider that a service token names.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        service_token: Output ``ServiceToken`` of the provider's stack.
        cluster_name: 2 to 60 letters, digits and hyphens, the first a letter.
        configuration: As in ParallelCluster's own files; tokens of other constructs may be anywhere in it.
        properties: The provider's other properties, such as ``DeletionPolicy``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service_token: str,
        cluster_name: str,
        configuration: dict[str, Any],
        **properties: Any,
    ) -> None:
        super().__init__(scope, construct_id)
        self.resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::PclusterCluster",
            service_token=service_token,
            service_timeout=Duration.hours(1),
            properties={
                "ClusterName": cluster_name,
                "ClusterConfiguration": configuration,
                **properties,
            },
        )

    @property
    def name(self) -> str:
        """The cluster's name, known once it is there."""
        return self.resource.ref

    @property
    def head_node_id(self) -> str:
        """The instance id of the head node."""
        return self.resource.get_att_string("headNode.instanceId")


class Hpc(Stack):
    """A VPC of one zone, and a cluster whose head node is reached through Session Manager."""

    def __init__(self, scope: Construct, construct_id: str, **options: Any) -> None:
        super().__init__(scope, construct_id, **options)
        network = ec2.Vpc(
            self,
            "Network",
            max_azs=1,
            nat_gateways=1,
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        private = network.private_subnets[0]
        cluster = PclusterCluster(
            self,
            "Cluster",
            # The name that provider.yaml gives its export unless told otherwise.
            service_token=Fn.import_value("pcluster-service-token"),
            cluster_name=f"c-{self.stack_name}",
            configuration=configuration(private.subnet_id, network.vpc_cidr_block),
        )
        # The nodes need their way out from the first to the last second.
        cluster.node.add_dependency(network.internet_connectivity_established, private)
        CfnOutput(self, "ClusterName", value=cluster.name)
        CfnOutput(
            self,
            "SessionManagerCommand",
            value=f"aws ssm start-session --region {self.region} --target {cluster.head_node_id}",
        )


def configuration(subnet_id: str, addresses: str) -> dict[str, Any]:
    """Returns the cluster's configuration.

    Args:
        subnet_id: Where all nodes are; private, with a way to the internet.
        addresses: Who may reach the SSH port; nobody has a key.
    """
    return {
        "Image": {"Os": "alinux2023"},
        "HeadNode": {
            "InstanceType": "m7i.large",
            "Networking": {"SubnetId": subnet_id},
            "Ssh": {"AllowedIps": addresses},
            "Iam": {"AdditionalIamPolicies": [{"Policy": SESSION_MANAGER}]},
        },
        "Scheduling": {
            "Scheduler": "slurm",
            "SlurmQueues": [
                {
                    "Name": "compute",
                    "ComputeResources": [
                        {"Name": "nodes", "InstanceType": "c7i.xlarge", "MinCount": 0, "MaxCount": 8}
                    ],
                    "Networking": {"SubnetIds": [subnet_id]},
                }
            ],
        },
    }


def main() -> None:
    """Writes the cloud assembly where the CDK asks for it, ``cdk.out`` by default."""
    app = App(analytics_reporting=False)
    stack = Hpc(
        app,
        "hpc",
        # With the caller's own credentials, and no bucket or roles made by ``cdk bootstrap``.
        synthesizer=LegacyStackSynthesizer(),
        termination_protection=True,
        description="A network and a ParallelCluster cluster in it",
    )
    Tags.of(stack).add("Project", "hpc")
    app.synth()


if __name__ == "__main__":
    main()
