"""The construct: a cluster that the provider makes."""

from typing import Final, Unpack

from aws_cdk import Aspects, CustomResource, Duration
from constructs import Construct

from pcluster_cfn_cdk.configuration import ClusterConfiguration
from pcluster_cfn_cdk.resource import ClusterAttributes, ClusterProperties
from pcluster_cfn_cdk.validation import KIND, ClusterValidation

#: How long CloudFormation waits at most. Source: user guide, "AWS::CloudFormation::CustomResource".
_TIMEOUT_MAX: Final = 3600


class PclusterCluster(ClusterAttributes, Construct):
    """A cluster, made by the provider that a service token names, and validated when the app is synthesised.

    Mistakes become errors of the construct: ``cdk synth`` and ``cdk deploy`` print them and fail. Attributes
    such as ``head_node_public_ip_address`` are tokens, which other constructs may use.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        service_token: Output ``ServiceToken`` of the provider's stack.
        cluster_name: 2 to 60 letters, digits and hyphens, the first a letter; None for a generated name.
        configuration: As in ParallelCluster's own files; tokens of other constructs may be anywhere in it.
        timeout: How long CloudFormation waits for the cluster; an hour unless given, which is the most.
        properties: Further properties of the resource, such as ``deletion_policy``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service_token: str,
        cluster_name: str | None = None,
        configuration: ClusterConfiguration,
        timeout: Duration | None = None,
        **properties: Unpack[ClusterProperties],
    ) -> None:
        super().__init__(scope, construct_id)
        further = {_camel_case(name): value for name, value in properties.items()}
        timeout = timeout or Duration.seconds(_TIMEOUT_MAX)
        name = {} if cluster_name is None else {"ClusterName": cluster_name}
        named = {**name, "ClusterConfiguration": configuration, **further}
        self.resource = CustomResource(
            self,
            "Resource",
            resource_type=KIND,
            service_token=service_token,
            service_timeout=timeout,
            properties=named,
        )
        whole = {"ServiceToken": service_token, "ServiceTimeout": timeout.to_seconds(), **named}
        Aspects.of(self.resource).add(ClusterValidation(whole))

    @property
    def ref(self) -> str:
        """A token for the cluster's name, known once the cluster exists."""
        return self.resource.ref

    def attribute(self, name: str) -> str:
        """Returns a token for an attribute, such as ``loginNodes.1.address``."""
        return self.resource.get_att_string(name)


def _camel_case(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
