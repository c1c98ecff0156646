"""A role that lacks one permission: the user reads which."""

from contextlib import ExitStack

import pytest

from tests.e2e.parents import all_deleted
from tests.e2e.policies import changed, without_action
from tests.e2e.recorded import EXPECTED, physical_ids

pytestmark = pytest.mark.e2e


@pytest.fixture
def lacking(account, pytestconfig):
    """Takes an action from the engine's role until the test is over."""
    iam, role = account.cloud.client("iam"), physical_ids(account, "provider")["EngineRole"]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    with ExitStack() as until_the_end:

        def take(action):
            pytestconfig.stash[EXPECTED].add((role, action))
            for policy in attached:
                until_the_end.enter_context(changed(iam, policy["PolicyArn"], without_action(action)))

        yield take


@pytest.mark.parametrize(
    "action",
    [
        # The engine's own call, and one that CloudFormation makes for it.
        "cloudformation:CreateStack",
        "dynamodb:CreateTable",
    ],
    ids=lambda action: action.replace(":", "-"),
)
def test_a_cluster_that_fails_for_one_missing_permission_names_it(parent, lacking, action):
    stack = parent(f"lacks-{action.partition(':')[0]}", ServiceTimeout=900)
    lacking(action)

    assert stack.create().status == "ROLLBACK_COMPLETE", stack.why

    (reason,) = stack.reasons
    assert f"is not authorized to perform: {action} on resource: " in reason
    assert f"because no identity-based policy allows the {action} action" in reason
    assert stack.cluster_stack is None
    all_deleted(stack)
