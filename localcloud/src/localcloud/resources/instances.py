"""EC2 instances: launched the way their launch template says, and leaving nothing behind."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models import instances as moto_instances
from moto.ec2.models import launch_templates as moto_templates
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.utils import convert_tag_spec, parse_user_data

from localcloud.resources.model import Place, Resource, Wanted, in_place_of, tags_by_key

#: Properties that EC2 changes on a living instance; a change of any other one means another instance here.
_CHANGED_IN_PLACE = {"Tags", "PropagateTagsToVolumeOnCreation"}


@in_place_of(moto_instances.Instance)
class Instance(Resource, moto_instances.Instance, CloudFormationModel):
    """`AWS::EC2::Instance`, and every other instance.

    moto reads half of a launch template, gives a network interface that existed before no public address, and
    forgets the interfaces it made when an instance ends.
    """

    cfn_attributes: ClassVar = {
        "AvailabilityZone": "availability_zone",
        "InstanceId": "id",
        "PrivateDnsName": "private_dns_name",
        "PrivateIp": "private_ip",
        "PublicDnsName": "public_dns_name",
        "PublicIp": "public_ip",
    }

    def __init__(
        self, ec2_backend: Any, image_id: str, user_data: Any, security_groups: list[Any], **kwargs: Any
    ) -> None:
        template = _template_data(ec2_backend, kwargs.get("launch_template"))
        kwargs["nics"] = kwargs.get("nics") or template.get("NetworkInterfaces", [])
        kwargs["metadata_options"] = kwargs.get("metadata_options") or template.get("MetadataOptions", {})
        kwargs["ebs_optimized"] = kwargs.get("ebs_optimized") or template.get("EbsOptimized", False)
        if not kwargs.get("subnet_id"):
            kwargs["subnet_id"] = _subnet_of(ec2_backend, kwargs["nics"])
        kwargs.setdefault("associate_public_ip", None)
        #: The template's properties, for an instance of a stack; what an update compares with.
        self.properties: dict[str, Any] = {}
        super().__init__(ec2_backend, image_id, user_data, security_groups, **kwargs)
        if not self.security_groups and 0 in self.nics:
            # Those of the primary interface, as EC2 describes an instance.
            self.security_groups = list(self.nics[0].group_set)

    def prep_nics(self, nic_spec: list[dict[str, Any]], *args: Any, **kwargs: Any) -> None:
        """Attaches the interfaces; those made for this instance end with it unless they say otherwise.

        A primary interface that existed before gets a public address where its subnet maps one: that is how
        ParallelCluster's head node gets its address.
        """
        super().prep_nics(nic_spec, *args, **kwargs)
        existing = {spec["NetworkInterfaceId"] for spec in nic_spec if "NetworkInterfaceId" in spec}
        kept = {int(spec["DeviceIndex"]) for spec in nic_spec if spec.get("DeleteOnTermination") is False}
        for device_index, interface in self.nics.items():
            if interface.id not in existing:
                interface.delete_on_termination = device_index not in kept
            elif device_index == 0 and not interface.public_ip:
                interface.public_ip_auto_assign = interface.subnet.map_public_ip_on_launch
                interface.check_auto_public_ip()

    def terminate(self) -> Any:
        """Ends the instance; interfaces that outlive it are free again."""
        previous_state = super().terminate()
        attached = dict(self.nics)
        for interface in attached.values():
            self.detach_eni(interface)
        # An ended instance is still described for a while, and descriptions read its private address.
        self.nics = attached
        return previous_state

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Instance":
        """Runs one instance as RunInstances would."""
        properties = wanted.properties
        tags = tags_by_key(properties.get("Tags"))
        profile = properties.get("IamInstanceProfile")
        backend = wanted.place.regional(ec2_backends)
        reservation = backend.run_instances(
            properties.get("ImageId", ""),
            1,
            parse_user_data(properties.get("UserData")),
            properties.get("SecurityGroups", []),
            instance_type=properties.get("InstanceType", "m1.small"),
            is_instance_type_default="InstanceType" not in properties,
            region_name=wanted.place.region_name,
            placement=properties.get("AvailabilityZone"),
            subnet_id=properties.get("SubnetId"),
            key_name=properties.get("KeyName"),
            security_group_ids=properties.get("SecurityGroupIds", []),
            nics=properties.get("NetworkInterfaces", []),
            private_ip=properties.get("PrivateIpAddress"),
            block_device_mappings=properties.get("BlockDeviceMappings"),
            launch_template=properties.get("LaunchTemplate") or {},
            tags={"instance": tags, "volume": tags if _propagates_tags(properties) else {}},
            iam_instance_profile_name=profile,
        )
        instance: Instance = reservation.instances[0]
        instance.properties = properties
        if profile:
            backend.associate_iam_instance_profile(instance.id, iam_instance_profile_name=profile)
        return instance

    def update_resource(self, wanted: Wanted) -> "Instance":
        """Changes the tags in place; any other change ends this instance and starts another."""
        properties = wanted.properties
        before = self.properties
        changed = {key for key in {*before, *properties} if before.get(key) != properties.get(key)}
        if changed <= _CHANGED_IN_PLACE:
            self.properties = properties
            self.add_tags(tags_by_key(properties.get("Tags")))
            return self
        another: Instance = super().update_resource(wanted)
        return another

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Terminates the instance."""
        instance = place.regional(ec2_backends).get_instance_by_id(physical_id)
        if instance and instance.state != "terminated":
            instance.terminate()


def _template_data(backend: EC2Backend, specification: dict[str, Any] | None) -> dict[str, Any]:
    if not specification:
        return {}
    data: dict[str, Any] = backend._get_template_from_args(specification).data  # noqa: SLF001
    return data


def _subnet_of(backend: EC2Backend, interfaces: list[dict[str, Any]]) -> str | None:
    primary = next((spec for spec in interfaces if int(spec["DeviceIndex"]) == 0), {})
    if "NetworkInterfaceId" in primary:
        return str(backend.get_network_interface(primary["NetworkInterfaceId"]).subnet.id)
    return primary.get("SubnetId")


def _propagates_tags(properties: dict[str, Any]) -> bool:
    return str(properties.get("PropagateTagsToVolumeOnCreation", False)).lower() == "true"


def _volumes(
    backend: EC2Backend, image_id: str, asked_for: list[dict[str, Any]] | None
) -> list[dict[str, Any]]:
    """Merges the image's root volume with the mappings asked for, as RunInstances does.

    Instance store volumes (mappings without `Ebs`) are no resources of their own and are left out.
    """
    images = [image for image in backend.amis.values() if image.id == image_id]
    root = images[0].root_device_name if images else "/dev/sda1"
    size_gib = images[0].ebs_snapshot.volume.size if images else 8
    mappings: dict[str, dict[str, Any]] = {root: {"VolumeSize": size_gib, "DeleteOnTermination": True}}
    for mapping in asked_for or []:
        if mapping.get("NoDevice") is not None:
            mappings.pop(mapping["DeviceName"], None)
        elif mapping.get("Ebs"):
            given = {key: value for key, value in mapping["Ebs"].items() if value is not None}
            mappings.setdefault(mapping["DeviceName"], {}).update(given)
    return [{"DeviceName": device, "Ebs": _sized(ebs, size_gib)} for device, ebs in mappings.items()]


def _sized(ebs: dict[str, Any], default_size_gib: int) -> dict[str, Any]:
    return ebs if ebs.get("VolumeSize") or ebs.get("SnapshotId") else {**ebs, "VolumeSize": default_size_gib}


def complete_run_instances() -> None:
    """Makes RunInstances honour a launch template's volumes, volume tags and instance profile.

    moto refuses mappings that leave the size to the image, and fails on those of a template that came through
    an Auto Scaling group.
    """
    run_instances = moto_instances.InstanceBackend.run_instances
    if getattr(run_instances, "completed", False):
        return

    def complete(
        self: EC2Backend,
        image_id: str,
        count: int,
        user_data: Any,
        security_group_names: list[str],
        **kwargs: Any,
    ) -> Any:
        template = _template_data(self, kwargs.get("launch_template"))
        asked_for = kwargs.get("block_device_mappings") or template.get("BlockDeviceMappings")
        kwargs["block_device_mappings"] = _volumes(self, image_id or template.get("ImageId", ""), asked_for)
        tags = kwargs.pop("tags", None) or {}
        volume_tags = convert_tag_spec(template.get("TagSpecifications", [])).get("volume", {})
        kwargs["tags"] = {**tags, "volume": {**volume_tags, **tags.get("volume", {})}}
        reservation = run_instances(self, image_id, count, user_data, security_group_names, **kwargs)
        if not kwargs.get("iam_instance_profile_name") and not kwargs.get("iam_instance_profile_arn"):
            _associate_profile(self, reservation, template.get("IamInstanceProfile", {}))
        return reservation

    complete.completed = True  # type: ignore[attr-defined]
    backend_class: Any = moto_instances.InstanceBackend
    backend_class.run_instances = complete
    response_class: Any = InstanceResponse
    response_class._parse_block_device_mapping = _asked_for_volumes  # noqa: SLF001


def _associate_profile(backend: EC2Backend, reservation: Any, profile: dict[str, str]) -> None:
    for instance in reservation.instances if profile else []:
        backend.associate_iam_instance_profile(
            instance.id,
            iam_instance_profile_name=profile.get("Name"),
            iam_instance_profile_arn=profile.get("Arn"),
        )


def _asked_for_volumes(response: InstanceResponse) -> list[dict[str, Any]]:
    mappings: list[dict[str, Any]] = response._get_param("BlockDeviceMappings", [])  # noqa: SLF001
    return mappings


@in_place_of(moto_templates.LaunchTemplate)
class LaunchTemplate(Resource, moto_templates.LaunchTemplate, CloudFormationModel):
    """`AWS::EC2::LaunchTemplate`; moto makes a version at every update and cannot delete by id."""

    cfn_attributes: ClassVar = {
        "DefaultVersionNumber": "default_version_text",
        "LatestVersionNumber": "latest_version_text",
        "LaunchTemplateId": "id",
    }

    @property
    def default_version_text(self) -> str:
        """The number of the default version, as `Fn::GetAtt` gives it."""
        return str(self.default_version_number)

    @property
    def latest_version_text(self) -> str:
        """The number of the newest version, as `Fn::GetAtt` gives it."""
        return str(self.latest_version_number)

    def update_resource(self, wanted: Wanted) -> "LaunchTemplate":
        """Adds a version, where the data changed."""
        data = wanted.properties["LaunchTemplateData"]
        if _comparable(data) != _comparable(self.latest_version().data):
            super(Resource, self).update_from_cloudformation_json(
                self, wanted.name, wanted.as_json, *wanted.place
            )
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the template with all its versions."""
        backend = place.regional(ec2_backends)
        if physical_id in backend.launch_templates:
            backend.delete_launch_template("", physical_id)


def _comparable(data: dict[str, Any]) -> dict[str, Any]:
    # moto wraps user data in a class without equality.
    return {**data, "UserData": str(data.get("UserData"))}
