"""What the functions of provider stacks asked IAM for, CloudFormation and Lambda for them."""

import json
import re

import pytest

from localcloud.iam.lambda_service import requests_for
from localcloud.iam.policy import Place, Request
from tools.permissions.report import Asked

PLACE = Place("us-east-1")
KINDS = ("Provider", "Engine")
#: The report on permissions, for the end of the session.
REPORT = pytest.StashKey[str]()
#: The refusals that tests provoke: names of roles, and how the actions begin.
EXPECTED = pytest.StashKey[set[tuple[str, str]]]()
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
        judged = [fact for fact in account.cloud.judged() if _FUNCTION.fullmatch(fact["function"])]
        self._asked = [
            Asked(
                Request(
                    fact["action"], fact["resource"], {key: tuple(values) for key, values in fact["context"]}
                ),
                fact["function"],
                fact["cause"],
                fact["count"],
            )
            for fact in judged
        ]
        #: Types of the resources that CloudFormation changed.
        self.types = {
            name for fact in judged if (name := fact["cause"].partition(" ")[2]).startswith("AWS::")
        }
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


def unexpected(judged, expected):
    """The refusals that no test provoked: by IAM's lag, by taking the action away or by deleting who asks.

    A request that was allowed at another time lacks no permission. It was refused to a function that outlives
    its stack, whose policies go first.
    """
    allowed = {_asked(fact) for fact in judged if fact["decision"] == "ALLOWED"}
    return [
        fact
        for fact in judged
        if fact["decision"] != "ALLOWED"
        and not fact["is_late"]
        and not fact["of_deleted"]
        and _asked(fact) not in allowed
        and not any(
            fact["role"].endswith(f"/{role}") and fact["action"].startswith(prefix)
            for role, prefix in expected
        )
    ]


def _asked(fact):
    return (fact["role"], fact["action"], fact["resource"], json.dumps(fact["context"]))


def summary(judged, unjudged, expected):
    """How many requests IAM decided on, and those that it refused or could not decide on."""
    refused = [fact for fact in judged if fact["decision"] != "ALLOWED"]
    others = unexpected(judged, expected)
    all_, no, wrong = (sum(fact["count"] for fact in facts) for facts in (judged, refused, others))
    provoked, unknown = f"provoked by tests: {no - wrong:,}", sum(unjudged.values())
    return "\n".join(
        [
            f"judged {all_:,}, refused {no:,} ({provoked}), not judged {unknown:,}",
            *(f"refused: {fact['function']} {fact['action']} on {fact['resource']}" for fact in others),
            *(f"not judged: {cause} ({count})" for cause, count in sorted(unjudged.items())),
        ]
    )
