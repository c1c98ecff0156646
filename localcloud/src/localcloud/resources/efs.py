"""EFS file systems and mount targets."""

from typing import ClassVar

from moto.core.common_models import CloudFormationModel
from moto.efs import models as moto_efs

from localcloud.resources.model import Resource, Stored, Wanted, in_place_of, tags_by_key


@in_place_of(moto_efs.FileSystem)
class FileSystem(Resource, moto_efs.FileSystem, CloudFormationModel):
    """`AWS::EFS::FileSystem`; moto's has no attributes and cannot be updated."""

    stored: ClassVar = Stored(moto_efs.efs_backends, "file_systems_by_id", "delete_file_system")
    cfn_attributes: ClassVar = {"Arn": "file_system_arn", "FileSystemId": "file_system_id"}

    def update_resource(self, wanted: Wanted) -> "FileSystem":
        """Changes throughput and tags in place."""
        properties = wanted.properties
        self.throughput_mode = properties.get("ThroughputMode", "bursting")
        self.provisioned_throughput_in_mibps = properties.get("ProvisionedThroughputInMibps", 0)
        backend = wanted.place.regional(moto_efs.efs_backends)
        backend.tag_resource(self.file_system_id, tags_by_key(properties.get("FileSystemTags")))
        return self


@in_place_of(moto_efs.MountTarget)
class MountTarget(Resource, moto_efs.MountTarget, CloudFormationModel):
    """`AWS::EFS::MountTarget`; moto's cannot be updated."""

    stored: ClassVar = Stored(moto_efs.efs_backends, "mount_targets_by_id", "delete_mount_target")
    cfn_attributes: ClassVar = {"Id": "mount_target_id", "IpAddress": "ip_address"}

    def update_resource(self, wanted: Wanted) -> "MountTarget":
        """Changes the security groups in place."""
        groups = wanted.properties.get("SecurityGroups", [])
        backend = wanted.place.regional(moto_efs.efs_backends)
        self.security_groups = groups
        backend.ec2_backend.modify_network_interface_attribute(self.network_interface_id, groups)
        return self
