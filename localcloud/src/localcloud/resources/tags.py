"""Tags of EC2's resources."""

from typing import Any

from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix


def look_up() -> None:
    """Has each resource look up its own tags; moto searches those of all resources."""
    TaggedEC2Resource.get_tags = _own_tags  # type: ignore[method-assign]


def _own_tags(self: Any) -> list[dict[str, str]]:
    tags: dict[str, str] = self.ec2_backend.tags.get(self.id, {})
    kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(self.id), "") if tags else ""
    return [
        {"resource_id": self.id, "key": key, "value": value, "resource_type": kind}
        for key, value in list(tags.items())
    ]
