"""A CloudFormation of stated facts: stacks with events and tags, and how it answers too many requests."""

import json
from types import SimpleNamespace

from botocore.exceptions import ClientError

from tests.unit.deploy.reported import CLUSTER, STACK, START

ARN = "arn:aws:cloudformation:eu-west-1:123456789012:stack/"


def refused(code, operation, message="no"):
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Stacks:
    """Stacks by id. Events are stated with ``say``, requests are counted, and any of them may be refused."""

    def __init__(self):
        self.meta = SimpleNamespace(region_name="eu-west-1")
        self.events = {}
        self.described = {}
        self.requests = []
        self.refusals = {}
        self._clock_s = 0

    def stack(self, name, suffix="1", **tags):
        """States that a stack exists; tags have ``__`` for a colon and ``_`` for a hyphen."""
        stack_id = f"{ARN}{name}/{suffix}"
        shown = [
            {"Key": key.replace("__", ":").replace("_", "-"), "Value": value} for key, value in tags.items()
        ]
        self.described[name] = {
            "StackName": name,
            "StackId": stack_id,
            "StackStatus": "CREATE_IN_PROGRESS",
            "Tags": shown,
            "Parameters": [{"ParameterKey": "ClusterCWLogGroup", "ParameterValue": f"/aws/{name}"}],
        }
        self.events.setdefault(stack_id, [])
        return stack_id

    def cluster(self, name, owner, logical_id="Cluster", suffix="1"):
        """States that a cluster's stack exists that a resource of a stack owns."""
        path = owner.partition(":stack/")[2]
        return self.stack(
            name,
            suffix,
            parallelcluster__cluster_name=name,
            pcluster_cfn__owner=f"{path} {logical_id} {name} request",
        )

    def say(self, stack_id, logical_id, status, *, kind="AWS::SNS::Topic", physical_id="", properties=None):
        """States an event; each is a second after the one before."""
        from datetime import timedelta  # noqa: PLC0415

        self._clock_s += 1
        self.events[stack_id].insert(
            0,
            {
                "StackId": stack_id,
                "EventId": str(self._clock_s),
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": physical_id,
                "ResourceType": kind,
                "ResourceStatus": status,
                "ResourceProperties": json.dumps(properties or {}),
                "Timestamp": START + timedelta(seconds=self._clock_s),
            },
        )

    def own(self, stack_id, status):
        """States an event of a stack itself."""
        self.say(stack_id, stack_id.split("/")[1], status, kind=STACK, physical_id=stack_id)

    def resource(self, stack_id, status, name, logical_id="Cluster", physical_id=""):
        """States an event of a cluster's resource."""
        properties = {"ClusterName": name}
        self.say(stack_id, logical_id, status, kind=CLUSTER, physical_id=physical_id, properties=properties)

    def describe_stacks(self, StackName):  # noqa: N803
        self._ask("describe_stacks", StackName)
        if StackName not in self.described:
            raise refused("ValidationError", "DescribeStacks", f"Stack with id {StackName} does not exist")
        return {"Stacks": [self.described[StackName]]}

    def get_paginator(self, operation):
        if operation == "describe_stacks":
            return SimpleNamespace(paginate=self._all_stacks)
        assert operation == "describe_stack_events"

        def paginate(StackName):  # noqa: N803
            self._ask("describe_stack_events", StackName)
            return [{"StackEvents": self.events[StackName]}]

        return SimpleNamespace(paginate=paginate)

    def _all_stacks(self):
        self._ask("describe_stacks", "")
        return [{"Stacks": list(self.described.values())}]

    def _ask(self, operation, about):
        self.requests.append((operation, about))
        if code := self.refusals.get(about) or self.refusals.get(operation):
            raise refused(code, operation)
