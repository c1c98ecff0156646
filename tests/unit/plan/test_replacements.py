"""What a plan says of a cluster that the provider may replace."""

import pytest

from cfn_template.limits import Place as FilePlace
from pcluster_cfn.planning.clusters import Deployed, Place, PlannedAction, plan_requested, untouched
from pcluster_cfn.planning.requests import (
    CLUSTER,
    VERSION_TAG,
    ExistingCluster,
    RequestedCluster,
    Verdict,
    engine_request,
)
from pcluster_cfn.validation.deployed_stack import DeployedStack
from pcluster_cfn.validation.resource_check import Resource

RESOURCE = Resource("Cluster", CLUSTER, FilePlace(1, 1), {}, None, FilePlace(1, 1))
HERE = Place("hpc.yaml", ("Cluster",))
BEFORE = {"SharedStorage": [{"Name": "data", "StorageType": "Ebs", "MountDir": "/data"}]}
AFTER = {"HeadNode": {"InstanceType": "t3.large"}}
NAME = "lab-Cluster-k3vq7x2m"
REPLACE = {"ReplacementPolicy": "Replace"}
CHANGE = {
    "parameter": "HeadNode.Networking.SubnetId",
    "currentValue": "subnet-1",
    "requestedValue": "subnet-2",
    "message": "not supported",
}
REFUSED = {"error": {"code": "UpdateRejected", "message": "no", "details": [CHANGE]}, "change_set": [CHANGE]}
CURED = {"error": {"code": "UpdateRejected", "message": "no", "details": [{**CHANGE, "cure": "fleet-stop"}]}}


def cluster(configuration=AFTER, **properties):
    return RequestedCluster(RESOURCE, {"ClusterConfiguration": configuration, **properties})


def living(version="3.16.1", **properties):
    existing = ExistingCluster("arn", {VERSION_TAG: version})
    return Deployed(NAME, cluster(BEFORE, **properties), existing=existing)


class Library:
    """Answers an update and a create, and notes what it was asked."""

    def __init__(self, update=None, create=None):
        self.answers = {"update": update or {}, "create": create or {}}
        self.asked = []

    def __call__(self, wanted):
        operation = "update" if wanted.name == NAME else "create"
        self.asked.append((operation, wanted.name))
        common = {"version": "3.16.1", "change_set": [], "validation_messages": []}
        return Verdict(wanted, operation, True, common | self.answers[operation])


def test_a_new_cluster_without_a_name_is_planned_without_one():
    library = Library()
    planned = plan_requested(HERE, cluster(), Deployed(), library)
    assert (planned.action, planned.name, library.asked) == (PlannedAction.CREATE, "", [("create", "")])


def test_the_library_is_asked_about_some_name_for_a_cluster_that_has_none():
    operation, asked = engine_request(
        cluster(), DeployedStack("lab", known={"AWS::Region": "eu-west-1"}), None
    )
    assert (operation, asked["cluster_name"]) == ("create", "generated-by-the-provider")


def test_an_update_keeps_the_generated_name():
    library = Library()
    planned = plan_requested(HERE, cluster(), living(), library)
    assert (planned.action, planned.name, library.asked) == (PlannedAction.UPDATE, NAME, [("update", NAME)])


def test_an_untouched_cluster_has_the_name_that_was_generated():
    assert untouched(HERE, cluster(BEFORE), living()).name == NAME


def test_what_the_library_refuses_is_one_replacement_with_what_is_changed_and_what_goes():
    library = Library(update=REFUSED)
    planned = plan_requested(HERE, cluster(**REPLACE), living(), library)
    assert (planned.action, planned.replaced, planned.name) == (PlannedAction.REPLACE, NAME, "")
    assert library.asked == [("update", NAME), ("create", "")]
    assert [change["parameter"] for change in planned.changes] == ["HeadNode.Networking.SubnetId"]
    assert "data" in [each.name for each in planned.storage]


def test_a_replacement_whose_new_cluster_the_library_refuses_is_refused():
    error = {"error": {"code": "ClusterRejected", "message": "no such subnet"}}
    planned = plan_requested(HERE, cluster(**REPLACE), living(), Library(update=REFUSED, create=error))
    assert (planned.action, planned.reason) == (PlannedAction.REFUSED, "ClusterRejected: no such subnet")


@pytest.mark.parametrize("policy", [{}, {"ReplacementPolicy": "Refuse"}])
def test_without_the_permission_it_is_refused(policy):
    library = Library(update=REFUSED)
    planned = plan_requested(HERE, cluster(**policy), living(), library)
    assert planned.action is PlannedAction.REFUSED
    assert planned.reason == "ParallelCluster refuses to change a living cluster like this"
    assert library.asked == [("update", NAME)]


def test_what_a_stopped_fleet_would_allow_replaces_nothing():
    library = Library(update=CURED)
    assert plan_requested(HERE, cluster(**REPLACE), living(), library).action is PlannedAction.REFUSED
    stopping = cluster(ComputeFleetUpdatePolicy="StopAndRestart", **REPLACE)
    assert plan_requested(HERE, stopping, living(), library).action is PlannedAction.UPDATE_STOPPED


def test_another_version_is_a_replacement_of_which_only_the_new_cluster_is_asked():
    library = Library()
    wanted = cluster(PclusterVersion="3.16.1", **REPLACE)
    planned = plan_requested(HERE, wanted, living("3.14.0", PclusterVersion="3.14.0"), library)
    assert (planned.action, planned.replaced, planned.version) == (PlannedAction.REPLACE, NAME, "3.16.1")
    assert library.asked == [("create", "")]


def test_a_given_name_stands_in_the_way_of_a_replacement():
    wanted = cluster(ClusterName=NAME, **REPLACE)
    planned = plan_requested(HERE, wanted, living(), Library(update=REFUSED))
    assert planned.action is PlannedAction.REFUSED
    assert planned.reason.endswith("; ReplacementPolicy: Replace needs another ClusterName, or none")


def test_the_policy_permits_another_name():
    wanted = cluster(ClusterName="other", **REPLACE)
    planned = plan_requested(HERE, wanted, living(), Library())
    assert (planned.action, planned.name, planned.replaced) == (PlannedAction.REPLACE, "other", NAME)


@pytest.mark.parametrize(
    ("before", "after", "longest"),
    [(None, "1800", 1800), ("600", None, 600), ("600", "1800", 1800), ("0", "0", None), (None, "soon", None)],
)
def test_a_replacement_says_how_long_the_old_cluster_may_drain(before, after, longest):
    old, new = ({"DrainTimeout": given} if given else {} for given in (before, after))
    planned = plan_requested(HERE, cluster(**REPLACE, **new), living(**old), Library(update=REFUSED))
    said = f"cluster {NAME} is deleted once no dynamic node of it runs, {longest} s later at most"
    assert (planned.action, planned.reason) == (PlannedAction.REPLACE, said if longest else "")


def test_a_retained_cluster_does_not_drain():
    old = {"DrainTimeout": "600", "DeletionPolicy": "Retain"}
    planned = plan_requested(HERE, cluster(**REPLACE), living(**old), Library(update=REFUSED))
    assert planned.reason == f"cluster {NAME} is kept: its property DeletionPolicy is Retain"
