"""EC2 Image Builder's resources that say how an image is built; they exist for their stack only."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel

from localcloud.resources.model import Place, Resource, Wanted

#: What stacks have made and not deleted, by ARN.
_living: dict[str, dict[str, Any]] = {}


def properties_of(arn: str) -> dict[str, Any]:
    """Returns what a resource was made with.

    Raises:
        KeyError: There is no resource with this ARN.
    """
    return _living[arn]


class _BuilderResource(Resource):
    """One of the resources that an image is built from."""

    cfn_attributes: ClassVar = {"Arn": "physical_resource_id", "Name": "name"}
    #: The type's name in ARNs.
    arn_kind: ClassVar[str]

    def __init__(self, arn: str, name: str) -> None:
        self.physical_resource_id = arn
        self.name = name

    @classmethod
    def create_resource(cls, wanted: Wanted) -> Any:
        """Makes the resource; an ARN carries its name in lower case, and its version if it has one."""
        properties, place = wanted.properties, wanted.place
        name = str(properties["Name"])
        version = f"/{properties['Version']}" if "Version" in properties else ""
        arn = (
            f"arn:{place.partition}:imagebuilder:{place.region_name}:{place.account_id}"
            f":{cls.arn_kind}/{name.lower()}{version}"
        )
        _living[arn] = dict(properties)
        return cls(arn, name)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:  # noqa: ARG003 - the ARN has it
        """Deletes the resource."""
        _living.pop(physical_id, None)


class InfrastructureConfiguration(_BuilderResource, CloudFormationModel):
    """`AWS::ImageBuilder::InfrastructureConfiguration`."""

    cfn_type, arn_kind = "AWS::ImageBuilder::InfrastructureConfiguration", "infrastructure-configuration"


class DistributionConfiguration(_BuilderResource, CloudFormationModel):
    """`AWS::ImageBuilder::DistributionConfiguration`."""

    cfn_type, arn_kind = "AWS::ImageBuilder::DistributionConfiguration", "distribution-configuration"


class Component(_BuilderResource, CloudFormationModel):
    """`AWS::ImageBuilder::Component`."""

    cfn_type, arn_kind = "AWS::ImageBuilder::Component", "component"


class ImageRecipe(_BuilderResource, CloudFormationModel):
    """`AWS::ImageBuilder::ImageRecipe`."""

    cfn_type, arn_kind = "AWS::ImageBuilder::ImageRecipe", "image-recipe"
