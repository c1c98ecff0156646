"""What would allow a refused update, by the library's own conditions, and what the library fails on."""

import pytest

from tests.contract.engine.conftest import RELEASE

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("made", "fleet")]

#: Where the library keeps the fleet's status. Source: pcluster/constants.py, PCLUSTER_DYNAMODB_PREFIX.
TABLE = "parallelcluster-living"
#: Earlier releases judge a mount point by the fleet alone, and know no growth without a stop.
JUDGES = pytest.mark.skipif(RELEASE < (3, 14), reason="this release has other conditions")
#: Earlier releases have a rule of their own for it.
NO_QUEUES = pytest.mark.skipif(RELEASE < (3, 16), reason="this release refuses it in words of its own")
MOUNT_DIR = "SharedStorage[data].MountDir"
MIN_COUNT = "Scheduling.SlurmQueues[compute].ComputeResources[nodes].MinCount"


@pytest.fixture
def fleet(cloud):
    """States the status of the living cluster's fleet."""
    client = cloud.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def state(status):
        changed = {"status": {"S": status}, "lastStatusUpdatedTime": {"S": "2026-01-01 12:00:00+00:00"}}
        client.put_item(TableName=TABLE, Item={"Id": {"S": "COMPUTE_FLEET"}, "Data": {"M": changed}})

    state("RUNNING")
    yield state
    client.delete_table(TableName=TABLE)


@pytest.fixture
def ask(foretold):
    """Asks for a dry run of a change, said in the words of what is stored."""

    def run(change, **arguments):
        return foretold(change, resemble_stored=True, **arguments)

    return run


def moved(wanted):
    wanted["SharedStorage"][0]["MountDir"] = "/scratch"


def nodes(**counts):
    def change(wanted):
        wanted["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0].update(counts)

    return change


def without_queues(wanted):
    wanted["Scheduling"]["SlurmQueues"] = []


@JUDGES
@pytest.mark.parametrize("arguments", [{}, {"force_update": True}], ids=["as it is", "forced"])
def test_a_change_that_the_library_fails_on_is_refused_with_what_would_allow_it(ask, arguments):
    answer = ask(moved, **arguments)
    assert answer["error"]["code"] == "UpdateRejected"
    (detail,) = answer["error"]["details"]
    change = {"parameter": MOUNT_DIR, "currentValue": "/data", "requestedValue": "/scratch"}
    assert detail.items() >= (change | {"cure": "fleet-stop"}).items()
    assert answer["change_set"] == [change]
    assert (
        "cannot judge this change. It allows it once the compute fleet is stopped. Or keep /data"
        in (detail["message"])
    )
    assert "object" not in detail["message"]


def test_other_refused_changes_are_named_beside_the_one_that_the_library_fails_on(ask):
    def change(wanted):
        moved(wanted)
        wanted["HeadNode"]["InstanceType"] = "t3.large"

    details = ask(change)["error"]["details"]
    assert {detail["parameter"]: detail["cure"] for detail in details} == {
        "HeadNode.InstanceType": "",
        MOUNT_DIR: "fleet-stop",
    }


def test_a_deployment_refuses_in_the_same_words_and_goes_through_once_the_fleet_is_stopped(
    update, ask, fleet, api
):
    refused = update(moved, resemble_stored=True)
    assert refused["error"]["details"] == ask(moved)["error"]["details"]
    fleet("STOPPED")
    assert update(moved, resemble_stored=True)["status"] == "succeeded"
    assert len(api.sent("UpdateStack")) == 1


@JUDGES
def test_more_static_nodes_need_no_stop_if_the_most_grows_as_much_and_the_refusal_says_so(ask):
    (detail,) = ask(nodes(MinCount="2"))["error"]["details"]
    assert (detail["parameter"], detail["cure"]) == (MIN_COUNT, "fleet-stop")
    assert detail["message"].endswith(
        "Or raise MaxCount by at least as much in the same update, to 6 or more: "
        "then nothing has to be stopped"
    )
    assert "error" not in ask(nodes(MinCount="2", MaxCount="6"))


@NO_QUEUES
def test_an_update_without_queues_names_them_and_says_nothing_in_python(ask):
    answer = ask(without_queues)
    assert answer["error"]["code"] == "UpdateRejected"
    (detail,) = answer["error"]["details"]
    assert (detail["parameter"], detail["requestedValue"]) == ("Scheduling.SlurmQueues", "[]")
    assert "'Name': 'compute'" in detail["currentValue"]
    assert "Keep at least one item" in detail["message"]
    assert "pop from" not in str(answer)


@NO_QUEUES
def test_a_creation_without_queues_names_them_as_well(engine, configuration):
    without_queues(configuration)
    result = engine("create", configuration)
    assert result["error"]["code"] == "ClusterRejected"
    (said,) = [message for message in result["validation_messages"] if message["level"] == "ERROR"]
    assert "Scheduling.SlurmQueues is empty: give it an item" in said["message"]
