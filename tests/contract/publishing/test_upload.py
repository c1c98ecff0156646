"""Publishing on S3: what is there is never changed, and a template that is there can be relied on."""

import itertools
import json

import boto3
import pytest
from botocore.config import Config

from pcluster_cfn.errors import CommandError
from pcluster_cfn.publishing.publication import Built
from pcluster_cfn.publishing.upload import Publishing, carry_out
from tests.support.built import ABOUT, small_build

NAMES = itertools.count()
PATH_STYLE = Config(s3={"addressing_style": "path"})


@pytest.fixture
def s3(cloud):
    yield cloud.client("s3")
    cloud.set_faults([])


@pytest.fixture
def bucket(s3):
    name = f"published-{next(NAMES)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def folder(tmp_path):
    return small_build(tmp_path, layer=b"layer" * 100_000)


def planned(s3, bucket, folder, version="1.0.0"):
    publishing = Publishing(bucket, "p", version)
    (store,) = publishing.stores([s3])
    store.check()
    (plan,) = publishing.plans([store], [Built.read("provider", folder)])
    return plan


def publish(s3, bucket, folder, version="1.0.0", tell=lambda _file, _sent: None):
    plan = planned(s3, bucket, folder, version)
    carry_out(plan, tell)
    return plan


def kinds(files):
    return [file.name.partition("-")[0].partition(".")[0] for file in files]


def stored(s3, bucket):
    return {item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_everything_is_uploaded_in_an_order_in_which_the_template_is_last(s3, bucket, folder):
    told = []
    plan = publish(s3, bucket, folder, tell=lambda file, _sent: told.append(file))

    assert kinds(dict.fromkeys(told)) == ["manifest", "engine", "layer", "template"]
    assert set(stored(s3, bucket)) == {plan.publication.key(file) for file in plan.publication.files}


def test_who_watches_hears_of_every_byte(s3, bucket, folder):
    sent = {}
    plan = publish(s3, bucket, folder, tell=lambda file, size: sent.update({file.name: size}))
    assert sent == {file.name: len(file.body) for file in plan.publication.files}


def test_a_plan_uploads_nothing(s3, bucket, folder):
    assert kinds(planned(s3, bucket, folder).missing) == ["manifest", "engine", "layer", "template"]
    assert stored(s3, bucket) == {}


def test_the_same_contents_again_are_published_already(s3, bucket, folder):
    publish(s3, bucket, folder)
    before = stored(s3, bucket)
    (folder / "build.json").write_text(json.dumps({**ABOUT, "commit": "decade"}))

    assert publish(s3, bucket, folder).is_done
    assert stored(s3, bucket) == before


def test_a_version_with_other_contents_is_refused_and_stays_as_it_is(s3, bucket, folder):
    publish(s3, bucket, folder)
    before = stored(s3, bucket)
    (folder / "engine.zip").write_bytes(b"changed")

    with pytest.raises(CommandError, match=r"version 1\.0\.0 is published at .* engine-.* --version"):
        publish(s3, bucket, folder)

    assert stored(s3, bucket) == before
    publish(s3, bucket, folder, version="1.0.1")


def test_a_template_alone_is_never_replaced(s3, bucket, folder):
    plan = publish(s3, bucket, folder)
    s3.delete_object(Bucket=bucket, Key=plan.publication.key(plan.publication.manifest))
    (folder / "engine.zip").write_bytes(b"changed")

    with pytest.raises(CommandError, match="its template differs"):
        publish(s3, bucket, folder)


@pytest.mark.parametrize("uploads", [0, 1, 2, 3])
def test_an_upload_that_was_interrupted_shows_no_template_and_is_taken_up(cloud, s3, bucket, folder, uploads):
    cloud.set_faults([{"service": "s3", "operation": "PutObject", "kind": "deny", "skip": uploads}])
    with pytest.raises(CommandError, match="continues where this one stopped"):
        publish(s3, bucket, folder)
    assert not [key for key in stored(s3, bucket) if key.endswith("template.json")]
    cloud.set_faults([])

    assert len(publish(s3, bucket, folder).missing) == 4 - uploads
    assert planned(s3, bucket, folder).is_done


def test_an_upload_whose_answer_is_lost_is_sent_again_and_found_there(cloud, s3, bucket, folder):
    patient = boto3.client("s3", endpoint_url=cloud.endpoint_url, config=PATH_STYLE)
    cloud.set_faults([{"service": "s3", "operation": "PutObject", "kind": "drop", "skip": 1, "times": 1}])

    publish(patient, bucket, folder)

    assert [fault["struck"] for fault in cloud.faults()] == [1]
    assert planned(s3, bucket, folder).is_done


def test_a_version_that_another_build_began_is_not_mixed_with_it(cloud, s3, bucket, folder):
    cloud.set_faults([{"service": "s3", "operation": "PutObject", "kind": "deny", "skip": 2}])
    with pytest.raises(CommandError):
        publish(s3, bucket, folder)
    cloud.set_faults([])
    (folder / "layer.zip").write_bytes(b"changed")

    with pytest.raises(CommandError, match=r"has an unfinished publication of another build.*--recursive"):
        publish(s3, bucket, folder)


def test_two_builds_at_once_do_not_end_up_in_one_version(s3, bucket, folder):
    first = planned(s3, bucket, folder)
    (folder / "layer.zip").write_bytes(b"changed")
    second = planned(s3, bucket, folder)

    carry_out(second, lambda _file, _sent: None)
    with pytest.raises(CommandError, match="is published at"):
        carry_out(first, lambda _file, _sent: None)
    assert planned(s3, bucket, folder).is_done


def test_an_object_that_was_changed_is_found_before_the_template_names_it(s3, bucket, folder):
    plan = planned(s3, bucket, folder)
    engine = plan.publication.contents[0]

    def replace(file, _sent):
        if file.name.startswith("layer"):
            s3.put_object(Bucket=bucket, Key=plan.publication.key(engine), Body=b"enginE")

    with pytest.raises(CommandError, match=r"engine-\w+\.zip was changed after its upload.*aws s3 rm"):
        carry_out(plan, replace)
    assert not [key for key in stored(s3, bucket) if key.endswith("template.json")]


def test_an_object_of_the_same_size_that_was_changed_later_is_found(s3, bucket, folder):
    plan = publish(s3, bucket, folder)
    key = plan.publication.key(plan.publication.contents[0])
    s3.put_object(Bucket=bucket, Key=key, Body=b"enginE", ChecksumAlgorithm="SHA256")

    with pytest.raises(CommandError, match="was changed after its upload"):
        planned(s3, bucket, folder)


def test_an_archive_that_was_removed_is_put_back(s3, bucket, folder):
    plan = publish(s3, bucket, folder)
    before = stored(s3, bucket)
    s3.delete_object(Bucket=bucket, Key=plan.publication.key(plan.publication.contents[1]))

    assert kinds(publish(s3, bucket, folder).missing) == ["layer"]
    assert stored(s3, bucket) == before


def test_a_bucket_that_is_not_there_is_refused_with_the_command_that_makes_it(s3, folder):
    with pytest.raises(
        CommandError, match="bucket nowhere does not exist; create it: aws s3 mb s3://nowhere"
    ):
        planned(s3, "nowhere", folder)


def test_a_bucket_of_another_region_is_refused(cloud, bucket, folder):
    elsewhere = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint_url,
        region_name="eu-west-1",
        config=PATH_STYLE,
    )
    with pytest.raises(CommandError, match="is in us-east-1; Lambda in eu-west-1"):
        planned(elsewhere, bucket, folder)


def test_a_bucket_that_may_not_be_used_is_refused(cloud, s3, bucket, folder):
    cloud.set_faults([{"service": "s3", "operation": "HeadBucket", "kind": "deny"}])
    with pytest.raises(CommandError, match="your credentials may not use bucket"):
        planned(s3, bucket, folder)


def test_nothing_is_made_public(s3, bucket, folder):
    plan = publish(s3, bucket, folder)
    acl = s3.get_object_acl(Bucket=bucket, Key=plan.publication.key(plan.publication.template))
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
    assert {grant["Grantee"]["Type"] for grant in acl["Grants"]} == {"CanonicalUser"}
