"""Elastic Load Balancing for the login nodes: network load balancers, TCP listeners, target groups."""

import re
from dataclasses import replace
from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.elbv2 import models as moto_elbv2

from localcloud.resources.model import Place, Resource, Stored, Wanted, in_place_of

_HYPHENS = re.compile("-{2,}")


def _attributes(properties: dict[str, Any], key: str) -> dict[str, Any]:
    return {attribute["Key"]: attribute["Value"] for attribute in properties.get(key, [])}


@in_place_of(moto_elbv2.FakeLoadBalancer)
class LoadBalancer(Resource, moto_elbv2.FakeLoadBalancer, CloudFormationModel):
    """`AWS::ElasticLoadBalancingV2::LoadBalancer`; moto makes application load balancers only."""

    stored: ClassVar = Stored(moto_elbv2.elbv2_backends, "load_balancers", "delete_load_balancer")
    cfn_attributes: ClassVar = {
        "CanonicalHostedZoneID": "canonical_hosted_zone_id",
        "DNSName": "dns_name",
        "LoadBalancerArn": "arn",
        "LoadBalancerFullName": "full_name",
        "LoadBalancerName": "name",
        "SecurityGroups": "security_groups",
    }

    @property
    def full_name(self) -> str:
        """The part of the ARN that CloudWatch names the load balancer by."""
        return str(self.arn.split(":loadbalancer/")[1])

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "LoadBalancer":
        """Creates a load balancer of the template's type."""
        properties = wanted.properties
        balancer: LoadBalancer = wanted.place.regional(moto_elbv2.elbv2_backends).create_load_balancer(
            wanted.name,
            properties.get("SecurityGroups", []),
            properties.get("Subnets", []),
            subnet_mappings=properties.get("SubnetMappings"),
            scheme=properties.get("Scheme", "internet-facing"),
            loadbalancer_type=properties.get("Type", "application"),
            tags=properties.get("Tags"),
        )
        balancer.attrs.update(_attributes(properties, "LoadBalancerAttributes"))
        return balancer

    def update_resource(self, wanted: Wanted) -> "LoadBalancer":
        """Changes security groups, attributes and tags in place."""
        properties = wanted.properties
        self.security_groups = properties.get("SecurityGroups", [])
        self.attrs.update(_attributes(properties, "LoadBalancerAttributes"))
        backend = wanted.place.regional(moto_elbv2.elbv2_backends)
        backend.tagging_service.tag_resource(self.arn, properties.get("Tags", []))
        return self


@in_place_of(moto_elbv2.FakeTargetGroup)
class TargetGroup(Resource, moto_elbv2.FakeTargetGroup, CloudFormationModel):
    """`AWS::ElasticLoadBalancingV2::TargetGroup`; moto's is neither tagged nor deleted."""

    stored: ClassVar = Stored(moto_elbv2.elbv2_backends, "target_groups", "delete_target_group")
    cfn_attributes: ClassVar = {
        "TargetGroupArn": "arn",
        "TargetGroupFullName": "full_name",
        "TargetGroupName": "name",
    }

    @property
    def full_name(self) -> str:
        """The part of the ARN that CloudWatch names the group by."""
        return str(self.arn.rsplit(":", maxsplit=1)[1])

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "TargetGroup":
        """Creates the group with its tags and attributes.

        moto refuses a name with two hyphens in a row; AWS does so in the console only. ParallelCluster names
        the group of login nodes like this if the cluster's name has a hyphen in the seventh place.
        Source: aws/aws-sdk-js, issue 3300; pcluster/templates/cdk_builder_utils.py.
        """
        accepted = replace(wanted, name=_HYPHENS.sub("-", wanted.name))
        group: TargetGroup = super().create_resource(accepted)
        if accepted.name != wanted.name:
            group._rename(wanted.name)
        group._put(wanted.properties)
        return group

    def _rename(self, name: str) -> None:
        groups = moto_elbv2.elbv2_backends[self.account_id][self.region_name].target_groups
        del groups[self.arn]
        self.arn = self.arn.replace(f"/{self.name}/", f"/{name}/")
        self.name = name
        groups[self.arn] = self

    def update_resource(self, wanted: Wanted) -> "TargetGroup":
        """Changes attributes and tags in place."""
        self._put(wanted.properties)
        return self

    def _put(self, properties: dict[str, Any]) -> None:
        self.attributes.update(_attributes(properties, "TargetGroupAttributes"))
        backend = moto_elbv2.elbv2_backends[self.account_id][self.region_name]
        backend.tagging_service.tag_resource(self.arn, properties.get("Tags", []))


@in_place_of(moto_elbv2.FakeListener)
class Listener(Resource, moto_elbv2.FakeListener, CloudFormationModel):
    """`AWS::ElasticLoadBalancingV2::Listener`; moto's is not deleted."""

    cfn_attributes: ClassVar = {"ListenerArn": "arn"}

    def update_resource(self, wanted: Wanted) -> "Listener":
        """Changes port, protocol and actions in place."""
        super(Resource, self).update_from_cloudformation_json(
            self, wanted.name, wanted.as_json, *wanted.place
        )
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the listener, unless it went with its load balancer."""
        balancers = place.regional(moto_elbv2.elbv2_backends).load_balancers.values()
        for balancer in balancers:
            balancer.listeners.pop(physical_id, None)
