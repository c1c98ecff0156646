"""What the engine answers, with the real library, for stacks in states that a test states."""

import os
import socket
import urllib.request
from datetime import timedelta

import boto3
import pcluster.utils
import pytest
from pcluster.aws.aws_api import AWSApi
from pcluster.aws.common import Cache
from pcluster.models.cluster import Cluster

from cluster_engine.library import isolation
from tests.contract.engine.conftest import NOW, OWNER_TAGS, VERSION
from tests.support.cloudformation_api import Refusal

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("api")]

OURS = {"parallelcluster:version": VERSION, "parallelcluster:cluster-name": "hpc"}
THROTTLED = Refusal("Throttling", "Rate exceeded")


def problem(result):
    return result["status"], result["error"]["code"]


def test_a_create_is_sent_once_with_token_tags_and_typed_configuration(engine, api, configuration):
    result = engine("create", configuration, configuration_tags={"project": "weather"}, stack_tags=OWNER_TAGS)
    (request,) = api.sent("CreateStack")
    assert request.parameters["ClientRequestToken"] == "call-1"
    assert request.tags.items() >= (OWNER_TAGS | {"project": "weather"} | OURS).items()
    assert (result["status"], result["sent"], result["version"]) == ("succeeded", True, VERSION)
    assert result["stack_id"] == api.stacks[0].stack_id
    assert result["cluster"]["clusterName"] == "hpc"


def test_a_second_delivery_of_a_create_succeeds_with_the_same_stack(engine, api, configuration):
    first = engine("create", configuration, stack_tags=OWNER_TAGS)
    second = engine("create", configuration, stack_tags=OWNER_TAGS)
    assert (second["status"], second["sent"], second["stack_id"]) == ("succeeded", False, first["stack_id"])
    assert len(api.stacks) == 1


def test_a_stack_of_somebody_else_is_in_the_way(engine, api, configuration):
    api.add("hpc", tags=OURS | {"owner-stack": "arn:another"})
    result = engine("create", configuration, stack_tags=OWNER_TAGS)
    assert problem(result) == ("failed", "AlreadyExists")
    assert (result["sent"], result["stack_id"], api.sent("CreateStack")) == (False, None, [])


def test_a_stack_that_appears_while_the_create_is_prepared_is_in_the_way(engine, api, configuration):
    api.arrange("CreateStack", Refusal("AlreadyExistsException", "Stack [hpc] already exists"))
    assert problem(engine("create", configuration, stack_tags=OWNER_TAGS)) == ("failed", "AlreadyExists")


def test_a_stack_of_the_same_owner_that_appears_meanwhile_is_an_earlier_delivery(engine, api, configuration):
    def appear():
        if api.sent("CreateStack") and not api.stacks:
            api.add("hpc", tags=OURS | OWNER_TAGS)

    api.on_request = appear
    result = engine("create", configuration, stack_tags=OWNER_TAGS)
    assert (result["status"], result["sent"]) == ("succeeded", False)
    assert result["stack_id"] == api.stacks[0].stack_id


def test_a_creation_refused_for_its_content_is_a_bad_request_with_cloudformation_s_words(
    engine, api, configuration
):
    api.arrange("CreateStack", Refusal("ValidationError", "Tags exceed the limit of 50"))
    result = engine("create", configuration)
    assert problem(result) == ("failed", "BadRequest")
    assert result["error"]["message"] == "Tags exceed the limit of 50"


def test_a_configuration_that_does_not_fit_asks_nothing_of_aws(engine, api, configuration):
    configuration["HeadNode"]["InstanceTyp"] = "t3.small"
    result = engine("create", configuration)
    assert problem(result) == ("failed", "ConfigurationInvalid")
    assert result["error"]["details"][0]["path"] == "/HeadNode/InstanceTyp"
    assert api.requests == []


def test_the_library_s_validators_speak_for_themselves(engine, api, configuration):
    configuration["HeadNode"]["Networking"]["SubnetId"] = "subnet-0123456789abcdef0"
    result = engine("create", configuration)
    assert problem(result) == ("failed", "ClusterRejected")
    (message,) = [each for each in result["validation_messages"] if each["level"] == "ERROR"][:1]
    assert "subnet-0123456789abcdef0" in message["message"]
    assert api.sent("CreateStack") == []


def test_rules_that_relate_several_values_are_the_library_s(engine, configuration):
    networking = configuration["HeadNode"]["Networking"]
    networking["SecurityGroups"] = networking["AdditionalSecurityGroups"] = ["sg-0123456789abcdef0"]
    result = engine("create", configuration)
    assert problem(result) == ("failed", "ClusterRejected")
    (message,) = result["validation_messages"]
    assert message["type"] == "ConfigSchemaValidator"
    assert "SecurityGroups and AdditionalSecurityGroups can not be configured together" in message["message"]


def test_arguments_reach_the_library(engine, api, configuration):
    configuration["HeadNode"]["Ssh"]["KeyName"] = "no-such-key"
    assert problem(engine("create", configuration)) == ("failed", "ClusterRejected")
    arguments = {
        "suppress_validators": ["type:KeyPairValidator"],
        "rollback_on_failure": False,
        "validation_failure_level": "ERROR",
        "force_update": True,  # an update's: a create has no such argument
    }
    assert engine("create", configuration, arguments=arguments)["status"] == "succeeded"
    assert api.sent("CreateStack")[0].parameters["DisableRollback"] == "true"


def test_an_unsupported_region_is_a_bad_request(engine, configuration):
    result = engine("create", configuration, region="xx-west-1")
    assert problem(result) == ("failed", "BadRequest")
    assert result["error"]["message"] == "invalid or unsupported region 'xx-west-1'"


def test_an_impossible_name_is_a_bad_request(engine):
    result = engine("delete", cluster_name="9lives", stack_id="arn:9lives")
    assert problem(result) == ("failed", "BadRequest")
    assert "9lives" in result["error"]["message"]


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_after_its_fence_a_call_asks_nothing_of_cloudformation(engine, api, configuration, operation):
    engine.now = lambda: NOW + timedelta(hours=1)
    wanted = None if operation == "delete" else configuration
    stack_id = None if operation == "create" else "arn:any"
    assert problem(engine(operation, wanted, stack_id=stack_id)) == ("failed", "Fenced")
    assert api.requests == []


def test_a_fence_that_falls_during_the_preparation_holds_and_leaves_no_artefacts(
    engine, api, configuration, cloud
):
    # The name is asked for first of all; the hour passes right then.
    engine.now = lambda: NOW + timedelta(hours=1 if api.requests else 0)
    before = artefacts(cloud)
    assert problem(engine("create", configuration)) == ("failed", "Fenced")
    assert api.sent("CreateStack") == []
    assert artefacts(cloud) == before


def test_artefacts_stay_while_a_lost_answer_may_mean_that_the_stack_is_being_built(
    engine, api, configuration, cloud
):
    api.arrange("CreateStack", Refusal(lost=True))
    before = artefacts(cloud)
    result = engine("create", configuration)
    assert (problem(result), result["sent"]) == (("failed", "Internal"), False)
    assert len(api.stacks) == 1
    assert artefacts(cloud) > before


def artefacts(cloud):
    """Every object of every cluster's folder, old versions included."""
    client = cloud.client("s3")
    return {
        (bucket["Name"], version["Key"])
        for bucket in client.list_buckets()["Buckets"]
        if bucket["Name"].startswith("parallelcluster-")
        for version in client.list_object_versions(Bucket=bucket["Name"]).get("Versions", [])
        if "/clusters/" in version["Key"]
    }


@pytest.mark.parametrize("operation", ["create", "update", "delete", "describe"])
def test_throttling_ends_the_call_while_there_is_time_to_say_so(engine, api, configuration, operation):
    api.arrange("DescribeStacks", THROTTLED)
    engine.remaining_s = 10
    wanted = configuration if operation in {"create", "update"} else None
    stack_id = None if operation == "create" else "arn:any"
    result = engine(operation, wanted, stack_id=stack_id)
    assert problem(result) == ("failed", "Throttled")


def test_a_throttled_creation_says_nothing_about_the_request(engine, api, configuration):
    api.arrange("CreateStack", THROTTLED)
    assert problem(engine("create", configuration)) == ("failed", "Throttled")


@pytest.mark.parametrize("operation", ["update", "delete", "describe"])
def test_a_cluster_that_is_not_there_is_not_found(engine, configuration, operation):
    wanted = configuration if operation == "update" else None
    assert problem(engine(operation, wanted, stack_id="arn:gone")) == ("failed", "NotFound")


@pytest.mark.parametrize("operation", ["update", "delete", "describe"])
def test_a_stranger_of_the_same_name_is_not_touched(engine, api, configuration, operation):
    ours, stranger = api.add("hpc", status="DELETE_COMPLETE", tags=OURS), api.add("hpc", tags=OURS)
    wanted = configuration if operation == "update" else None
    result = engine(operation, wanted, stack_id=ours.stack_id)
    assert problem(result) == ("failed", "NotFound")
    assert stranger.status == "CREATE_COMPLETE"
    assert {request.action for request in api.requests} == {"DescribeStacks"}


@pytest.mark.parametrize(
    ("operation", "version"),
    [("update", "3.16.99"), ("update", "3.17.0"), ("delete", "3.17.0"), ("describe", "2.11.0")],
)
def test_a_cluster_of_another_version_is_said_to_be_one(engine, api, configuration, operation, version):
    stack = api.add("hpc", tags=OURS | {"parallelcluster:version": version})
    wanted = configuration if operation == "update" else None
    result = engine(operation, wanted, stack_id=stack.stack_id)
    assert problem(result) == ("failed", "VersionMismatch")


def test_a_stack_that_is_no_cluster_is_not_deleted(engine, api):
    stack = api.add("hpc")
    assert problem(engine("delete", stack_id=stack.stack_id)) == ("failed", "VersionMismatch")
    assert stack.status == "CREATE_COMPLETE"


def test_a_cluster_of_an_older_version_can_be_deleted(engine, api):
    stack = api.add("hpc", tags=OURS | {"parallelcluster:version": "3.5.0"})
    result = engine("delete", stack_id=stack.stack_id)
    assert (result["status"], result["sent"], stack.status) == ("succeeded", True, "DELETE_COMPLETE")
    assert api.sent("DeleteStack")[0].parameters["StackName"] == stack.stack_id


def test_a_deletion_under_way_is_success_without_a_second_one(engine, api):
    stack = api.add("hpc", status="DELETE_IN_PROGRESS", tags=OURS)
    result = engine("delete", stack_id=stack.stack_id)
    assert (result["status"], result["sent"], api.sent("DeleteStack")) == ("succeeded", False, [])


def test_a_deletion_refused_because_the_stack_is_changing_is_busy_and_leaves_the_nodes_alone(
    engine, api, cloud
):
    node = compute_node(cloud, "hpc")
    stack = api.add("hpc", status="UPDATE_IN_PROGRESS", tags=OURS)
    api.arrange("DeleteStack", Refusal("ValidationError", "Stack cannot be deleted while UPDATE_IN_PROGRESS"))
    result = engine("delete", stack_id=stack.stack_id)
    assert (problem(result), result["sent"]) == (("failed", "ClusterBusy"), False)
    assert state(cloud, node) in {"pending", "running"}


def test_a_deletion_refused_on_a_resting_stack_is_a_bad_request_with_cloudformation_s_words(engine, api):
    stack = api.add("hpc", tags=OURS)
    api.arrange("DeleteStack", Refusal("ValidationError", "Termination protection is enabled"))
    result = engine("delete", stack_id=stack.stack_id)
    assert problem(result) == ("failed", "BadRequest")
    assert result["error"]["message"] == "Termination protection is enabled"


def test_a_lack_of_permission_is_internal_with_cloudformation_s_words(engine, api):
    stack = api.add("hpc", tags=OURS)
    api.arrange("DeleteStack", Refusal("AccessDenied", "not authorized to perform DeleteStack", status=403))
    result = engine("delete", stack_id=stack.stack_id)
    assert problem(result) == ("failed", "Internal")
    assert "not authorized to perform DeleteStack" in result["error"]["message"]


def test_what_fails_after_the_deletion_was_accepted_does_not_fail_the_call(engine, api):
    stack = api.add("hpc", tags=OURS)
    denied = Refusal("AccessDenied", "not authorized to perform DescribeStacks", status=403)
    api.on_request = lambda: api.arrange("DescribeStacks", denied) if api.sent("DeleteStack") else None
    result = engine("delete", stack_id=stack.stack_id)
    assert (result["status"], result["sent"], "cluster" in result) == ("succeeded", True, False)


def compute_node(cloud, cluster):
    ec2 = cloud.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    tags = [
        {"Key": "parallelcluster:cluster-name", "Value": cluster},
        {"Key": "parallelcluster:node-type", "Value": "Compute"},
    ]
    ran = ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        InstanceType="c5.large",
        SubnetId=cloud.exports["COMPUTE_SUBNET"],
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    return ran["Instances"][0]["InstanceId"]


def state(cloud, instance_id):
    described = cloud.client("ec2").describe_instances(InstanceIds=[instance_id])
    return described["Reservations"][0]["Instances"][0]["State"]["Name"]


def test_no_head_node_and_no_answer_about_it_are_two_things(engine, api, monkeypatch):
    stack = api.add("hpc", status="CREATE_IN_PROGRESS", tags=OURS)
    none = engine("describe", stack_id=stack.stack_id)
    assert (none["head_node"], "headNode" in none["cluster"]) == ("none", False)

    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", api.url)
    api.arrange("DescribeInstances", Refusal("RequestLimitExceeded", "Request limit exceeded.", status=503))
    unknown = engine("describe", stack_id=stack.stack_id)
    assert (unknown["head_node"], "headNode" in unknown["cluster"]) == ("unknown", False)


def test_nothing_of_a_call_survives_into_the_next(engine, api, configuration):
    first = engine("create", configuration, cluster_name="first", stack_tags=OWNER_TAGS)
    region = os.environ["AWS_DEFAULT_REGION"]
    second = engine(
        "create", configuration, cluster_name="second", call_id="call-2", stack_tags={"other": "1"}
    )
    requests = api.sent("CreateStack")
    assert [request.parameters["StackName"] for request in requests] == ["first", "second"]
    assert requests[1].parameters["ClientRequestToken"] == "call-2"
    assert not requests[1].tags.keys() & OWNER_TAGS.keys()
    assert first["stack_id"] != second["stack_id"]
    assert os.environ["AWS_DEFAULT_REGION"] == region
    assert boto3.DEFAULT_SESSION is None
    assert socket.getdefaulttimeout() is None
    assert AWSApi._instance is None  # noqa: SLF001 - the library offers no other way to look
    assert not any(Cache._caches)  # noqa: SLF001


def test_the_region_of_a_call_is_taken_back_also_when_the_call_fails(engine):
    before = os.environ["AWS_DEFAULT_REGION"]
    engine("describe", region="eu-west-1", stack_id="arn:gone")
    assert os.environ["AWS_DEFAULT_REGION"] == before


def test_a_script_that_was_just_found_missing_is_looked_for_again(engine, configuration):
    configuration["HeadNode"]["CustomActions"] = {"OnNodeStart": {"Script": "s3://no-such-bucket/script.sh"}}
    arguments = {"validation_failure_level": "WARNING"}
    for _ in range(2):
        result = engine("create", configuration, arguments=arguments)
        assert problem(result) == ("failed", "ClusterRejected")
        assert "UrlValidator" in str(result["validation_messages"])


def test_yesterday_s_answers_are_not_asked_today(engine, configuration, cloud):
    configuration["HeadNode"]["Ssh"]["KeyName"] = "made-later"
    assert problem(engine("create", configuration)) == ("failed", "ClusterRejected")
    cloud.client("ec2").create_key_pair(KeyName="made-later", KeyType="ed25519")
    assert engine("create", configuration)["status"] == "succeeded"


@pytest.fixture
def _stalled_regions(monkeypatch):
    """The address of the list of Regions takes connections and sends nothing."""
    retrieve = getattr(pcluster.utils, "retrieve_supported_regions", None)
    if retrieve is None:
        pytest.skip("this release has the list in its code")
    vars(retrieve).pop("cache", None)
    monkeypatch.setattr(isolation, "REGIONS_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        monkeypatch.setattr(urllib.request, "urlopen", lambda _url: direct.open(address))
        yield
    vars(retrieve).pop("cache", None)


@pytest.mark.usefixtures("_stalled_regions")
def test_a_list_of_regions_that_never_comes_is_the_one_the_library_ships(engine, configuration, monkeypatch):
    monkeypatch.setattr(isolation, "SOCKET_TIMEOUT_S", 0.2)
    assert engine("create", configuration)["status"] == "succeeded"
    assert "us-east-1" in pcluster.utils.retrieve_supported_regions()


@pytest.mark.parametrize("error", [TimeoutError("timed out"), ConnectionResetError("reset by peer")])
def test_a_connection_that_fails_while_a_configuration_is_read_does_not_make_it_invalid(
    engine, api, configuration, monkeypatch, error
):
    def load(_configuration):
        raise error

    monkeypatch.setattr(Cluster, "_load_additional_instance_type_data", load)
    result = engine("create", configuration)
    assert problem(result) == ("failed", "Throttled")
    assert str(error) in result["error"]["message"]
    assert not api.sent("CreateStack")
