"""Elastic IP addresses and their association with a network interface."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models import elastic_ip_addresses as moto_addresses
from moto.ec2.utils import random_public_ip

from localcloud.resources.model import Identified, Place, Resource, Wanted, in_place_of, tags_by_key


@in_place_of(moto_addresses.ElasticAddress)
class ElasticAddress(Resource, moto_addresses.ElasticAddress, CloudFormationModel):
    """`AWS::EC2::EIP`; moto neither tags nor releases it."""

    cfn_attributes: ClassVar = {"AllocationId": "allocation_id", "PublicIp": "public_ip"}

    def __init__(self, ec2_backend: Any, domain: str, address: str | None = None, **kwargs: Any) -> None:
        # moto's own choice is an address of this machine's loopback network.
        super().__init__(ec2_backend, domain, address or random_public_ip(), **kwargs)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "ElasticAddress":
        """Allocates the address, and associates it where an instance is named."""
        properties = wanted.properties
        backend = wanted.place.regional(ec2_backends)
        address: ElasticAddress = backend.allocate_address("vpc", tags=tags_by_key(properties.get("Tags")))
        if properties.get("InstanceId"):
            instance = backend.get_instance(properties["InstanceId"])
            backend.associate_address(instance=instance, allocation_id=address.allocation_id)
        return address

    def update_resource(self, wanted: Wanted) -> "ElasticAddress":
        """Changes the tags in place."""
        self.add_tags(tags_by_key(wanted.properties.get("Tags")))
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Releases the address."""
        backend = place.regional(ec2_backends)
        if backend.address_by_ip([physical_id], fail_if_not_found=False):
            backend.release_address(address=physical_id)


class ElasticAddressAssociation(Identified, CloudFormationModel):
    """`AWS::EC2::EIPAssociation`."""

    cfn_type = "AWS::EC2::EIPAssociation"
    cfn_attributes: ClassVar = {"Id": "physical_resource_id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "ElasticAddressAssociation":
        """Associates the address with the interface, or with the instance's primary one."""
        properties = wanted.properties
        backend = wanted.place.regional(ec2_backends)
        address = backend.associate_address(
            instance=_instance(backend, properties),
            eni=_interface(backend, properties),
            address=properties.get("EIP"),
            allocation_id=properties.get("AllocationId"),
            reassociate=True,
        )
        return cls(str(address.association_id))

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Ends the association."""
        backend = place.regional(ec2_backends)
        if any(address.association_id == physical_id for address in backend.addresses):
            backend.disassociate_address(association_id=physical_id)


def _interface(backend: EC2Backend, properties: dict[str, Any]) -> Any:
    interface_id = properties.get("NetworkInterfaceId")
    return backend.get_network_interface(interface_id) if interface_id else None


def _instance(backend: EC2Backend, properties: dict[str, Any]) -> Any:
    instance_id = properties.get("InstanceId")
    if instance_id:
        return backend.get_instance(instance_id)
    interface = _interface(backend, properties)
    return interface.instance if interface else None
