"""Shared storage of a configuration that the cluster does not make itself; pure."""

from collections.abc import Mapping
from typing import Any

#: The settings of each type of storage, and the key that names one that is made elsewhere.
#: Source: ParallelCluster user guide, "SharedStorage section".
_NAMING = {
    "EbsSettings": "VolumeId",
    "EfsSettings": "FileSystemId",
    "FsxLustreSettings": "FileSystemId",
    "FsxOntapSettings": "VolumeId",
    "FsxOpenZfsSettings": "VolumeId",
    "FileCacheSettings": "FileCacheId",
}


def settings_of(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Returns the settings of an entry of ``SharedStorage``, by their key."""
    return {key: entry[key] for key in _NAMING if isinstance(entry.get(key), Mapping)}


def made_elsewhere(entry: Mapping[str, Any]) -> str:
    """Returns the key that names existing storage, such as ``EbsSettings.VolumeId``; empty for none."""
    named = (key for key, settings in settings_of(entry).items() if settings.get(_NAMING[key]))
    return next((f"{key}.{_NAMING[key]}" for key in named), "")
