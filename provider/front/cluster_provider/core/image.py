"""The values of ``Custom::PclusterImage``: always the same names, empty where there is nothing to say."""

from collections.abc import Mapping
from typing import Any

from cluster_provider.core.attributes import text
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack

#: Names of describe-image. Source: aws-parallelcluster 3.16.1, api/openapi/openapi.yaml.
IMAGE_NAMES = ("imageId", "imageBuildStatus", "creationTime", "region", "version")

#: An attribute, and its name in describe-image's ``ec2AmiInfo``.
AMI_NAMES = {"amiId": "amiId", "amiName": "amiName", "amiState": "state", "architecture": "architecture"}

#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_IMAGE_BUILD_LOG_TAG).
LOG_TAG = "parallelcluster:build_log"


def values(stack: ClusterStack | None, described: Mapping[str, Any] | None) -> dict[str, str]:
    """The attributes but for ``validationMessages``, every value a string.

    Args:
        stack: The image's stack, deleted or not; None if it is not known.
        described: describe-image's answer; None if it could not be had.
    """
    described = described or {}
    data = {name: text(described.get(name)) for name in IMAGE_NAMES}
    ami = described.get("ec2AmiInfo") or {}
    data |= {ours: text(ami.get(theirs)) for ours, theirs in AMI_NAMES.items()}
    if stack is not None:
        data["imageId"] = stack.name
        data["version"] = stack.version or ""
        if not described and stack.in_progress:
            data["imageBuildStatus"] = "BUILD_IN_PROGRESS"
    data["imageBuildLogsArn"] = stack.tags.get(LOG_TAG, "") if stack is not None else ""
    data["cloudformationStackArn"] = stack.stack_id if stack is not None else ""
    return data


def is_built(described: Mapping[str, Any] | None, owner: Owner, image_id: str) -> bool:
    """Whether there is an AMI, and it is this owner's: the AMI tells, whatever became of the stack.

    Source: aws-parallelcluster issues 5914 and 6478.
    """
    ami = (described or {}).get("ec2AmiInfo") or {}
    tags = {tag["key"]: tag["value"] for tag in ami.get("tags") or []}
    return bool(ami.get("amiId")) and owner.owns(tags, image_id)
