#!/usr/bin/env python3
"""A network and a cluster in it with the AWS CDK in Python; the provider is there already.

    pip install -r requirements.txt      # docs/how-to/cdk.md; needs Node.js on the PATH
    npx cdk deploy                       # or python app.py, and deploy cdk.out/hpc.template.json yourself

``examples/many-clusters/provider.yaml`` makes the provider, whose export is imported here. The stack needs no
bootstrapped account. A mistake in the cluster is an error of the app, before anything is deployed.
"""

from typing import Any

from aws_cdk import App, Aws, CfnOutput, Fn, LegacyStackSynthesizer, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from pcluster_cfn_cdk import ClusterConfiguration, PclusterCluster

SESSION_MANAGER = f"arn:{Aws.PARTITION}:iam::aws:policy/AmazonSSMManagedInstanceCore"


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
        CfnOutput(self, "ClusterName", value=cluster.ref)
        CfnOutput(
            self,
            "SessionManagerCommand",
            value=f"aws ssm start-session --region {self.region} --target {cluster.head_node_instance_id}",
        )


def configuration(subnet_id: str, addresses: str) -> ClusterConfiguration:
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
