"""Runtimes in the templates that the library uploads: which day raises which, and what is left alone."""

import json
from datetime import UTC, date, datetime
from importlib import resources

import boto3
import pytest
import yaml

from cluster_engine.runtimes import (
    LIFECYCLES,
    RAISED_FROM,
    RAISED_TO,
    BlockedRuntimeError,
    TemplateUploads,
    blocked_since,
    raise_runtimes,
    raised,
)

TODAY = date(2026, 11, 29)
AFTER_THE_LAST_BLOCK = date(2028, 11, 30)
ARCHIVE = "parallelcluster/3.6.0/clusters/hpc-1/custom_resources/artifacts.zip"


def function(runtime, key=ARCHIVE):
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Runtime": runtime, "Timeout": 900, "Code": {"S3Bucket": "bucket", "S3Key": key}},
    }


def template(**functions):
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "python3.9, of 2023-05-22",
        "Resources": {
            **functions,
            "Custom": {"Type": "AWS::CloudFormation::CustomResource", "Properties": {"Runtime": "python3.9"}},
            "Topic": {"Type": "AWS::SNS::Topic"},
        },
    }


def test_the_table_is_lambdas_calendar():
    data = resources.files("cfnlint.data.AdditionalSpecs") / "LmbdRuntimeLifecycle.json"
    calendar = json.loads(data.read_text(encoding="utf-8"))
    stated = {
        name: {
            "deprecated": lifecycle.deprecated.isoformat(),
            "create-block": lifecycle.create_block.isoformat(),
            "update-block": lifecycle.update_block.isoformat(),
        }
        for name, lifecycle in LIFECYCLES.items()
    }
    assert stated == {name: {key: calendar[name][key] for key in stated[name]} for name in stated}
    assert RAISED_FROM | {RAISED_TO} <= LIFECYCLES.keys()


@pytest.mark.parametrize(
    ("runtime", "on", "expected"),
    [
        ("python3.9", date(2025, 12, 14), "python3.9"),
        ("python3.9", date(2025, 12, 15), "python3.12"),
        ("python3.9", date(2027, 3, 3), "python3.12"),
        ("python3.8", TODAY, "python3.12"),
        ("python3.12", AFTER_THE_LAST_BLOCK, "python3.12"),
        ("python3.13", date(2030, 1, 1), "python3.13"),
        ("nodejs18.x", TODAY, "nodejs18.x"),
    ],
)
def test_a_runtime_is_raised_from_the_day_of_its_deprecation(runtime, on, expected):
    assert raised(runtime, on) == expected


@pytest.mark.parametrize(
    ("runtime", "on", "since"),
    [
        ("python3.9", date(2027, 1, 31), None),
        ("python3.9", date(2027, 2, 1), date(2027, 2, 1)),
        ("python3.12", date(2028, 11, 30), date(2028, 11, 30)),
        ("python4.0", date(2100, 1, 1), None),
    ],
)
def test_a_runtime_is_blocked_from_the_day_that_lambda_creates_no_function_with_it(runtime, on, since):
    assert blocked_since(runtime, on) == since


@pytest.mark.parametrize("dump", [yaml.dump, json.dumps], ids=["a stack's YAML", "a nested stack's JSON"])
def test_only_the_runtimes_of_the_librarys_functions_change(dump):
    functions = {"CleanupResourcesFunction": "python3.9", "CleanupRoute53Function": "python3.8"}
    ours = template(**{name: function(runtime) for name, runtime in functions.items()})
    text = raise_runtimes(dump(ours), TODAY, creates=True)
    for name in functions:
        ours["Resources"][name]["Properties"]["Runtime"] = "python3.12"
    assert yaml.safe_load(text) == ours
    assert text.startswith("{") == dump(ours).startswith("{")


@pytest.mark.parametrize(
    "text",
    [
        yaml.dump(template(CleanupResourcesFunction=function("python3.12"))),
        json.dumps(template(Mine=function("python3.9", key="mine/code.zip"))),
        "Mine: !Ref Function  # of a user's own, with python3.9",
    ],
    ids=["runtimes that Lambda supports", "a function of the user's own", "a template of the user's own"],
)
def test_what_needs_no_change_stays_byte_for_byte(text):
    assert raise_runtimes(text, TODAY, creates=True) == text


def test_a_function_that_cannot_be_raised_is_refused_with_the_date_and_the_way_out():
    text = yaml.dump(template(CleanupResourcesFunction=function("python3.9")))
    with pytest.raises(BlockedRuntimeError) as refused:
        raise_runtimes(text, AFTER_THE_LAST_BLOCK, creates=True)
    for words in ("python3.12", "2028-11-30", "CleanupResourcesFunction", "PclusterVersion"):
        assert words in str(refused.value)


def test_an_update_is_not_refused_because_its_functions_exist():
    text = yaml.dump(template(CleanupResourcesFunction=function("python3.12")))
    assert raise_runtimes(text, AFTER_THE_LAST_BLOCK, creates=False) == text


class Sent(Exception):  # noqa: N818 - what would have reached S3, which is not asked
    """A request that is on its way."""


def begin(at=datetime(2026, 11, 29, tzinfo=UTC)):
    """An upload with a real client, which ends where it would leave this machine; and what watches it."""
    session = boto3.Session("fake", "fake", region_name="us-east-1")
    uploads = TemplateUploads(lambda: at, creates=True)
    uploads.install(session)

    def stop(request, **_):
        raise Sent(getattr(request.body, "read", lambda: request.body)())

    session.events.register("before-send.s3.PutObject", stop)

    def upload(key, body):
        session.client("s3").put_object(Bucket="bucket", Key=f"clusters/hpc-1/{key}", Body=body)

    return upload, uploads


@pytest.mark.parametrize("folder", ["templates", "assets"])
def test_templates_are_raised_on_their_way_to_the_bucket(folder):
    upload, uploads = begin()
    with pytest.raises(Sent) as sent:
        upload(f"{folder}/a.yaml", yaml.dump(template(CleanupResourcesFunction=function("python3.9"))))
    assert b"Runtime: python3.12" in sent.value.args[0]
    assert uploads.blocked is None


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("configs/cluster-config.yaml", "/custom_resources/artifacts.zip: ["),
        ("custom_resources/artifacts.zip", b"PK /custom_resources/artifacts.zip: ["),
    ],
)
def test_other_uploads_are_not_read(key, body):
    with pytest.raises(Sent) as sent:
        begin()[0](key, body)
    assert sent.value.args[0] == (body if isinstance(body, bytes) else body.encode())


def test_a_template_that_lambda_would_refuse_is_not_sent():
    upload, uploads = begin(datetime(2029, 1, 1, tzinfo=UTC))
    with pytest.raises(BlockedRuntimeError, match="2028-11-30") as refused:
        upload("templates/a.yaml", yaml.dump(template(CleanupResourcesFunction=function("python3.9"))))
    assert uploads.blocked is refused.value
