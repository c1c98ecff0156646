"""Listings of a bucket's versions."""

import pytest

BUCKET = "versions-of-objects"


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        client.put_object(Bucket=BUCKET, Key="a/1", Body=body)
    client.put_object(Bucket=BUCKET, Key="a/2", Body=b"three")
    client.put_object(Bucket=BUCKET, Key="b/1", Body=b"four")
    client.delete_object(Bucket=BUCKET, Key="a/2")
    yield client
    listed = client.list_object_versions(Bucket=BUCKET)
    for item in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        client.delete_object(Bucket=BUCKET, Key=item["Key"], VersionId=item["VersionId"])
    client.delete_bucket(Bucket=BUCKET)


def test_versions_and_deletions_below_a_prefix_are_listed_the_newest_first(s3):
    listed = s3.list_object_versions(Bucket=BUCKET, Prefix="a/")
    versions = [(item["Key"], item["Size"], item["IsLatest"]) for item in listed["Versions"]]
    assert versions == [("a/1", 3, True), ("a/1", 3, False), ("a/2", 5, False)]
    assert [(item["Key"], item["IsLatest"]) for item in listed["DeleteMarkers"]] == [("a/2", True)]


def test_what_was_listed_can_still_be_read(s3):
    newest, oldest, *_ = s3.list_object_versions(Bucket=BUCKET, Prefix="a/1")["Versions"]
    for version, body in ((newest, b"two"), (oldest, b"one"), (newest, b"two")):
        answer = s3.get_object(Bucket=BUCKET, Key="a/1", VersionId=version["VersionId"])
        assert answer["Body"].read() == body


def test_a_long_listing_continues_where_a_page_ended(s3):
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=BUCKET, Prefix="a/", PaginationConfig={"PageSize": 1}
    )
    found = [item["Key"] for page in pages for item in page.get("Versions", [])]
    assert found == ["a/1", "a/1", "a/2"]
