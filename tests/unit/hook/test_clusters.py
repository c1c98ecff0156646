"""Which clusters a change set or a template changes, and what of them is known."""

import json

import pytest

from cluster_hook.clusters import UnreadableError, changed_in, has_clusters, in_template, retained_in

TOKEN = "arn:aws:lambda:us-east-1:123456789012:function:provider"
UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"


def properties(**more):
    return {
        "ServiceToken": TOKEN,
        "ClusterName": "hpc",
        "ClusterConfiguration": {"Image": {"Os": "a"}},
        **more,
    }


def change(action="CREATE", kind="Custom::PclusterCluster", before=None, after=None):
    def context(values):
        return None if values is None else json.dumps({"Properties": values})

    return {
        "logicalResourceId": "Cluster",
        "resourceType": kind,
        "action": action,
        "lineNumber": 1,
        "beforeContext": context(before),
        "afterContext": context(after),
    }


def found(*changes):
    return list(changed_in({"changedResources": list(changes)}, TOKEN))


def test_an_added_cluster_is_known_with_its_properties_but_for_the_token():
    (cluster,) = found(change(after=properties()))
    assert cluster.wanted.name == "hpc"
    assert "ServiceToken" not in cluster.wanted.properties
    assert (cluster.previous, cluster.missing, cluster.is_removed) == (None, "", False)


def test_a_changed_cluster_has_its_former_properties():
    (cluster,) = found(change("UPDATE", before=properties(), after=properties(ClusterName="other")))
    assert (cluster.wanted.name, cluster.previous.name) == ("other", "hpc")


def test_a_removed_cluster_is_told_apart():
    (cluster,) = found(change("DELETE", before=properties()))
    assert cluster.is_removed
    assert cluster.previous.name == "hpc"


@pytest.mark.parametrize("value", [UNKNOWN, f"subnet-{UNKNOWN}", "****"])
def test_the_first_value_that_is_not_known_is_named(value):
    after = properties(ClusterConfiguration={"HeadNode": {"Networking": [{"SubnetId": value}]}})
    (cluster,) = found(change(after=after))
    assert cluster.wanted is None
    place = "Cluster/ClusterConfiguration/HeadNode/Networking/0/SubnetId"
    assert cluster.missing == f"{place} is not known before the deployment"


@pytest.mark.parametrize(
    ("kind", "changes", "is_ours"),
    [
        ("Custom::Hpc", {}, True),
        ("AWS::CloudFormation::CustomResource", {}, True),
        ("Custom::PclusterImage", {}, False),
        ("AWS::SQS::Queue", {}, False),
        ("Custom::PclusterCluster", {"ServiceToken": UNKNOWN}, True),
        ("Custom::PclusterCluster", {"ServiceToken": f"{TOKEN}2"}, False),
    ],
)
def test_clusters_are_those_of_the_provider(kind, changes, is_ours):
    assert bool(found(change(kind=kind, after=properties(**changes)))) is is_ours


def test_no_changes_are_none():
    assert found() == []
    assert list(changed_in({}, TOKEN)) == []


@pytest.mark.parametrize("broken", ["text", {}, {**change(), "afterContext": "{"}, {"afterContext": "[]"}])
def test_a_change_of_another_form_is_refused(broken):
    with pytest.raises(UnreadableError, match="changedResources has an entry of a form that is not known"):
        found(broken)


TEMPLATE = """\
Parameters:
  Size: {Type: Number, Default: 4}
  Secret: {Type: String, NoEcho: true, Default: x}
Conditions:
  Never: !Equals [a, b]
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    DeletionPolicy: Retain
    Properties:
      ServiceToken: TOKEN
      ClusterName: !Sub "${AWS::StackName}-c"
      ClusterConfiguration: {MaxCount: !Ref Size, IsBig: true}
  Other:
    Type: Custom::PclusterCluster
    Properties: {ServiceToken: TOKEN, ClusterName: b, ClusterConfiguration: {SubnetId: !Ref Subnet}}
  Skipped:
    Type: Custom::PclusterCluster
    Condition: Never
    Properties: {ServiceToken: x, ClusterName: c, ClusterConfiguration: {}}
  Subnet: {Type: AWS::EC2::Subnet}
""".replace("TOKEN", TOKEN)
KNOWN = {"AWS::StackName": "hpc"}


def test_a_template_is_evaluated_as_the_provider_would_receive_it():
    cluster, other = in_template(TEMPLATE, {"Size": "8"}, KNOWN, TOKEN)
    assert cluster.wanted.properties == {
        "ClusterName": "hpc-c",
        "ClusterConfiguration": {"MaxCount": "8", "IsBig": "true"},
    }
    assert other.wanted is None
    assert other.missing.startswith(
        "Other/ClusterConfiguration/SubnetId is not known before the deployment ("
    )


def test_a_template_without_clusters_is_found_without_evaluating_it():
    assert has_clusters(TEMPLATE)
    assert not has_clusters('{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}')


def test_what_a_template_retains_is_listed():
    assert retained_in(TEMPLATE, "DeletionPolicy") == {"Cluster"}


@pytest.mark.parametrize("given", [("a: [",), ("a: [", "DeletionPolicy")])
def test_a_template_that_cannot_be_read_is_refused_with_the_reason(given):
    with pytest.raises(UnreadableError, match="the template cannot be read: "):
        (retained_in if given[1:] else has_clusters)(*given)
