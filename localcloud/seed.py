"""What an account has before its first cluster: official images, a network, a key pair, a bucket.

Nothing here knows the ParallelCluster library but for its release number and the names of its images.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
KEY_NAME = "localcloud"
ARTIFACT_BUCKET = f"localcloud-artifacts-{ACCOUNT_ID}"

#: The operating system in an official image's name, and the device of its root volume.
#: Source: aws-parallelcluster 3.16.1, pcluster/constants.py, OS_TO_IMAGE_NAME_PART_MAP without PRIVATE_OSES.
_SYSTEMS = {
    "amzn2023-hvm": "/dev/xvda",
    "ubuntu-2204-lts-hvm": "/dev/sda1",
    "ubuntu-2404-lts-hvm": "/dev/sda1",
    "rhel8-hvm": "/dev/sda1",
    "rhel9-hvm": "/dev/sda1",
}
#: Systems of earlier releases, and the last minor release that has them. Source: ParallelCluster's CHANGELOG.
_FORMER_SYSTEMS = {"ubuntu-2004-lts-hvm": ("/dev/sda1", (3, 13)), "amzn2-hvm": ("/dev/xvda", (3, 14))}
_ARCHITECTURES = ("x86_64", "arm64")
#: Any date will do: the newest image of a name wins.
_IMAGES_MADE_AT = "2026-01-15T00:00:00.000Z"

_NETWORK = "10.0.0.0/16"
_HEAD_NODE_NETWORK = "10.0.0.0/24"
_COMPUTE_NETWORK = "10.0.16.0/20"
_ANYWHERE = "0.0.0.0/0"


def prepare_environment(versions: Sequence[str] | None = None) -> None:
    """Sets what moto reads from the environment when it is imported; call it before anything imports moto.

    Args:
        versions: ParallelCluster releases whose official images exist; the installed one by default.
    """
    images = list(official_images(versions or [metadata.version("aws-parallelcluster")]))
    content = json.dumps(images)
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"localcloud-images-{digest}.json"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(content)
        partial.rename(path)
    os.environ["MOTO_AMIS_PATH"] = str(path)
    # Templates attach AWS's own policies by ARN, and ParallelCluster looks up those it is given.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"


def official_images(versions: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields the official images of ParallelCluster releases, in the words of moto's image list."""
    for release in versions:
        minor = tuple(int(part) for part in release.split(".")[:2])
        former = {name: device for name, (device, last) in _FORMER_SYSTEMS.items() if minor <= last}
        for system, root_device in {**_SYSTEMS, **former}.items():
            for architecture in _ARCHITECTURES:
                yield _image(
                    f"aws-parallelcluster-{release}-{system}-{architecture}", architecture, root_device
                )


def _image(prefix: str, architecture: str, root_device: str) -> dict[str, Any]:
    name = f"{prefix}-202601150000"
    return {
        "ami_id": f"ami-{hashlib.sha256(name.encode()).hexdigest()[:17]}",
        "name": name,
        "description": f"Official image {prefix}",
        "architecture": architecture,
        "creation_date": _IMAGES_MADE_AT,
        "owner_id": "247102896272",
        "public": True,
        "state": "available",
        "image_type": "machine",
        "image_location": f"amazon/{name}",
        "hypervisor": "xen",
        "virtualization_type": "hvm",
        "root_device_name": root_device,
        "root_device_type": "ebs",
    }


def seed(region_name: str = REGION) -> dict[str, str]:
    """Makes a network, a key pair and a bucket in moto.

    The head node's subnet is public and maps public addresses; the compute subnet reaches out through NAT.
    Both are in the Region's first zone.

    Returns:
        `VPC_ID`, `HEAD_NODE_SUBNET`, `COMPUTE_SUBNET`, `KEY_NAME` and `ARTIFACT_BUCKET`.
    """
    # moto reads its image list when it is imported: prepare_environment comes first.
    from moto.ec2.models import ec2_backends  # noqa: PLC0415
    from moto.s3.models import s3_backends  # noqa: PLC0415

    ec2: Any = ec2_backends[ACCOUNT_ID][region_name]
    vpc = ec2.create_vpc(_NETWORK, tags=_named("localcloud"))
    ec2.modify_vpc_attribute(vpc.id, "enable_dns_support", True)
    ec2.modify_vpc_attribute(vpc.id, "enable_dns_hostnames", True)
    zone = f"{region_name}a"
    public = ec2.create_subnet(vpc.id, _HEAD_NODE_NETWORK, availability_zone=zone)
    ec2.modify_subnet_attribute(public.id, "map_public_ip_on_launch", True)
    private = ec2.create_subnet(vpc.id, _COMPUTE_NETWORK, availability_zone=zone)
    _connect(ec2, vpc.id, public.id, private.id)
    # The one type that every operating system takes. Source: the library's KeyPairValidator.
    ec2.create_key_pair(KEY_NAME, "ed25519", {})
    s3_backends[ACCOUNT_ID]["aws"].create_bucket(ARTIFACT_BUCKET, region_name)
    return {
        "VPC_ID": vpc.id,
        "HEAD_NODE_SUBNET": public.id,
        "COMPUTE_SUBNET": private.id,
        "KEY_NAME": KEY_NAME,
        "ARTIFACT_BUCKET": ARTIFACT_BUCKET,
    }


def _named(name: str) -> list[dict[str, str]]:
    return [{"Key": "Name", "Value": name}]


def _connect(ec2: Any, vpc_id: str, public_subnet: str, private_subnet: str) -> None:
    """Routes the public subnet to an Internet gateway and the private one to a NAT gateway in it."""
    gateway = ec2.create_internet_gateway()
    ec2.attach_internet_gateway(gateway.id, vpc_id)
    outside = ec2.create_route_table(vpc_id, tags=_named("localcloud-public"))
    ec2.create_route(outside.id, _ANYWHERE, gateway_id=gateway.id)
    ec2.associate_route_table(outside.id, subnet_id=public_subnet)
    address = ec2.allocate_address("vpc")
    translation = ec2.create_nat_gateway(public_subnet, address.allocation_id)
    inside = ec2.create_route_table(vpc_id, tags=_named("localcloud-private"))
    ec2.create_route(inside.id, _ANYWHERE, nat_gateway_id=translation.id)
    ec2.associate_route_table(inside.id, subnet_id=private_subnet)
