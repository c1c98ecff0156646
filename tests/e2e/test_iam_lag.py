"""Permissions that came a moment ago: what AWS refuses meanwhile passes, and is named if it does not."""

import json

import pytest

from tests.e2e.parents import COMPUTE, all_deleted
from tests.e2e.policies import changed
from tests.e2e.recorded import EXPECTED, physical_ids

pytestmark = pytest.mark.e2e

LAG_S = 30
#: Longer than any request may take.
FOR_EVER_S = 100_000


class Permissions:
    """What the roles of the provider stack are granted, taken away and given back."""

    def __init__(self, account, expected):
        self._expected = expected
        self._cloud, self._iam = account.cloud, account.cloud.client("iam")
        ids = physical_ids(account, "provider")
        self._names = {"engine": ids["EngineRole"], "provider": ids["ProviderRole"]}

    def renew(self, whose, prefix):
        """Takes the statements away that allow any action with this prefix, and gives them back."""
        role = self._names[whose]
        self._expected.add((role, prefix))  # in between, it is not granted at all
        for policy in self._iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            with changed(self._iam, policy["PolicyArn"], lambda document: without(document, prefix)):
                pass
        for name in self._iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for put in (without(document, prefix), document):
                self._iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(put))

    def refusals(self, prefix):
        """How many calls were refused so far that need an action with this prefix."""
        refused = self._cloud.refused_by_iam_lag()
        return sum(n for action, n in refused.items() if action.startswith(prefix))


def without(document, prefix):
    """A policy without the statements that allow any action with this prefix."""

    def concerns(statement):
        actions = statement["Action"]
        return any(
            action.startswith(prefix) for action in (actions if isinstance(actions, list) else [actions])
        )

    return {**document, "Statement": [one for one in document["Statement"] if not concerns(one)]}


@pytest.fixture
def permissions(account, parent, pytestconfig):  # noqa: ARG001 - parent takes the lag back
    return Permissions(account, pytestconfig.stash[EXPECTED])


@pytest.mark.parametrize(
    ("whose", "prefix"),
    [
        ("engine", "cloudformation:"),
        # The library's validators take these refusals for mistakes of the configuration.
        ("engine", "ec2:"),
        ("engine", "s3:"),
        ("provider", "dynamodb:"),
        ("provider", "lambda:"),
    ],
    ids=lambda value: value.strip(":"),
)
def test_a_cluster_lives_while_each_of_its_requests_meets_permissions_of_a_moment_ago(
    cloud, parent, permissions, whose, prefix
):
    stack = parent(f"new-{whose}-{prefix.strip(':')}")
    before = permissions.refusals(prefix)
    cloud.set_iam_lag(LAG_S)

    permissions.renew(whose, prefix)
    assert stack.create().status == "CREATE_COMPLETE", stack.why
    assert permissions.refusals(prefix) > before
    assert stack.has_one_good_cluster()
    assert stack.clusters_ever == 1
    assert stack.messages == []

    permissions.renew(whose, prefix)
    assert stack.update(changes={f"{COMPUTE}__MaxCount": 6}).status == "UPDATE_COMPLETE", stack.why
    assert stack.max_count == 6
    assert stack.messages == []

    permissions.renew(whose, prefix)
    all_deleted(stack)


def test_a_permission_that_never_comes_is_named_by_the_deadline(cloud, parent, permissions):
    stack = parent("never", ServiceTimeout=900)
    cloud.set_iam_lag(FOR_EVER_S)
    permissions.renew("engine", "cloudformation:")

    assert stack.create().status == "ROLLBACK_COMPLETE", stack.why

    (reason,) = stack.reasons
    assert "is not authorized to perform: cloudformation:DescribeStacks" in reason
    assert stack.cluster_stack is None
    all_deleted(stack)
