"""``pcluster-cfn plan`` warns of what an account has no room for, with the place, and refuses if asked."""

import json

import pytest

from tests.e2e.parents import COMPUTE, Parent
from tests.e2e.test_plan import planned

pytestmark = pytest.mark.e2e

NAME = "foreseen"


@pytest.fixture
def plan(account, service_token, tmp_path):
    """Plans a new cluster with so many nodes; returns the exit status and what is printed."""

    def run(count, *arguments):
        changes = {f"{COMPUTE}__MaxCount": count, "HeadNode__InstanceType": "m5.2xlarge"}
        body = Parent(account, service_token, NAME, changes=changes).body()
        return planned(account, tmp_path, body, "--no-change-set", *arguments, name=NAME)

    return run


def test_a_plan_warns_of_a_subnet_that_is_too_small(account, plan):
    subnet = account.cloud.exports["COMPUTE_SUBNET"]
    status, printed = plan(5_000, "--json")
    forecast = json.loads(printed)["forecast"]
    (warning,) = forecast["warnings"]
    assert status == 2
    assert (warning["code"], warning["line"]) == ("SubnetAddresses", 1)
    assert warning["path"] == "Cluster/ClusterConfiguration/Scheduling/SlurmQueues/0/Networking/SubnetIds"
    assert subnet in warning["message"]
    assert warning["numbers"]["needs"] == 5_000
    assert {each["code"] for each in forecast["notLookedAt"]} == {
        "VCpuQuota",
        "StackQuota",
        "HostedZoneQuota",
    }

    status, printed = plan(5_000, "--strict")
    assert status == 1
    assert "SubnetAddresses: at full scale 5000 addresses are needed" in printed
    assert "Forecast: 7 checks, 1 warning, 3 not possible or only in part\n" in printed
    assert plan(5_000, "--strict", "--ignore", "SubnetAddresses")[0] == 2
