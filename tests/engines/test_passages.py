"""A cluster without a name in its template passes to the next ParallelCluster version in one stack update."""

import json

import pytest

from localcloud.cloud import Cloud
from tests.e2e.account import ARTEFACT, Account
from tests.e2e.parents import Parent, all_deleted, eventually
from tests.engines.stacks import borrowed, deploy, engine_stack, folder, runtimes

pytestmark = [pytest.mark.e2e, pytest.mark.library]

BEFORE, AFTER = "3.14.0", "3.16.1"
QUEUE = {"Type": "AWS::SQS::Queue", "DependsOn": "Cluster"}


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    log_dir = tmp_path_factory.mktemp("cloud")
    with Cloud.start(
        skip_idle=True, log_dir=log_dir, function_python=runtimes(BEFORE), enforce_iam=True
    ) as running:
        yield Account(running)
        assert running.errors() == []


@pytest.fixture(scope="module")
def token(account):
    """The service token of a provider with an engine for each version."""
    first = deploy(account, ARTEFACT, "provider")
    engine = deploy(account, folder(BEFORE), engine_stack(BEFORE), **borrowed(first))["Engine"]
    return deploy(account, ARTEFACT, "provider", AdditionalEngines=engine)["ServiceToken"]


class Passing:
    """A stack with a cluster of the former version that its template gives no name."""

    def __init__(self, account, token, name):
        self._account = account
        self.stack = Parent(
            account, token, name, ClusterName=None, PclusterVersion=BEFORE, ReplacementPolicy="Replace"
        ).create()
        assert self.stack.status == "CREATE_COMPLETE", self.stack.why
        self.stack.cluster = self.old = self.stack.physical_id
        assert self.old.startswith(f"{name}-Cluster-")
        assert self.stack.has_one_good_cluster()
        self._before = self._state()

    def _state(self):
        """What must not change of the old cluster while it is not replaced."""
        stack = self._account.stack(self.old)
        nodes = [node["InstanceId"] for node in self._account.head_nodes(self.old)]
        return stack["StackId"], stack["StackStatus"], stack.get("LastUpdatedTime"), stack["Tags"], nodes

    def clusters(self):
        """The names of the clusters of the stack, the old one first."""
        pages = self._account.cloudformation.get_paginator("describe_stacks").paginate()
        roots = [stack for page in pages for stack in page["Stacks"] if "ParentId" not in stack]
        names = [stack["StackName"] for stack in roots]
        mine = [name for name in names if name.startswith(f"{self.stack.name}-Cluster-")]
        return sorted(mine, key=lambda name: name != self.old)

    def is_untouched(self):
        """Whether the resource has the old cluster again, as it was, and no other is left."""
        back = (self.stack.physical_id, self.clusters()) == (self.old, [self.old])
        return back and self._state() == self._before and self.stack.has_one_good_cluster()

    def version(self):
        """The version of the resource's cluster, by its tag."""
        self.stack.cluster = self.stack.physical_id
        return {tag["Key"]: tag["Value"] for tag in self.stack.cluster_stack["Tags"]}[
            "parallelcluster:version"
        ]


def test_the_cluster_is_replaced_by_one_of_the_next_version_in_one_update(account, token):
    passing = Passing(account, token, "moves-on")
    assert passing.version() == BEFORE
    passing.stack.update(PclusterVersion=AFTER)
    assert passing.stack.status == "UPDATE_COMPLETE", passing.stack.why
    assert passing.version() == AFTER
    assert passing.stack.physical_id != passing.old
    assert passing.clusters() == [passing.stack.physical_id]
    assert passing.stack.has_one_good_cluster()
    (said,) = [each["message"] for each in passing.stack.messages if each["type"] == "ReplacementPolicy"]
    assert f"cluster {passing.old} was made with {BEFORE}, and {AFTER} is asked for" in said
    all_deleted(passing.stack)
    assert passing.clusters() == []


def test_a_new_cluster_that_fails_is_deleted_and_the_old_one_is_untouched(account, token):
    passing = Passing(account, token, "fails-to")
    account.cloud.set_behaviours(
        [{"stack": "fails-to-Cluster-*", "logical_id": "HeadNode", "action": "CREATE", "fail": "no capacity"}]
    )
    passing.stack.update(PclusterVersion=AFTER)
    assert passing.stack.status == "UPDATE_ROLLBACK_COMPLETE", passing.stack.why
    account.cloud.set_behaviours([])
    assert any("no capacity" in reason for reason in passing.stack.reasons), passing.stack.reasons
    assert passing.is_untouched(), passing.clusters()
    all_deleted(passing.stack)


def test_a_cancelled_update_deletes_the_new_cluster_and_the_old_one_is_untouched(account, token):
    passing = Passing(account, token, "cancelled")
    account.cloud.set_head_nodes(create_s=3000)
    passing.stack.update(PclusterVersion=AFTER)
    eventually(lambda: len(passing.clusters()) > 1, lambda: passing.stack.why)
    account.cloudformation.cancel_update_stack(StackName=passing.stack.name)
    assert passing.stack.status == "UPDATE_ROLLBACK_COMPLETE", passing.stack.why
    account.cloud.set_head_nodes()
    assert passing.is_untouched(), passing.clusters()
    all_deleted(passing.stack)


def test_a_sibling_that_fails_after_the_passage_goes_back_to_the_old_cluster(account, token):
    passing = Passing(account, token, "goes-back")
    account.cloud.set_behaviours([{"stack": "goes-back", "logical_id": "Sibling", "fail": "no queue"}])
    passing.stack.update(PclusterVersion=AFTER, siblings={"Sibling": QUEUE})
    assert passing.stack.status == "UPDATE_ROLLBACK_COMPLETE", passing.stack.why
    account.cloud.set_behaviours([])
    events = json.dumps(passing.stack.reasons)
    assert events == "[]", events
    assert passing.is_untouched(), passing.clusters()
    all_deleted(passing.stack)
