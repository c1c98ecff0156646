"""EC2 placement groups, of which moto has neither the resource type nor the API."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.responses import EC2Response
from moto.ec2.utils import generic_filter
from moto.moto_api._internal import mock_random

from localcloud.resources.model import Place, Resource, Wanted, tags_by_key


class UnknownPlacementGroupError(EC2ClientError):
    """A placement group was named that does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")


class DuplicatePlacementGroupError(EC2ClientError):
    """A placement group of this name exists."""

    def __init__(self, name: str) -> None:
        super().__init__("InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists.")


class PlacementGroup(Resource, TaggedEC2Resource, CloudFormationModel):
    """`AWS::EC2::PlacementGroup`; its physical id is its name."""

    cfn_type = "AWS::EC2::PlacementGroup"
    cfn_name_property = "GroupName"
    cfn_attributes: ClassVar = {"GroupName": "group_name"}

    def __init__(self, backend: EC2Backend, name: str, strategy: str, tags: dict[str, str]) -> None:
        self.ec2_backend = backend
        self.id = self.group_id = f"pg-{mock_random.get_random_hex(17)}"
        self.group_name = self.physical_resource_id = name
        self.strategy = strategy
        self.state = "available"
        self.add_tags(tags)

    @property
    def group_arn(self) -> str:
        """The group's ARN."""
        backend = self.ec2_backend
        return (
            f"arn:{backend.partition}:ec2:{backend.region_name}:{backend.account_id}"
            f":placement-group/{self.group_name}"
        )

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "PlacementGroup":
        """Creates the group."""
        properties = wanted.properties
        return create(
            wanted.place.regional(ec2_backends),
            properties.get("GroupName", wanted.name),
            properties.get("Strategy", "cluster"),
            tags_by_key(properties.get("Tags")),
        )

    def update_resource(self, wanted: Wanted) -> "PlacementGroup":
        """Changes the tags in place."""
        self.add_tags(tags_by_key(wanted.properties.get("Tags")))
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the group."""
        groups_of(place.regional(ec2_backends)).pop(physical_id, None)


def groups_of(backend: EC2Backend) -> dict[str, PlacementGroup]:
    """Returns the placement groups of an account and Region by name.

    They are kept on moto's backend, so resetting it forgets them.
    """
    groups: dict[str, PlacementGroup] = backend.__dict__.setdefault("placement_groups", {})
    return groups


def create(backend: EC2Backend, name: str, strategy: str, tags: dict[str, str]) -> PlacementGroup:
    """Creates a placement group.

    Raises:
        DuplicatePlacementGroupError: one of this name exists.
    """
    groups = groups_of(backend)
    if name in groups:
        raise DuplicatePlacementGroupError(name)
    groups[name] = PlacementGroup(backend, name, strategy, tags)
    return groups[name]


def _create_placement_group(response: EC2Response) -> ActionResult:
    group = create(
        response.ec2_backend,
        response._get_param("GroupName"),  # noqa: SLF001
        response._get_param("Strategy", "cluster"),  # noqa: SLF001
        response._parse_tag_specification().get("placement-group", {}),  # noqa: SLF001
    )
    return ActionResult({"PlacementGroup": group})


def _delete_placement_group(response: EC2Response) -> ActionResult:
    name = response._get_param("GroupName")  # noqa: SLF001
    if groups_of(response.ec2_backend).pop(name, None) is None:
        raise UnknownPlacementGroupError(name)
    return EmptyResult()


def _describe_placement_groups(response: EC2Response) -> ActionResult:
    groups = groups_of(response.ec2_backend)
    names = response._get_param("GroupNames", [])  # noqa: SLF001
    unknown = next((name for name in names if name not in groups), None)
    if unknown:
        raise UnknownPlacementGroupError(unknown)
    chosen = [groups[name] for name in names] or list(groups.values())
    filters = response._filters_from_querystring()  # noqa: SLF001
    return ActionResult({"PlacementGroups": generic_filter(filters, chosen)})


def answer_api_calls() -> None:
    """Adds CreatePlacementGroup, DescribePlacementGroups and DeletePlacementGroup to moto's EC2."""
    response_class: Any = EC2Response
    response_class.create_placement_group = _create_placement_group
    response_class.delete_placement_group = _delete_placement_group
    response_class.describe_placement_groups = _describe_placement_groups
