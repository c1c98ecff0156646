"""Plans from what is deployed and what the dry run answers; both are stand-ins here."""

import json

import pytest
from botocore.exceptions import ClientError

from cluster_hook.events import HookEvent
from cluster_hook.judge import Judge
from pcluster_cfn.planning.clusters import PlannedAction
from pcluster_cfn.planning.guardrails import Guardrails, Provider
from tests.unit.hook.test_clusters import TEMPLATE, TOKEN, change, properties
from tests.unit.hook.test_events import STACK, event

LIVING = {
    "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/9",
    "Tags": [
        {"Key": "parallelcluster:cluster-name", "Value": "hpc"},
        {"Key": "parallelcluster:version", "Value": "3.16.1"},
        {"Key": "pcluster-cfn:owner", "Value": "hpc/1 Cluster"},
    ],
}
PERMISSIVE = Guardrails()


class CloudFormation:
    """Answers about a parent stack and the stacks of clusters."""

    def __init__(self, resources=(), clusters=(), parameters=(), template=""):
        self._resources, self._template = resources, template
        parent = {"StackId": STACK, "Parameters": list(parameters), "Tags": [{"Key": "a", "Value": "b"}]}
        self._stacks = {STACK: parent, **dict(clusters)}

    def describe_stacks(self, **request):
        name = request["StackName"]
        if name not in self._stacks:
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "it does not exist"}}, "DescribeStacks"
            )
        return {"Stacks": [self._stacks[name]]}

    def get_paginator(self, _):
        return self

    def paginate(self, **request):
        assert request == {"StackName": STACK}
        listed = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": physical,
                "ResourceType": "Custom::PclusterCluster",
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name, physical in self._resources
        ]
        return [{"StackResourceSummaries": listed}]

    def get_template(self, **request):
        assert request == {"StackName": STACK}
        return {"TemplateBody": self._template}


def plan(payload, target="CHANGE_SET", error=None, guardrails=PERMISSIVE, **deployed):
    asked = []

    def ask(question):
        asked.append(question)
        common = {"version": "3.16.1", "change_set": [], "validation_messages": []}
        return common | ({"error": {"code": error, "message": "no"}} if error else {})

    judge = Judge(CloudFormation(**deployed), ask, "3.16.1", Provider(TOKEN, guardrails))
    clusters = judge.plan(HookEvent.parse(event(target)), payload)
    return [(each.place, each.action) for each in clusters], asked, clusters


def changes(*found):
    return {"template": "", "changedResources": list(found)}


LIVES = {"resources": [("Cluster", "hpc")], "clusters": {"hpc": LIVING}.items()}
UPDATE = changes(change("UPDATE", before=properties(), after=properties(ClusterConfiguration={"a": "b"})))


def test_a_new_cluster_is_created_by_the_question_that_the_provider_would_ask():
    found, (question,), _ = plan(changes(change(after=properties())))
    assert found == [("Cluster", PlannedAction.CREATE)]
    assert (question["operation"], question["region"], question["cluster_name"]) == (
        "create",
        "us-east-1",
        "hpc",
    )
    assert question["configuration_tags"] == {"a": "b", "parallelcluster:custom_resource": "cluster"}


def test_a_living_cluster_is_updated_or_refused():
    found, (question,), _ = plan(UPDATE, **LIVES)
    assert found == [("Cluster", PlannedAction.UPDATE)]
    assert (question["operation"], question["stack_id"]) == ("update", LIVING["StackId"])
    found, _, _ = plan(UPDATE, error="UpdateRejected", **LIVES)
    assert found == [("Cluster", PlannedAction.REFUSED)]


def test_a_cluster_of_another_version_is_not_known():
    tags = [*LIVING["Tags"][:1], {"Key": "parallelcluster:version", "Value": "3.14.0"}]
    found, asked, (cluster,) = plan(
        UPDATE, resources=[("Cluster", "hpc")], clusters=[("hpc", {**LIVING, "Tags": tags})]
    )
    assert (found, asked) == ([("Cluster", PlannedAction.UNKNOWN)], [])
    assert cluster.reason == "cluster hpc needs ParallelCluster 3.14.0; this hook asks 3.16.1"


def test_what_is_not_known_is_not_asked():
    after = properties(ClusterConfiguration={"SubnetId": "{{changeSet:KNOWN_AFTER_APPLY}}"})
    found, asked, _ = plan(changes(change(after=after)))
    assert (found, asked) == ([("Cluster", PlannedAction.CREATE)], [])


@pytest.mark.parametrize(("policy", "action"), [("Retain", "retain"), ("Delete", "delete")])
def test_a_removed_cluster_is_deleted_unless_the_deployed_template_keeps_it(policy, action):
    template = json.dumps({"Resources": {"Cluster": {"Type": "T", "DeletionPolicy": policy}}})
    found, asked, _ = plan(changes(change("DELETE", before=properties())), template=template, **LIVES)
    assert (found, asked) == ([("Cluster", PlannedAction(action))], [])


def test_a_stack_is_planned_from_its_template_and_its_parameters():
    parameters = [
        {"ParameterKey": "Size", "ParameterValue": "9"},
        {"ParameterKey": "Secret", "ParameterValue": "****"},
    ]
    found, (question,), _ = plan(
        {"template": TEMPLATE, "previousTemplate": TEMPLATE},
        "STACK",
        parameters=parameters,
        resources=[("Gone", "hpc")],
        clusters={"hpc": LIVING}.items(),
    )
    assert found == [
        ("Cluster", PlannedAction.CREATE),
        ("Other", PlannedAction.CREATE),
        ("Gone", PlannedAction.UNKNOWN),
    ]
    assert question["configuration"] == {"MaxCount": "9", "IsBig": "true"}


def test_a_version_without_an_engine_is_refused_and_not_asked():
    guardrails = Guardrails(versions=["3.15.0", "3.16.1"], default_version="3.16.1")
    new = changes(change(after=properties(PclusterVersion="3.14.0")))
    found, asked, (cluster,) = plan(new, guardrails=guardrails)
    assert (found, asked) == ([("Cluster", PlannedAction.REFUSED)], [])
    assert cluster.reason == (
        "the provider has no engine of ParallelCluster 3.14.0, only of 3.15.0, 3.16.1; ask its operator to "
        "add one to AdditionalEngines"
    )


def test_a_new_cluster_gets_the_version_that_is_the_providers_default():
    guardrails = Guardrails(versions=["3.15.0", "3.16.1"], default_version="3.15.0")
    found, asked, (cluster,) = plan(changes(change(after=properties())), guardrails=guardrails)
    assert (found, asked) == ([("Cluster", PlannedAction.UNKNOWN)], [])
    assert cluster.reason == "cluster hpc needs ParallelCluster 3.15.0; this hook asks 3.16.1"


def test_the_question_has_what_the_operator_sets():
    guardrails = Guardrails(bounds={"MaxNodes": "40"}, refused_severity="high")
    _, (question,), _ = plan(changes(change(after=properties(MaxNodes="50"))), guardrails=guardrails)
    assert question["arguments"] == {
        "budget": {"max_nodes": {"limit": "40", "set_by": "provider"}},
        "refuse_advisories": "high",
    }
