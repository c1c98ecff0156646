"""One embedded cloud for all examples; the stacks of those that are asked for begin together.

They are a target of their own: they run where `make e2e-examples` asks for them.
"""

import os
from pathlib import Path

import pytest

from localcloud.cloud import Cloud
from localcloud.testing import inventory
from tests.e2e.account import ARTEFACT, Account
from tests.examples.stacks import EXAMPLES, Example, Place

collect_ignore_glob = [] if os.environ.get("E2E_EXAMPLES") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    """Puts the test that looks for what is left behind the others of this folder."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path == here / "test_nothing_is_left.py")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    python = ARTEFACT / "runtime" / "bin" / "python" if ARTEFACT else None
    log_dir = tmp_path_factory.mktemp("cloud")
    with Cloud.start(skip_idle=True, log_dir=log_dir, function_python=python) as running:
        yield running


@pytest.fixture(scope="session")
def account(cloud):
    return Account(cloud)


@pytest.fixture(scope="session")
def place(cloud, account, tmp_path_factory):
    seeded = {
        "HeadNodeSubnet": cloud.exports["HEAD_NODE_SUBNET"],
        "ComputeSubnet": cloud.exports["COMPUTE_SUBNET"],
        "KeyName": cloud.exports["KEY_NAME"],
    }
    return Place(account, seeded, tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="session")
def before(cloud):
    """What the account holds before the first example."""
    return inventory.take(cloud.client)


@pytest.fixture(scope="session")
def provider(account, before):  # noqa: ARG001 - a look at the account first
    """The provider that most examples share: itself an example."""
    path = EXAMPLES / "many-clusters" / "provider.yaml"
    example = Example(account, "pcluster-shared-provider", account.packaged(path)).begin()
    example.created()
    return example


@pytest.fixture(scope="session")
def begun(request, place, provider):  # noqa: ARG001 - it exports what they import
    """The stacks of every test file that was collected, by name; each file's ``begin`` names its own."""
    modules = dict.fromkeys(item.module for item in request.session.items)
    examples = {}
    for module in modules:
        if hasattr(module, "begin"):
            for example in module.begin(place):
                examples[example.name] = example.begin()
    return examples
