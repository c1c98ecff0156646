"""VPCs, subnets, and the gateways they have."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.exceptions import DependencyViolationError, InvalidAvailabilityZoneError
from moto.ec2.models import ec2_backends
from moto.ec2.models import internet_gateways as moto_internet_gateways
from moto.ec2.models import nat_gateways as moto_nat_gateways
from moto.ec2.models import subnets as moto_subnets
from moto.ec2.models import vpcs as moto_vpcs

from localcloud.resources.model import Place, Resource, Stored, Wanted, in_place_of, tags_by_key


@in_place_of(moto_vpcs.VPC)
class Vpc(Resource, moto_vpcs.VPC, CloudFormationModel):
    """`AWS::EC2::VPC`; moto reads nothing about DNS and replaces the VPC in an update."""

    cfn_attributes: ClassVar = {
        "CidrBlock": "cidr_block",
        "DefaultNetworkAcl": "default_network_acl",
        "DefaultSecurityGroup": "default_security_group",
        "VpcId": "id",
    }

    @property
    def default_network_acl(self) -> str:
        """The id of the access control list that comes with the VPC."""
        acls = self.ec2_backend.network_acls.values()
        return next(str(acl.id) for acl in acls if acl.vpc_id == self.id and acl.default)

    @property
    def default_security_group(self) -> str:
        """The id of the group that comes with the VPC."""
        return str(self.ec2_backend.get_security_group_from_name("default", vpc_id=self.id).id)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Vpc":
        """Creates the VPC with its main route table and default security group."""
        properties = wanted.properties
        vpc: Vpc = wanted.place.regional(ec2_backends).create_vpc(
            properties["CidrBlock"], properties.get("InstanceTenancy", "default")
        )
        return vpc.update_resource(wanted)

    def update_resource(self, wanted: Wanted) -> "Vpc":
        """Changes DNS settings and tags in place; with another range it is another VPC."""
        properties = wanted.properties
        if properties["CidrBlock"] != self.cidr_block:
            another: Vpc = super().update_resource(wanted)
            return another
        # Source: CloudFormation, AWS::EC2::VPC: support is on by default, host names are not.
        self.enable_dns_support = _flag(properties.get("EnableDnsSupport", True))
        self.enable_dns_hostnames = _flag(properties.get("EnableDnsHostnames", False))
        self.add_tags(tags_by_key(properties.get("Tags")))
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the VPC with its main route table, its default group and its access control list.

        Raises:
            DependencyViolationError: it still has subnets, route tables or security groups of its own.
        """
        backend = place.regional(ec2_backends)
        if physical_id not in backend.vpcs:
            return
        groups = backend.groups.get(physical_id, {})
        own = [group for group in groups.values() if group.name != "default"]
        if own or any(_attached(gateway, physical_id) for gateway in backend.internet_gateways.values()):
            raise DependencyViolationError(f"The vpc '{physical_id}' has dependencies and cannot be deleted.")
        for group in list(groups.values()):
            backend.delete_security_group(group_id=group.id)
        for lists in [one for one in backend.network_acls.values() if one.vpc_id == physical_id]:
            backend.network_acls.pop(lists.id)
        backend.delete_vpc(physical_id)


@in_place_of(moto_subnets.Subnet)
class Subnet(Resource, moto_subnets.Subnet, CloudFormationModel):
    """`AWS::EC2::Subnet`; moto maps no public addresses and has no attributes."""

    cfn_attributes: ClassVar = {
        "AvailabilityZone": "availability_zone",
        "AvailabilityZoneId": "availability_zone_id",
        "CidrBlock": "cidr_block",
        "SubnetId": "id",
        "VpcId": "vpc_id",
    }

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Subnet":
        """Creates the subnet in the zone of the template's name or id, or else in the Region's first."""
        properties = wanted.properties
        backend = wanted.place.regional(ec2_backends)
        zone = _zone_name(backend, properties.get("AvailabilityZone"), properties.get("AvailabilityZoneId"))
        subnet: Subnet = backend.create_subnet(
            properties["VpcId"], properties["CidrBlock"], availability_zone=zone
        )
        return subnet.update_resource(wanted)

    def update_resource(self, wanted: Wanted) -> "Subnet":
        """Changes public addresses and tags in place."""
        properties = wanted.properties
        self.map_public_ip_on_launch = _flag(properties.get("MapPublicIpOnLaunch", False))
        self.add_tags(tags_by_key(properties.get("Tags")))
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the subnet.

        Raises:
            DependencyViolationError: a network interface is still in it.
        """
        backend = place.regional(ec2_backends)
        if any(interface.subnet.id == physical_id for interface in backend.enis.values()):
            raise DependencyViolationError(
                f"The subnet '{physical_id}' has dependencies and cannot be deleted."
            )
        if any(physical_id in zone for zone in backend.subnets.values()):
            backend.delete_subnet(physical_id)


@in_place_of(moto_internet_gateways.InternetGateway)
class InternetGateway(Resource, moto_internet_gateways.InternetGateway, CloudFormationModel):
    """`AWS::EC2::InternetGateway`; moto never deletes it."""

    stored: ClassVar = Stored(ec2_backends, "internet_gateways", "delete_internet_gateway")
    cfn_attributes: ClassVar = {"InternetGatewayId": "id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "InternetGateway":
        """Creates the gateway, attached to nothing."""
        gateway: InternetGateway = wanted.place.regional(ec2_backends).create_internet_gateway()
        return gateway.update_resource(wanted)

    def update_resource(self, wanted: Wanted) -> "InternetGateway":
        """Changes the tags in place."""
        self.add_tags(tags_by_key(wanted.properties.get("Tags")))
        return self


class GatewayAttachment(Resource, CloudFormationModel):
    """`AWS::EC2::VPCGatewayAttachment` of an internet gateway; moto never detaches it."""

    cfn_type = "AWS::EC2::VPCGatewayAttachment"
    cfn_attributes: ClassVar = {"AttachmentType": "attachment_type", "VpcId": "vpc_id"}

    attachment_type = "IGW"

    def __init__(self, vpc_id: str, gateway_id: str) -> None:
        self.vpc_id = vpc_id
        self.gateway_id = gateway_id

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """What CloudFormation shows of an attachment."""
        return f"{self.attachment_type}|{self.vpc_id}"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "GatewayAttachment":
        """Attaches the gateway to the VPC."""
        vpc_id, gateway_id = wanted.properties["VpcId"], wanted.properties["InternetGatewayId"]
        wanted.place.regional(ec2_backends).attach_internet_gateway(gateway_id, vpc_id)
        return cls(vpc_id, gateway_id)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Detaches whatever internet gateway the VPC has."""
        vpc_id = physical_id.partition("|")[2]
        backend = place.regional(ec2_backends)
        for gateway in backend.internet_gateways.values():
            if _attached(gateway, vpc_id):
                backend.detach_internet_gateway(gateway.id, vpc_id)


@in_place_of(moto_nat_gateways.NatGateway)
class NatGateway(Resource, moto_nat_gateways.NatGateway, CloudFormationModel):
    """`AWS::EC2::NatGateway`; moto never deletes it, nor the interface it makes."""

    cfn_attributes: ClassVar = {"NatGatewayId": "id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "NatGateway":
        """Creates the gateway with a network interface that has the Elastic IP address."""
        properties = wanted.properties
        gateway: NatGateway = wanted.place.regional(ec2_backends).create_nat_gateway(
            properties["SubnetId"],
            properties.get("AllocationId"),
            tags_by_key(properties.get("Tags")),
            properties.get("ConnectivityType", "public"),
        )
        return gateway

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the gateway and its interface; the address goes back to who allocated it."""
        backend = place.regional(ec2_backends)
        gateway = backend.nat_gateways.get(physical_id)
        if gateway is None or gateway.state == "deleted":
            return
        for address in gateway.address_set:
            if address.get("associationId"):
                backend.disassociate_address(association_id=address["associationId"])
            backend.delete_network_interface(address["networkInterfaceId"])
        backend.delete_nat_gateway(physical_id)


def _attached(gateway: Any, vpc_id: str) -> bool:
    return gateway.vpc is not None and gateway.vpc.id == vpc_id


def _zone_name(backend: Any, name: str | None, zone_id: str | None) -> str:
    zones = sorted(backend.describe_availability_zones(), key=lambda zone: str(zone.name))
    if not name and not zone_id:
        return str(zones[0].name)
    for zone in zones:
        if zone.name == name or (not name and zone.zone_id == zone_id):
            return str(zone.name)
    raise InvalidAvailabilityZoneError(name or zone_id, ", ".join(zone.name for zone in zones))


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"
