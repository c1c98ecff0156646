"""A cluster of a release lives with its engine: it is created, updated and deleted on the embedded cloud."""

import os

import pytest

from localcloud.cloud import Cloud
from tests.e2e.account import ARTEFACT, Account
from tests.e2e.parents import COMPUTE, Parent
from tests.engines.stacks import RELEASES, borrowed, deploy, engine_stack, folder, runtimes
from tools.engine_matrix import operating_systems

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.library,
    pytest.mark.skipif("RELEASES" not in os.environ, reason="test_engines.py has the lives of the others"),
]

#: What every release knows, beside the smallest configuration.
MONITORED = {"Dashboards": {"CloudWatch": {"Enabled": False}}}
CHANGES = {"HeadNode__InstanceType": "t2.micro", f"{COMPUTE}__InstanceType": "t2.micro"}


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    with Cloud.start(
        skip_idle=True, log_dir=tmp_path_factory.mktemp("cloud"), function_python=runtimes(*RELEASES)
    ) as running:
        yield Account(running)
        assert running.errors() == []


@pytest.fixture(scope="module")
def provider(account):
    return deploy(account, ARTEFACT, "provider")


@pytest.mark.parametrize("version", RELEASES)
def test_a_cluster_is_created_updated_and_deleted_with_the_engine_of_its_release(account, provider, version):
    engine = deploy(account, folder(version), engine_stack(version), **borrowed(provider))["Engine"]
    token = deploy(account, ARTEFACT, "provider", AdditionalEngines=engine)["ServiceToken"]
    changes = CHANGES | {"Image__Os": amazon_linux(version)}
    before = len(account.cloud.invocations())
    parent = Parent(
        account,
        token,
        f"life-{version.replace('.', '-')}",
        PclusterVersion=version,
        monitoring=MONITORED,
        changes=changes,
    )
    parent.create()
    assert parent.status == "CREATE_COMPLETE", parent.why
    assert parent.has_one_good_cluster()
    tags = {tag["Key"]: tag["Value"] for tag in parent.cluster_stack["Tags"]}
    assert tags["parallelcluster:version"] == version
    parent.update(changes=changes | {f"{COMPUTE}__MaxCount": 8})
    assert (parent.status, parent.max_count) == ("UPDATE_COMPLETE", 8), parent.why
    parent.delete()
    assert (parent.status, parent.cluster_stack) == ("DELETE_COMPLETE", None), parent.why
    called = {call["function"] for call in account.cloud.invocations()[before:]}
    engines = {name.partition("-Engine-")[0] for name in called if "-Engine-" in name}
    assert engines == {engine_stack(version)}


def amazon_linux(version):
    """An operating system that a release knows: the newest Amazon Linux."""
    return "alinux2023" if "alinux2023" in operating_systems(version) else "alinux2"
