"""APIs that describe resources by id and that moto lacks: they answer that there are none."""

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response
from moto.fsx.exceptions import FileSystemNotFound
from moto.fsx.responses import FSxResponse

_describe_known_file_systems = FSxResponse.describe_file_systems


def _describe_capacity_reservations(response: EC2Response) -> ActionResult:
    for reservation_id in response._get_param("CapacityReservationIds", []):  # noqa: SLF001
        raise EC2ClientError(
            "InvalidCapacityReservationId.NotFound",
            f"The capacity reservation '{reservation_id}' does not exist",
        )
    return ActionResult({"CapacityReservations": []})


def _describe_volumes(response: FSxResponse) -> str:
    for volume_id in response._get_param("VolumeIds") or []:  # noqa: SLF001
        raise JsonRESTError("VolumeNotFound", f"Volume '{volume_id}' does not exist.")
    return '{"Volumes": []}'


def _describe_file_caches(response: FSxResponse) -> str:
    for cache_id in response._get_param("FileCacheIds") or []:  # noqa: SLF001
        raise JsonRESTError("FileCacheNotFound", f"File cache '{cache_id}' does not exist.")
    return '{"FileCaches": []}'


def _describe_file_systems(response: FSxResponse) -> str:
    for file_system_id in json.loads(response.body).get("FileSystemIds") or []:
        if file_system_id not in response.fsx_backend.file_systems:
            raise FileSystemNotFound(file_system_id)
    return _describe_known_file_systems(response)


def answer_api_calls() -> None:
    """Adds the operations with which ParallelCluster's validators look for storage and capacity to moto."""
    ec2: Any = EC2Response
    ec2.describe_capacity_reservations = _describe_capacity_reservations
    fsx: Any = FSxResponse
    fsx.describe_file_systems = _describe_file_systems
    fsx.describe_volumes = _describe_volumes
    fsx.describe_file_caches = _describe_file_caches
