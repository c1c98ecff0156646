"""One embedded cloud and one provider stack for all end-to-end tests."""

import os
from collections import Counter
from pathlib import Path

import pytest

from localcloud.cloud import Cloud
from tests.e2e.account import ARTEFACT, ROOT, Account, outputs
from tests.e2e.parents import Parent, clear_away, difference, eventually, inventory
from tests.e2e.recorded import EXPECTED, REGION, REPORT, functions_of, summary

#: Seconds by which the cloud's IAM lags behind every role and policy: ``make e2e IAM_LAG=30``.
IAM_LAG_S = float(os.environ.get("IAM_LAG") or 0)

#: Whether roles may do only what they allow, which a comparison of times turns off.
ENFORCE_IAM = os.environ.get("ENFORCE_IAM") != "0"

#: What IAM decided, for the end of the session.
JUDGED = pytest.StashKey[str]()

#: Seconds after which every asynchronous event arrives once more: ``make e2e TWICE=1``.
TWICE_S = float(os.environ.get("TWICE") or 0)

#: Concurrent executions of the account, as in a new one: ``make e2e CONCURRENCY=10``.
CONCURRENCY = int(os.environ.get("CONCURRENCY") or 1000)

#: How often each function was throttled, for the end of the session.
THROTTLED = pytest.StashKey[Counter[str]]()


def pytest_configure(config):
    """No test has provoked a refusal yet."""
    config.stash[EXPECTED] = set()


def pytest_collection_modifyitems(items):
    """Puts the tests that look back on all others of this folder behind them."""
    here = Path(__file__).parent
    looking_back = [item for item in items if item.path == here / "test_permissions.py"]
    others = [item for item in items if item not in looking_back]
    end = max((index for index, item in enumerate(others, 1) if item.path.parent == here), default=0)
    items[:] = others[:end] + looking_back + others[end:]


def pytest_terminal_summary(terminalreporter, config):
    """Shows what the roles were asked for."""
    if judged := config.stash.get(JUDGED, None):
        lag = f", {IAM_LAG_S:g} s behind" if IAM_LAG_S else ""
        terminalreporter.section(f"IAM{lag}: every request of a function, and of CloudFormation for it")
        terminalreporter.write_line(judged)
    if TWICE_S or CONCURRENCY < 1000:
        throttled = config.stash.get(THROTTLED, Counter())
        terminalreporter.section(f"events twice after {TWICE_S:g} s, {CONCURRENCY} concurrent executions")
        terminalreporter.write_line(f"throttled {throttled.total()} times: {dict(throttled)}")
    if report := config.stash.get(REPORT, None):
        terminalreporter.section("permissions: every AWS call of the end-to-end tests against the roles")
        terminalreporter.write_line(report)


class TwiceCloud(Cloud):
    """A cloud whose asynchronous events arrive twice, whatever faults a test sets besides."""

    def set_faults(self, faults):
        standing = [{"service": "event", "kind": "duplicate", "after_s": TWICE_S}] if TWICE_S else []
        super().set_faults([*faults, *standing])

    def faults(self):
        return super().faults()[:-1] if TWICE_S else super().faults()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory, request):
    with TwiceCloud.start(
        REGION,
        skip_idle=True,
        log_dir=tmp_path_factory.mktemp("cloud"),
        function_python=ARTEFACT / "runtime" / "bin" / "python" if ARTEFACT else None,
        iam_lag_s=IAM_LAG_S,
        enforce_iam=ENFORCE_IAM,
        account_concurrency=CONCURRENCY,
        # A function that is invoked twice at once must still have an environment left, as on AWS.
        concurrency=4 if TWICE_S else None,
    ) as running:
        running.set_faults([])
        yield running
        request.config.stash[JUDGED] = summary(
            running.judged(), running.unjudged(), request.config.stash[EXPECTED], functions_of(running)
        )
        request.config.stash[THROTTLED] = Counter(
            record["function"] for record in running.invocations() if record["outcome"] == "throttled"
        )


@pytest.fixture(scope="session")
def account(cloud):
    return Account(cloud)


@pytest.fixture(scope="session")
def seeded(cloud):
    """The seeded ids as parameters of the example."""
    return {
        "HeadNodeSubnet": cloud.exports["HEAD_NODE_SUBNET"],
        "ComputeSubnet": cloud.exports["COMPUTE_SUBNET"],
        "KeyName": cloud.exports["KEY_NAME"],
    }


@pytest.fixture(scope="session")
def service_token(account):
    """The service token of a provider stack that stands alone."""
    stack = account.create("provider", account.packaged(ROOT / "template.yaml"), ClusterAdoption="Allow")
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    return outputs(stack)["ServiceToken"]


@pytest.fixture
def parent(account, service_token):
    """Makes parent stacks; a test that uses it leaves nothing, whatever went wrong in it."""
    before = inventory(account)
    made = []

    def make(name, **options):
        made.append(Parent(account, service_token, name, **options))
        return made[-1]

    yield make
    account.cloud.set_faults([])
    account.cloud.set_behaviours([])
    account.cloud.set_head_nodes()
    account.cloud.set_iam_lag(IAM_LAG_S)
    try:
        # A provider that died before it closed a request looks at it again minutes later.
        eventually(
            lambda: inventory(account) == before or account.cloud.advance(60),
            lambda: difference(before, inventory(account)),
            10,
        )
        assert account.cloud.errors() == []
    finally:
        clear_away(made)
