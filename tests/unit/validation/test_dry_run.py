"""What a dry run is asked, and how its verdict is told."""

import json
from dataclasses import replace

import pytest

from cluster_provider.core.identity import Owner
from pcluster_cfn.errors import CommandError
from pcluster_cfn.planning.guardrails import Guardrails, Provider
from pcluster_cfn.planning.providers import Providers
from pcluster_cfn.planning.requests import (
    OWNER_TAG,
    ExistingCluster,
    Library,
    OtherVersionError,
    RequestedCluster,
    Verdict,
    dry_run,
    engine_request,
)
from pcluster_cfn.validation.deployed_stack import DeployedStack
from pcluster_cfn.validation.dry_run import dry_run_cluster, requested_clusters
from pcluster_cfn.validation.dry_run_report import document, is_refused, lines
from pcluster_cfn.validation.report import Finding

TEMPLATE = """\
Parameters: {Subnet: {Type: String}, Name: {Type: String, Default: hpc}}
Resources:
  Network: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: x}}
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !GetAtt Provider.Outputs.ServiceToken
      ClusterName: !Sub c-${AWS::StackName}
      ClusterConfiguration: {A: !Ref Subnet, B: !GetAtt Network.Outputs.Vpc, C: !Ref Name}
"""
CHANGE = {"parameter": "HeadNode.InstanceType", "currentValue": "a", "requestedValue": "b"}
POLICY = (
    "growing is allowed; shrinking or removing needs a stopped compute fleet or QueueUpdateStrategy TERMINATE"
)
GROWTH = {
    "parameter": "Scheduling.SlurmQueues[q.1].ComputeResources[c].MaxCount",
    "currentValue": "4",
    "requestedValue": "8",
}


def wanted(deployed, **given):
    return list(requested_clusters(TEMPLATE, given, deployed))


def new(**fields):
    return DeployedStack("stack", {"AWS::StackName": "stack", "AWS::Region": "us-east-1"}, **fields)


def test_what_is_not_known_is_reported_with_its_place():
    found = wanted(new())
    assert [(each.place.line, each.path) for each in found if isinstance(each, Finding)] == [
        (9, "Cluster/ClusterConfiguration/A"),
        (9, "Cluster/ClusterConfiguration/B"),
    ]


def test_properties_that_are_not_known_at_all_are_reported():
    text = "Resources: {C: {Type: Custom::PclusterCluster, Properties: {Fn::Transform: {Name: x}}}}"
    (found,) = requested_clusters(text, {}, new())
    assert isinstance(found, Finding)
    assert found.path == "C/ClusterConfiguration"


def test_a_given_parameter_wins_over_the_stack_s_and_that_over_the_default():
    outputs = {"Network.Outputs.Vpc": "vpc"}
    deployed = new(parameters={"Subnet": "old", "Name": "kept"}, outputs=outputs)
    (cluster,) = wanted(deployed, Subnet="new")
    assert cluster.name == "c-stack"
    assert cluster.properties["ClusterConfiguration"] == {"A": "new", "B": "vpc", "C": "kept"}


def verdict(is_ours=True, **answer):
    (cluster,) = wanted(new(outputs={"Network.Outputs.Vpc": "vpc"}), Subnet="s")
    assert isinstance(cluster, RequestedCluster)
    common = {"version": "3.16.1", "change_set": [], "validation_messages": []}
    return Verdict(cluster, "update", is_ours, common | answer, provider=Provider())


def told(verdict):
    return list(lines(verdict, "t.yaml"))


class Aws:
    """CloudFormation with one cluster of another version."""

    def client(self, _):
        return self

    def describe_stacks(self, StackName):  # noqa: N803 - boto3's name
        tags = {"parallelcluster:cluster-name": StackName, "parallelcluster:version": "3.6.0"}
        described = [{"Key": key, "Value": value} for key, value in tags.items()]
        return {"Stacks": [{"StackId": "arn", "Tags": described}]}


def test_the_service_token_of_a_cluster_is_known_where_the_template_says_it():
    text = TEMPLATE.replace("!GetAtt Provider.Outputs.ServiceToken", "!Ref Subnet")
    outputs = {"Network.Outputs.Vpc": "vpc"}
    (cluster,) = requested_clusters(text, {"Subnet": "arn:aws:lambda:x"}, new(outputs=outputs))
    assert cluster.service_token == "arn:aws:lambda:x"
    (cluster,) = wanted(new(outputs=outputs), Subnet="s")
    assert cluster.service_token == ""


def test_a_cluster_of_another_version_than_the_library_s_is_not_judged():
    deployed = new(outputs={"Network.Outputs.Vpc": "vpc"})
    (cluster,) = wanted(deployed, Subnet="s")
    with pytest.raises(
        CommandError, match=r"needs ParallelCluster 3\.6\.0; the installed version is 3\.16\.1"
    ):
        dry_run_cluster(Aws(), cluster, deployed, Providers(Aws()))


STACK_ID = "arn:aws:cloudformation:us-east-1:1:stack/stack/unique"
OWNER = {"pcluster-cfn:stack-id": STACK_ID, "pcluster-cfn:logical-id": "Cluster"}
AS_STORED = {"resemble_stored": True}
TAKEN = AS_STORED | {"refuse_removals": True}


def asked(existing, *, adopts="true", physical_id="", **properties):
    """What would be done to a cluster, with which arguments and how many tags more."""
    deployed = new(
        outputs={"Network.Outputs.Vpc": "vpc"},
        physical_ids={"Cluster": physical_id} if physical_id else {},
        tags={"Team": "hpc", "aws:x": "y"},
    )
    deployed.known.update({"AWS::StackId": STACK_ID})
    (cluster,) = wanted(deployed, Subnet="s")
    cluster = RequestedCluster(
        cluster.resource, {**cluster.properties, "AdoptExisting": adopts, **properties}
    )
    operation, sent = engine_request(cluster, deployed, existing)
    assert sent["stack_id"] == (existing.stack_id if existing else None)
    assert sent["operation"] == ("update" if existing else "create")
    tags = {OWNER_TAG: ""} if existing is None else existing.tags
    assert sent["stack_tags"].keys() == {key for key in tags if key.startswith("pcluster-cfn:")}
    return operation, sent["arguments"], sorted(sent["configuration_tags"])


LIVING = ExistingCluster("arn:cluster", {"parallelcluster:cluster-name": "c-stack"})
FORMERLY = ExistingCluster("arn:cluster", {**LIVING.tags, **OWNER})
OURS = ExistingCluster("arn:cluster", {**LIVING.tags, **Owner(STACK_ID, "Cluster").tag("c-stack", "request")})
TAGS = ["Team", "parallelcluster:custom_resource"]


@pytest.mark.parametrize(
    ("existing", "known", "expected"),
    [
        (None, {}, ("create", {}, TAGS)),
        (LIVING, {}, ("take-over", TAKEN, [])),
        (ExistingCluster("arn:cluster", OWNER), {}, ("take-over", TAKEN, [])),
        (LIVING, {"physical_id": "c-stack"}, ("update", AS_STORED, [])),
        (OURS, {"physical_id": "c-stack"}, ("update", {}, TAGS)),
        (FORMERLY, {"physical_id": "c-stack"}, ("update", {}, TAGS)),
        (LIVING, {"adopts": "false"}, ("update", {}, TAGS)),
        (LIVING, {"adopts": "false", "physical_id": "c-stack"}, ("update", {}, TAGS)),
        (LIVING, {"ForceUpdate": "true"}, ("take-over", TAKEN | {"force_update": True}, [])),
    ],
    ids=[
        "new",
        "to adopt",
        "once ours",
        "adopted",
        "made",
        "made earlier",
        "taken",
        "made, tags lost",
        "forced",
    ],
)
def test_a_cluster_made_elsewhere_is_asked_about_as_the_provider_asks(existing, known, expected):
    assert asked(existing, **known) == expected


@pytest.mark.parametrize(
    ("properties", "budget"),
    [
        ({"MaxNodes": "0", "MaxHourlyCostAtScale": "0.00"}, None),
        ({"MaxNodes": "many"}, None),
        ({"MaxNodes": "20"}, {"max_nodes": {"limit": "20", "set_by": "property"}}),
        (
            {"MaxHourlyCostAtScale": "0.5"},
            {"max_hourly_cost_at_scale": {"limit": "0.5", "set_by": "property"}},
        ),
    ],
)
def test_a_clusters_own_bounds_are_part_of_the_question(properties, budget):
    _, arguments, _ = asked(None, **properties)
    assert arguments.get("budget") == budget


def test_the_owner_tag_that_is_counted_is_the_one_that_the_provider_sets():
    assert Owner("arn:stack", "Cluster").tag("hpc", "request").keys() == {OWNER_TAG}


def test_an_empty_list_parameter_is_one_empty_item_as_cloudformation_has_it():
    text = TEMPLATE.replace("Subnet: {Type: String}", "Subnet: {Type: CommaDelimitedList, Default: ''}")
    (cluster,) = requested_clusters(text, {}, new(outputs={"Network.Outputs.Vpc": "vpc"}))
    assert isinstance(cluster, RequestedCluster)
    assert cluster.properties["ClusterConfiguration"]["A"] == [""]


def test_adopting_counts_for_a_create_only():
    operation, _, _ = asked(LIVING, physical_id="c-former")
    assert operation == "update"


def test_messages_are_reported_once_and_the_worst_first():
    messages = [
        {"level": level, "type": "V", "message": level.lower()} for level in ("INFO", "ERROR", "WARNING")
    ]
    rejected = {"code": "ClusterRejected", "message": "Invalid", "details": []}
    found = told(verdict(validation_messages=[*messages, *messages], error=rejected))
    assert found == [
        "t.yaml: Cluster: update of cluster c-stack, would be refused",
        "  ERROR  V: error",
        "  WARNING  V: warning",
        "  INFO  V: info",
    ]


def test_a_refused_change_is_reported_first_with_its_policy_the_reason_and_the_cure():
    refused = CHANGE | {"message": "Update actions are not supported.", "cure": "fleet-stop"}
    error = {"code": "UpdateRejected", "message": "Update failure", "details": [refused]}
    assert told(verdict(change_set=[GROWTH, CHANGE], error=error))[1:] == [
        "  refused  HeadNode.InstanceType: a → b",
        "           a change of this key: not allowed; it takes a new cluster",
        "           Update actions are not supported.",
        "           the provider does it with ComputeFleetUpdatePolicy: StopAndRestart",
        "  allowed  Scheduling.SlurmQueues[q.1].ComputeResources[c].MaxCount: 4 → 8",
        f"           a change of this key: {POLICY}",
    ]


@pytest.mark.parametrize(
    ("fields", "refused", "outcome"),
    [
        ({}, False, "would be accepted"),
        ({"error": {"code": "NoChanges", "message": "No changes found"}}, False, "without changes"),
        ({"error": {"code": "BadRequest", "message": "why"}}, True, "would be refused"),
        ({"is_ours": False}, True, "would be refused"),
    ],
)
def test_the_outcome_is_reported(fields, refused, outcome):
    found = verdict(**fields)
    assert is_refused(found) is refused
    assert told(found)[0].endswith(outcome)


def test_an_error_without_details_is_reported_in_its_words():
    found = told(verdict(error={"code": "BadRequest", "message": "why", "details": []}))
    assert found[1:] == ["  BadRequest: why"]
    assert len(told(verdict(error={"code": "NoChanges", "message": "none", "details": []}))) == 1


def test_what_the_operator_does_not_permit_is_refused_with_the_reason():
    found = replace(verdict(), operation="take-over", forbidden="ClusterAdoption does not permit it")
    assert told(found) == [
        "t.yaml: Cluster: take-over of cluster c-stack, would be refused",
        "  ClusterAdoption does not permit it",
    ]
    assert (document(found, "t.yaml")["refused"], document(found, "t.yaml")["forbidden"]) == (
        True,
        "ClusterAdoption does not permit it",
    )


def test_a_provider_that_does_not_exist_refuses_everything():
    missing = Provider("arn:p", unread="there is no function p", is_missing=True)
    found = predicted(missing, None)
    assert (found.forbidden, "asked" in found.answer) == ("there is no function p", False)
    assert told(found)[1:] == ["  there is no function p"]


def test_what_is_not_known_of_the_provider_is_the_last_line():
    found = replace(verdict(), provider=Provider("arn:p", unread="no permission"))
    assert told(found) == [
        "t.yaml: Cluster: update of cluster c-stack, would be accepted",
        "  Provider: its parameters and versions are not known (no permission)",
    ]
    assert document(found, "t.yaml")["provider"]["known"] is False


def test_a_take_over_is_called_so():
    found = replace(verdict(), operation="take-over")
    assert told(found)[0] == "t.yaml: Cluster: take-over of cluster c-stack, would be accepted"
    assert document(found, "t.yaml")["operation"] == "take-over"


def test_a_cluster_of_somebody_else_is_named():
    assert "exists and does not belong to this stack" in told(verdict(is_ours=False))[1]


def test_for_programs_it_is_one_object():
    found = document(verdict(change_set=[GROWTH]), "t.yaml")
    assert json.loads(json.dumps(found)) == found
    assert (found["operation"], found["refused"], found["changes"][0]["refused"]) == ("update", False, "")


def permitting(*choices, **more):
    return Provider("arn:p", Guardrails(*choices, **more))


def predicted(provider, existing, *, physical_id="", **properties):
    """The verdict on the cluster of a provider."""
    ids = {"Cluster": physical_id} if physical_id else {}
    deployed = new(outputs={"Network.Outputs.Vpc": "vpc"}, physical_ids=ids)
    deployed.known.update({"AWS::StackId": STACK_ID})
    (cluster,) = wanted(deployed, Subnet="s")
    cluster = RequestedCluster(cluster.resource, {**cluster.properties, **properties})

    def ask(question):
        return {
            "version": "3.16.1",
            "change_set": [],
            "validation_messages": [],
            "asked": question["operation"],
        }

    return dry_run(cluster, deployed, existing, provider, Library(lambda: "3.16.1", ask))


@pytest.mark.parametrize(
    ("choice", "existing", "physical_id", "permitted"),
    [
        ("Allow", LIVING, "", True),
        ("Forbid", LIVING, "", False),
        ("Team=hpc", LIVING, "", False),
        ("parallelcluster:cluster-name=c-stack", LIVING, "", True),
        ("Forbid", OURS, "", True),
        ("Forbid", LIVING, "c-stack", True),
    ],
    ids=["allow", "forbid", "no such tag", "its tag", "made by the resource", "adopted before"],
)
def test_the_operators_choice_decides_about_an_adoption(choice, existing, physical_id, permitted):
    found = predicted(permitting(choice), existing, physical_id=physical_id, AdoptExisting="true")
    if permitted:
        assert (found.forbidden, found.answer["asked"]) == ("", "update")
    else:
        assert found.forbidden == (
            f"ClusterAdoption of the provider stack ({choice}) does not permit taking over cluster c-stack; "
            "ask the provider's operator"
        )
        assert "asked" not in found.answer


@pytest.mark.parametrize(
    ("version", "default", "refused"),
    [("3.16.1", "3.15.0", False), ("3.14.0", "3.16.1", True), (None, "3.16.1", False), (None, "", False)],
)
def test_a_version_needs_an_engine_of_the_provider(version, default, refused):
    provider = permitting(versions=("3.15.0", "3.16.1"), default_version=default)
    properties = {"PclusterVersion": version} if version else {}
    found = predicted(provider, None, **properties)
    assert ("has no engine of ParallelCluster 3.14.0" in found.forbidden) is refused
    assert ("asked" in found.answer) is not refused


def test_a_library_of_another_version_than_the_providers_default_is_not_asked():
    provider = permitting(versions=("3.15.0",), default_version="3.15.0")
    with pytest.raises(OtherVersionError, match=r"cluster c-stack needs ParallelCluster 3\.15\.0"):
        predicted(provider, None)
