"""Faults of the API strike the requests they are meant for, as each service would say it."""

import uuid

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from tests.support.functions import call, deploy, invocations

from localcloud.cloud import Cloud, CloudError
from localcloud.testing.waiting import eventually

#: Makes a queue named by the event, and answers with what is said to it.
CALLING = """
    import boto3
    from botocore.config import Config

    def handler(event, context):
        sqs = boto3.client("sqs", config=Config(retries={"total_max_attempts": 1}))
        return sqs.create_queue(QueueName=event["name"])["QueueUrl"]
"""

#: For each way in which services write requests and errors: a harmless call.
CALLS = [
    ("cloudformation", "ListStacks", {}, "Throttling", "InternalFailure", "AccessDenied"),
    ("ec2", "DescribeVpcs", {}, "RequestLimitExceeded", "InternalError", "UnauthorizedOperation"),
    ("dynamodb", "ListTables", {}, "ThrottlingException", "InternalServerError", "AccessDeniedException"),
    ("lambda", "ListFunctions", {}, "TooManyRequestsException", "ServiceException", "AccessDeniedException"),
    ("lambda", "GetFunction", {"FunctionName": "f"}, "TooManyRequestsException", "ServiceException", "Acc"),
    ("s3", "ListBuckets", {}, "SlowDown", "InternalError", "AccessDenied"),
    ("s3", "GetObject", {"Bucket": "some", "Key": "a/b"}, "SlowDown", "InternalError", "AccessDenied"),
    ("s3", "ListObjectsV2", {"Bucket": "some"}, "SlowDown", "InternalError", "AccessDenied"),
    ("route53", "ListHostedZones", {}, "Throttling", "InternalFailure", "AccessDenied"),
    ("efs", "DescribeFileSystems", {}, "ThrottlingException", "InternalFailure", "AccessDeniedException"),
    ("cloudwatch", "ListDashboards", {}, "ThrottlingException", "InternalFailure", "AccessDenied"),
    ("sqs", "ListQueues", {}, "ThrottlingException", "InternalFailure", "AccessDeniedException"),
]
SIGNING_NAMES = {"cloudwatch": "monitoring", "efs": "elasticfilesystem"}


def say(cloud, service, operation, arguments):
    client = cloud.client(service)
    methods = {api: method for method, api in client.meta.method_to_api_mapping.items()}
    method = methods[operation]
    return getattr(client, method)(**arguments)


def struck(cloud):
    return [fault["struck"] for fault in cloud.faults()]


@pytest.fixture
def name():
    return f"queue-{uuid.uuid4().hex[:8]}"


def queues(cloud, name):
    return cloud.client("sqs").list_queues(QueueNamePrefix=name).get("QueueUrls", [])


@pytest.mark.parametrize("case", CALLS, ids=lambda case: f"{case[0]}-{case[1]}")
def test_each_service_refuses_in_its_own_words(cloud, case):
    service, operation, arguments, *codes = case
    signing_name = SIGNING_NAMES.get(service, service)
    for kind, code in zip(("throttle", "error", "deny"), codes, strict=True):
        cloud.set_faults([{"service": signing_name, "operation": operation, "kind": kind}])
        with pytest.raises(ClientError) as error:
            say(cloud, service, operation, arguments)
        assert error.value.response["Error"]["Code"].startswith(code)
        assert struck(cloud) == [1]


def test_a_dropped_request_takes_effect_without_an_answer(cloud, name):
    cloud.set_faults([{"service": "sqs", "operation": "CreateQueue", "kind": "drop"}])
    with pytest.raises(ConnectionClosedError):
        cloud.client("sqs").create_queue(QueueName=name)
    assert len(queues(cloud, name)) == 1


def test_a_fault_strikes_the_operations_and_services_it_names(cloud):
    cloud.set_faults([{"service": "s*", "operation": "Get*", "kind": "throttle"}])
    cloud.client("sqs").list_queues()
    with pytest.raises(ClientError, match="Throttling"):
        cloud.client("sts").get_caller_identity()
    cloud.client("iam").list_roles()
    assert struck(cloud) == [1]


def test_a_fault_lets_matches_through_first_and_ends_after_its_times(cloud):
    cloud.set_faults([{"service": "sts", "kind": "throttle", "skip": 1, "times": 2}])
    met = []
    for _ in range(5):
        try:
            cloud.client("sts").get_caller_identity()
            met.append("answer")
        except ClientError:
            met.append("fault")
    assert met == ["answer", "fault", "fault", "answer", "answer"]
    assert [(fault["matched"], fault["struck"]) for fault in cloud.faults()] == [(5, 2)]


def test_a_ratio_is_spread_evenly(cloud):
    cloud.set_faults([{"service": "sts", "kind": "error", "ratio": 0.5}])
    met = []
    for _ in range(4):
        try:
            cloud.client("sts").get_caller_identity()
            met.append("answer")
        except ClientError:
            met.append("fault")
    assert met == ["answer", "fault", "answer", "fault"]


def test_a_fault_for_a_function_spares_all_other_callers(cloud, name):
    function = deploy(cloud, CALLING)
    cloud.set_faults([{"service": "sqs", "function": function, "kind": "throttle"}])
    assert call(cloud, function, {"name": name})["FunctionError"]
    assert "ThrottlingException" in invocations(cloud, function)[0]["error"]
    cloud.client("sqs").create_queue(QueueName=name)
    assert "FunctionError" not in call(cloud, deploy(cloud, CALLING), {"name": name})
    assert struck(cloud) == [1]


@pytest.mark.parametrize(
    ("kind", "outcome", "made"),
    [
        ("kill-before", "crash", 0),
        ("kill-after", "crash", 1),
        ("time-out-before", "timeout", 0),
        ("time-out-after", "timeout", 1),
    ],
)
def test_a_caller_ends_before_or_after_its_request_takes_effect(cloud, name, kind, outcome, made):
    function = deploy(cloud, CALLING)
    cloud.set_faults(
        [{"service": "sqs", "operation": "CreateQueue", "function": "?*", "kind": kind, "times": 1}]
    )
    call(cloud, function, {"name": name})
    (record,) = eventually(lambda: invocations(cloud, function), "the invocation")
    assert record["outcome"] == outcome
    assert len(queues(cloud, name)) == made
    assert struck(cloud) == [1]


def test_clients_outside_are_never_killed(cloud, name):
    cloud.set_faults([{"kind": "kill-before"}])
    cloud.client("sqs").create_queue(QueueName=name)
    assert struck(cloud) == [0]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "melt"},
        {"kind": "drop", "servce": "ec2"},
        {"kind": "throttle", "service": "bus"},
        {"kind": "duplicate", "service": "ec2"},
        {"kind": "drop", "times": -1},
        {"kind": "drop", "ratio": 2},
        {"kind": "drop", "function": 1},
    ],
    ids=str,
)
def test_a_fault_that_makes_no_sense_is_refused(cloud, fault):
    with pytest.raises(CloudError, match="ValueError"):
        cloud.set_faults([fault])
    assert cloud.faults() == []


def test_no_key_and_no_folder_outlive_a_cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Cloud.start():
        secrets = [path for path in tmp_path.rglob("*.pem") if "PRIVATE" in path.read_text()]
        assert secrets == []
        assert [path for path in tmp_path.iterdir() if path.is_dir()]
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
