"""The schemas that editors use are current, say what the engine's say, and take real configurations."""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from cluster_provider.core.identity import TYPES
from cluster_schema import configuration_schema, versions
from pcluster_cfn.editor_schemas import UndescribedPolicyError, keys, sentence, update
from pcluster_cfn.planning.requests import CLUSTER
from pcluster_cfn.validation.resource_check import RESOURCES, schemas
from tests.support import custom_resource_properties as properties
from tools import published_schemas
from tools.artefacts import built

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "configurations"
EDITORS = Path("docs/how-to/editors.md").read_text(encoding="utf-8")


PUBLISHED = dict(published_schemas.published())


def schema(version):
    return json.loads(PUBLISHED[f"configuration-{version}.json"])


def test_make_schemas_writes_every_schema_and_the_one_that_the_command_reads(tmp_path):
    for_command = tmp_path / "for-command.json"
    published_schemas.write(tmp_path / "schemas", for_command)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("schemas/*")}
    assert written == PUBLISHED
    assert for_command.read_text(encoding="utf-8") == PUBLISHED[RESOURCES.name]


def test_a_build_has_the_same_schemas_to_publish(tmp_path):
    built.write_schemas(tmp_path / "schemas")
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("schemas/*")} == PUBLISHED


def test_the_command_reads_the_provider_s_own_schema_of_the_resources():
    assert RESOURCES.read_text(encoding="utf-8") == PUBLISHED[RESOURCES.name], "out of date: run make schemas"


@pytest.mark.parametrize("version", versions())
def test_an_editor_s_rules_are_the_engine_s(version):
    bare = copy.deepcopy(schema(version))
    Draft7Validator.check_schema(bare)
    for place in (bare, *(place for _, place in keys(bare))):
        del place["description"]
        place.pop("x-update", None)
    engines = configuration_schema(version)
    assert bare == {**{k: v for k, v in engines.items() if k != "x-booleans"}, "$schema": bare["$schema"]}


@pytest.mark.parametrize("version", versions())
def test_every_key_leads_to_the_user_guide_and_says_what_an_update_takes(version):
    for path, place in keys(schema(version)):
        assert (
            place["description"]
            .rpartition("\n")[2]
            .startswith("https://docs.aws.amazon.com/parallelcluster/")
        )
        assert ("Update: " in place["description"]) == ("x-update-policy" in place), path


def test_a_policy_without_words_stops_the_generator():
    with pytest.raises(
        UndescribedPolicyError, match=r"NEW_POLICY: put it into words in editor_schemas\.yaml"
    ):
        update("NEW_POLICY", "MaxCount")


def test_a_key_for_which_a_policy_has_a_condition_of_its_own_has_words_of_its_own():
    policy = "RESIZE_UPDATE_STRATEGY_ON_REMOVE"
    assert update(policy, "MaxCount").startswith("growing is allowed")
    assert update(policy, "MinCount").startswith("raising is allowed if MaxCount grows by as much")


def test_the_documents_say_how_many_keys_have_a_sentence():
    found = dict(re.findall(r"\| (3\.\d+\.\d+) \| (\d+ of \d+) \|", EDITORS))
    counted = {}
    assert versions()[0] in found
    for version in found:
        paths = [path for path, _ in keys(configuration_schema(version))]
        counted[version] = f"{sum(sentence(path) is not None for path in paths)} of {len(paths)}"
    assert found == counted


def test_every_schema_that_the_documents_name_is_there():
    named = set(re.findall(r"schemas/([\w.-]+\.json)", EDITORS))
    assert named <= PUBLISHED.keys()
    assert named >= {"configuration-3.16.1.json", "resources.json"}


@pytest.mark.parametrize(
    "path", sorted([*properties.CONFIGURATIONS.glob("*.yaml"), *CORPUS.glob("*.yaml")]), ids=lambda p: p.stem
)
def test_an_editor_marks_nothing_in_a_real_configuration_with_its_types(path):
    # As JSON: an editor's YAML is 1.2, in which a date is text.
    configuration = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    errors = list(Draft7Validator(schema("3.16.1")).iter_errors(configuration))
    # What the library reads from text as well: an editor asks for the type itself.
    assert [error.message for error in errors if not isinstance(error.instance, str)] == []


def test_an_editor_marks_a_misspelt_key_and_a_wrong_value():
    configuration = properties.load("minimal.yaml")
    configuration["HeadNode"]["InstanceTyp"] = "t3.medium"
    configuration["Image"]["Os"] = "beos"
    found = {error.json_path for error in Draft7Validator(schema("3.16.1")).iter_errors(configuration)}
    assert found == {"$.HeadNode", "$.Image.Os"}


def test_the_resource_s_schema_takes_a_cluster_and_knows_every_property():
    cluster = {"ServiceToken": "arn", "ClusterName": "hpc", "ClusterConfiguration": {"Image": {}}}
    assert list(Draft7Validator(schemas()[CLUSTER]).iter_errors(cluster)) == []
    assert list(Draft7Validator(schemas()[CLUSTER]).iter_errors(cluster | {"Deletionpolicy": "x"}))


def test_every_resource_type_of_the_provider_has_a_schema():
    assert set(schemas()) == {CLUSTER, *TYPES}, "name it in tools/published_schemas.py"
