"""FSx file systems and the buckets linked to them."""

from typing import ClassVar

from moto.core.common_models import CloudFormationModel
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


@in_place_of(moto_fsx.FileSystem)
class FileSystem(Resource, moto_fsx.FileSystem, CloudFormationModel):
    """`AWS::FSx::FileSystem`, of which moto has the API only."""

    cfn_attributes: ClassVar = {
        "DNSName": "dns_name",
        "LustreMountName": "lustre_mount_name",
        "ResourceARN": "resource_arn",
    }

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The file system's id."""
        return str(self.file_system_id)

    @property
    def lustre_mount_name(self) -> str:
        """The name clients mount a Lustre file system by."""
        return str((self.lustre_configuration or {})["MountName"])

    @staticmethod
    def cloudformation_type() -> str:
        """Names the resource type."""
        return "AWS::FSx::FileSystem"

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
        """Deletes the file system."""
        place.regional(moto_fsx.fsx_backends).file_systems.pop(physical_id, None)


class DataRepositoryAssociation(Resource, CloudFormationModel):
    """`AWS::FSx::DataRepositoryAssociation`; it exists for its stack only, no API shows it."""

    cfn_attributes: ClassVar = {"AssociationId": "physical_resource_id", "ResourceARN": "arn"}

    def __init__(self, place: Place) -> None:
        self.physical_resource_id = f"dra-{mock_random.get_random_hex(17)}"
        self.arn = (
            f"arn:{place.partition}:fsx:{place.region_name}:{place.account_id}"
            f":association/{self.physical_resource_id}"
        )

    @staticmethod
    def cloudformation_type() -> str:
        """Names the resource type."""
        return "AWS::FSx::DataRepositoryAssociation"

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
