"""What the functions of provider stacks asked IAM for, CloudFormation and Lambda for them."""

import json
import os
import re

import pytest

from localcloud.iam.lambda_service import requests_for
from localcloud.iam.policy import Place, Request
from pcluster_cfn.launch.link import region_named
from tools.permissions.report import Asked

#: Where the tests run: ``make e2e REGION=cn-north-1``. Its partition is in every ARN.
REGION = os.environ.get("REGION") or "us-east-1"
_PARTITION = region_named(REGION).partition
PLACE = Place(REGION, partition=_PARTITION.name, url_suffix=_PARTITION.s3_suffix)
#: Whether the table of prices has this Region.
IS_PRICED = REGION == "us-east-1"
KINDS = ("Provider", "Engine")
#: The report on permissions, for the end of the session.
REPORT = pytest.StashKey[str]()
#: The refusals that tests provoke: names of roles, and how the actions begin.
EXPECTED = pytest.StashKey[set[tuple[str, str]]]()
#: Functions of any provider stack, by CloudFormation's way of naming.
_FUNCTION = re.compile(r"(?P<stack>.+)-(?P<kind>Provider|Engine)-[A-Z0-9]+")

_GENERATED = re.compile(r"[A-Za-z0-9-]+-([A-Za-z0-9]+)-[A-Z0-9]{12,13}\b")


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


def functions_of(cloud):
    """The names of all functions that are there."""
    pages = cloud.client("lambda").get_paginator("list_functions").paginate()
    return {function["FunctionName"] for page in pages for function in page["Functions"]}


def unexpected(judged, expected, functions):
    """The refusals that no test provoked: by IAM's lag, by taking the action away or by deleting who asks.

    A request that was allowed at another time lacks no permission. It was refused to a function that outlives
    its stack, whose policies go first. If it is the function's first request of this kind, the function of
    another stack shows that the template allows it.

    Args:
        judged: What IAM decided.
        expected: Names of roles, and how the actions begin, that tests provoke.
        functions: Names of the functions that are there now.
    """
    granted = [fact for fact in judged if fact["decision"] == "ALLOWED"]
    allowed, by_template = ({of(fact) for fact in granted} for of in (_asked, _by_logical_ids))
    return [
        fact
        for fact in judged
        if fact["decision"] != "ALLOWED"
        and not fact["is_late"]
        and not fact["of_deleted"]
        and _asked(fact) not in allowed
        and not (_has_gone(fact, functions) and _by_logical_ids(fact) in by_template)
        and not any(
            fact["role"].endswith(f"/{role}") and fact["action"].startswith(prefix)
            for role, prefix in expected
        )
    ]


def _has_gone(fact, functions):
    return fact["function"] not in functions and _FUNCTION.fullmatch(fact["function"]) is not None


def _by_logical_ids(fact):
    """A request, with logical ids in place of the names that CloudFormation generated from them."""
    return (_GENERATED.sub(r"\1", fact["role"]), fact["action"], _GENERATED.sub(r"\1", fact["resource"]))


def _asked(fact):
    return (fact["role"], fact["action"], fact["resource"], json.dumps(fact["context"]))


def summary(judged, unjudged, expected, functions):
    """How many requests IAM decided on, and those that it refused or could not decide on."""
    refused = [fact for fact in judged if fact["decision"] != "ALLOWED"]
    others = unexpected(judged, expected, functions)
    all_, no, wrong = (sum(fact["count"] for fact in facts) for facts in (judged, refused, others))
    provoked, unknown = f"provoked by tests: {no - wrong:,}", sum(unjudged.values())
    return "\n".join(
        [
            f"judged {all_:,}, refused {no:,} ({provoked}), not judged {unknown:,}",
            *(f"refused: {fact['function']} {fact['action']} on {fact['resource']}" for fact in others),
            *(f"not judged: {cause} ({count})" for cause, count in sorted(unjudged.items())),
        ]
    )
