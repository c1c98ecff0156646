"""The base of resource models: creation, update and deletion, and the replacement of moto's classes."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeVar

from moto.utilities.utils import get_partition

Properties = dict[str, Any]
ModelType = TypeVar("ModelType", bound=type)


class Place(NamedTuple):
    """The account and Region a resource lives in."""

    account_id: str
    region_name: str

    def regional(self, backends: Any) -> Any:
        """Picks moto's backend of a service whose resources belong to a Region."""
        return backends[self.account_id][self.region_name]

    def partition_wide(self, backends: Any) -> Any:
        """Picks moto's backend of a service without Regions, like IAM."""
        return backends[self.account_id][self.partition]

    def backend(self, backends: Any) -> Any:
        """Picks moto's backend of any service."""
        by_region = backends[self.account_id]
        return by_region[self.partition if self.partition in by_region.regions else self.region_name]

    @property
    def partition(self) -> str:
        """The partition the Region belongs to."""
        return get_partition(self.region_name)


@dataclass(frozen=True)
class Wanted:
    """A resource as a template describes it, with all functions evaluated."""

    #: The name given in the template, or one generated from stack and logical id.
    name: str
    properties: Properties
    place: Place

    @property
    def as_json(self) -> dict[str, Any]:
        """The form in which moto's own classes take the properties."""
        return {"Properties": self.properties}


class Stored(NamedTuple):
    """Where moto keeps the resources of a type by physical id.

    Attributes:
        backends: moto's backends of the service.
        mapping: The name of the backend's mapping.
        delete: The name of its method that deletes one; without it, one is taken out of the mapping.
        options: Further arguments of the method.
    """

    backends: Any
    mapping: str
    delete: str = ""
    options: Mapping[str, Any] = MappingProxyType({})


class Resource:
    """Mixed into every model: moto's entry points, in terms of three methods a model is written in.

    A model lists `CloudFormationModel` as a direct base after this class, since moto finds its models
    among the direct subclasses; the last one of a type wins.
    """

    #: The type in templates, and the property that gives the name, where moto's class does not tell.
    cfn_type: ClassVar[str] = ""
    cfn_name_property: ClassVar[str] = ""
    #: Attributes that `Fn::GetAtt` reads, and the Python attribute that holds each.
    cfn_attributes: ClassVar[dict[str, str]] = {}
    #: Where ``delete_resource`` finds what to delete, unless a model has its own.
    stored: ClassVar[Stored]
    physical_resource_id: str

    @classmethod
    def cloudformation_type(cls) -> str:
        """Names the resource type."""
        return cls.cfn_type or super().cloudformation_type()  # type: ignore[misc]

    @classmethod
    def cloudformation_name_type(cls) -> str:
        """Names the property that names a resource of this type; empty if none does."""
        return cls.cfn_name_property or super().cloudformation_name_type() or ""  # type: ignore[misc]

    @classmethod
    def create_resource(cls, wanted: Wanted) -> Any:
        """Creates the resource; by default as the moto class does."""
        return super().create_from_cloudformation_json(wanted.name, wanted.as_json, *wanted.place)  # type: ignore[misc]

    def update_resource(self, wanted: Wanted) -> Any:
        """Changes the resource and returns it; by default creates another one in its place."""
        self.delete_resource(self.physical_resource_id, wanted.place)
        return self.create_resource(wanted)

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the resource with this physical id, if it exists."""
        backend = place.backend(cls.stored.backends)
        kept = getattr(backend, cls.stored.mapping)
        if physical_id not in kept:
            return
        if cls.stored.delete:
            getattr(backend, cls.stored.delete)(physical_id, **cls.stored.options)
        else:
            kept.pop(physical_id)

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Any:
        """Creates the resource, as moto asks for it."""
        properties = cloudformation_json.get("Properties", {})
        return cls.create_resource(Wanted(resource_name, properties, Place(account_id, region_name)))

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Any:
        """Updates the resource, as moto asks for it."""
        properties = cloudformation_json.get("Properties", {})
        wanted = Wanted(new_resource_name, properties, Place(account_id, region_name))
        return original_resource.update_resource(wanted)

    @classmethod
    def delete_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],  # noqa: ARG003 - moto's signature
        account_id: str,
        region_name: str,
    ) -> None:
        """Deletes the resource with this physical id, as moto asks a class for it."""
        cls.delete_resource(resource_name, Place(account_id, region_name))

    def delete(self, account_id: str, region_name: str) -> None:
        """Deletes this resource, as moto asks an object for it."""
        self.delete_resource(self.physical_resource_id, Place(account_id, region_name))

    def is_created(self) -> bool:
        """Returns True: there is nothing to wait for."""
        return True

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Returns whether `Fn::GetAtt` has this attribute."""
        return attr in cls.cfn_attributes

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        """Returns what `Fn::GetAtt` gives for this attribute.

        Raises:
            UnformattedGetAttTemplateException: the type has no such attribute.
        """
        # Imported late: the module imports every service of moto.
        from moto.cloudformation.exceptions import UnformattedGetAttTemplateException  # noqa: PLC0415

        if attribute_name not in self.cfn_attributes:
            raise UnformattedGetAttTemplateException
        return getattr(self, self.cfn_attributes[attribute_name])


class Identified(Resource):
    """A model that keeps nothing but its physical id."""

    def __init__(self, physical_id: str) -> None:
        self.physical_resource_id = physical_id


_replacements: list[tuple[str, str, type]] = []


def in_place_of(original: type, maker: str | None = None) -> Callable[[ModelType], ModelType]:
    """Marks a model as moto's own class of that name, once `take_place` has run.

    moto's backends make their objects by the class name in their module. With that name rebound, an object is
    ours whether a stack, an Auto Scaling group or an API call made it, so every way of deleting it is.

    Args:
        original: moto's class; the decorated one inherits from it.
        maker: Name of the module that makes the objects, where it is not the class's own.
    """

    def mark(model: ModelType) -> ModelType:
        _replacements.append((maker or original.__module__, original.__name__, model))
        return model

    return mark


def take_place() -> None:
    """Rebinds moto's class names to the models marked with `in_place_of`; again changes nothing."""
    for module, name, model in _replacements:
        setattr(sys.modules[module], name, model)


def tags_by_key(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Turns a template's list of `Key` and `Value` into a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def number(value: Any) -> int | None:
    """Reads a number that a template may give as text."""
    return None if value is None else int(value)
