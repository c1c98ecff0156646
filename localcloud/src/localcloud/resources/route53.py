"""Route 53 hosted zones."""

from typing import ClassVar

from moto.core.common_models import CloudFormationModel
from moto.route53 import models as moto_route53

from localcloud.resources.model import Resource, Stored, Wanted, in_place_of


@in_place_of(moto_route53.FakeZone)
class HostedZone(Resource, moto_route53.FakeZone, CloudFormationModel):
    """`AWS::Route53::HostedZone`; moto makes a public one and never deletes it."""

    stored: ClassVar = Stored(moto_route53.route53_backends, "zones", "delete_hosted_zone")
    cfn_attributes: ClassVar = {"Id": "resource_id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "HostedZone":
        """Creates the zone, a private one where the template names VPCs."""
        properties = wanted.properties
        networks = properties.get("VPCs", [])
        backend = wanted.place.partition_wide(moto_route53.route53_backends)
        zone: HostedZone = backend.create_hosted_zone(
            properties.get("Name", wanted.name),
            private_zone=bool(networks),
            comment=properties.get("HostedZoneConfig", {}).get("Comment"),
            vpcid=networks[0]["VPCId"] if networks else None,
            vpcregion=networks[0]["VPCRegion"] if networks else None,
        )
        for network in networks[1:]:
            zone.add_vpc(network["VPCId"], network["VPCRegion"])
        return zone

    def update_resource(self, wanted: Wanted) -> "HostedZone":
        """Changes the comment and the VPCs in place."""
        properties = wanted.properties
        self.comment = properties.get("HostedZoneConfig", {}).get("Comment")
        self.vpcs = []
        for network in properties.get("VPCs", []):
            self.add_vpc(network["VPCId"], network["VPCRegion"])
        return self
