"""Before a deletion, the clusters and the storage that go with the stack are named, and kept ones too."""

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from pcluster_cfn.deploy.deletion_review import Doomed, find_doomed
from tests.unit.deploy.cloudformation import refused
from tests.unit.deploy.reported import CLUSTER, STACK

KIND = "parallelcluster:cluster-name"


class Deployed:
    """Stacks with resources of stated types, ids and deletion policies."""

    def __init__(self):
        self.resources = {}
        self.templates = {}
        self.clusters = set()
        self.refusal = None

    def add(self, stack, logical_id, kind, physical_id, *, status="CREATE_COMPLETE", **definition):
        summary = {
            "LogicalResourceId": logical_id,
            "ResourceType": kind,
            "PhysicalResourceId": physical_id,
            "ResourceStatus": status,
        }
        self.resources.setdefault(stack, []).append(summary)
        self.templates.setdefault(stack, {})[logical_id] = {"Type": kind, **definition}

    def get_paginator(self, operation):
        assert operation == "list_stack_resources"

        def paginate(StackName):  # noqa: N803
            if self.refusal:
                raise refused(self.refusal, operation)
            return [{"StackResourceSummaries": self.resources.get(StackName, [])}]

        return SimpleNamespace(paginate=paginate)

    def get_template(self, StackName, TemplateStage):  # noqa: N803
        assert TemplateStage == "Processed"
        return {"TemplateBody": json.dumps({"Resources": self.templates[StackName]})}

    def describe_stacks(self, StackName):  # noqa: N803
        if StackName not in self.clusters:
            raise refused("ValidationError", "DescribeStacks", f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackName": StackName, "Tags": [{"Key": KIND, "Value": StackName}]}]}


@pytest.fixture
def deployed():
    found = Deployed()
    found.clusters = {"c-one", "c-two", "c-kept"}
    found.templates |= {name: {} for name in found.clusters}
    return found


def test_clusters_of_nested_stacks_are_named_with_the_storage_that_goes_with_them(deployed):
    deployed.add("hpc", "One", CLUSTER, "c-one")
    deployed.add("hpc", "Inner", STACK, "arn:inner")
    deployed.add("arn:inner", "Two", CLUSTER, "c-two")
    deployed.add("c-one", "Data", "AWS::EC2::Volume", "vol-1", DeletionPolicy="Delete")
    deployed.add("c-one", "Home", "AWS::EFS::FileSystem", "fs-1")
    deployed.add("c-one", "Kept", "AWS::FSx::FileSystem", "fs-2", DeletionPolicy="Retain")
    deployed.add("c-one", "Saved", "AWS::EC2::Volume", "vol-2", DeletionPolicy="Snapshot")
    assert [each.line() for each in find_doomed(deployed, "hpc")] == [
        "  cluster c-one (One) with its EBS volume vol-1, EFS file system fs-1",
        "  cluster c-two (Inner/Two)",
    ]


@pytest.mark.parametrize("kept", [{"DeletionPolicy": "Retain"}, {"Properties": {"DeletionPolicy": "Retain"}}])
def test_a_cluster_that_its_policy_keeps_is_named_as_kept(deployed, kept):
    deployed.add("hpc", "Kept", CLUSTER, "c-kept", **kept)
    assert find_doomed(deployed, "hpc") == [Doomed("c-kept", "Kept", is_kept=True)]
    assert find_doomed(deployed, "hpc")[0].line() == "  cluster c-kept (Kept) is kept by its DeletionPolicy"


@pytest.mark.parametrize("physical_id", ["", "pcluster-cfn:failed:1", "not-a-cluster"])
def test_what_is_no_cluster_is_not_named(deployed, physical_id):
    deployed.add("hpc", "Other", CLUSTER, physical_id)
    deployed.add("hpc", "Gone", CLUSTER, "c-one", status="DELETE_COMPLETE")
    assert find_doomed(deployed, "hpc") == []


def test_a_missing_permission_does_not_keep_a_stack_from_being_deleted(deployed):
    deployed.refusal = "AccessDenied"
    assert find_doomed(deployed, "hpc") == []
    deployed.refusal = "ServiceUnavailable"
    with pytest.raises(ClientError):
        find_doomed(deployed, "hpc")
