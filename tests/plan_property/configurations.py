"""Real configurations, with the ids of the embedded account in the place of those of other accounts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.parents import PLAIN

#: Configurations of this project.
OWN = Path(__file__).parents[1] / "support" / "configurations"
#: Settings that name what only the author's account has: images, addresses, groups, roles, buckets, scripts,
#: directories, reservations, volumes and file systems. What is left is whole without them.
_ELSEWHERE = frozenset(
    {
        "AdditionalResources",
        "AdditionalSecurityGroups",
        "CapacityReservationTarget",
        "ChefCookbook",
        "CustomActions",
        "CustomAmi",
        "CustomS3Bucket",
        "CustomSlurmSettingsIncludeFile",
        "Database",
        "DevSettings",
        "DirectoryService",
        "ElasticIp",
        "ExternalSlurmdbd",
        "HostedZoneId",
        "Iam",
        "KmsKeyId",
        "LambdaFunctionsVpcConfig",
        "LaunchTemplateOverrides",
        "MungeKeySecretArn",
        "PlacementGroup",
        "Proxy",
        "SecurityGroups",
        "SnapshotId",
    }
)
_STORED_ELSEWHERE = frozenset(
    {"AccessPointId", "BackupId", "DataRepositoryAssociations", "ExportPath", "FileCacheId", "FileSystemId"}
    | {"ImportPath", "VolumeId"}
)


def paths(corpus: Path | None) -> list[Path]:
    """Returns the files of configurations: this project's, and those of a folder.

    Raises:
        FileNotFoundError: The folder has no configurations.
    """
    found = sorted(corpus.glob("*.yaml")) if corpus else []
    if corpus and not found:
        raise FileNotFoundError(f"{corpus} has no *.yaml: name a folder of cluster configurations")
    return [*sorted(OWN.glob("*.yaml")), *found]


def deployable(path: Path, exports: Mapping[str, str]) -> dict[str, Any]:
    """Returns a configuration that the embedded account can have.

    Args:
        path: The file.
        exports: Ids of what the account was seeded with.
    """
    configuration: dict[str, Any] = _fitted(yaml.safe_load(path.read_text(encoding="utf-8")), exports)
    storage = [each for each in configuration.get("SharedStorage", []) if not _is_elsewhere(each)]
    if "SharedStorage" in configuration:
        configuration["SharedStorage"] = storage
    configuration.setdefault("Monitoring", PLAIN)
    return configuration


def _fitted(node: Any, exports: Mapping[str, str], key: str = "") -> Any:
    match key:
        case "SubnetId":
            return exports["HEAD_NODE_SUBNET"]
        case "SubnetIds":
            return [exports["COMPUTE_SUBNET"]]
        case "KeyName":
            return exports["KEY_NAME"]
        case "Region":
            return "us-east-1"
    if isinstance(node, dict):
        return {name: _fitted(value, exports, name) for name, value in node.items() if name not in _ELSEWHERE}
    return [_fitted(item, exports) for item in node] if isinstance(node, list) else node


def _is_elsewhere(storage: dict[str, Any]) -> bool:
    settings = (value for value in storage.values() if isinstance(value, dict))
    return any(_STORED_ELSEWHERE & each.keys() for each in settings)
