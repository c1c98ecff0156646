"""An app as the CDK's own guide writes one: the default synthesis, with assets, in a bootstrapped Region."""

from pathlib import Path

from aws_cdk import App, CfnOutput, CustomResource, NestedStack, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_efs as efs
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns

app = App()
stack = Stack(app, "default-synthesis")

network = ec2.Vpc(stack, "Network", max_azs=2, nat_gateways=1)
network.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
network.add_interface_endpoint("Logs", service=ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS)
home = efs.FileSystem(stack, "Home", vpc=network, removal_policy=RemovalPolicy.DESTROY)
home.add_access_point("Data", path="/data")
key = ec2.KeyPair(stack, "Key", type=ec2.KeyPairType.ED25519)

function = lambda_.Function(
    stack,
    "Function",
    runtime=lambda_.Runtime.PYTHON_3_12,
    handler="answering.handler",
    code=lambda_.Code.from_asset(str(Path(__file__).with_name("default_synthesis_function"))),
    log_group=logs.LogGroup(stack, "Log", removal_policy=RemovalPolicy.DESTROY),
)
answer = CustomResource(stack, "Answer", service_token=function.function_arn)
sns.Topic(NestedStack(stack, "Nested"), "Topic")

CfnOutput(stack, "Answered", value=answer.get_att_string("Answer"))
CfnOutput(stack, "PrivateKey", value=key.private_key.parameter_name)
app.synth()
