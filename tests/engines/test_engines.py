"""Three ParallelCluster versions behind one service token, while the default moves on.

The provider is installed with 3.6.0, the first release with a custom resource, and later moves to 3.16.1.
Each test looks at one thing that was seen on the way.
"""

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.cloud import Cloud
from tests.e2e.account import ARTEFACT, Account, outputs
from tests.e2e.parents import COMPUTE, Parent
from tests.e2e.recorded import KINDS, Recorded, physical_ids
from tests.engines.stacks import (
    borrowed,
    deploy,
    deploy_with_sam,
    engine_stack,
    folder,
    provider_of,
    python,
    runtimes,
)
from tools.permissions.report import RoleReport, refusals
from tools.permissions.roles import deployed

pytestmark = [pytest.mark.e2e, pytest.mark.library]

FIRST, BETWEEN, NEWEST = "3.6.0", "3.14.0", "3.16.1"

#: Lambda neither creates nor updates functions with python3.9 then, which 3.6.0 gives to its own.
#: Source: cfn-lint, data/AdditionalSpecs/LmbdRuntimeLifecycle.json.
AFTER_THE_BLOCKS = datetime(2027, 3, 4, tzinfo=UTC)

#: The example of the custom resource's announcement, as far as it says anything about the cluster.
ANNOUNCED = {
    "Image__Os": "alinux2",
    "HeadNode__InstanceType": "t2.micro",
    f"{COMPUTE}__InstanceType": "t2.micro",
}
#: What more of a cluster both former releases know, so that their engines do more.
MONITORED = {"DetailedMonitoring": True, "Dashboards": {"CloudWatch": {"Enabled": True}}}
SHARED = {
    "SharedStorage": [
        {"Name": "ebs", "MountDir": "/ebs", "StorageType": "Ebs", "EbsSettings": {"Size": 40}},
        {"Name": "efs", "MountDir": "/efs", "StorageType": "Efs", "EfsSettings": {"Encrypted": True}},
    ]
}


@dataclass
class Seen:
    """What was seen of one cluster."""

    version: str
    tag: str = ""
    created_by: set[str] = field(default_factory=set)
    updated: str = ""
    updated_by: set[str] = field(default_factory=set)
    max_count: int = 0
    runtimes: set[str] = field(default_factory=set)
    deleted: str = ""
    deleted_by: set[str] = field(default_factory=set)


@dataclass
class Story:
    """Everything that was seen."""

    tokens: list[str] = field(default_factory=list)
    clusters: dict[str, Seen] = field(default_factory=dict)
    overlooked: Seen = field(default_factory=lambda: Seen(BETWEEN))
    retired: str = ""
    refused: list[str] = field(default_factory=list)
    refused_status: str = ""
    left: list[Any] = field(default_factory=list)


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    log_dir = tmp_path_factory.mktemp("cloud")
    pythons = runtimes(BETWEEN, FIRST)
    with Cloud.start(skip_idle=True, log_dir=log_dir, function_python=pythons, enforce_iam=True) as running:
        wait_s = (AFTER_THE_BLOCKS - datetime.fromisoformat(running.now())).total_seconds()
        running.advance(max(wait_s, 0))
        yield Account(running)
        assert running.errors() == []


@pytest.fixture(scope="module")
def story(account, tmp_path_factory):
    """The whole story, told once."""
    story = Story()
    # The provider as it was installed first, with a cluster of the default version.
    first = deploy(account, provider_of(FIRST, tmp_path_factory.mktemp("first") / "build"), "provider")
    token = first["ServiceToken"]
    announced = ANNOUNCED | SHARED
    oldest = Parent(account, token, "oldest", monitoring=MONITORED, changes=announced)
    story.clusters[FIRST] = created(oldest, FIRST)

    # The default moves on; engines of the former default and of another version stand beside it.
    beside = {FIRST: deploy, BETWEEN: deploy_with_sam}
    engines = {
        version: deploy_one(account, folder(version), engine_stack(version), **borrowed(first))["Engine"]
        for version, deploy_one in beside.items()
    }
    now = deploy(account, ARTEFACT, "provider", AdditionalEngines=",".join(engines.values()))
    story.tokens = [token, now["ServiceToken"]]
    amazon_linux_2 = {"Image__Os": "alinux2"} | SHARED
    pinned = Parent(
        account, token, "pinned", PclusterVersion=BETWEEN, monitoring=MONITORED, changes=amazon_linux_2
    )
    story.clusters[BETWEEN] = created(pinned, BETWEEN)
    overlooked = Parent(account, token, "overlooked", PclusterVersion=BETWEEN, changes=amazon_linux_2)
    story.overlooked = created(overlooked, BETWEEN)
    newest = Parent(account, token, "newest")
    story.clusters[NEWEST] = created(newest, NEWEST)

    # Each is updated and deleted.
    parents = {FIRST: (oldest, announced), BETWEEN: (pinned, amazon_linux_2), NEWEST: (newest, {})}
    for version, (parent, changes) in parents.items():
        update(parent, story.clusters[version], changes)
        delete(parent, story.clusters[version])

    # An engine is retired too early: one cluster of its version is still there.
    deploy(account, ARTEFACT, "provider", AdditionalEngines=engines[FIRST])
    story.retired = account.delete(engine_stack(BETWEEN))["StackStatus"]
    overlooked.update(changes=amazon_linux_2 | {f"{COMPUTE}__MaxCount": 9})
    story.refused_status, story.refused = overlooked.status, overlooked.reasons
    delete(overlooked, story.overlooked)
    story.left = [parent.cluster_stack for parent in (oldest, pinned, newest, overlooked)]
    return story


def created(parent, version):
    seen = Seen(version)
    with recorded(parent.account, seen.created_by):
        parent.create()
        assert parent.status == "CREATE_COMPLETE", parent.why
    assert parent.has_one_good_cluster()
    seen.tag = {tag["Key"]: tag["Value"] for tag in parent.cluster_stack["Tags"]}["parallelcluster:version"]
    seen.runtimes = runtimes_of_functions(parent)
    return seen


def runtimes_of_functions(parent):
    """The runtimes of the functions that a cluster's own stack has."""
    unique = parent.cluster_stack["StackId"].rpartition("/")[2]
    functions = parent.account.cloud.client("lambda").list_functions()["Functions"]
    return {item["Runtime"] for item in functions if item["FunctionName"].endswith(unique)}


def update(parent, seen, changes):
    with recorded(parent.account, seen.updated_by):
        parent.update(changes=changes | {f"{COMPUTE}__MaxCount": 8})
        seen.updated = parent.status
    seen.max_count = parent.max_count


def delete(parent, seen):
    with recorded(parent.account, seen.deleted_by):
        parent.delete()
        seen.deleted = parent.status


@contextmanager
def recorded(account, stacks):
    """Notes the stacks whose engines work meanwhile."""
    before = len(account.cloud.invocations())
    yield
    calls = account.cloud.invocations()[before:]
    stacks |= {call["function"].partition("-Engine-")[0] for call in calls if "-Engine-" in call["function"]}


def test_a_cluster_is_made_by_the_default_engine_or_by_the_one_it_asks_for(story):
    made = {version: (seen.tag, seen.created_by) for version, seen in story.clusters.items()}
    assert made == {
        FIRST: (FIRST, {"provider"}),  # which was the default then
        BETWEEN: (BETWEEN, {"engine-3-14-0"}),
        NEWEST: (NEWEST, {"provider"}),
    }


def test_every_version_makes_clusters_whose_functions_lambda_still_creates(story):
    made = {version: seen.runtimes for version, seen in story.clusters.items()}
    assert made == {version: {"python3.12"} for version in (FIRST, BETWEEN, NEWEST)}


def test_the_service_token_stays_when_the_default_moves_on(story):
    assert story.tokens[0] == story.tokens[1]


def test_a_cluster_is_updated_by_the_engine_of_its_version(story):
    done = {version: (seen.updated, seen.max_count) for version, seen in story.clusters.items()}
    assert done == dict.fromkeys((FIRST, BETWEEN, NEWEST), ("UPDATE_COMPLETE", 8))
    assert {version: seen.updated_by for version, seen in story.clusters.items()} == {
        FIRST: {"engine-3-6-0"},
        BETWEEN: {"engine-3-14-0"},
        NEWEST: {"provider"},
    }


def test_a_cluster_is_deleted_by_the_engine_of_its_version(story):
    assert {version: (seen.deleted, seen.deleted_by) for version, seen in story.clusters.items()} == {
        FIRST: ("DELETE_COMPLETE", {"engine-3-6-0"}),
        BETWEEN: ("DELETE_COMPLETE", {"engine-3-14-0"}),
        NEWEST: ("DELETE_COMPLETE", {"provider"}),
    }
    assert story.left == [None, None, None, None]


def test_a_cluster_that_has_lost_its_engine_is_deleted_by_the_newest(story):
    assert (story.overlooked.deleted, story.overlooked.deleted_by) == ("DELETE_COMPLETE", {"provider"})


def test_an_update_without_an_engine_of_the_version_is_refused_with_the_way_out(story):
    assert story.retired == "DELETE_COMPLETE"
    assert story.refused_status == "UPDATE_ROLLBACK_COMPLETE"
    (reason,) = story.refused
    assert "VersionMismatch" in reason
    assert "3.14.0" in reason
    assert "AdditionalEngines" in reason


@pytest.mark.usefixtures("story")
def test_functions_run_with_the_runtime_that_they_were_built_for(account):
    wanted = {
        "provider-Provider": ARTEFACT,
        "provider-Engine": ARTEFACT,
        "engine-3-6-0-Engine": folder(FIRST),
    }
    configured = account.cloud.client("lambda").list_functions()["Functions"]
    runtimes_of = {item["FunctionName"].rpartition("-")[0]: item["Runtime"] for item in configured}
    assert {name: runtimes_of[name] for name in wanted} == {
        name: f"python{python(where)}" for name, where in wanted.items()
    }


@pytest.mark.usefixtures("story")
def test_an_engine_beside_the_default_lets_nobody_in_but_the_provider(account):
    client = account.cloud.client("lambda")
    names = [item["FunctionName"] for item in client.list_functions()["Functions"]]
    (name,) = [name for name in names if name.startswith(engine_stack(FIRST))]
    (allowed,) = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
    assert (allowed["Effect"], allowed["Action"]) == ("Allow", "lambda:InvokeFunction")
    # AWS has the ARN below the key AWS.
    principal = allowed["Principal"]
    role = outputs(account.stack("provider"))["ProviderRole"]
    assert (principal["AWS"] if isinstance(principal, dict) else principal) == role


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize("kind", KINDS)
def test_the_roles_of_the_provider_stack_are_enough_for_every_version(account, kind):
    role = deployed(account.cloud.client("iam"), physical_ids(account, "provider")[f"{kind}Role"])
    recorded = Recorded(account)
    asked = recorded.of(kind)
    if kind == "Engine":
        assert set(recorded.functions(kind).values()) == {"provider", *map(engine_stack, (FIRST, BETWEEN))}
    else:  # each engine lets its provider in by a permission of its own, seen above
        asked = [item for item in asked if "function:engine-" not in item.request.resource]
        assert len(asked) < len(recorded.of(kind))
    assert refusals([RoleReport(kind, role, asked)]) == ""
