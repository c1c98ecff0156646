"""A wanted configuration is written as the stored one is, and keeps its meaning."""

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_engine.adoption import write_as_stored
from cluster_schema import booleans, configuration_schema
from cluster_schema.conversion import convert
from tests.support import custom_resource_properties as properties
from tests.support.custom_resource_properties import stringified
from tests.support.generated_configurations import values

VERSION = "3.16.1"
SCHEMA = configuration_schema(VERSION)
CONFIGURATIONS = values(SCHEMA, depth=1)


def wanted(**changes):
    return properties.load("minimal.yaml") | changes


def queue(**changes):
    return {"Name": "compute", "Networking": {"SubnetIds": ["subnet-1"]}, "ComputeResources": []} | changes


def scheduling(*queues):
    return {"Scheduler": "slurm", "SlurmQueues": list(queues)}


def test_a_number_that_is_stored_as_text_stays_text():
    stored = stringified(wanted())
    assert write_as_stored(wanted(), stored, VERSION) == stored


def test_a_changed_value_is_the_wanted_one_and_all_around_it_is_as_stored():
    changed = wanted()
    (resource,) = changed["Scheduling"]["SlurmQueues"][0]["ComputeResources"]
    resource["MaxCount"] = 8
    written = write_as_stored(changed, stringified(wanted()), VERSION)
    (found,) = written["Scheduling"]["SlurmQueues"][0]["ComputeResources"]
    assert found == {"Name": "nodes", "InstanceType": "c5.large", "MinCount": "0", "MaxCount": 8}


def test_a_boolean_keeps_the_spelling_it_is_stored_with():
    stored = wanted(Monitoring={"DetailedMonitoring": "yes"})
    assert write_as_stored(wanted(Monitoring={"DetailedMonitoring": True}), stored, VERSION) == stored
    other = write_as_stored(wanted(Monitoring={"DetailedMonitoring": False}), stored, VERSION)
    assert other["Monitoring"]["DetailedMonitoring"] is False


def test_queues_are_paired_by_name_and_stay_in_the_wanted_order():
    one = queue(Name="one", ComputeSettings={"LocalStorage": {"RootVolume": {"Size": 50}}})
    two = queue(Name="two", ComputeSettings={"LocalStorage": {"RootVolume": {"Size": 60}}})
    written = write_as_stored(
        wanted(Scheduling=scheduling(two, one)),
        wanted(Scheduling=scheduling(*stringified([one, two]))),
        VERSION,
    )
    assert written["Scheduling"]["SlurmQueues"] == stringified([two, one])


def test_a_script_of_a_sequence_is_paired_by_its_place():
    def actions(*arguments):
        sequence = [{"Script": "s3://b/x.sh", "Args": [argument]} for argument in arguments]
        return wanted(Scheduling=scheduling(queue(CustomActions={"OnNodeStart": {"Sequence": sequence}})))

    assert write_as_stored(actions("1", "2"), actions("1", "3"), VERSION) == actions("1", "2")


def test_where_no_type_is_named_the_stored_value_is_what_the_text_was_made_from():
    def custom(value):
        settings = {"CustomSlurmSettings": {"GraceTime": value}}
        return wanted(Scheduling=scheduling(queue(**settings)))

    assert write_as_stored(custom("30"), custom(30), VERSION) == custom(30)
    assert write_as_stored(custom("30"), custom(40), VERSION) == custom("30")
    assert write_as_stored(custom("1"), custom(True), VERSION) == custom("1")


def test_stored_tags_that_the_template_does_not_set_are_kept():
    stored = wanted(
        Tags=[
            {"Key": "parallelcluster:custom_resource", "Value": "cluster"},
            {"Key": "project", "Value": "climate"},
        ]
    )
    assert write_as_stored(wanted(), stored, VERSION)["Tags"] == stored["Tags"]
    own = [{"Key": "project", "Value": "weather"}]
    assert write_as_stored(wanted(Tags=own), stored, VERSION)["Tags"] == [*own, stored["Tags"][0]]


def test_nothing_but_tags_is_taken_from_the_stored_configuration():
    stored = wanted(Monitoring={"DetailedMonitoring": True}, SharedStorage=[{"Name": "home"}])
    assert write_as_stored(wanted(), stored, VERSION) == wanted()


def test_a_place_that_changes_its_kind_is_the_wanted_one():
    stored = wanted(Scheduling=scheduling(queue(CustomSlurmSettings={"A": {"B": "1"}, "C": "2"})))
    changed = wanted(Scheduling=scheduling(queue(CustomSlurmSettings={"A": "1", "C": ["2"]})))
    assert write_as_stored(changed, stored, VERSION) == changed


def meaning(configuration):
    """What a configuration says, whatever its words: text as CloudFormation delivers it."""
    typed = convert(
        {key: item for key, item in configuration.items() if key != "Tags"}, SCHEMA, booleans(VERSION)
    )
    return stringified(json.loads(json.dumps(typed), parse_float=lambda text: _whole(float(text))))


def _whole(number):
    """The library holds 1.0 and 1 for equal."""
    return int(number) if number.is_integer() else number


@settings(max_examples=30, deadline=None)
@given(CONFIGURATIONS)
def test_what_differs_in_types_alone_becomes_what_is_stored(configuration):
    stored = stringified(configuration)
    assert json.dumps(write_as_stored(configuration, stored, VERSION)) == json.dumps(stored)


@settings(max_examples=30, deadline=None)
@given(CONFIGURATIONS, CONFIGURATIONS, st.booleans())
def test_no_meaning_changes_whatever_is_stored(configuration, stored, as_text):
    before = copy.deepcopy(configuration)
    written = write_as_stored(configuration, stringified(stored) if as_text else stored, VERSION)
    assert meaning(written) == meaning(configuration)
    assert configuration == before
    kept = written.get("Tags", [])
    assert stringified(kept)[: len(before.get("Tags", []))] == before.get("Tags", [])
    assert {tag["Key"] for tag in kept} >= {tag["Key"] for tag in stored.get("Tags", [])}
