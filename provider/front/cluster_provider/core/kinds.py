"""What a resource is, told by its type's name in the template."""

from enum import StrEnum


class Kind(StrEnum):
    """The kinds of resources behind the one service token."""

    CLUSTER = "Cluster"
    CLUSTER_INFO = "ClusterInfo"
    OFFICIAL_IMAGE = "OfficialImage"
    IMAGE = "Image"

    @property
    def is_read_only(self) -> bool:
        """Whether it only asks, and owns nothing."""
        return self in {Kind.CLUSTER_INFO, Kind.OFFICIAL_IMAGE}


#: The type names that mean something else than a cluster; every other name means a cluster.
TYPES = {
    "Custom::PclusterClusterInfo": Kind.CLUSTER_INFO,
    "Custom::PclusterOfficialImage": Kind.OFFICIAL_IMAGE,
    "Custom::PclusterImage": Kind.IMAGE,
}


def kind_of(resource_type: str) -> Kind:
    """The kind of a resource of this type."""
    return TYPES.get(resource_type, Kind.CLUSTER)
