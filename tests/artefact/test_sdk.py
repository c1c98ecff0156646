"""The SDK that is deployed was cut down; it finds its services in every Region and trusts who answers."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.e2e.account import ARTEFACT

ENDPOINTS = Path(__file__).with_name("endpoints.py")
ALONE = ("-P", "-s", "-S")
TIMEOUT_S = 300
#: What each part's SDK is for, at least.
SERVICES = {
    "provider": {"cloudformation", "dynamodb", "lambda", "sqs"},
    "layer": {"cloudformation", "dynamodb", "ec2", "iam", "imagebuilder", "route53", "s3", "sts"},
}
FOLDERS = {"provider": ARTEFACT / "provider", "layer": ARTEFACT / "layer" / "python"}
#: Whose certificates AWS's endpoints show. Source: Amazon Trust Services, "Repository".
AUTHORITIES = {f"Amazon Root CA {number}" for number in (1, 2, 3, 4)}
#: How the endpoints of each partition end, by a Region of it. Source: botocore, partitions.json.
ENDS = {
    "us-east-1": ".amazonaws.com/",
    "cn-north-1": ".amazonaws.com.cn/",
    "us-gov-west-1": ".amazonaws.com/",
    "us-iso-east-1": ".c2s.ic.gov/",
    "eusc-de-east-1": ".amazonaws.eu/",
}


def endpoints(python, packages, *services):
    done = subprocess.run(
        [python, *ALONE, ENDPOINTS, packages, *services],
        env={"PATH": "", "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=FOLDERS)
def part(request):
    return request.param


@pytest.fixture(scope="module")
def cut(part):
    """What the deployed SDK says."""
    told = endpoints(ARTEFACT / "runtime" / "bin" / "python", FOLDERS[part])
    assert Path(told["sdk"]).is_relative_to(FOLDERS[part])
    return told


def named(urls):
    return {name.split()[0] for name in urls}


def test_it_has_the_services_that_its_part_is_there_for(part, cut):
    assert named(cut["urls"]) >= SERVICES[part]


def test_every_request_goes_where_the_whole_sdk_sends_it_in_every_region(cut):
    services = sorted(named(cut["urls"]))
    whole = endpoints(sys.executable, sysconfig.get_path("purelib"), *services)
    assert whole["sdk"] != cut["sdk"]
    assert len(cut["urls"]) > 40 * len(services), "Regions of all partitions"
    assert cut["urls"] == whole["urls"]


@pytest.mark.parametrize(("region", "end"), ENDS.items())
def test_the_endpoints_of_a_partition_end_as_it_does(cut, region, end):
    assert cut["urls"][f"cloudformation {region}"] == f"https://cloudformation.{region}{end}"


def test_the_certificate_bundle_is_there_and_trusts_amazons_authorities(part, cut):
    assert Path(cut["bundle"]).is_relative_to(FOLDERS[part])
    assert set(cut["authorities"]) >= AUTHORITIES
