"""What a plan says of a cluster, by what is deployed and what the library answers."""

from dataclasses import replace

import pytest

from cfn_template.limits import Place as FilePlace
from pcluster_cfn.planning.clusters import (
    Deployed,
    Place,
    PlannedAction,
    is_untouched,
    plan_cluster,
    plan_removal,
    plan_unknown,
    untouched,
)
from pcluster_cfn.planning.requests import CLUSTER, VERSION_TAG, ExistingCluster, RequestedCluster, Verdict
from pcluster_cfn.planning.storage import ROOT_VOLUME
from pcluster_cfn.validation.resource_check import Resource

RESOURCE = Resource("Cluster", CLUSTER, FilePlace(1, 1), {}, None, FilePlace(1, 1))
HERE = Place("hpc.yaml", ("Inner", "Cluster"))
BEFORE = {"SharedStorage": [{"Name": "data", "StorageType": "Ebs", "MountDir": "/data"}]}
AFTER = {"HeadNode": {"InstanceType": "t3.large"}}
CHANGE = {"parameter": "HeadNode.InstanceType", "currentValue": "a", "requestedValue": "b"}


def cluster(configuration=AFTER, **properties):
    return RequestedCluster(
        RESOURCE, {"ClusterName": "hpc", "ClusterConfiguration": configuration, **properties}
    )


def verdict(wanted=None, operation="update", is_ours=True, **answer):
    common = {"version": "3.16.1", "change_set": [], "validation_messages": []}
    return Verdict(wanted or cluster(), operation, is_ours, common | answer)


def error(code, message="no", **more):
    return {"error": {"code": code, "message": message, **more}}


LIVING = Deployed("hpc", cluster(BEFORE), existing=ExistingCluster("arn", {}))


def test_a_resource_that_made_nothing_yet_creates_its_cluster():
    for physical_id in ("", "pcluster-cfn:not-created:x", "pcluster-cfn:failed:x"):
        planned = plan_cluster(HERE, verdict(operation="create"), Deployed(physical_id))
        assert (planned.action, planned.place, planned.name) == (PlannedAction.CREATE, "Inner/Cluster", "hpc")


def test_an_accepted_change_updates_and_names_the_storage_that_goes():
    planned = plan_cluster(HERE, verdict(change_set=[CHANGE]), LIVING)
    assert planned.action is PlannedAction.UPDATE
    assert [(each["parameter"], each["currentValue"]) for each in planned.changes] == [
        ("HeadNode.InstanceType", "a")
    ]
    assert [(each.name, each.fate) for each in planned.storage] == [("data", "deleted")]


def test_an_update_without_a_difference_changes_nothing():
    planned = plan_cluster(HERE, verdict(**error("NoChanges")), LIVING)
    assert planned.action is PlannedAction.UNCHANGED


def test_a_change_from_outside_stays_while_the_template_asks_for_the_same():
    wanted = cluster(BEFORE, DeletionPolicy="Retain")
    planned = plan_cluster(HERE, verdict(wanted, change_set=[CHANGE]), LIVING)
    assert planned.action is PlannedAction.UNCHANGED
    assert "changed elsewhere" in planned.reason


@pytest.mark.parametrize(
    ("policy", "cures", "action"),
    [
        ("StopAndRestart", ["fleet-stop"], PlannedAction.UPDATE_STOPPED),
        ("StopAndRestart", ["fleet-stop", None], PlannedAction.REFUSED),
        ("StopAndRestart", [], PlannedAction.REFUSED),
        (None, ["fleet-stop"], PlannedAction.REFUSED),
    ],
)
def test_a_refused_change_stops_the_fleet_only_where_that_cures_all_of_it(policy, cures, action):
    details = [
        {**CHANGE, "parameter": f"P{number}", "message": "no", **({"cure": cure} if cure else {})}
        for number, cure in enumerate(cures)
    ]
    wanted = cluster(**({"ComputeFleetUpdatePolicy": policy} if policy else {}))
    planned = plan_cluster(HERE, verdict(wanted, **error("UpdateRejected", details=details)), LIVING)
    assert planned.action is action


def test_a_policy_that_the_change_takes_away_still_counts_for_it():
    details = [{**CHANGE, "message": "no", "cure": "fleet-stop"}]
    before = cluster(BEFORE, ComputeFleetUpdatePolicy="StopAndRestart", ClusterNameUpdatePolicy="Replace")
    living = replace(LIVING, previous=before)
    planned = plan_cluster(HERE, verdict(**error("UpdateRejected", details=details)), living)
    assert planned.action is PlannedAction.UPDATE_STOPPED
    assert planned.reason.endswith("StopAndRestart in the deployed template, which still counts")
    renamed = plan_cluster(HERE, verdict(cluster(ClusterName="new"), "create"), living)
    assert renamed.action is PlannedAction.REPLACE


@pytest.mark.parametrize("policy", [None, "Refuse"])
def test_another_name_is_refused_unless_the_template_allows_a_replacement(policy):
    wanted = cluster(ClusterName="new", **({"ClusterNameUpdatePolicy": policy} if policy else {}))
    planned = plan_cluster(HERE, verdict(wanted, "create"), LIVING)
    assert planned.action is PlannedAction.REFUSED
    assert "cluster hpc cannot be renamed" in planned.reason


def replacement(deployed=LIVING, **answer):
    wanted = cluster(ClusterName="new", ClusterNameUpdatePolicy="Replace")
    return plan_cluster(HERE, verdict(wanted, "create", **answer), deployed)


def test_a_replacement_names_the_old_cluster_and_its_storage():
    planned = replacement()
    assert (planned.action, planned.replaced) == (PlannedAction.REPLACE, "hpc")
    assert [each.name for each in planned.storage] == [ROOT_VOLUME, "data"]


def test_a_passage_to_another_version_is_one_replacement():
    before = cluster(BEFORE, PclusterVersion="3.14.0")
    living = Deployed("hpc", before, existing=ExistingCluster("arn", {VERSION_TAG: "3.14.0"}))
    wanted = cluster(ClusterName="hpc-3-16-1", ClusterNameUpdatePolicy="Replace", PclusterVersion="3.16.1")
    planned = plan_cluster(HERE, verdict(wanted, "create"), living)
    assert (planned.action, planned.replaced) == (PlannedAction.REPLACE, "hpc")
    assert (planned.name, planned.version) == ("hpc-3-16-1", "3.16.1")


def test_another_version_for_the_same_cluster_is_refused():
    wanted = cluster(PclusterVersion="3.16.1")
    planned = plan_cluster(HERE, verdict(wanted, "update", version="3.14.0"), LIVING)
    assert (planned.action, planned.reason) == (
        PlannedAction.REFUSED,
        "the cluster has ParallelCluster 3.14.0 and keeps it; PclusterVersion asks for 3.16.1",
    )


def test_a_replacement_whose_new_cluster_is_refused_is_refused():
    assert replacement(**error("ConfigurationInvalid")).action is PlannedAction.REFUSED


KEPT = [
    (replace(LIVING, retained_by="DeletionPolicy"), "attribute DeletionPolicy"),
    (replace(LIVING, previous=cluster(DeletionPolicy="Retain")), "property DeletionPolicy is Retain"),
    (replace(LIVING, previous=cluster(AdoptExisting="true"), created_here=False), "it was adopted"),
]


@pytest.mark.parametrize(("deployed", "why"), KEPT)
def test_a_cluster_that_is_kept_keeps_its_storage(deployed, why):
    removed, replaced = plan_removal(HERE, deployed), replacement(deployed)
    assert (removed.action, replaced.action) == (PlannedAction.RETAIN, PlannedAction.REPLACE)
    for planned in (removed, replaced):
        assert why in planned.reason
        assert not planned.storage


@pytest.mark.parametrize(
    "previous",
    [
        cluster(BEFORE),
        cluster(BEFORE, AdoptExisting="true", DeletionPolicy="Delete"),
        cluster(BEFORE, AdoptExisting="false"),
    ],
)
def test_a_resource_that_the_template_lacks_deletes_its_cluster(previous):
    planned = plan_removal(HERE, replace(LIVING, previous=previous, created_here=False))
    assert (planned.action, planned.name) == (PlannedAction.DELETE, "hpc")
    assert [each.name for each in planned.storage] == [ROOT_VOLUME, "data"]


def test_a_removal_of_what_was_never_made_or_is_gone_changes_nothing():
    for deployed in (Deployed("pcluster-cfn:not-created:x"), replace(LIVING, existing=None)):
        assert plan_removal(HERE, deployed).action is PlannedAction.UNCHANGED


def test_a_removal_is_not_known_where_the_deployed_properties_are_not():
    assert plan_removal(HERE, replace(LIVING, previous=None)).action is PlannedAction.UNKNOWN


def test_a_cluster_of_another_owner_is_refused():
    planned = plan_cluster(HERE, verdict(is_ours=False), Deployed())
    assert (planned.action, "does not belong" in planned.reason) == (PlannedAction.REFUSED, True)


def test_a_cluster_keeps_its_version():
    planned = plan_cluster(HERE, verdict(cluster(PclusterVersion="3.14.0")), LIVING)
    assert planned.action is PlannedAction.REFUSED
    assert "has ParallelCluster 3.16.1 and keeps it; PclusterVersion asks for 3.14.0" in planned.reason
    assert (
        plan_cluster(HERE, verdict(cluster(PclusterVersion="3.16.1")), LIVING).action is PlannedAction.UPDATE
    )


def test_an_adoption_is_one_with_the_changes_that_it_makes():
    planned = plan_cluster(HERE, verdict(operation="take-over", change_set=[CHANGE]), Deployed())
    assert (planned.action, len(planned.changes)) == (PlannedAction.ADOPT, 1)


def test_equal_properties_need_no_request():
    assert is_untouched(cluster(BEFORE), LIVING)
    assert not is_untouched(cluster(BEFORE, DeletionPolicy="Retain"), LIVING)
    assert not is_untouched(cluster(BEFORE), replace(LIVING, previous=None))
    assert untouched(HERE, cluster(BEFORE), LIVING).reason == ""
    gone = untouched(HERE, cluster(BEFORE), replace(LIVING, existing=None))
    assert (gone.action, "no longer exists" in gone.reason) == (PlannedAction.UNCHANGED, True)


def test_what_is_not_known_is_a_creation_without_the_library_or_an_unknown_change():
    assert plan_unknown(HERE, "Subnet", Deployed()).action is PlannedAction.CREATE
    changed = plan_unknown(HERE, "Subnet", LIVING)
    assert (changed.action, changed.name) == (PlannedAction.UNKNOWN, "hpc")


def test_what_the_operator_does_not_permit_is_refused():
    forbidden = replace(verdict(operation="take-over"), forbidden="ClusterAdoption does not permit it")
    planned = plan_cluster(HERE, forbidden, Deployed())
    assert (planned.action, planned.reason) == (
        PlannedAction.REFUSED,
        "ClusterAdoption does not permit it",
    )
