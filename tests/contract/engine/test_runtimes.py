"""Runtimes of the functions in the real library's templates, on days before and after Lambda's blocks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import yaml

from cluster_engine.runtimes import LIFECYCLES, RAISED_TO, library_functions, raise_runtimes, raised
from tests.contract.engine.conftest import OWNER_TAGS
from tests.contract.engine.test_life_of_a_cluster import settle, with_max_count

pytestmark = pytest.mark.library

#: No runtime was deprecated then: templates are as the library wrote them.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
BLOCK_OF_3_9 = LIFECYCLES["python3.9"].create_block
BLOCK_OF_3_12 = LIFECYCLES["python3.12"].create_block


def at(engine, day):
    """The engine on a day, and what its calls are sent by then."""
    now = day if isinstance(day, datetime) else datetime(day.year, day.month, day.day, tzinfo=UTC)
    late = (now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return replace(engine, now=lambda: now), {"not_after": late}


def objects(cloud, name):
    """The objects of a cluster or an image, by key."""
    s3 = cloud.client("s3")
    found = {}
    for bucket in s3.list_buckets()["Buckets"]:
        if not bucket["Name"].startswith("parallelcluster-"):
            continue
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            if f"/{name}-" in item["Key"]:
                found[item["Key"]] = (bucket["Name"], item["Key"])
    return found


def template(cloud, name):
    """The text of a stack's template."""
    s3 = cloud.client("s3")
    (place,) = [place for key, place in objects(cloud, name).items() if "/templates/" in key]
    return s3.get_object(Bucket=place[0], Key=place[1])["Body"].read().decode()


def runtimes(text):
    return {name: properties["Runtime"] for name, properties in library_functions(yaml.safe_load(text))}


def differences(before, after, path=()):
    """The paths at which two documents differ."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        return {found for key in before for found in differences(before[key], after[key], (*path, key))}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return {found for index, pair in pairs for found in differences(*pair, (*path, index))}
    return set() if before == after and type(before) is type(after) else {path}


def test_the_functions_of_a_new_cluster_have_runtimes_that_lambda_creates(cloud, engine, configuration):
    begin, times = at(engine, BLOCK_OF_3_9)
    begun = begin(
        "create", configuration, cluster_name="raised", call_id="raise", stack_tags=OWNER_TAGS, **times
    )
    assert begun["status"] == "succeeded", begun
    found = runtimes(template(cloud, "raised"))
    assert found == {"CleanupResourcesFunction": RAISED_TO, "CleanupRoute53Function": RAISED_TO}
    stack_id = begun["stack_id"]
    assert settle(cloud, stack_id)["StackStatus"] == "CREATE_COMPLETE"
    deployed = cloud.client("lambda").list_functions()["Functions"]
    unique = stack_id.rpartition("/")[2]
    assert {item["Runtime"] for item in deployed if unique in item["FunctionName"]} == {RAISED_TO}

    # Its functions exist: an update goes on when Lambda would not create them any more.
    late, times = at(engine, BLOCK_OF_3_12)
    wanted = with_max_count(configuration, 9)
    updated = late("update", wanted, cluster_name="raised", stack_id=stack_id, call_id="later", **times)
    assert updated["status"] == "succeeded", updated
    assert settle(cloud, stack_id)["StackStatus"] == "UPDATE_COMPLETE"


def test_a_raised_template_is_the_librarys_own_in_everything_else(cloud, engine, configuration):
    begin, times = at(engine, LONG_AGO)
    assert begin("create", configuration, cluster_name="asis", call_id="as-is", **times)["sent"]
    written = template(cloud, "asis")
    (its_own,) = set(runtimes(written).values())
    for text in (written, written.replace(f"Runtime: {its_own}", "Runtime: python3.9")):
        after = raise_runtimes(text, date(2026, 11, 29), creates=True)
        expected = {
            ("Resources", name, "Properties", "Runtime")
            for name, runtime in runtimes(text).items()
            if raised(runtime, date(2026, 11, 29)) != runtime
        }
        assert differences(yaml.safe_load(text), yaml.safe_load(after)) == expected
    assert len(expected) == 2


def test_a_cluster_whose_functions_lambda_would_refuse_is_not_begun(cloud, engine, configuration):
    late, times = at(engine, BLOCK_OF_3_12)
    refused = late("create", configuration, cluster_name="blocked", call_id="block", **times)
    assert (refused["status"], refused["error"]["code"], refused["sent"]) == ("failed", "BadRequest", False)
    for words in (RAISED_TO, BLOCK_OF_3_12.isoformat(), "CleanupResourcesFunction", "PclusterVersion"):
        assert words in refused["error"]["message"]
    stacks = cloud.client("cloudformation").list_stacks()["StackSummaries"]
    assert [stack for stack in stacks if stack["StackName"] == "blocked"] == []
    assert objects(cloud, "blocked") == {}


def test_an_image_is_built_with_a_function_that_lambda_creates(cloud, engine):
    listed = engine("list-official-images", cluster_name="", arguments={"architecture": "x86_64"})
    wanted = {"Build": {"InstanceType": "c5.xlarge", "ParentImage": listed["images"][0]["amiId"]}}
    begin, times = at(engine, BLOCK_OF_3_9)
    begun = begin("build-image", wanted, cluster_name="raised-image", call_id="image", **times)
    assert begun["status"] == "succeeded", begun
    assert runtimes(template(cloud, "raised-image")) == {"DeleteStackFunction": RAISED_TO}
