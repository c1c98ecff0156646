"""FSx file systems, their volumes, and the buckets linked to them.

Source: CloudFormation user guide, AWS::FSx types; service authorization reference, Amazon FSx, ARNs.
"""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.core.utils import camelcase_to_underscores
from moto.ec2.models import ec2_backends
from moto.fsx import models as moto_fsx
from moto.fsx.exceptions import FileSystemNotFound
from moto.moto_api._internal import mock_random

from localcloud.resources.model import Place, Resource, Wanted, in_place_of

#: By the argument of moto's backend.
_CONFIGURATIONS = {
    camelcase_to_underscores(key): key
    for key in ("WindowsConfiguration", "LustreConfiguration", "OntapConfiguration", "OpenZFSConfiguration")
}
#: Length of the mount name that FSx chooses. Source: FSx for Lustre user guide, "Mounting your file system".
_MOUNT_NAME_LENGTH = 8
#: Source: FSx API reference, CreateFileSystem.
_ID_LENGTH = 17


@in_place_of(moto_fsx.FileSystem)
class FileSystem(Resource, moto_fsx.FileSystem, CloudFormationModel):
    """`AWS::FSx::FileSystem`, of which moto has the API only."""

    cfn_type = "AWS::FSx::FileSystem"
    cfn_attributes: ClassVar = {
        "DNSName": "dns_name",
        "LustreMountName": "lustre_mount_name",
        "ResourceARN": "resource_arn",
        "RootVolumeId": "root_volume_id",
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
    def root_volume_id(self) -> str:
        """The volume that an OpenZFS file system comes with.

        Raises:
            KeyError: the file system is of another type.
        """
        return str((self.open_zfs_configuration or {})["RootVolumeId"])

    @property
    def lustre_mount_name(self) -> str:
        """The name clients mount a Lustre file system by."""
        return str((self.lustre_configuration or {})["MountName"])

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "FileSystem":
        """Creates the file system; a Lustre one gets a mount name, an OpenZFS one a root volume."""
        properties = wanted.properties
        configurations: dict[str, Any] = {name: properties.get(key) for name, key in _CONFIGURATIONS.items()}
        for argument, key, made_up in (
            ("lustre_configuration", "MountName", mock_random.get_random_hex(_MOUNT_NAME_LENGTH)),
            ("open_zfs_configuration", "RootVolumeId", f"fsvol-{mock_random.get_random_hex(_ID_LENGTH)}"),
        ):
            if configurations[argument]:
                configurations[argument] = {**configurations[argument], key: made_up}
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
        if configurations["open_zfs_configuration"]:
            _file_system_ids[file_system.root_volume_id] = file_system.physical_resource_id
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


#: The file system that each part of one belongs to, by the part's id.
_file_system_ids: dict[str, str] = {}


class _Part(Resource):
    """A part of a file system; it exists for its stack only: no API shows it, and nothing acts on it."""

    #: The type's name in ARNs, and what its ids begin with.
    arn_kind: ClassVar[str]
    prefix: ClassVar[str]

    def __init__(self, place: Place, file_system_id: str) -> None:
        self.physical_resource_id = f"{self.prefix}-{mock_random.get_random_hex(_ID_LENGTH)}"
        self.arn = (
            f"arn:{place.partition}:fsx:{place.region_name}:{place.account_id}"
            f":{self.arn_kind}/{file_system_id}/{self.physical_resource_id}"
        )
        self.uuid = str(mock_random.uuid4())
        _file_system_ids[self.physical_resource_id] = file_system_id

    @classmethod
    def create_resource(cls, wanted: Wanted) -> Any:
        """Makes the part of a file system, which its properties name directly or by another part."""
        properties = wanted.properties
        whole: Any = (
            properties.get("FileSystemId")
            or properties.get("OntapConfiguration", {}).get("StorageVirtualMachineId")
            or properties.get("OpenZFSConfiguration", {}).get("ParentVolumeId")
        )
        file_system_id = _file_system_ids.get(whole, whole)
        if file_system_id not in wanted.place.regional(moto_fsx.fsx_backends).file_systems:
            raise FileSystemNotFound(whole)
        return cls(wanted.place, file_system_id)

    def update_resource(self, wanted: Wanted) -> Any:  # noqa: ARG002
        """Takes the new configuration, which nothing here acts on."""
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:  # noqa: ARG003 - ids are unique
        """Deletes the part, which leaves nothing."""
        _file_system_ids.pop(physical_id, None)


class DataRepositoryAssociation(_Part, CloudFormationModel):
    """`AWS::FSx::DataRepositoryAssociation`."""

    cfn_type = "AWS::FSx::DataRepositoryAssociation"
    arn_kind, prefix = "association", "dra"
    cfn_attributes: ClassVar = {"AssociationId": "physical_resource_id", "ResourceARN": "arn"}


class StorageVirtualMachine(_Part, CloudFormationModel):
    """`AWS::FSx::StorageVirtualMachine`."""

    cfn_type = "AWS::FSx::StorageVirtualMachine"
    arn_kind, prefix = "storage-virtual-machine", "svm"
    cfn_attributes: ClassVar = {
        "ResourceARN": "arn",
        "StorageVirtualMachineId": "physical_resource_id",
        "UUID": "uuid",
    }


class Volume(_Part, CloudFormationModel):
    """`AWS::FSx::Volume`."""

    cfn_type = "AWS::FSx::Volume"
    arn_kind, prefix = "volume", "fsvol"
    cfn_attributes: ClassVar = {"ResourceARN": "arn", "UUID": "uuid", "VolumeId": "physical_resource_id"}


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
