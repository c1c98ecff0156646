"""EC2 network interfaces: deleted with their stack, in the security groups their template names."""

from typing import ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.ec2.models import elastic_network_interfaces as moto_interfaces

from localcloud.resources.model import Place, Resource, Wanted, in_place_of, tags_by_key


@in_place_of(moto_interfaces.NetworkInterface)
class NetworkInterface(Resource, moto_interfaces.NetworkInterface, CloudFormationModel):
    """`AWS::EC2::NetworkInterface`; moto reads a property that does not exist instead of `GroupSet`."""

    cfn_attributes: ClassVar = {
        "Id": "id",
        "PrimaryPrivateIpAddress": "private_ip_address",
        "SecondaryPrivateIpAddresses": "secondary_private_ip_addresses",
        "VpcId": "vpc_id",
    }

    @property
    def secondary_private_ip_addresses(self) -> list[str]:
        """The private addresses but for the primary one."""
        addresses = [address["PrivateIpAddress"] for address in self.private_ip_addresses]
        return [address for address in addresses if address != self.private_ip_address]

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "NetworkInterface":
        """Creates the interface with a free address of its subnet."""
        properties = wanted.properties
        backend = wanted.place.regional(ec2_backends)
        subnet = backend.get_subnet(properties["SubnetId"])
        address = properties.get("PrivateIpAddress")
        if address:
            subnet.request_ip(address, instance=None)
        else:
            address = subnet.get_available_subnet_ip(instance=None)
        interface: NetworkInterface = backend.create_network_interface(
            subnet,
            address,
            group_ids=properties.get("GroupSet", []),
            description=properties.get("Description"),
            tags=tags_by_key(properties.get("Tags")),
        )
        return interface

    def update_resource(self, wanted: Wanted) -> "NetworkInterface":
        """Changes groups, description and tags in place."""
        properties = wanted.properties
        wanted.place.regional(ec2_backends).modify_network_interface_attribute(
            self.id, properties.get("GroupSet", []), description=properties.get("Description")
        )
        self.add_tags(tags_by_key(properties.get("Tags")))
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the interface and frees its addresses."""
        interface = place.regional(ec2_backends).enis.get(physical_id)
        if interface:
            interface.delete()

    def delete(self, account_id: str = "", region_name: str = "") -> None:  # noqa: ARG002
        """Deletes this interface; an instance that ends asks without saying where it is."""
        if self.id in self.ec2_backend.enis:
            super(Resource, self).delete()
