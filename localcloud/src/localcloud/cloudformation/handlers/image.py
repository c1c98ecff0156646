"""Images of EC2 Image Builder: a build that takes time and makes an AMI."""

import hashlib
from dataclasses import dataclass
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami

from localcloud.cloudformation.resource import (
    Cancel,
    Handler,
    Made,
    Progress,
    Target,
    no_attribute,
    no_cancel,
)
from localcloud.cloudformation.steps import schedule
from localcloud.resources import image_builder


@dataclass(frozen=True)
class Plan:
    """How builds that start from now on end.

    Attributes:
        build_s: How long they take, in simulated seconds.
        failure: The reason they end with; None for success.
    """

    build_s: float = 3_600.0
    failure: str | None = None


#: The plan in force.
plan = Plan()

#: By ARN, the images that stacks build or have built, and the id of the AMI once there is one.
built: dict[str, str | None] = {}

#: What Image Builder puts on it. Source: EC2 Image Builder user guide, "Tag resources".
_ARN_TAG = "Ec2ImageBuilderArn"


class ImageHandler(Handler):
    """`AWS::ImageBuilder::Image`; ``made.state`` is the AMI's id, None until there is one."""

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Builds the image."""
        arn, current = _arn(target), plan
        built[arn] = None
        progress.initiated(Made(target, arn))

        def finish() -> None:
            if current.failure is not None:
                progress.failed(current.failure, Made(target, arn))
                return
            built[arn] = _make_ami(target, arn)
            progress.succeeded(Made(target, arn, built[arn]))

        return schedule(finish, delay_s=current.build_s).cancel

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:  # noqa: ARG002 - always refused
        """Fails: an image cannot change."""
        progress.failed(f"Update to resource type {target.resource_type} is not supported.")
        return no_cancel

    def delete(self, made: Made, progress: Progress) -> Cancel:
        """Deletes the image; its AMI stays."""
        built.pop(made.physical_id, None)
        progress.succeeded()
        return no_cancel

    def attribute(self, made: Made, name: str) -> Any:
        """Returns the AMI's id, or the ARN."""
        known = {"ImageId": made.state, "Arn": made.physical_id}
        if name not in known:
            raise no_attribute(made, name)
        return known[name]


def configure(wanted: Plan) -> None:
    """Replaces the plan."""
    global plan  # noqa: PLW0603 - one process is one cloud
    plan = wanted


def _arn(target: Target) -> str:
    recipe = str(target.properties["ImageRecipeArn"])
    return recipe.replace(":image-recipe/", ":image/") + "/1"


def _make_ami(target: Target, arn: str) -> str:
    """Makes the AMI with the tags that the distribution asks for."""
    backend = ec2_backends[target.stack.account_id][target.stack.region_name]
    recipe = image_builder.properties_of(str(target.properties["ImageRecipeArn"]))
    distribution = image_builder.properties_of(str(target.properties["DistributionConfigurationArn"]))
    wanted = distribution["Distributions"][0]["AmiDistributionConfiguration"]
    parent = backend.amis[recipe["ParentImage"]]
    ami_id = f"ami-{hashlib.sha256(f'{target.stack.id}{arn}'.encode()).hexdigest()[:17]}"
    ami = Ami(
        backend,
        ami_id,
        source_ami=parent,
        name=str(wanted["Name"]).replace("{{ imagebuilder:buildDate }}", "2026-01-15T00-00-00.000Z"),
        root_device_type="ebs",
        root_device_name=parent.root_device_name,
    )
    backend.amis[ami_id] = ami
    ami.add_tags({**wanted["AmiTags"], _ARN_TAG: arn})
    return ami_id
