"""A publication's names and manifest follow from its contents and from nothing else."""

import hashlib
import json

import boto3
import pytest
from botocore.config import Config

from pcluster_cfn.errors import CommandError
from pcluster_cfn.publishing.bucket import Store
from pcluster_cfn.publishing.command import Report
from pcluster_cfn.publishing.publication import Built
from pcluster_cfn.publishing.upload import Plan, Publishing
from tests.support.built import ABOUT, small_build

ENGINE = f"engine-{hashlib.sha256(b'engine').hexdigest()[:16]}.zip"
LAYER = f"layer-{hashlib.sha256(b'layer').hexdigest()[:16]}.zip"


@pytest.fixture
def folder(tmp_path):
    return small_build(tmp_path)


@pytest.fixture
def publication(folder):
    return Built.read("provider", folder).publication("bucket", "tools", "1.0.0")


def test_every_file_is_below_prefix_and_version_and_named_by_its_content(publication):
    assert [publication.key(file) for file in publication.files] == [
        "tools/1.0.0/manifest.json",
        f"tools/1.0.0/{ENGINE}",
        f"tools/1.0.0/{LAYER}",
        "tools/1.0.0/template.json",
    ]


def test_the_template_names_what_is_stored_in_the_same_bucket(publication):
    resources = json.loads(publication.template.body)["Resources"]
    code = resources["Engine"]["Properties"]["Code"]
    assert code == {"S3Bucket": "bucket", "S3Key": f"tools/1.0.0/{ENGINE}"}


def test_an_engine_is_beside_the_provider_of_the_same_version(folder):
    engine = Built.read("engine", folder).publication("bucket", "", "1.0.0")
    assert engine.prefix == "1.0.0/engine-3.16.1/"


def test_the_manifest_says_what_is_there_and_what_it_was_made_of(publication):
    manifest = json.loads(publication.manifest.body)
    assert {key: manifest[key] for key in ABOUT} == ABOUT
    assert (manifest["version"], manifest["kind"]) == ("1.0.0", "provider")
    assert {(file["name"], file["sizeBytes"]) for file in manifest["files"]} == {
        (ENGINE, 6),
        (LAYER, 5),
        ("template.json", len(publication.template.body)),
    }


def test_another_commit_with_the_same_contents_is_the_same_publication(folder, publication):
    (folder / "build.json").write_text(json.dumps({**ABOUT, "commit": "decade"}))
    later = Built.read("provider", folder).publication("bucket", "tools", "1.0.0")
    assert later.manifest != publication.manifest
    assert later.differing(publication.manifest.body) == []


def test_other_contents_are_reported_by_their_names(folder, publication):
    (folder / "layer.zip").write_bytes(b"another")
    later = Built.read("provider", folder).publication("bucket", "tools", "1.0.0")
    differing = later.differing(publication.manifest.body)
    assert [name.partition("-")[0] for name in differing] == ["layer", "layer", "template.json"]


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"files": [{}]}'])
def test_what_is_no_manifest_is_refused(publication, text):
    with pytest.raises(CommandError, match=r"tools/1\.0\.0/manifest\.json is not a manifest of this project"):
        publication.differing(text)


@pytest.mark.parametrize(
    ("prefix", "version", "message"),
    [
        ("a b", "1", "--prefix 'a b' is not valid"),
        ("a//b", "1", "--prefix 'a//b' is not valid"),
        ("a", "1+2", r"--version '1\+2' is not valid"),
        ("a", "1/2", "--version '1/2' is not valid"),
        ("a", "", "--version '' is not valid"),
    ],
)
def test_prefix_and_version_are_what_a_url_shows_as_it_is(prefix, version, message):
    with pytest.raises(CommandError, match=message):
        Publishing("bucket", prefix, version)


@pytest.mark.parametrize("prefix", ["", "a", "a/b_c/d-e.f"])
def test_a_prefix_has_any_number_of_folders(prefix):
    assert Publishing("bucket", prefix, "1.0.0").prefix == prefix


def test_a_folder_that_nothing_was_built_into_is_refused_with_the_target_that_builds(tmp_path):
    with pytest.raises(CommandError, match="does not contain a built provider; build it: pcluster-cfn build"):
        Built.read("provider", tmp_path)
    with pytest.raises(CommandError, match="make engine"):
        Built.read("engine", tmp_path)
    with pytest.raises(CommandError, match="make hook"):
        Built.read("hook", tmp_path)


def s3(region):
    """A client as with credentials in AWS: no call is made with it."""
    return boto3.client("s3", region_name=region, config=Config(ignore_configured_endpoint_urls=True))


@pytest.mark.parametrize(
    ("region", "bucket", "url"),
    [
        ("us-east-1", "b", "https://b.s3.us-east-1.amazonaws.com/k"),
        ("eu-central-1", "b", "https://b.s3.eu-central-1.amazonaws.com/k"),
        ("eu-central-1", "b.c", "https://s3.eu-central-1.amazonaws.com/b.c/k"),
        ("cn-north-1", "b", "https://b.s3.cn-north-1.amazonaws.com.cn/k"),
        ("us-gov-west-1", "b", "https://b.s3.us-gov-west-1.amazonaws.com/k"),
    ],
)
def test_an_address_is_in_the_domain_of_its_region_s_partition(region, bucket, url):
    assert Store(s3(region), bucket).url("k") == url


def test_another_endpoint_has_the_bucket_in_the_path():
    client = boto3.client("s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:5000")
    assert Store(client, "b").url("k") == "http://127.0.0.1:5000/b/k"


def stores(bucket, *regions):
    return Publishing(bucket, "p", "1").stores([s3(region) for region in regions])


def test_each_region_has_a_bucket_of_its_own():
    made = stores("b-{region}", "us-east-1", "eu-west-1")
    assert [(store.bucket, store.region) for store in made] == [
        ("b-us-east-1", "us-east-1"),
        ("b-eu-west-1", "eu-west-1"),
    ]


def test_one_bucket_for_several_regions_is_refused_with_a_name_that_would_do():
    with pytest.raises(CommandError, match=r"as in --bucket b-\{region\}"):
        stores("b", "us-east-1", "eu-west-1")


def test_braces_that_mean_nothing_are_refused():
    with pytest.raises(CommandError, match=r"only \{region\} is allowed in its name"):
        stores("b-{Region}", "us-east-1")


def snippet(folder, bucket, region):
    publishing = Publishing(bucket, "p", "1.0.0")
    (store,) = publishing.stores([s3(region)])
    publication = Built.read("provider", folder).publication(store.bucket, "p", "1.0.0")
    plans = [Plan(store, publication, ())]
    return json.loads(Report(publishing, plans, uploaded=True).json())["snippet"]


def test_the_snippet_for_a_bucket_in_each_region_works_in_every_one(folder):
    url = "!Sub https://b-${AWS::Region}.s3.${AWS::Region}.amazonaws.com/p/1.0.0/template.json"
    assert f"TemplateURL: {url}\n" in snippet(folder, "b-{region}", "eu-west-1")


def test_the_snippet_for_one_bucket_names_it(folder):
    url = "https://b.s3.eu-west-1.amazonaws.com/p/1.0.0/template.json"
    assert f"TemplateURL: {url}\n" in snippet(folder, "b", "eu-west-1")


def test_the_provider_s_schemas_are_published_with_it_and_with_no_engine(folder):
    (folder / "schemas").mkdir()
    (folder / "schemas" / "resources.json").write_text("{}")
    provider = Built.read("provider", folder).publication("bucket", "tools", "1.0.0")
    assert "tools/1.0.0/schemas/resources.json" in [provider.key(file) for file in provider.files]
    assert "schemas/resources.json" in {file["name"] for file in json.loads(provider.manifest.body)["files"]}
    engine = Built.read("engine", folder).publication("bucket", "tools", "1.0.0")
    assert [file.name for file in engine.files if file.name.startswith("schemas/")] == []
