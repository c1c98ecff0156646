"""Route tables, their routes and subnets, and endpoints that routes lead to."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.ec2.models import route_tables as moto_route_tables
from moto.ec2.models import vpcs as moto_vpcs

from localcloud.resources.model import Identified, Place, Resource, Stored, Wanted, in_place_of, tags_by_key

#: Properties that say where a route leads, and the arguments of moto's backend.
_TARGETS = {
    "GatewayId": "gateway_id",
    "NatGatewayId": "nat_gateway_id",
    "NetworkInterfaceId": "interface_id",
    "TransitGatewayId": "transit_gateway_id",
    "VpcPeeringConnectionId": "vpc_peering_connection_id",
}


@in_place_of(moto_route_tables.RouteTable)
class RouteTable(Resource, moto_route_tables.RouteTable, CloudFormationModel):
    """`AWS::EC2::RouteTable`; moto neither tags nor deletes it."""

    stored: ClassVar = Stored(ec2_backends, "route_tables", "delete_route_table")
    cfn_attributes: ClassVar = {"RouteTableId": "id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "RouteTable":
        """Creates the table, with the route inside the VPC."""
        table: RouteTable = wanted.place.regional(ec2_backends).create_route_table(wanted.properties["VpcId"])
        return table.update_resource(wanted)

    def update_resource(self, wanted: Wanted) -> "RouteTable":
        """Changes the tags in place."""
        self.add_tags(tags_by_key(wanted.properties.get("Tags")))
        return self


class Route(Resource, CloudFormationModel):
    """`AWS::EC2::Route` to an IPv4 range; moto never deletes it."""

    cfn_type = "AWS::EC2::Route"
    cfn_attributes: ClassVar = {"CidrBlock": "cidr_block"}

    def __init__(self, route_table_id: str, cidr_block: str) -> None:
        self.route_table_id = route_table_id
        self.cidr_block = cidr_block

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """Table and destination, as CloudFormation names a route."""
        return f"{self.route_table_id}|{self.cidr_block}"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Route":
        """Adds the route to its table."""
        properties = wanted.properties
        targets: dict[str, Any] = {argument: properties.get(key) for key, argument in _TARGETS.items()}
        wanted.place.regional(ec2_backends).create_route(
            properties["RouteTableId"], properties["DestinationCidrBlock"], **targets
        )
        return cls(properties["RouteTableId"], properties["DestinationCidrBlock"])

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Takes the route out of its table."""
        table_id, _, cidr_block = physical_id.partition("|")
        backend = place.regional(ec2_backends)
        table = backend.route_tables.get(table_id)
        if table and any(route.destination_cidr_block == cidr_block for route in table.routes):
            backend.delete_route(table_id, cidr_block)


class RouteTableAssociation(Identified, CloudFormationModel):
    """`AWS::EC2::SubnetRouteTableAssociation`; moto does not add it to the table."""

    cfn_type = "AWS::EC2::SubnetRouteTableAssociation"
    cfn_attributes: ClassVar = {"Id": "physical_resource_id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "RouteTableAssociation":
        """Makes the table the subnet's."""
        properties = wanted.properties
        backend = wanted.place.regional(ec2_backends)
        return cls(
            backend.associate_route_table(properties["RouteTableId"], subnet_id=properties["SubnetId"])
        )

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Gives the subnet back to the main table."""
        backend = place.regional(ec2_backends)
        if any(physical_id in table.all_associations_ids for table in backend.route_tables.values()):
            backend.disassociate_route_table(physical_id)


@in_place_of(moto_vpcs.VPCEndPoint)
class VpcEndpoint(Resource, moto_vpcs.VPCEndPoint, CloudFormationModel):
    """`AWS::EC2::VPCEndpoint`; moto never deletes it."""

    cfn_attributes: ClassVar = {
        "CreationTimestamp": "creation_text",
        "Id": "id",
        "NetworkInterfaceIds": "network_interface_ids",
    }

    @property
    def creation_text(self) -> str:
        """When it was created. Source: template reference, AWS::EC2::VPCEndpoint, return values."""
        return f"{self.creation_timestamp:%a %b %d %H:%M:%S UTC %Y}"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "VpcEndpoint":
        """Creates the endpoint: a gateway that route tables lead to, or interfaces in subnets."""
        properties = wanted.properties
        endpoint: VpcEndpoint = wanted.place.regional(ec2_backends).create_vpc_endpoint(
            vpc_id=properties["VpcId"],
            service_name=properties["ServiceName"],
            endpoint_type=properties.get("VpcEndpointType", "Gateway"),
            policy_document=properties.get("PolicyDocument"),
            route_table_ids=properties.get("RouteTableIds", []),
            subnet_ids=properties.get("SubnetIds"),
            security_group_ids=properties.get("SecurityGroupIds"),
            private_dns_enabled=properties.get("PrivateDnsEnabled"),
            tags=tags_by_key(properties.get("Tags")),
        )
        return endpoint

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the endpoint with its routes or interfaces."""
        backend = place.regional(ec2_backends)
        endpoint = backend.vpc_end_points.get(physical_id)
        if endpoint is None:
            return
        for table in backend.route_tables.values():
            for route in [one for one in table.routes if one.gateway is endpoint]:
                table._routes.pop(route.id)  # noqa: SLF001 - moto looks for it by the wrong id
        for interface_id in endpoint.network_interface_ids or []:
            backend.delete_network_interface(interface_id)
        backend.vpc_end_points.pop(physical_id)
