"""The command says what it did or would do, to people and to scripts, and refuses in one line."""

import json

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from tests.support.built import small_build

BUCKET = "commanded-us-east-1"


@pytest.fixture(scope="module", autouse=True)
def bucket(cloud):
    cloud.client("s3").create_bucket(Bucket=BUCKET)


@pytest.fixture
def publish(cloud, tmp_path):
    folder = small_build(tmp_path)

    def publish(*options, bucket="commanded-{region}"):
        command = ["publish", "--bucket", bucket, "--build", str(folder), *options]
        return CliRunner().invoke(main, command, env=cloud.environment)

    return publish


def test_a_dry_run_lists_what_is_missing_with_sizes_and_uploads_nothing(cloud, publish):
    done = publish("--prefix", "dry", "--dry-run")
    assert done.exit_code == 0
    assert "version 0.1.0 would be published" in done.stdout
    assert "missing      0.0 KiB  engine-" in done.stdout
    assert "nothing was uploaded" in done.stdout
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="dry")


def test_people_read_the_address_the_snippet_and_a_link(cloud, publish):
    done = publish("--prefix", "people", "--version", "2.0.0")
    url = f"{cloud.endpoint_url}/{BUCKET}/people/2.0.0/template.json"
    assert done.exit_code == 0
    assert f"  TemplateURL: {url}\n" in done.stdout
    assert f"      TemplateURL: {url}\n" in done.stdout
    assert "  Quick create: https://us-east-1.console.aws.amazon.com/cloudformation/home?" in done.stdout
    assert done.stderr == ""


def test_scripts_read_the_same_as_json(publish):
    first, second = (json.loads(publish("--prefix", "scripts", "--json").stdout) for _ in range(2))
    (publication,) = first["publications"]
    assert (publication["region"], publication["alreadyPublished"]) == ("us-east-1", False)
    assert {file["state"] for file in publication["files"]} == {"uploaded"}
    assert second["publications"][0]["alreadyPublished"]
    assert {file["state"] for file in second["publications"][0]["files"]} == {"present"}


def test_a_version_with_other_contents_is_one_line_that_says_what_to_do(publish, tmp_path):
    assert publish("--prefix", "refused").exit_code == 0
    (tmp_path / "engine.zip").write_bytes(b"changed")
    done = publish("--prefix", "refused")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "a published version never changes; give another one with --version" in done.stderr


def test_the_region_is_refused_that_has_no_bucket_before_another_gets_anything(cloud, publish):
    done = publish("--prefix", "both", "--region", "us-east-1", "--region", "eu-west-1")
    assert done.exit_code == 1
    assert "bucket commanded-eu-west-1 does not exist" in done.stderr
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="both")


def test_the_same_region_twice_is_one(publish):
    done = publish("--prefix", "twice", "--region", "us-east-1", "--region", "us-east-1", "--json")
    assert len(json.loads(done.stdout)["publications"]) == 1


def test_changes_that_no_commit_has_are_reported(publish, tmp_path):
    told = tmp_path / "build.json"
    told.write_text(json.dumps({**json.loads(told.read_text()), "modified": True}))
    assert "built with uncommitted changes" in publish("--prefix", "modified").stdout


def test_an_engine_is_added_to_a_version_that_is_there_already(publish, tmp_path):
    assert publish("--prefix", "later").exit_code == 0
    (tmp_path / "engine-3.14.0").mkdir()
    small_build(tmp_path / "engine-3.14.0")
    provider, engine = json.loads(publish("--prefix", "later", "--engine", "3.14.0", "--json").stdout)[
        "publications"
    ]
    assert (provider["alreadyPublished"], engine["alreadyPublished"]) == (True, False)
    assert engine["prefix"].startswith("later/0.1.0/engine-")
    assert "quickCreateUrl" not in engine


def test_a_hook_is_added_to_a_version_that_is_there_already_with_a_link_of_its_own(cloud, publish, tmp_path):
    assert publish("--prefix", "hooked").exit_code == 0
    (tmp_path / "hook").mkdir()
    small_build(tmp_path / "hook")
    provider, hook = json.loads(publish("--prefix", "hooked", "--hook", "--json").stdout)["publications"]
    assert (provider["alreadyPublished"], hook["alreadyPublished"]) == (True, False)
    assert hook["kind"] == "hook"
    assert hook["templateUrl"] == f"{cloud.endpoint_url}/{BUCKET}/hooked/0.1.0/hook/template.json"
    assert hook["quickCreateUrl"].endswith("&stackName=pcluster-hook")
    assert provider["quickCreateUrl"].endswith("&stackName=pcluster-provider")


def test_a_hook_that_was_not_built_is_refused_before_anything_is_uploaded(cloud, publish):
    done = publish("--prefix", "unhooked", "--hook")
    assert done.exit_code == 1
    assert "does not contain a built hook; build it: pcluster-cfn build --hook" in done.stderr
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="unhooked")
