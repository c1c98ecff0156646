"""``pcluster-cfn validate --dry-run`` says before a deployment what ParallelCluster would say in it."""

import json

import pytest

from tests.e2e.foretold import foretell
from tests.e2e.parents import COMPUTE, Parent

pytestmark = pytest.mark.e2e

NAME = "foretold"


@pytest.fixture
def foretold(account, service_token, tmp_path):
    """Runs the command on the template of a stack with changes; returns its status and answer."""

    def run(*arguments, **changes):
        return foretell(Parent(account, service_token, NAME, changes=changes), tmp_path, *arguments)

    return run


def test_a_dry_run_reports_how_a_create_and_an_update_would_end_and_changes_nothing(
    parent, foretold, account
):
    status, said = foretold(HeadNode__Ssh__KeyName="nobodys")
    assert status == 1
    assert "Cluster: create of cluster c-foretold, would be refused\n" in said
    assert "\n  ERROR  KeyPairValidator: " in said

    status, said = foretold()
    assert (status, "create of cluster c-foretold, would be accepted\n" in said) == (0, True)
    assert account.stack("c-foretold") is None

    made = parent(NAME).create()
    assert made.status == "CREATE_COMPLETE", made.why
    status, said = foretold()
    assert (status, "update of cluster c-foretold, without changes\n" in said) == (0, True)

    stored = made.stored_configuration
    status, said = foretold("--json", **{"HeadNode__InstanceType": "t3.large", f"{COMPUTE}__MaxCount": 2})
    report = json.loads(said)
    (verdict,) = report["verdicts"]
    assert (report["clusters"], report["notLookedAt"]) == (1, [])
    assert (status, verdict["refused"], verdict["error"]["code"]) == (1, True, "UpdateRejected")
    changes = {change["parameter"]: change for change in verdict["changes"]}
    instance = changes["HeadNode.InstanceType"]
    assert (instance["currentValue"], instance["requestedValue"]) == ("t3.medium", "t3.large")
    assert instance["update"] == "not allowed; it takes a new cluster"
    assert "Restore" in instance["refused"]
    shrunk = changes["Scheduling.SlurmQueues[compute].ComputeResources[c6i].MaxCount"]
    assert (shrunk["currentValue"], shrunk["requestedValue"], shrunk["cure"]) == ("4", "2", "fleet-stop")

    status, said = foretold(**{f"{COMPUTE}__MaxCount": 8})
    assert status == 0
    assert "allowed  Scheduling.SlurmQueues[compute].ComputeResources[c6i].MaxCount: 4 → 8\n" in said
    assert "a change of this key: growing is allowed; shrinking" in said
    assert made.stored_configuration == stored
    assert made.delete().status == "DELETE_COMPLETE"
