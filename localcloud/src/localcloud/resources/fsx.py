"""FSx file systems and the buckets linked to them."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.fsx import models as moto_fsx
from moto.fsx.exceptions import FileSystemNotFound
from moto.moto_api._internal import mock_random

from localcloud.resources.model import Place, Resource, Wanted, in_place_of

#: CloudFormation's property and the argument of moto's backend, where they are not the same word.
_CONFIGURATIONS = {
    "windows_configuration": "WindowsConfiguration",
    "lustre_configuration": "LustreConfiguration",
    "ontap_configuration": "OntapConfiguration",
    "open_zfs_configuration": "OpenZFSConfiguration",
}
#: Length of the mount name that FSx chooses. Source: FSx for Lustre user guide, "Mounting your file system".
_MOUNT_NAME_LENGTH = 8
#: Source: FSx API reference, CreateFileSystem.
_ID_LENGTH = 17


@in_place_of(moto_fsx.FileSystem)
class FileSystem(Resource, moto_fsx.FileSystem, CloudFormationModel):
    """`AWS::FSx::FileSystem`, of which moto has the API only."""

    cfn_type: ClassVar = "AWS::FSx::FileSystem"
    cfn_attributes: ClassVar = {
        "DNSName": "dns_name",
        "LustreMountName": "lustre_mount_name",
        "ResourceARN": "resource_arn",
    }

    def __init__(
        self,
        account_id: str,
        region_name: str,
        subnet_ids: list[str],
        security_group_ids: list[str],
        **rest: Any,
    ) -> None:
        super().__init__(
            account_id=account_id,
            region_name=region_name,
            subnet_ids=subnet_ids,
            security_group_ids=security_group_ids,
            **rest,
        )
        # moto's own ids are shorter, and the library's schema does not take them.
        made_up, self.file_system_id = self.file_system_id, f"fs-{mock_random.get_random_hex(_ID_LENGTH)}"
        self.dns_name = self.dns_name.replace(made_up, self.file_system_id)
        self.resource_arn = self.resource_arn.replace(made_up, self.file_system_id)
        self._ec2: Any = ec2_backends[account_id][region_name]
        subnets: list[Any] = [self._ec2.get_subnet(subnet_id) for subnet_id in subnet_ids]
        self.vpc_id = subnets[0].vpc_id
        self.network_interface_ids = [
            self._ec2.create_network_interface(
                subnet,
                subnet.get_available_subnet_ip(instance=None),
                group_ids=security_group_ids,
                description=f"Amazon FSx {self.file_system_id}",
            ).id
            for subnet in subnets
        ]

    def to_dict(self) -> dict[str, Any]:
        """Describes the file system with its network interfaces, by which validators judge its ports."""
        described: dict[str, Any] = super().to_dict()
        return described | {
            "Lifecycle": "AVAILABLE",
            "NetworkInterfaceIds": self.network_interface_ids,
            "VpcId": self.vpc_id,
        }

    def release(self) -> None:
        """Deletes the network interfaces."""
        for interface_id in self.network_interface_ids:
            self._ec2.enis[interface_id].delete()

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The file system's id."""
        return str(self.file_system_id)

    @property
    def lustre_mount_name(self) -> str:
        """The name clients mount a Lustre file system by."""
        return str((self.lustre_configuration or {})["MountName"])

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "FileSystem":
        """Creates the file system; a Lustre one gets a mount name."""
        properties = wanted.properties
        configurations = {argument: properties.get(key) for argument, key in _CONFIGURATIONS.items()}
        if configurations["lustre_configuration"]:
            mount_name = mock_random.get_random_hex(_MOUNT_NAME_LENGTH)
            configurations["lustre_configuration"] = {
                **configurations["lustre_configuration"],
                "MountName": mount_name,
            }
        file_system: FileSystem = wanted.place.regional(moto_fsx.fsx_backends).create_file_system(
            client_request_token="",
            file_system_type=properties["FileSystemType"],
            storage_capacity=int(properties.get("StorageCapacity", 0)),
            storage_type=properties.get("StorageType", "SSD"),
            subnet_ids=properties["SubnetIds"],
            security_group_ids=properties.get("SecurityGroupIds", []),
            tags=properties.get("Tags"),
            kms_key_id=properties.get("KmsKeyId"),
            file_system_type_version=properties.get("FileSystemTypeVersion"),
            **configurations,
        )
        return file_system

    def update_resource(self, wanted: Wanted) -> "FileSystem":
        """Changes capacity and configuration in place."""
        properties = wanted.properties
        self.storage_capacity = int(properties.get("StorageCapacity", 0))
        for argument, key in _CONFIGURATIONS.items():
            if properties.get(key):
                before = getattr(self, argument) or {}
                setattr(self, argument, {**before, **properties[key]})
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the file system with its network interfaces."""
        file_system = place.regional(moto_fsx.fsx_backends).file_systems.pop(physical_id, None)
        if file_system:
            file_system.release()


class DataRepositoryAssociation(Resource, CloudFormationModel):
    """`AWS::FSx::DataRepositoryAssociation`; it exists for its stack only, no API shows it."""

    cfn_type: ClassVar = "AWS::FSx::DataRepositoryAssociation"
    cfn_attributes: ClassVar = {"AssociationId": "physical_resource_id", "ResourceARN": "arn"}

    def __init__(self, place: Place) -> None:
        self.physical_resource_id = f"dra-{mock_random.get_random_hex(17)}"
        self.arn = (
            f"arn:{place.partition}:fsx:{place.region_name}:{place.account_id}"
            f":association/{self.physical_resource_id}"
        )

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "DataRepositoryAssociation":
        """Links a bucket to a file system that exists."""
        file_system_id = wanted.properties["FileSystemId"]
        if file_system_id not in wanted.place.regional(moto_fsx.fsx_backends).file_systems:
            raise FileSystemNotFound(file_system_id)
        return cls(wanted.place)

    def update_resource(self, wanted: Wanted) -> "DataRepositoryAssociation":  # noqa: ARG002
        """Takes the new policies, which nothing here acts on."""
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Ends the link, which leaves nothing."""


_delete_without_interfaces = moto_fsx.FSxBackend.delete_file_system


def _delete_file_system(backend: moto_fsx.FSxBackend, file_system_id: str, *rest: Any, **named: Any) -> Any:
    file_system: Any = backend.file_systems.get(file_system_id)
    answer = _delete_without_interfaces(backend, file_system_id, *rest, **named)
    file_system.release()
    return answer


def complete_delete_file_system() -> None:
    """Makes the API call, too, take the network interfaces along."""
    backend: Any = moto_fsx.FSxBackend
    backend.delete_file_system = _delete_file_system
