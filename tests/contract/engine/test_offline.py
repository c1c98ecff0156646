"""The library's own rules between several values, found without AWS and without a network."""

import copy
import json
import os
import socket
import subprocess
import sys

import pytest

from cluster_engine import dry_run
from pcluster_cfn.validation.library_rules import LibraryRules
from tests.contract.engine.conftest import RELEASE, VERSION
from tests.support import custom_resource_properties

pytestmark = pytest.mark.library

TIMEOUT_S = 120
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
#: What the newest release fails on, earlier ones have a rule for.
NO_QUEUES = (
    f"RootVolumeEncryptionConsistencyValidator: ParallelCluster {VERSION} has a fault here: "
    if RELEASE >= (3, 16)
    else "ConfigSchemaValidator: SlurmQueues section must be specified in the Scheduling section."
)
FILES = sorted(path.name for path in custom_resource_properties.CONFIGURATIONS.glob("*.yaml"))


@pytest.fixture(scope="module")
def _own_packages():
    """Has the program find what these tests found: for other releases it is no environment's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        yield


@pytest.fixture(scope="module")
def rules(_own_packages):
    with LibraryRules() as started:
        yield started


@pytest.fixture
def typed(configuration):
    """The small cluster, as the schema types it."""
    loaded = custom_resource_properties.load("minimal.yaml")
    return {**configuration, "Scheduling": loaded["Scheduling"]}


def found(rules, configuration, **properties):
    return list(rules.findings(configuration, VERSION, {"ClusterName": "hpc"} | properties))


def queues(configuration):
    return configuration["Scheduling"]["SlurmQueues"]


def without_queues(configuration):
    queues(configuration).clear()


def twice(configuration):
    queues(configuration).append(copy.deepcopy(queues(configuration)[0]))


def from_anywhere(configuration):
    configuration["HeadNode"]["Ssh"] = {"AllowedIps": "10.0"}


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (
            lambda it: queues(it)[0]["ComputeResources"][0].update(MinCount=9),
            "/Scheduling/SlurmQueues/0",
            "ComputeResourceSizeValidator: Max count must be greater than or equal to min count.",
        ),
        (twice, "/Scheduling", "DuplicateNameValidator: Queue name compute must be unique."),
        (
            lambda it: queues(it)[0].update(Name="Bad_Name"),
            "/Scheduling/SlurmQueues/0",
            "NameValidator: Invalid name 'Bad_Name'. ",
        ),
        (without_queues, "/Scheduling", NO_QUEUES),
        (from_anywhere, "/HeadNode/Ssh/AllowedIps", "ConfigSchemaValidator: "),
    ],
    ids=["counts", "twice", "name", "nothing", "addresses"],
)
def test_what_the_library_refuses_without_aws_is_found_at_its_place(rules, typed, change, path, message):
    assert found(rules, typed) == []
    change(typed)
    ((place, said),) = found(rules, typed)
    assert (place[: len(path)], said[: len(message)]) == (path, message)


def test_a_validator_that_the_template_suppresses_says_nothing(rules, typed):
    queues(typed)[0]["Name"] = "Bad_Name"
    assert found(rules, typed, SuppressValidators=["type:NameValidator"]) == []


def test_what_is_found_offline_is_what_the_library_says_with_aws(rules, cloud, typed):
    queues(typed)[0]["Name"] = "Bad_Name"
    queues(typed)[0]["ComputeResources"][0].update(Name="also_bad", MinCount=9)
    queues(typed)[0]["Networking"]["SubnetIds"] = [cloud.exports["COMPUTE_SUBNET"]]
    question = {"operation": "create", "cluster_name": "hpc", "region": cloud.region, "stack_id": None}
    asked = question | {"configuration": typed, "configuration_tags": {}, "arguments": {}}
    online = dry_run.run(asked)["validation_messages"]
    errors = {f"{one['type']}: {one['message']}" for one in online if one["level"] == "ERROR"}
    offline = {message for _, message in found(rules, typed)}
    assert len(offline) == 3
    assert offline <= errors


@pytest.mark.usefixtures("_own_packages")
def test_no_connection_is_made_whatever_a_configuration_names(typed):
    asked = [typed, *map(custom_resource_properties.load, FILES)]
    asked[0]["HeadNode"]["Iam"] = {
        "AdditionalIamPolicies": [{"Policy": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    }
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        asked[0]["HeadNode"]["CustomActions"] = {"OnNodeStart": {"Script": f"https://{address}/script"}}
        lines = [
            json.dumps({"cluster_name": "hpc", "configuration": each, "suppress_validators": []})
            for each in asked
        ]
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        elsewhere = dict.fromkeys((*PROXIES, "AWS_ENDPOINT_URL"), f"http://{address}")
        done = subprocess.run(
            [sys.executable, "-m", "cluster_engine.offline"],
            input="\n".join(lines) + "\n",
            env={**os.environ, **keys, **elsewhere},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(asked)
        assert "AdditionalIamPolicyValidator" in answers[0]["left_out"]
        server.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody waits to be let in
            server.accept()
        socket.create_connection(server.getsockname()).close()
        server.accept()[0].close()  # who had connected would have been noticed
