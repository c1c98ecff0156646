"""A real configuration gives no finding, whatever of it is not known; a broken one gives the engine's."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster_engine.configuration import apply_types
from cluster_engine.contract import ConfigurationInvalidError
from pcluster_cfn.validation.file_check import check
from tests.support import custom_resource_properties as properties

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "configurations"
PATHS = sorted([*properties.CONFIGURATIONS.glob("*.yaml"), *CORPUS.glob("*.yaml")])


def loaded(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def template(configuration):
    cluster = {"ServiceToken": "arn", "ClusterName": "hpc", "ClusterConfiguration": configuration}
    resource = {"Type": "Custom::PclusterCluster", "Properties": cluster}
    return json.dumps({"Resources": {"Cluster": resource}}, default=str)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_real_configuration_gives_no_finding_as_a_map_and_as_text(path):
    assert check(template(loaded(path))) == []
    assert check(template(path.read_text(encoding="utf-8"))) == []


def holed(value, draw):
    """The value with parts of it replaced by what only CloudFormation knows."""
    if draw(st.integers(0, 5)) == 0:
        return draw(
            st.sampled_from(
                [
                    {"Ref": "Elsewhere"},
                    {"Fn::GetAtt": ["Elsewhere", "Arn"]},
                    {"Fn::Sub": "${Elsewhere}/x"},
                    {"Fn::If": ["Elsewhere", value, {"Ref": "AWS::NoValue"}]},
                ]
            )
        )
    match value:
        case dict():
            return {key: holed(item, draw) for key, item in value.items()}
        case list():
            return [holed(item, draw) for item in value]
        case _:
            return value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_is_not_known_gives_no_finding(data):
    configuration = loaded(data.draw(st.sampled_from(PATHS)))
    assert check(template({key: holed(item, data.draw) for key, item in configuration.items()})) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_misfit_that_the_engine_refuses_is_found_before(data):
    configuration = broken(loaded(data.draw(st.sampled_from(PATHS))), data.draw)
    found = {
        each.path.removeprefix("Cluster/ClusterConfiguration") for each in check(template(configuration))
    }
    refused = engine_refuses(configuration)
    suggested = [(each["path"].rpartition("/")[0], each.get("suggestion")) for each in refused]
    misspelt = {f"{section}/{suggestion}" for section, suggestion in suggested}
    assert {each["path"] for each in refused} - misspelt <= found
    assert bool(refused) == bool(found)


def engine_refuses(configuration):
    try:
        apply_types(properties.stringified(json.loads(json.dumps(configuration, default=str))), "3.16.1")
    except ConfigurationInvalidError as error:
        return error.details
    return []


def broken(value, draw):
    """The value with misspelt keys and other types in it."""
    match value:
        case dict():
            return {
                (key[:-1] if draw(st.integers(0, 20)) == 0 else key): broken(item, draw)
                for key, item in value.items()
            }
        case list():
            return [broken(item, draw) for item in value]
        case _:
            return draw(st.sampled_from(["", [], {}, "x", 5])) if draw(st.integers(0, 20)) == 0 else value
