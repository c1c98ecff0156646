"""The cloud as a process: how it starts, what it tells, how it ends, and that it is closed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.support.functions import call, deploy, queue

from localcloud import guard
from localcloud.cloud import Cloud, CloudError
from localcloud.guard import OutsideConnectionError
from localcloud.processes import holder_of
from localcloud.testing.waiting import eventually

#: Where the processes of these tests find the package.
SOURCE = Path(guard.__file__).parents[1]


@pytest.fixture(scope="module")
def cloud():
    with Cloud.start(skip_idle=False) as cloud:
        yield cloud


def answers(endpoint_url):
    host, port = endpoint_url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_a_region_that_does_not_exist_is_refused_by_name():
    with pytest.raises(CloudError) as refused:
        Cloud.start("mars-1")
    assert str(refused.value) == (
        "the embedded cloud did not start: argument --region: Region 'mars-1' does not exist; "
        "choose one such as us-east-1"
    )


def test_a_port_that_is_taken_is_one_line_that_says_what_to_do(cloud):
    port = int(cloud.endpoint_url.rpartition(":")[2])
    with pytest.raises(CloudError) as refused:
        Cloud.start(port=port)
    holder = holder_of(port)
    used = f"is used by {holder}" if holder else "is not available (Address already in use)"
    assert str(refused.value) == (
        f"the embedded cloud did not start: argument --port: port {port} {used}; "
        "choose another one, or 0 for a free one"
    )
    with pytest.raises(CloudError, match="99999 is not a port; choose one from 0 to 65535"):
        Cloud.start(port=99999)


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1", "ap-northeast-1"])
def test_a_cloud_in_another_region_has_its_zones_its_bucket_and_instance_types(region):
    with Cloud.start(region) as cloud:
        zones = cloud.exports["AVAILABILITY_ZONES"].split(",")
        subnets = cloud.client("ec2").describe_subnets(SubnetIds=cloud.exports["COMPUTE_SUBNETS"].split(","))
        assert {subnet["AvailabilityZone"] for subnet in subnets["Subnets"]} == set(zones)
        assert all(zone.startswith(region) for zone in zones)
        cloud.client("s3").head_bucket(Bucket=cloud.exports["ARTIFACT_BUCKET"])
        for kind, location in (("region", region), ("availability-zone", zones[0])):
            offered = cloud.client("ec2").describe_instance_type_offerings(
                LocationType=kind, Filters=[{"Name": "location", "Values": [location]}]
            )
            assert "c6i.xlarge" in {each["InstanceType"] for each in offered["InstanceTypeOfferings"]}


def test_the_environment_is_all_an_unprepared_client_needs(cloud):
    client = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    ran = subprocess.run(
        [sys.executable, "-c", client], env=cloud.environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "123456789012\n"


def test_the_aws_command_line_works_unchanged(cloud):
    ran = subprocess.run(
        [sys.executable, "-m", "awscli", "ec2", "describe-subnets", "--output", "json"],
        env={**cloud.environment, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    subnets = {subnet["SubnetId"] for subnet in json.loads(ran.stdout)["Subnets"]}
    assert {cloud.exports["HEAD_NODE_SUBNET"], cloud.exports["COMPUTE_SUBNET"]} <= subnets


def test_the_seeded_account_is_there(cloud):
    ec2 = cloud.client("ec2")
    assert ec2.describe_vpcs(VpcIds=[cloud.exports["VPC_ID"]])["Vpcs"]
    assert ec2.describe_key_pairs(KeyNames=[cloud.exports["KEY_NAME"]])["KeyPairs"]
    cloud.client("s3").head_bucket(Bucket=cloud.exports["ARTIFACT_BUCKET"])


def test_advance_moves_the_time_of_the_services_as_well(cloud):
    before = datetime.fromisoformat(cloud.now())
    cloud.advance(86_400)
    assert datetime.fromisoformat(cloud.now()) - before >= timedelta(days=1)
    made = cloud.client("logs")
    made.create_log_group(logGroupName="tomorrow")
    (group,) = made.describe_log_groups(logGroupNamePrefix="tomorrow")["logGroups"]
    assert datetime.fromtimestamp(group["creationTime"] / 1000, before.tzinfo) - before >= timedelta(days=1)


def test_a_control_call_that_makes_no_sense_is_refused_with_the_reason(cloud):
    with pytest.raises(CloudError, match="backwards"):
        cloud.advance(-1)
    with pytest.raises(CloudError, match="unknown keys"):
        cloud.set_behaviours([{"stak": "*"}])


def test_it_ends_with_what_it_started(cloud):
    with Cloud.start() as other:
        assert answers(other.endpoint_url)
        endpoint_url = other.endpoint_url
    assert not answers(endpoint_url)
    assert answers(cloud.endpoint_url)


def test_it_ends_when_the_process_that_started_it_is_killed():
    starter = (
        "import time; from localcloud.cloud import Cloud\n"
        "cloud = Cloud.start(); print(cloud.endpoint_url, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", starter], cwd=SOURCE, stdout=subprocess.PIPE, text=True)
    endpoint_url = process.stdout.readline().strip()
    assert answers(endpoint_url)
    process.kill()
    process.wait()
    process.stdout.close()
    eventually(lambda: not answers(endpoint_url), "the cloud to end")


def test_a_start_that_fails_says_why_and_not_that_time_has_passed():
    with pytest.raises(CloudError) as failed:
        Cloud.start(python=Path("/bin/false"))
    assert str(failed.value) == "the embedded cloud ended with exit code 1 while it started:\n"


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: socket.create_connection(("203.0.113.1", 443), timeout=1),
        lambda: socket.getaddrinfo("sts.amazonaws.com", 443),
        lambda: socket.gethostbyname("sts.amazonaws.com"),
    ],
)
def test_a_test_process_reaches_nothing_outside(attempt):
    with pytest.raises(OutsideConnectionError):
        attempt()


def test_the_server_itself_reaches_nothing_outside(cloud):
    attempt = (
        "from localcloud import seed; seed.prepare_environment()\n"
        "from localcloud.server import Options, Server; Server(Options())\n"
        "import urllib.request; urllib.request.urlopen('https://sts.amazonaws.com', timeout=1)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", attempt],
        cwd=SOURCE,
        env=cloud.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "connection to sts.amazonaws.com refused: the embedded cloud allows 127.0.0.1 only" in ran.stderr


def test_an_error_of_the_cloud_itself_is_reported(cloud):
    url, queue_arn = queue(cloud)
    name = deploy(cloud, "def handler(event, context): raise ValueError")
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )
    cloud.client("sqs").delete_queue(QueueUrl=url)
    call(cloud, name, InvocationType="Event")
    (error,) = eventually(cloud.errors, "an error of the cloud")
    assert error["action"] == f"the end of {name}"
    assert "queue does not exist" in error["trace"]
    assert "queue does not exist" in cloud.log


def test_it_ends_on_a_signal_like_any_server_and_says_at_once_what_it_stops(tmp_path):
    server = subprocess.Popen(
        [sys.executable, "-m", "localcloud", "run", "--json"],
        cwd=SOURCE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    endpoint_url = json.loads(server.stdout.readline())["AWS_ENDPOINT_URL"]
    assert answers(endpoint_url)
    server.terminate()
    _, said = server.communicate(timeout=20)
    assert server.returncode == 0
    assert said.startswith(f"\nStopping the cloud at {endpoint_url} …\n")


SIGNAL = json.dumps({"Status": "SUCCESS", "UniqueId": "1", "Data": "up", "Reason": ""})
IN_PYTHON = """
import os, pathlib, sys, urllib.request
from localcloud import guard, hosts

guard.install()
hosts.install(pathlib.Path(os.environ["LOCALCLOUD_HOSTS"]))
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": ""}, method="PUT")
print(urllib.request.urlopen(request).status)
"""
CURL = [
    *("curl", "--silent", "--show-error", "--output", os.devnull, "--write-out", "%{http_code}\n"),
    *("--cacert", "$LOCALCLOUD_CA_FILE", "--connect-to", "::$LOCALCLOUD_RESPONSES"),
    *("-X", "PUT", "-H", "Content-Type:", "--data-binary", SIGNAL),
]


@pytest.fixture
def handle(cloud):
    """The handle of a condition that waits for one signal; the stack is complete afterwards."""
    cloudformation, name = cloud.client("cloudformation"), f"waits-{uuid.uuid4().hex[:8]}"
    condition = {"Handle": {"Ref": "Handle"}, "Timeout": 3600}
    resources = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Wait": {"Type": "AWS::CloudFormation::WaitCondition", "Properties": condition},
    }
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))

    def made():
        shown = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        return next((r.get("PhysicalResourceId") for r in shown if r["LogicalResourceId"] == "Handle"), None)

    yield eventually(made, "the handle")

    def completed():
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return stack["StackStatus"] == "CREATE_COMPLETE"

    eventually(completed, "the stack")
    cloudformation.delete_stack(StackName=name)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_signals_a_handle_with_what_the_cloud_exports(cloud, handle):
    command = [_expanded(word, cloud.exports) for word in CURL]
    ran = subprocess.run([*command, handle], capture_output=True, text=True, check=True)
    assert ran.stdout == "200\n"


def test_a_python_client_outside_the_functions_signals_a_handle(cloud, handle):
    ran = subprocess.run(
        [sys.executable, "-c", IN_PYTHON, handle, SIGNAL],
        cwd=SOURCE,
        env={**cloud.environment, **cloud.exports, "SSL_CERT_FILE": cloud.exports["LOCALCLOUD_CA_FILE"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "200\n"


def _expanded(word, variables):
    for name, value in variables.items():
        word = word.replace(f"${name}", value)
    return word
