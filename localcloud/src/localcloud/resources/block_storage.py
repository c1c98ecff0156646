"""EBS volumes."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.ec2.models import elastic_block_store as moto_volumes

from localcloud.resources.model import Place, Resource, Wanted, in_place_of, number, tags_by_key


@in_place_of(moto_volumes.Volume)
class Volume(Resource, moto_volumes.Volume, CloudFormationModel):
    """`AWS::EC2::Volume`; moto reads its size and zone only."""

    cfn_attributes: ClassVar = {"VolumeId": "id"}

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Volume":
        """Creates the volume, of its snapshot's size where none is given."""
        properties = wanted.properties
        volume: Volume = wanted.place.regional(ec2_backends).create_volume(
            size=number(properties.get("Size")),
            zone_name=properties["AvailabilityZone"],
            snapshot_id=properties.get("SnapshotId"),
            encrypted=properties.get("Encrypted", False),
            kms_key_id=properties.get("KmsKeyId"),
            volume_type=properties.get("VolumeType"),
            iops=number(properties.get("Iops")),
            throughput=number(properties.get("Throughput")),
        )
        volume.add_tags(tags_by_key(properties.get("Tags")))
        return volume

    def update_resource(self, wanted: Wanted) -> "Volume":
        """Changes size, type, performance and tags in place."""
        properties = wanted.properties
        targets: dict[str, Any] = {
            "target_size": number(properties.get("Size")),
            "target_volume_type": properties.get("VolumeType"),
            "target_iops": number(properties.get("Iops")),
            "target_throughput": number(properties.get("Throughput")),
        }
        if any(targets.values()):
            self.modify(**targets)
        self.add_tags(tags_by_key(properties.get("Tags")))
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the volume, detaching it first."""
        backend = place.regional(ec2_backends)
        volume = backend.volumes.get(physical_id)
        if not volume:
            return
        if volume.attachment:
            backend.detach_volume(physical_id, volume.attachment.instance.id, volume.attachment.device)
        backend.delete_volume(physical_id)
