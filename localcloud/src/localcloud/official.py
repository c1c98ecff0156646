"""What ParallelCluster publishes: the images of every release, and templates in its buckets.

ParallelCluster itself need not be installed.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

#: The operating system in an official image's name, the device of its root volume, and the first and the
#: last minor release that has it. Source: ParallelCluster's CHANGELOG, and pcluster/constants.py,
#: OS_TO_IMAGE_NAME_PART_MAP without PRIVATE_OSES, of releases 3.6 to 3.16.
_SYSTEMS = {
    "amzn2023-hvm": ("/dev/xvda", (3, 10), None),
    "ubuntu-2204-lts-hvm": ("/dev/sda1", (3, 7), None),
    "ubuntu-2404-lts-hvm": ("/dev/sda1", (3, 13), None),
    "rhel8-hvm": ("/dev/sda1", (3, 6), None),
    "rhel9-hvm": ("/dev/sda1", (3, 9), None),
    "ubuntu-2004-lts-hvm": ("/dev/sda1", (3, 0), (3, 13)),
    "amzn2-hvm": ("/dev/xvda", (3, 0), (3, 15)),
    "centos7-hvm": ("/dev/sda1", (3, 0), (3, 9)),
    "ubuntu-1804-lts-hvm": ("/dev/sda1", (3, 0), (3, 6)),
}
_ARCHITECTURES = ("x86_64", "arm64")
#: Any date will do: the newest image of a name wins.
_MADE_AT = "2026-01-15T00:00:00.000Z"
#: How the library asks for its images. Source: pcluster/aws/ec2.py, Ec2Client.get_official_image_id.
_NAMED = re.compile(r"aws-parallelcluster-(\d+\.\d+\.\d+)-")

_NETWORK = Path(__file__).with_name("official_network.yaml")

#: Source: pcluster/utils.py, get_templates_bucket_path, and pcluster/cli/commands/configure/networking.py.
_BUCKET = re.compile(r"[a-z0-9-]+-aws-parallelcluster")
_NETWORK_KEY = re.compile(
    r"parallelcluster/(?P<release>\d+\.\d+\.\d+)/templates/networking/public-private-(?P=release)\.cfn\.json"
)


def official_images(releases: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields the official images of ParallelCluster releases, in the format of moto's image list."""
    for release in releases:
        minor = tuple(int(part) for part in release.split(".")[:2])
        for system, (root_device, first, last) in _SYSTEMS.items():
            if first <= minor and (last is None or minor <= last):
                for architecture in _ARCHITECTURES:
                    prefix = f"aws-parallelcluster-{release}-{system}-{architecture}"
                    yield _image(prefix, architecture, root_device)


def official_template(bucket: str, key: str) -> str | None:
    """Returns the text of an official template, the same for every Region and release.

    Returns:
        None if the bucket is not ParallelCluster's or has no such template here.
    """
    if _BUCKET.fullmatch(bucket) and _NETWORK_KEY.fullmatch(key):
        return _NETWORK.read_text()
    return None


def missing_template(bucket: str) -> str:
    """Returns what to do where a bucket of ParallelCluster's lacks a template; empty for other buckets."""
    if not _BUCKET.fullmatch(bucket):
        return ""
    return (
        ". Of the templates that ParallelCluster publishes, localcloud has only the network of a public "
        f"and a private subnet: put this one into a bucket {bucket} of this cloud"
    )


def publish_on_request() -> None:
    """Adds the images of a release to moto's EC2 when a client asks for them by name."""
    # moto reads its image list when it is imported: `seed.prepare_environment` comes first.
    from moto.core.parse import default_timestamp_parser  # noqa: PLC0415
    from moto.ec2.models.amis import Ami, AmiBackend  # noqa: PLC0415

    patched: Any = AmiBackend
    described = patched.describe_images

    def describe_images(backend: Any, *args: Any, filters: Any = None, **kwargs: Any) -> Any:
        for image in official_images(_releases((filters or {}).get("name", []))):
            if image["ami_id"] not in backend.amis:
                made_at = default_timestamp_parser(image["creation_date"])
                published = Ami(backend, **image | {"creation_date": made_at, "owner_alias": "amazon"})
                backend.amis[published.id] = published
        return described(backend, *args, filters=filters, **kwargs)

    if described.__module__ != __name__:
        patched.describe_images = describe_images


def _releases(names: Sequence[str]) -> list[str]:
    return sorted({named[1] for name in names if (named := _NAMED.match(name))})


def _image(prefix: str, architecture: str, root_device: str) -> dict[str, Any]:
    name = f"{prefix}-202601150000"
    return {
        "ami_id": f"ami-{hashlib.sha256(name.encode()).hexdigest()[:17]}",
        "name": name,
        "description": f"Official image {prefix}",
        "architecture": architecture,
        "creation_date": _MADE_AT,
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
