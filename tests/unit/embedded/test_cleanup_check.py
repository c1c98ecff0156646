"""What a deletion leaves is told apart from what it was to keep."""

import json
from types import SimpleNamespace

from botocore.exceptions import ClientError

from pcluster_cfn.embedded.cleanup_check import Snapshot, find_remaining, find_retained
from pcluster_cfn.embedded.clusters import Cluster
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG

NOTHING = Snapshot(frozenset(), frozenset(), frozenset(), frozenset())


def arn(name):
    return f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/1"


def event(logical_id, kind, status, physical_id, **properties):
    return {
        "LogicalResourceId": logical_id,
        "ResourceType": kind,
        "ResourceStatus": status,
        "PhysicalResourceId": physical_id,
        "ResourceProperties": json.dumps(properties),
    }


class Account:
    """An account as a stack's deletion leaves it.

    Args:
        events: Of each deleted stack, newest first.
        clusters: Names of the clusters that live; each has a nested stack, a node, a table and a file.
        others: What else there is: names of tables and of log groups.
    """

    def __init__(self, events, clusters=(), others=()):
        self._events = {arn(name): listed for name, listed in events.items()}
        self._clusters = clusters
        self._others = list(others)

    def client(self, _):
        return self

    def describe_stacks(self, **wanted):
        found = [stack for stack in self._stacks() if stack["StackName"] == wanted["StackName"]]
        if not found:
            said = f"Stack with id {wanted['StackName']} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": said}}, "DescribeStacks")
        return {"Stacks": found}

    def describe_mount_targets(self, **wanted):
        return {"MountTargets": [{"NetworkInterfaceId": f"eni-of-{wanted['MountTargetId']}"}]}

    def get_paginator(self, operation):
        return SimpleNamespace(paginate=lambda **given: [getattr(self, f"_{operation}")(**given)])

    def _stacks(self):
        for name in self._clusters:
            values = {"ResourcesS3Bucket": "b", "ArtifactS3RootDirectory": name, "ConfigVersion": "1"}
            parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
            yield {
                "StackName": name,
                "StackId": arn(name),
                "StackStatus": "CREATE_COMPLETE",
                "Tags": [{"Key": CLUSTER_NAME_TAG, "Value": name}],
                "Parameters": parameters,
            }
            nested = f"{name}-queues"
            yield {"StackName": nested, "StackId": arn(nested), "StackStatus": "CREATE_COMPLETE"}

    def _describe_stacks(self, **_):
        return {"Stacks": list(self._stacks())}

    def _describe_stack_events(self, **wanted):
        return {"StackEvents": self._events[wanted["StackName"]]}

    def _list_stack_resources(self, **wanted):
        held = {
            arn(name): [
                ("AWS::CloudFormation::Stack", arn(f"{name}-queues")),
                ("AWS::DynamoDB::Table", f"parallelcluster-{name}"),
                ("AWS::EFS::MountTarget", f"fsmt-{name}"),
            ]
            for name in self._clusters
        }
        return {
            "StackResourceSummaries": [
                {"ResourceType": kind, "PhysicalResourceId": physical_id, "ResourceStatus": "CREATE_COMPLETE"}
                for kind, physical_id in held.get(wanted["StackName"], [])
            ]
        }

    def _describe_instances(self, **_):
        instances = [
            {"InstanceId": f"i-{name}", "Tags": [{"Key": CLUSTER_NAME_TAG, "Value": name}]}
            for name in self._clusters
        ]
        return {"Reservations": [{"Instances": instances}]}

    def _describe_network_interfaces(self):
        interfaces = [
            interface
            for name in self._clusters
            for interface in (
                {"NetworkInterfaceId": f"eni-{name}", "Attachment": {"InstanceId": f"i-{name}"}},
                {"NetworkInterfaceId": f"eni-of-fsmt-{name}"},
            )
        ]
        return {"NetworkInterfaces": interfaces}

    def _list_object_versions(self, **wanted):
        name = wanted["Prefix"].strip("/")
        return {"Versions": [{"Key": name, "VersionId": "1"}]} if name in self._clusters else {}

    def _list_tables(self):
        return {"TableNames": [*(f"parallelcluster-{name}" for name in self._clusters), *self._others]}

    def _describe_log_groups(self):
        return {"logGroups": [{"logGroupName": name} for name in self._others]}


def cluster(name):
    return Cluster(name, arn(name), "b", name, "1")


def told(account, *names):
    retained = find_retained(account, arn("demo"))
    checks = find_remaining(account, NOTHING, [cluster(name) for name in names], retained)
    left = {item for check in checks for item in check.found}
    return retained, left, {item for check in checks for item in check.kept}


def all_of(name):
    return {
        f"{name} (CREATE_COMPLETE)",
        f"{name}-queues (CREATE_COMPLETE)",
        f"i-{name}",
        f"eni-{name}",
        f"eni-of-fsmt-{name}",
        f"{name} (1)",
        f"parallelcluster-{name}",
    }


def test_a_cluster_that_its_attribute_or_its_property_keeps_is_kept_with_all_that_it_has():
    account = Account(
        {
            "demo": [
                event("A", "Custom::PclusterCluster", "DELETE_SKIPPED", "a"),
                event("B", "Custom::PclusterCluster", "DELETE_COMPLETE", "b", DeletionPolicy="Retain"),
                event("demo", "AWS::CloudFormation::Stack", "DELETE_IN_PROGRESS", arn("demo")),
                event("A", "Custom::PclusterCluster", "CREATE_COMPLETE", "a"),
            ]
        },
        clusters=["a", "b"],
    )
    retained, left, kept = told(account, "a", "b")
    assert retained.resources == ["B (Custom::PclusterCluster) b", "A (Custom::PclusterCluster) a"]
    assert (left, kept) == (set(), all_of("a") | all_of("b"))


def test_a_cluster_that_was_to_be_deleted_is_left_behind_beside_one_that_is_kept():
    account = Account(
        {
            "demo": [
                event("A", "Custom::PclusterCluster", "DELETE_COMPLETE", "a", DeletionPolicy="Delete"),
                event("B", "Custom::PclusterCluster", "DELETE_SKIPPED", "b"),
            ]
        },
        clusters=["a", "b"],
    )
    _, left, kept = told(account, "a", "b")
    assert (left, kept) == (all_of("a"), all_of("b"))


def test_what_a_nested_stack_keeps_is_kept_and_what_it_loses_is_left():
    account = Account(
        {
            "demo": [event("Inner", "AWS::CloudFormation::Stack", "DELETE_COMPLETE", arn("inner"))],
            "inner": [
                event("Table", "AWS::DynamoDB::Table", "DELETE_SKIPPED", "wanted"),
                event("Other", "AWS::DynamoDB::Table", "DELETE_COMPLETE", "forgotten"),
            ],
        },
        others=["wanted", "forgotten"],
    )
    retained, left, kept = told(account)
    assert retained.resources == ["Inner/Table (AWS::DynamoDB::Table) wanted"]
    assert (left, kept) == ({"forgotten"}, {"wanted"})
