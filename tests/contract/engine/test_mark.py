"""The mark of a cluster: an object in its own folder that lets one resource at most change it."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from cluster_engine.contract import EngineError
from cluster_engine.library import Claimant
from cluster_engine.library.mark import KEY, TRIES_MAX, Mark
from tests.contract.engine.conftest import NOW, VERSION
from tests.support.cloudformation_api import Refusal

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("api")]

BUCKET = "parallelcluster-marks-v1-do-not-delete"
OURS = {"stack_id": "arn:parent", "logical_id": "Cluster"}
THEIRS = {"stack_id": "arn:theirs", "logical_id": "Hpc"}
OTHERS = {"stack_id": "arn:others", "logical_id": "Cluster"}


@pytest.fixture
def s3(cloud):
    """S3 with a bucket that keeps every version, as ParallelCluster's does."""
    client = cloud.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    versions = client.list_object_versions(Bucket=BUCKET).get("Versions", [])
    for version in versions:
        client.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def stack(api):
    parameters = {"ResourcesS3Bucket": BUCKET, "ArtifactS3RootDirectory": "parallelcluster/clusters/hpc-1"}
    return api.add("hpc", tags={"parallelcluster:version": VERSION}, parameters=parameters)


@pytest.fixture
def delete(engine, stack):
    """Asks for a deletion of the cluster that holds its mark first."""
    return lambda **fields: engine("delete", stack_id=stack.stack_id, **({"mark": {}} | fields))


def key(stack):
    return f"{stack.parameters['ArtifactS3RootDirectory']}/{KEY}"


def put(s3, stack, owner):
    mark = json.dumps({"cluster": stack.stack_id, "owner": owner, "call_id": "theirs"})
    s3.put_object(Bucket=BUCKET, Key=key(stack), Body=mark.encode())


def marks(s3, stack):
    """Whose the cluster was by each of its marks, the newest first."""
    versions = s3.list_object_versions(Bucket=BUCKET, Prefix=key(stack)).get("Versions", [])
    found = [s3.get_object(Bucket=BUCKET, Key=v["Key"], VersionId=v["VersionId"]) for v in versions]
    return [json.loads(each["Body"].read())["owner"] for each in found]


def described(stack):
    parameters = [{"ParameterKey": name, "ParameterValue": text} for name, text in stack.parameters.items()]
    return {"StackId": stack.stack_id, "Parameters": parameters}


def test_a_cluster_without_a_mark_gets_the_owners_before_it_is_changed(delete, api, s3, stack):
    assert delete()["status"] == "succeeded"
    assert len(api.sent("DeleteStack")) == 1
    assert marks(s3, stack) == [OURS]


def test_the_owners_own_mark_is_found_again_and_not_written_twice(delete, s3, stack):
    put(s3, stack, OURS)
    assert delete()["status"] == "succeeded"
    assert marks(s3, stack) == [OURS]


@pytest.mark.parametrize("mark", [{}, {"instead_of": OTHERS}])
def test_a_cluster_that_its_mark_says_is_another_resources_is_not_touched(delete, api, s3, stack, mark):
    put(s3, stack, THEIRS)
    result = delete(mark=mark)
    assert (result["error"]["code"], result["error"]["details"]) == ("OtherOwner", [THEIRS])
    assert f"s3://{BUCKET}/{key(stack)}" in result["error"]["message"]
    assert (result["sent"], api.sent("DeleteStack")) == (False, [])
    assert marks(s3, stack) == [THEIRS]


def test_the_mark_of_an_owner_that_gave_the_cluster_up_is_replaced(delete, api, s3, stack):
    put(s3, stack, THEIRS)
    assert delete(mark={"instead_of": THEIRS})["status"] == "succeeded"
    assert marks(s3, stack) == [OURS, THEIRS]
    assert len(api.sent("DeleteStack")) == 1


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", '{"owner": "Cluster"}', '{"cluster": "arn:another", "owner": {}}']
)
def test_what_cannot_be_read_as_a_mark_of_this_cluster_is_nobodys_to_replace(delete, api, s3, stack, text):
    s3.put_object(Bucket=BUCKET, Key=key(stack), Body=text.encode())
    result = delete()
    assert result["error"]["code"] == "OtherOwner"
    assert "details" not in result["error"]
    assert f"s3://{BUCKET}/{key(stack)} does not name the cluster's owner" in result["error"]["message"]
    assert api.sent("DeleteStack") == []


def test_a_call_without_a_mark_looks_at_none_and_writes_none(engine, s3, stack):
    put(s3, stack, THEIRS)
    assert engine("delete", stack_id=stack.stack_id)["status"] == "succeeded"
    assert marks(s3, stack) == [THEIRS]


def test_no_mark_is_written_into_the_folder_of_a_cluster_whose_deletion_failed(delete, s3, stack):
    stack.status = "DELETE_FAILED"
    assert delete()["status"] == "succeeded"
    assert marks(s3, stack) == []


def test_another_resources_mark_counts_though_the_deletion_failed(delete, s3, stack):
    put(s3, stack, THEIRS)
    stack.status = "DELETE_FAILED"
    assert delete()["error"]["code"] == "OtherOwner"


@pytest.mark.parametrize("parameters", [{}, {"ResourcesS3Bucket": BUCKET + "-gone"}])
def test_a_cluster_whose_folder_is_gone_can_be_deleted_again_after_a_failure(delete, stack, parameters):
    stack.status = "DELETE_FAILED"
    stack.parameters = stack.parameters | parameters if parameters else {}
    assert delete()["status"] == "succeeded"


def test_a_bucket_that_is_gone_is_named(delete, api, stack):
    stack.parameters["ResourcesS3Bucket"] += "-gone"
    error = delete()["error"]
    assert error["code"] == "BadRequest"
    assert f"s3://{BUCKET}-gone/" in error["message"]
    assert "NoSuchBucket" in error["message"]
    assert api.sent("DeleteStack") == []


def test_a_stack_that_names_no_folder_is_refused(delete, api, stack):
    stack.parameters.clear()
    error = delete()["error"]
    assert (error["code"], "ResourcesS3Bucket" in error["message"]) == ("BadRequest", True)
    assert api.sent("DeleteStack") == []


@pytest.fixture
def fault(cloud):
    """Has requests to S3 meet a fault, until the test ends."""
    yield lambda operation, kind: cloud.set_faults(
        [{"service": "s3", "operation": operation, "function": "*", "kind": kind}]
    )
    cloud.set_faults([])


@pytest.mark.usefixtures("s3")
def test_what_the_engine_may_not_write_is_named_with_the_permission(delete, fault):
    fault("PutObject", "deny")
    error = delete()["error"]
    assert (error["code"], "AccessDenied" in error["message"]) == ("BadRequest", True)
    assert "needs s3:PutObject there" in error["message"]


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("kind", ["throttle", "error", "drop"])
@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_an_s3_that_does_not_answer_says_nothing_about_the_request(delete, api, fault, operation, kind):
    fault(operation, kind)
    assert delete()["error"]["code"] == "Throttled"
    assert api.sent("DeleteStack") == []


def test_a_cluster_that_is_gone_gets_no_mark(engine, s3):
    result = engine("delete", stack_id="arn:gone", mark={})
    assert result["error"]["code"] == "NotFound"
    assert s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def test_after_the_fence_no_mark_is_written(engine, delete, s3, stack):
    engine.now = lambda: NOW + timedelta(minutes=11)
    assert delete()["error"]["code"] == "Fenced"
    assert marks(s3, stack) == []


def test_a_repeated_call_after_a_crash_behind_the_mark_goes_on(delete, api, s3, stack):
    api.arrange("DeleteStack", Refusal("InternalFailure", "an engine died here", 500))
    assert delete()["status"] == "failed"
    assert marks(s3, stack) == [OURS]
    api.arrange("DeleteStack")
    assert delete(call_id="call-2")["status"] == "succeeded"
    assert marks(s3, stack) == [OURS]


class Racing:
    """S3, where somebody else writes between a reader's look and what it writes then."""

    def __init__(self, s3, others):
        self._s3, self._others = s3, list(others)
        self.get_object = s3.get_object

    def put_object(self, **given):
        if self._others:
            self._others.pop(0)()
        return self._s3.put_object(**given)


@pytest.mark.parametrize("before", [[], [OTHERS]])
def test_of_two_that_saw_the_same_one_gets_the_mark(s3, stack, before):
    for owner in before:
        put(s3, stack, owner)
    instead_of = before[0] if before else None
    mark = Mark(described(stack), Claimant(OURS, "call-1", instead_of), writes=True)
    rival = Mark(described(stack), Claimant(THEIRS, "call-9", instead_of), writes=True)
    with pytest.raises(EngineError) as refused:
        mark.hold(Racing(s3, [lambda: rival.hold(s3)]))
    assert (refused.value.code, refused.value.details) == ("OtherOwner", [THEIRS])
    assert marks(s3, stack) == [THEIRS, *before]


def test_a_mark_that_was_written_though_the_answer_was_lost_is_found_by_the_next_call(
    cloud, delete, fault, s3, stack
):
    fault("PutObject", "drop")
    assert delete()["error"]["code"] == "Throttled"
    cloud.set_faults([])
    assert delete(call_id="call-2")["status"] == "succeeded"
    assert marks(s3, stack) == [OURS]


def test_a_mark_that_goes_and_comes_is_not_fought_for_without_end(s3, stack):
    put(s3, stack, THEIRS)

    def changed(number):
        mark = json.dumps({"cluster": stack.stack_id, "owner": THEIRS, "call_id": f"theirs-{number}"})
        return lambda: s3.put_object(Bucket=BUCKET, Key=key(stack), Body=mark.encode())

    mark = Mark(described(stack), Claimant(OURS, "call-1", THEIRS), writes=True)
    with pytest.raises(EngineError) as given_up:
        mark.hold(Racing(s3, [changed(number) for number in range(TRIES_MAX)]))
    assert given_up.value.code == "Throttled"
    assert marks(s3, stack)[0] == THEIRS


def test_the_embedded_s3_writes_on_condition_as_s3_does(s3):
    def code(**condition):
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=BUCKET, Key="a", Body=b"2", **condition)
        return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"][
            "HTTPStatusCode"
        ]

    assert code(IfMatch='"0"') == ("NoSuchKey", 404)
    etag = s3.put_object(Bucket=BUCKET, Key="a", Body=b"1", IfNoneMatch="*")["ETag"]
    assert code(IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert code(IfMatch='"0"') == ("PreconditionFailed", 412)
    assert s3.put_object(Bucket=BUCKET, Key="a", Body=b"2", IfMatch=etag)["ETag"] != etag
