"""Only an address that CloudFormation reads gets into a link."""

import pytest

from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch.link import region_named
from pcluster_cfn.launch.template_source import Location, check, location


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://bucket.s3.us-east-1.amazonaws.com/a/b.yaml", "us-east-1"),
        ("https://bucket.s3.amazonaws.com/a.yaml", "eu-west-1"),
        ("https://s3.amazonaws.com/bucket/a.yaml", "us-gov-west-1"),
        ("https://s3-eu-west-1.amazonaws.com/bucket/a.yaml", "eu-west-1"),
        ("https://with.dots.s3.dualstack.eu-west-1.amazonaws.com/a.yaml?versionId=x.y", "eu-west-1"),
        ("https://bucket.s3.cn-north-1.amazonaws.com.cn/a.yaml", "cn-northwest-1"),
        ("ssm-doc://arn:aws:ssm:us-east-1:123456789012:document/hpc.cluster", "us-east-1"),
    ],
)
def test_addresses_of_s3_and_documents_are_taken(url, region):
    check(url, region_named(region))


@pytest.mark.parametrize(
    ("url", "region", "said"),
    [
        ("http://bucket.s3.us-east-1.amazonaws.com/a.yaml", "us-east-1", "does not start with https://"),
        ("s3://bucket/a.yaml", "us-east-1", "does not start with https://"),
        ("https://bucket.s3-website-us-east-1.amazonaws.com/a.yaml", "us-east-1", "website endpoint"),
        ("https://bucket.s3-website.eu-west-3.amazonaws.com/a.yaml", "eu-west-3", "website endpoint"),
        ("https://example.com/a.yaml", "us-east-1", "BUCKET.s3.us-east-1.amazonaws.com/KEY"),
        ("https://amazonaws.com.evil.example/a.yaml", "us-east-1", "is not an object in S3"),
        ("https://user@bucket.s3.amazonaws.com/a.yaml", "us-east-1", "is not an object in S3"),
        ("https://bucket.s3.amazonaws.com/", "us-east-1", "is not an object in S3"),
        ("https://s3.amazonaws.com/bucket", "us-east-1", "is not an object in S3"),
        ("https://bucket.s3.amazonaws.com/a.yaml", "cn-north-1", "ends in .amazonaws.com.cn"),
        ("https://bucket.s3.cn-north-1.amazonaws.com.cn/a.yaml", "us-east-1", "another partition"),
        (
            "https://b.s3.amazonaws.com/a?X-Amz-Signature=x",
            "us-east-1",
            "everybody with the link would have them",
        ),
        ("https://b.s3.amazonaws.com/a#b", "us-east-1", "more parts than an object"),
        ("https://b.s3.amazonaws.com/" + "a" * 5_120, "us-east-1", "CloudFormation allows 5,120"),
        ("ssm-doc://hpc", "us-east-1", "write ssm-doc://arn:aws:ssm:"),
        ("ssm-doc://arn:aws:ssm:us-east-1:123456789012:document/x", "us-west-2", "create one there"),
        ("http://127.0.0.1:5000.evil/b/a.yaml", "us-east-1", "does not start with https://"),
        ("javascript:alert(1)//b.s3.us-east-1.amazonaws.com/a", "us-east-1", "does not start with https://"),
        ("file:///etc/passwd", "us-east-1", "does not start with https://"),
        ("data:text/html,x", "us-east-1", "does not start with https://"),
        ('https://b.s3.amazonaws.com/"><script>', "us-east-1", "write it as %22"),
        ("https://b.s3.amazonaws.com/a'b", "us-east-1", "write it as %27"),
        ("https://b.s3.amazonaws.com/a b", "us-east-1", "write it as %20"),
        ("https://b.s3.amazonaws.com/a\nb", "us-east-1", "write it as %0A"),
        ("https://b.s3.amazonaws.com/é", "us-east-1", "write it as %C3%A9"),
        ("https://b.s3.amazonaws.com/a](x", "us-east-1", "write it as %5D"),
        ("https://[::1/a", "us-east-1", "write it as %5B"),
        ("https://b.s3.amazonaws.com/100%", "us-east-1", "write it as %25"),
        ("https://b.s3.amazonaws.com:99999999/a", "us-east-1", "is not an object in S3"),
        ("https://s3.amazonaws.com.evil.example/b/a", "us-east-1", "is not an object in S3"),
        ("https://b.s3.eusc-de-east-1.amazonaws.eu/a", "us-east-1", "another partition"),
        ("https://b.s3.us-iso-east-1.c2s.ic.gov/a", "us-east-1", "another partition"),
    ],
)
def test_any_other_is_refused_with_what_to_do(url, region, said):
    with pytest.raises(CommandError) as caught:
        check(url, region_named(region), endpoint_url="http://127.0.0.1:5000")
    assert said in str(caught.value)


def test_an_embedded_cloud_s_own_addresses_are_taken():
    check("http://127.0.0.1:5000/b/a.yaml", region_named("us-east-1"), endpoint_url="http://127.0.0.1:5000")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://b.s3.eu-west-1.amazonaws.com/a/b%20c.yaml", Location("b", "a/b c.yaml", "eu-west-1")),
        ("https://s3.amazonaws.com/b/a.yaml?versionId=v1", Location("b", "a.yaml", None, "v1")),
        ("https://example.com/b/a.yaml", None),
    ],
)
def test_an_address_has_bucket_key_region_and_version(url, expected):
    assert location(url) == expected


@pytest.mark.parametrize(
    "url", ["https://[::1/a", 'https://b.s3.amazonaws.com/"', "javascript:alert(1)", "\ud800"]
)
def test_what_is_no_address_is_no_object(url):
    assert location(url, endpoint_url="javascript:") is None
