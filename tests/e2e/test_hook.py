"""The hook judges change sets and stacks before anything is changed, with the real library."""

import json

import pytest

from tests.e2e.account import ROOT, outputs
from tests.e2e.parents import COMPUTE, Parent, Proposed
from tools.artefacts.parts import Build
from tools.artefacts.target import Target

pytestmark = pytest.mark.e2e

STACK = "plan-hook"
#: What the provider stack's outputs give the hook.
GIVEN = ("ServiceToken", "EngineRole", "EngineLogGroup", "LambdaLayerArn")
#: The source of each of its functions, and the entry point.
FUNCTIONS = {
    "Hook": ("provider/hook", "cluster_hook.handler.handler"),
    "DryRun": ("provider/engine", "cluster_engine.dry_run.handler"),
}
SMALLER, LARGER = {f"{COMPUTE}__MaxCount": 2}, {f"{COMPUTE}__MaxCount": 8}


class Hook:
    """The hook's stack, of which tests change a parameter or replace the code of a function."""

    def __init__(self, account, folder):
        self._account, self._folder = account, folder
        Build(Target("x86_64", "3.12"), "3.16.1", None).hook(folder / "hook")
        provider = outputs(account.stack("provider"))
        self.given = {name: provider[name] for name in GIVEN}

    def deploy(self, *, replaced="", code="", **parameters):
        """Deploys the stack; ``replaced`` names the function that has other code."""
        text = (ROOT / "hook.yaml").read_text()
        for name, (source, handler) in FUNCTIONS.items():
            built = self._folder / "hook" if name == "Hook" else ROOT / source
            if name == replaced:
                built, named = self._folder / "other", "app.handler"
                built.mkdir(exist_ok=True)
                (built / "app.py").write_text(code)
                text = text.replace(handler, named)
            text = text.replace(source, str(built))
        template = self._folder / "hook.yaml"
        template.write_text(text)
        make = self._account.update if self._account.stack(STACK) else self._account.create
        body, names = self._account.packaged(template), {"StackNames": "hooked-*"}
        stack = make(STACK, body, **self.given, **names, **parameters)
        assert stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, self._account.why(stack)


@pytest.fixture(scope="module")
def deployed(account, service_token, tmp_path_factory):
    hook = Hook(account, tmp_path_factory.mktemp("hook"))
    assert hook.given["ServiceToken"] == service_token
    hook.deploy(FailureMode="FAIL", TargetOperations="CHANGE_SET,STACK")
    account.let_iam_settle()
    yield hook
    assert account.delete(STACK)["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.usefixtures("deployed")
def test_a_change_set_shows_what_would_be_refused_before_it_is_executed(account, parent, service_token):
    made = parent("hooked-refused")
    first = Proposed(account, made)
    assert (first.status, first.said.splitlines()[:2]) == (
        "CREATE_COMPLETE",
        ["Plan: 1 create.", "+ Cluster  create: c-hooked-refused"],
    )
    account.cloudformation.delete_stack(StackName=made.name)
    made.create()
    assert made.status == "CREATE_COMPLETE", made.why
    (judged,) = [event for event in hook_events(account, made) if "COMPLETE" in event["HookStatus"]]
    assert judged["HookStatusReason"].startswith("Plan: 1 create.")

    larger = Proposed(account, Parent(account, service_token, made.name, changes=LARGER), "larger")
    assert (larger.status, larger.said.splitlines()[:2]) == (
        "CREATE_COMPLETE",
        ["Plan: 1 update.", "~ Cluster  update: c-hooked-refused"],
    )

    smaller = Proposed(account, Parent(account, service_token, made.name, changes=SMALLER), "smaller")
    assert (smaller.status, smaller.result["Status"]) == ("FAILED", "HOOK_COMPLETE_FAILED")
    assert "The following hook(s) failed: [Pcluster::Clusters::Plan]" in smaller.reason
    assert smaller.said.startswith(
        "Hook failed with message: Plan: 1 refused.\n✗ Cluster  refused: c-hooked-refused\n"
    )
    assert "ComputeResources[c6i].MaxCount: 4 → 2" in smaller.said

    other = Parent(account, service_token, "hooked-other", PclusterVersion="3.13.0")
    proposed = Proposed(account, other)
    assert (proposed.status, proposed.result["Status"]) == ("FAILED", "HOOK_COMPLETE_FAILED")
    assert "the provider has no engine of ParallelCluster 3.13.0, only of " in proposed.said
    account.cloudformation.delete_stack(StackName=other.name)

    assert made.update(changes=SMALLER).status == "UPDATE_ROLLBACK_COMPLETE"
    assert made.max_count == 4
    touched = [
        event["ResourceStatus"] for event in events(account, made) if event["LogicalResourceId"] == "Cluster"
    ]
    assert not [status for status in touched if status.startswith("UPDATE_")]
    assert made.delete().status == "DELETE_COMPLETE"


def events(account, parent):
    pages = account.cloudformation.get_paginator("describe_stack_events").paginate(StackName=parent.stack_id)
    return [event for page in pages for event in page["StackEvents"]]


def hook_events(account, parent):
    return [event for event in events(account, parent) if "HookType" in event]


def test_with_warn_a_refused_change_goes_on_and_the_warning_stays(account, deployed, parent):
    made = parent("hooked-warned", changes={"HeadNode__Ssh__KeyName": "nobodys"})
    deployed.deploy(FailureMode="WARN", TargetOperations="CHANGE_SET")
    warned = Proposed(account, made)
    assert (warned.status, warned.result["Status"]) == ("CREATE_COMPLETE", "HOOK_COMPLETE_FAILED")
    assert warned.result["FailureMode"] == "WARN"
    assert "✗ Cluster  refused: c-hooked-warned" in warned.said
    assert "nobodys" in warned.said
    account.cloudformation.execute_change_set(ChangeSetName=warned.id)
    made.stack_id = account.stack(made.name)["StackId"]
    assert made.status == "ROLLBACK_COMPLETE"
    assert made.delete().status == "DELETE_COMPLETE"


SLEEPS = "import time\ndef handler(event, context):\n    time.sleep(250)\n"
DIES = "import os\ndef handler(event, context):\n    os._exit(1)\n"


@pytest.mark.parametrize(
    "broken",
    [
        ("DryRun", DIES, "the dry run of cluster c-hooked-broken ended without an answer"),
        ("DryRun", SLEEPS, "ParallelCluster did not answer within 110 s"),
        ("Hook", DIES, "Hook function failed"),
        ("Hook", SLEEPS, "Hook did not respond within 30 seconds"),
    ],
)
def test_a_hook_that_dies_or_is_too_late_fails_the_change_set(account, deployed, parent, broken):
    function, code, said = broken
    deployed.deploy(replaced=function, code=code, FailureMode="FAIL", TargetOperations="CHANGE_SET")
    made = parent("hooked-broken")
    proposed = Proposed(account, made)
    account.cloudformation.delete_stack(StackName=made.name)
    assert (proposed.status, proposed.result["Status"]) == ("FAILED", "HOOK_FAILED")
    assert said in proposed.said
    assert "Traceback" not in json.dumps(proposed.result, default=str)
