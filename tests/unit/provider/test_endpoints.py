import json
from pathlib import Path

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_provider.core.bounds import (
    DNS_SUFFIXES,
    URL_MAX,
    is_response_url,
    is_wait_condition_handle,
)

STACK = "arn:aws:cloudformation:us-west-2:123456789012:stack/parent/0a"
CHINA = "arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/parent/0a"
KEY = "arn%3Aaws%3Acloudformation%3Aus-west-2%3A1%3Astack/parent/0a%7CCluster%7C1-2?X-Amz-Signature=s"
BUCKET = "cloudformation-custom-resource-response-uswest2"


def test_the_suffixes_are_those_of_every_partition_that_the_sdk_knows() -> None:
    path = Path(botocore.__file__).parent / "data" / "endpoints.json"
    partitions = json.loads(path.read_text())["partitions"]
    assert {each["partition"]: each["dnsSuffix"] for each in partitions} == DNS_SUFFIXES


@pytest.mark.parametrize(
    ("host", "stack_id"),
    [
        (f"{BUCKET}.s3.amazonaws.com", STACK),
        (f"{BUCKET}.s3.us-west-2.amazonaws.com", STACK),
        (f"{BUCKET}.s3-us-west-2.amazonaws.com", STACK),
        (f"{BUCKET}.s3.dualstack.us-west-2.amazonaws.com", STACK),
        ("cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn", CHINA),
    ],
)
def test_the_hosts_of_recorded_events_are_response_urls(host: str, stack_id: str) -> None:
    assert is_response_url(f"https://{host}/{KEY}", stack_id)
    assert not is_wait_condition_handle(f"https://{host}/{KEY}", stack_id)


@pytest.mark.parametrize(
    ("host", "stack_id"),
    [
        ("cloudformation-waitcondition-us-west-2.s3.amazonaws.com", STACK),
        ("cloudformation-waitcondition-us-west-2.s3-us-west-2.amazonaws.com", STACK),
        ("cloudformation-waitcondition-cn-north-1.s3.cn-north-1.amazonaws.com.cn", CHINA),
    ],
)
def test_the_buckets_of_wait_conditions_are_handles(host: str, stack_id: str) -> None:
    assert is_wait_condition_handle(f"https://{host}/{KEY}", stack_id)
    assert not is_response_url(f"https://{host}/{KEY}", stack_id)


@pytest.mark.parametrize(
    "url",
    [
        f"http://{BUCKET}.s3.amazonaws.com/{KEY}",
        f"https://{BUCKET}.s3.amazonaws.com:8443/{KEY}",
        f"https://user:secret@{BUCKET}.s3.amazonaws.com/{KEY}",
        f"https://{BUCKET}.s3.amazonaws.com.attacker.test/{KEY}",
        f"https://attacker.test/{BUCKET}.s3.amazonaws.com/{KEY}",
        f"https://attacker.test\\@{BUCKET}.s3.amazonaws.com/{KEY}",
        f"https://attacker.test#{BUCKET}.s3.amazonaws.com/{KEY}",
        f"https://{BUCKET}.s3.amazonaws.com/{KEY}#fragment",
        f"https://{BUCKET}.s3.amazonaws.com/{KEY}\r\nX: y",
        f"https://{BUCKET}.s3.amazonaws.com/{KEY}\n",
        f"https://{BUCKET}.s3.amazonaws.com/\ud800",
        f"https://{BUCKET}.s3.amazonaws.com",
        f"https://{BUCKET}.s3.amazonaws.com/" + "a" * URL_MAX,
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/of-another-region",
        "https://169.254.169.254/latest/meta-data/",
        "",
        None,
        ["https://"],
        7,
    ],
)
def test_any_other_url_is_none(url: object) -> None:
    assert not is_response_url(url, STACK)


@pytest.mark.parametrize(
    "stack_id",
    ["", "stack", STACK.replace("us-west-2", "../../x"), STACK.replace("aws:", "aws-of-mine:", 1)],
)
def test_a_stack_of_no_known_partition_and_region_has_no_urls(stack_id: str) -> None:
    assert not is_response_url(f"https://{BUCKET}.s3.amazonaws.com/{KEY}", stack_id)
    assert not is_wait_condition_handle(f"https://{BUCKET}.s3.amazonaws.com/{KEY}", stack_id)


@given(st.text(max_size=80))
def test_no_text_before_the_host_makes_it_cloudformations(text: str) -> None:
    assert not is_response_url(f"https://x{text}{BUCKET}.s3.amazonaws.com/{KEY}", STACK)
