"""What the functions of provider stacks asked IAM for, CloudFormation and Lambda for them."""

import re

import pytest

from tools.permissions.calls import requests_of
from tools.permissions.changes import Clusters, left_out
from tools.permissions.lambda_service import requests_for
from tools.permissions.policy import Place
from tools.permissions.report import Asked

PLACE = Place("us-east-1")
KINDS = ("Provider", "Engine")
#: The report on permissions, for the end of the session.
REPORT = pytest.StashKey[str]()
#: Functions of any provider stack, by CloudFormation's way of naming.
_FUNCTION = re.compile(r"(?P<stack>.+)-(?P<kind>Provider|Engine)-[A-Z0-9]+")


class Recorded:
    """Everything that was asked until now.

    Args:
        account: Where.
        stacks: Provider stacks that are there: what Lambda itself does for their functions counts, too.
    """

    def __init__(self, account, *stacks):
        self._account = account
        changes = [fact for fact in account.cloud.changes() if _FUNCTION.fullmatch(fact["function"])]
        #: Types of the resources that CloudFormation changed.
        self.types = {change["type"] for change in changes}
        calls = [fact for fact in account.cloud.calls() if _FUNCTION.fullmatch(fact["function"])]
        #: What caused the call to IAM, for readers.
        self.summary = (
            f"{sum(call['count'] for call in calls):,} API calls of functions and "
            f"{sum(change['count'] for change in changes):,} changes of resources by CloudFormation for them"
        )
        clusters = Clusters(changes, PLACE, left_out())
        self._asked = []
        for call in calls:
            self._add(call, f"{call['service']} {call['operation']}", requests_of(call))
        for change in changes:
            self._add(change, f"{change['action']} {change['type']}", clusters.requests_of(change))
        for stack in stacks:
            self._asked += self._of_lambda(stack)

    def of(self, kind, stack=None):
        """What functions of a kind asked for, those of one stack or of all."""
        return [
            item
            for item in self._asked
            if (match := _FUNCTION.fullmatch(item.function))["kind"] == kind
            and stack in {None, match["stack"]}
        ]

    def functions(self, kind):
        """The functions of a kind that asked for anything, and the names of their stacks."""
        return {item.function: _FUNCTION.fullmatch(item.function)["stack"] for item in self.of(kind)}

    def _add(self, fact, cause, requests):
        self._asked += [Asked(request, fact["function"], cause, fact["count"]) for request in requests]

    def _of_lambda(self, stack):
        functions, ids = self._account.cloud.client("lambda"), physical_ids(self._account, stack)
        for name in (ids[kind] for kind in KINDS):
            configuration = functions.get_function_configuration(FunctionName=name)
            try:
                asynchronous = functions.get_function_event_invoke_config(FunctionName=name)
            except functions.exceptions.ResourceNotFoundException:
                asynchronous = {}
            for request in requests_for(configuration, asynchronous, PLACE):
                yield Asked(request, name, "Lambda itself")


def physical_ids(account, stack):
    """Physical ids of a stack's resources by logical id."""
    found = account.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found}
