"""What an account has before its first cluster: official images, a network, a key pair, a bucket, CDK's mark.

Nothing here knows the ParallelCluster library but for its release number.
"""

import hashlib
import json
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from localcloud.official_images import official_images

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
KEY_NAME = "localcloud"
ARTIFACT_BUCKET = f"localcloud-artifacts-{ACCOUNT_ID}"

_NETWORK = "10.0.0.0/16"
_HEAD_NODE_NETWORK = "10.0.0.0/20"
_COMPUTE_NETWORK = "10.0.16.0/20"
#: What ``cdk bootstrap`` leaves behind and every template of ``cdk synth`` reads.
#: Source: aws/aws-cdk-cli, bootstrap-template.yaml; aws/aws-cdk issue 14313.
_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "26"
_ANYWHERE = "0.0.0.0/0"


def prepare_environment() -> None:
    """Sets what moto reads from the environment when it is imported; call it before anything imports moto.

    The images are those of the installed ParallelCluster release; those of others come when they are asked
    for, see ``official_images``.
    """
    content = json.dumps(list(official_images([metadata.version("aws-parallelcluster")])))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"localcloud-images-{digest}.json"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(content)
        partial.rename(path)
    os.environ["MOTO_AMIS_PATH"] = str(path)
    # Templates attach AWS's own policies by ARN, and ParallelCluster looks up those it is given.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"


def seed(region_name: str = REGION) -> dict[str, str]:
    """Makes a network, a key pair, a bucket and the parameter of a bootstrapped Region in moto.

    The head node's subnet is public and maps public addresses; the compute subnet reaches out through NAT.
    Both are in the Region's first zone.

    Returns:
        `VPC_ID`, `HEAD_NODE_SUBNET`, `COMPUTE_SUBNET`, `KEY_NAME` and `ARTIFACT_BUCKET`.
    """
    # moto reads its image list when it is imported: prepare_environment comes first.
    from moto.ec2.models import ec2_backends  # noqa: PLC0415
    from moto.s3.models import s3_backends  # noqa: PLC0415
    from moto.ssm.models import ssm_backends  # noqa: PLC0415

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
    ssm_backends[ACCOUNT_ID][region_name].put_parameter(
        name=_BOOTSTRAP_PARAMETER,
        description="",
        value=_BOOTSTRAP_VERSION,
        parameter_type="String",
        allowed_pattern="",
        keyid="",
        overwrite=False,
        tags=[],
        data_type="text",
        tier="Standard",
        policies=None,
    )
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
