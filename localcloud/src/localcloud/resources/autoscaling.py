"""Auto Scaling groups: the login nodes."""

from dataclasses import replace
from typing import Any

from moto.autoscaling import models as moto_autoscaling
from moto.core.common_models import CloudFormationModel

from localcloud.resources.model import Place, Resource, Wanted, in_place_of, number


@in_place_of(moto_autoscaling.FakeAutoScalingGroup)
class AutoScalingGroup(Resource, moto_autoscaling.FakeAutoScalingGroup, CloudFormationModel):
    """`AWS::AutoScaling::AutoScalingGroup`; moto ends every instance at an update and makes no hooks.

    Instances are in service as soon as they run: hooks are kept, but nothing waits for them.
    """

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "AutoScalingGroup":
        """Creates the group with its hooks and starts its instances."""
        properties = wanted.properties
        # Tags without a word about it are the stack's, and those reach the instances.
        tags = [{"PropagateAtLaunch": True, **tag} for tag in properties.get("Tags", [])]
        group: AutoScalingGroup = super().create_resource(
            replace(wanted, properties={**properties, "Tags": tags})
        )
        backend = wanted.place.regional(moto_autoscaling.autoscaling_backends)
        for hook in properties.get("LifecycleHookSpecificationList", []):
            backend.create_lifecycle_hook(
                name=hook["LifecycleHookName"],
                as_name=wanted.name,
                transition=hook["LifecycleTransition"],
                timeout=int(hook.get("HeartbeatTimeout", 3600)),
                result=hook.get("DefaultResult", "ABANDON"),
            )
        return group

    def update_resource(self, wanted: Wanted) -> "AutoScalingGroup":
        """Changes the size in place; instances of an older launch template stay until they are terminated."""
        properties: Any = wanted.properties
        self.update(
            availability_zones=properties.get("AvailabilityZones", []),
            desired_capacity=number(properties.get("DesiredCapacity")),
            max_size=number(properties["MaxSize"]),
            min_size=number(properties["MinSize"]),
            launch_config_name=properties.get("LaunchConfigurationName"),
            launch_template=properties.get("LaunchTemplate", {}),
            vpc_zone_identifier=",".join(properties.get("VPCZoneIdentifier", [])),
            health_check_period=properties.get("HealthCheckGracePeriod"),
            health_check_type=properties.get("HealthCheckType"),
            mixed_instances_policy=properties.get("MixedInstancesPolicy"),
        )
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Ends the instances and deletes the group with its hooks."""
        backend = place.regional(moto_autoscaling.autoscaling_backends)
        if physical_id not in backend.autoscaling_groups:
            return
        backend.delete_auto_scaling_group(physical_id)
        for hook in backend.describe_lifecycle_hooks(physical_id):
            backend.delete_lifecycle_hook(physical_id, hook.name)
