"""What happens to a cluster's storage when the cluster goes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cluster_schema.limits import UnreadableError
from cluster_schema.reading import value_of
from pcluster_cfn.planning.shared_storage import made_elsewhere, settings_of

Fate = Literal["deleted", "kept", "snapshot", "external"]

_FATES: dict[str, Fate] = {"Delete": "deleted", "Retain": "kept", "Snapshot": "snapshot"}
#: Name of the head node's disk in a plan.
ROOT_VOLUME = "root volume of the head node"


@dataclass(frozen=True)
class Storage:
    """One storage of a cluster.

    Attributes:
        name: Its name in the configuration.
        type: Its type: Ebs, Efs, FsxLustre, …
        mount_dir: The folder under which the nodes have it.
        fate: What happens to it. ``external`` was made elsewhere and stays.
    """

    name: str
    type: str
    mount_dir: str
    fate: Fate


def storage_of(configuration: Any) -> list[Storage]:
    """Returns the storage of a configuration, the head node's disk first.

    Args:
        configuration: A map, or its text in YAML or JSON; None and text that cannot be read have none.
    """
    if isinstance(configuration, str):
        try:
            configuration = value_of(configuration)
        except UnreadableError:
            return []
    if not isinstance(configuration, Mapping):
        return []
    return [_root_volume(configuration), *_shared(configuration.get("SharedStorage"))]


def _root_volume(configuration: Mapping[str, Any]) -> Storage:
    """Returns the head node's disk, which has the users' home directories unless another storage has them."""
    settings: Any = configuration
    for key in ("HeadNode", "LocalStorage", "RootVolume", "DeleteOnTermination"):
        settings = settings.get(key) if isinstance(settings, Mapping) else None
    return Storage(ROOT_VOLUME, "Ebs", "/", "kept" if str(settings).lower() == "false" else "deleted")


def _shared(entries: Any) -> Iterator[Storage]:
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, Mapping):
            continue
        policy = "Delete"
        for settings in settings_of(entry).values():
            policy = str(settings.get("DeletionPolicy", policy))
        fate: Fate = "external" if made_elsewhere(entry) else _FATES.get(policy, "deleted")
        name, kind, folder = (str(entry.get(key, "")) for key in ("Name", "StorageType", "MountDir"))
        yield Storage(name, kind, folder, fate)
