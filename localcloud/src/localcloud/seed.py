"""The initial content of an account: a network, a key pair, a bucket, images and CDK's bootstrap parameter.

Nothing here knows the ParallelCluster library but for its release number.
"""

import hashlib
import json
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import botocore.session

from localcloud.official import official_images

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
KEY_NAME = "localcloud"
ARTIFACT_BUCKET = f"localcloud-artifacts-{ACCOUNT_ID}"

_NETWORK = "10.0.0.0/16"
#: The public and the private subnet of each zone: enough zones for what asks for two, or three. Those of the
#: first zone are at the lower end and the others at the upper one, so that there is room between them.
_SUBNETS = [
    ("10.0.0.0/20", "10.0.16.0/20"),
    ("10.0.192.0/20", "10.0.208.0/20"),
    ("10.0.224.0/20", "10.0.240.0/20"),
]
#: What ``cdk bootstrap`` leaves behind and every template of ``cdk synth`` reads.
#: Source: aws/aws-cdk-cli, bootstrap-template.yaml; aws/aws-cdk issue 14313.
_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "26"
_ANYWHERE = "0.0.0.0/0"


def prepare_environment() -> None:
    """Sets what moto reads from the environment when it is imported; call it before anything imports moto.

    Where ParallelCluster is installed, the images are the official ones of its release, and moto's own
    elsewhere. Those of other releases appear when a client asks for them, see ``official``.
    """
    # Templates attach AWS's own policies by ARN, and ParallelCluster looks up those it is given.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    try:
        release = metadata.version("aws-parallelcluster")
    except metadata.PackageNotFoundError:
        return
    content = json.dumps(list(official_images([release])))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"localcloud-images-{digest}.json"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(content)
        partial.rename(path)
    os.environ["MOTO_AMIS_PATH"] = str(path)


def seed(region_name: str = REGION) -> dict[str, str]:
    """Makes a network, a key pair, a bucket and the parameter of a bootstrapped Region in moto.

    Each of the Region's first zones, three at most, has a public subnet, which maps public addresses, and a
    private one, which reaches out through NAT. The head node's and the compute subnet are the first zone's.

    Args:
        region_name: One that has zones here, see ``has_region``.

    Returns:
        `VPC_ID`, `HEAD_NODE_SUBNET`, `COMPUTE_SUBNET`, `KEY_NAME` and `ARTIFACT_BUCKET`; and, separated by
        commas in the order of the zones, `HEAD_NODE_SUBNETS`, `COMPUTE_SUBNETS` and `AVAILABILITY_ZONES`.
    """
    # moto reads its image list when it is imported: prepare_environment comes first.
    from moto.ec2.models import ec2_backends  # noqa: PLC0415
    from moto.s3.models import s3_backends  # noqa: PLC0415
    from moto.ssm.models import ssm_backends  # noqa: PLC0415
    from moto.utilities.utils import get_partition  # noqa: PLC0415

    ec2: Any = ec2_backends[ACCOUNT_ID][region_name]
    vpc = ec2.create_vpc(_NETWORK, tags=_named("localcloud"))
    ec2.modify_vpc_attribute(vpc.id, "enable_dns_support", True)
    ec2.modify_vpc_attribute(vpc.id, "enable_dns_hostnames", True)
    present = list(ec2.describe_availability_zones())
    _offer_instance_types(region_name, present)
    zones = [zone.name for zone in present][: len(_SUBNETS)]
    public, private = _make_subnets(ec2, vpc.id, zones)
    _connect(ec2, vpc.id, public, private)
    # The one type that every operating system takes. Source: the library's KeyPairValidator.
    ec2.create_key_pair(KEY_NAME, "ed25519", {})
    s3_backends[ACCOUNT_ID][get_partition(region_name)].create_bucket(ARTIFACT_BUCKET, region_name)
    put_parameter(ssm_backends[ACCOUNT_ID][region_name], _BOOTSTRAP_PARAMETER, _BOOTSTRAP_VERSION)
    return {
        "VPC_ID": vpc.id,
        "HEAD_NODE_SUBNET": public[0],
        "COMPUTE_SUBNET": private[0],
        "HEAD_NODE_SUBNETS": ",".join(public),
        "COMPUTE_SUBNETS": ",".join(private),
        "AVAILABILITY_ZONES": ",".join(zones),
        "KEY_NAME": KEY_NAME,
        "ARTIFACT_BUCKET": ARTIFACT_BUCKET,
    }


def put_parameter(backend: Any, name: str, value: str, kind: str = "String") -> None:
    """Puts a new parameter into moto's Parameter Store; ``kind`` is its type."""
    backend.put_parameter(
        name=name,
        description="",
        value=value,
        parameter_type=kind,
        allowed_pattern="",
        keyid="alias/aws/ssm" if kind == "SecureString" else "",
        overwrite=False,
        tags=[],
        data_type="text",
        tier="Standard",
        policies=None,
    )


def has_region(region_name: str) -> bool:
    """Returns whether the installed SDK knows a Region."""
    session = botocore.session.get_session()
    partitions = session.get_available_partitions()
    return any(region_name in session.get_available_regions("ec2", partition) for partition in partitions)


def _offer_instance_types(region_name: str, zones: list[Any]) -> None:
    """Offers instance types in a Region of which moto has no list: those of ``REGION``, in every zone.

    Moto lists none for the Regions of AWS China and GovCloud, where no cluster could be made otherwise.
    """
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS  # noqa: PLC0415

    locations = {
        "region": [region_name],
        "availability-zone": [zone.name for zone in zones],
        "availability-zone-id": [zone.zone_id for zone in zones],
    }
    for kind, offered in INSTANCE_TYPE_OFFERINGS.items():
        if region_name in offered:
            continue
        types = sorted({each["InstanceType"] for each in offered[REGION]})
        offered[region_name] = [
            {"InstanceType": name, "Location": location, "LocationType": kind}
            for location in locations[kind]
            for name in types
        ]


def _make_subnets(ec2: Any, vpc_id: str, zones: list[str]) -> tuple[list[str], list[str]]:
    """Makes a public and a private subnet in each zone and returns their ids."""
    public, private = [], []
    for zone, (public_range, private_range) in zip(zones, _SUBNETS, strict=False):  # some Regions have two
        public.append(ec2.create_subnet(vpc_id, public_range, availability_zone=zone).id)
        ec2.modify_subnet_attribute(public[-1], "map_public_ip_on_launch", True)
        private.append(ec2.create_subnet(vpc_id, private_range, availability_zone=zone).id)
    return public, private


def _named(name: str) -> list[dict[str, str]]:
    return [{"Key": "Name", "Value": name}]


def _connect(ec2: Any, vpc_id: str, public: list[str], private: list[str]) -> None:
    """Routes public subnets to an Internet gateway and private ones to one NAT gateway."""
    gateway = ec2.create_internet_gateway()
    ec2.attach_internet_gateway(gateway.id, vpc_id)
    outside = ec2.create_route_table(vpc_id, tags=_named("localcloud-public"))
    ec2.create_route(outside.id, _ANYWHERE, gateway_id=gateway.id)
    for subnet in public:
        ec2.associate_route_table(outside.id, subnet_id=subnet)
    address = ec2.allocate_address("vpc")
    translation = ec2.create_nat_gateway(public[0], address.allocation_id)
    inside = ec2.create_route_table(vpc_id, tags=_named("localcloud-private"))
    ec2.create_route(inside.id, _ANYWHERE, nat_gateway_id=translation.id)
    for subnet in private:
        ec2.associate_route_table(inside.id, subnet_id=subnet)
