"""Where the scenarios run: on an embedded cloud, or on the account that ``make verify-aws`` hands over.

The switch fails closed. Only ``tools.verify_aws`` sets it, and only it starts pytest with this folder's
fixtures alone; in any other session ``tests/conftest.py`` has closed every way to an account already.
"""

import _thread
import os
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.config import Config

from localcloud import guard
from localcloud.cloud import Cloud
from tests.e2e.account import ROOT, Account, outputs
from tests.e2e.parents import PLAIN, Parent
from tools.verify_aws.recording import Recording, differences
from tools.verify_aws.run import TAG, Run

RUN = Run.from_environment()
if not RUN.on_aws:
    guard.close_account()

#: What AWS was recorded to do; ``make recordings`` holds the embedded cloud against it.
RECORDINGS = Path(os.environ.get("VERIFY_RECORDINGS") or Path(__file__).parent / "recordings")
INSTANCE_TYPES = ["t3.small", "c6i.xlarge", "c6i.2xlarge"]
NETWORK = Path(__file__).parent / "network.yaml"


class VerifiedAccount(Account):
    """An account whose clusters are small, tagged and without a key pair."""

    def configuration(self, **changes):
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        configuration = super().configuration(
            **{"HeadNode__InstanceType": "t3.small", "Tags": tags, **changes}
        )
        del configuration["HeadNode"]["Ssh"]
        return configuration


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """What the end-to-end tests need of a cloud: clients, ids, a log."""
    if RUN.into:
        threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    if RUN.on_aws:
        assert not guard.is_installed(), "only make verify-aws runs the scenarios on an account"
        patient = Config(retries={"mode": "standard", "total_max_attempts": 10})
        session = boto3.Session(region_name=RUN.region)

        def client(service):
            return session.client(service, config=patient)

        yield SimpleNamespace(client=client, exports={"ARTIFACT_BUCKET": RUN.bucket}, log="")
        return
    with Cloud.start(RUN.region, log_dir=tmp_path_factory.mktemp("cloud")) as cloud:
        exports = {"ARTIFACT_BUCKET": cloud.exports["ARTIFACT_BUCKET"]}
        yield SimpleNamespace(client=cloud.client, exports=exports, log="")
        assert cloud.errors() == []


def _end_with(parent):
    """Ends this session when its parent has gone: nobody would clean up what it makes."""
    while os.getppid() == parent:
        time.sleep(1)
    _thread.interrupt_main()


@pytest.fixture(scope="session")
def account(place):
    """The account, with a subnet for clusters."""
    account = VerifiedAccount(place, RUN.tags, RUN.deadline_s, RUN.poll_s, RUN.uploads)
    subnet = RUN.subnet
    if not subnet:
        network = account.create(RUN.name("network"), NETWORK.read_text(), Zone=_zone(account))
        assert network["StackStatus"] == "CREATE_COMPLETE", account.why(network)
        subnet = outputs(network)["Subnet"]
    place.exports |= {"HEAD_NODE_SUBNET": subnet, "COMPUTE_SUBNET": subnet, "KEY_NAME": "none"}
    return account


def _zone(account):
    """A zone that has every instance type of the scenarios; old zones lack some."""
    offered = account.ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": INSTANCE_TYPES}]
    )
    zones = Counter(offer["Location"] for page in offered for offer in page["InstanceTypeOfferings"])
    suitable = [zone for zone, types in zones.items() if types == len(INSTANCE_TYPES)]
    assert suitable, f"no zone of {RUN.region} has all of {INSTANCE_TYPES}: choose another Region"
    return min(suitable)


class Recorder:
    """Records the events of a run's stacks."""

    def __init__(self, account):
        self._account = account
        self._seen = set()

    @contextmanager
    def __call__(self, scenario):
        """Records what happens in the block, and then writes it or holds it against what was recorded."""
        self._new_events()
        folder = Path(RUN.into or ".")
        if RUN.into:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "now").write_text(scenario)
        outcome = "cut off"
        try:
            yield
            outcome = "passed"
        except BaseException as error:
            outcome = f"failed: {error}" if isinstance(error, Exception) else outcome
            raise
        finally:
            recording = Recording.of(scenario, outcome, self._new_events(), RUN)
            if RUN.into:
                recording.write(folder)
        recorded = RECORDINGS / f"{scenario}.json"
        if not RUN.into and recorded.exists():
            found = differences(Recording.read(recorded), recording)
            different = [
                f"{kind}: {each.text('AWS', 'embedded cloud')}"
                for kind, differing in found.items()
                for each in differing
            ]
            assert not different, "\n".join(["AWS was recorded to do otherwise:", *different])

    def _new_events(self):
        """The events of the run's stacks that were not returned before, except for the network's."""
        cloudformation = self._account.cloudformation
        pages = cloudformation.get_paginator("list_stacks").paginate()
        stacks = {stack["StackId"]: stack["StackName"] for page in pages for stack in page["StackSummaries"]}
        found = []
        for stack_id, name in stacks.items():
            if RUN.name("") in name and name != RUN.name("network"):
                pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
                found += [event for page in pages for event in page["StackEvents"]]
        new = [event for event in reversed(found) if event["EventId"] not in self._seen]
        self._seen |= {event["EventId"] for event in new}
        return new


@pytest.fixture(scope="session")
def record(account):
    return Recorder(account)


@pytest.fixture(scope="session")
def parent(account, record):
    """Makes parent stacks with a provider that may take over this run's clusters, and no others."""
    with record("provider"):
        body = account.packaged(ROOT / "template.yaml")
        consent = f"{TAG}={RUN.run_id}"
        provider = account.create(RUN.name("provider"), body, ClusterAdoption=consent)
        assert provider["StackStatus"] == "CREATE_COMPLETE", account.why(provider)
    # A cluster's log group goes with it.
    monitoring = {**PLAIN, "Logs": {"CloudWatch": {"DeletionPolicy": "Delete"}}}

    def make(what, **options):
        token = outputs(provider)["ServiceToken"]
        return Parent(account, token, RUN.name(what), monitoring=monitoring, **options)

    return make
