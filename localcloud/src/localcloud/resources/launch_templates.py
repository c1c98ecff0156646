"""EC2 launch templates."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.ec2.models import launch_templates as moto_templates

from localcloud.resources.model import Place, Resource, Wanted, in_place_of


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
