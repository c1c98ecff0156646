"""The schema never refuses what the library accepts, and typing gives the library what the author wrote."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from pcluster.config.config_patch import ConfigPatch
from pcluster.models.cluster import Cluster
from pcluster.schemas.cluster_schema import ClusterSchema

from cluster_engine import configuration
from cluster_engine.adoption import write_as_stored
from cluster_schema import configuration_schema
from tests.support import custom_resource_properties as properties

pytestmark = pytest.mark.library

VERSION = "3.16.1"
CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "configurations"
#: Values of any type: text stays text there. Source: the library's schema, fields of type Dict.
FREE_FORM = {"CustomSlurmSettings", "AdditionalSssdConfigs"}


def files():
    own = sorted(properties.CONFIGURATIONS.glob("*.yaml"))
    found = sorted(CORPUS.glob("*.yaml"))
    skip = pytest.mark.skip(reason="no real configurations beside this clone, in ../shared/corpus")
    absent = pytest.param(None, id="corpus", marks=skip)
    return [pytest.param(path, id=path.stem) for path in own + found] + ([] if found else [absent])


def without_free_form(value):
    match value:
        case dict():
            return {key: without_free_form(item) for key, item in value.items() if key not in FREE_FORM}
        case list():
            return [without_free_form(item) for item in value]
        case _:
            return value


def as_the_library_reads_it(loaded):
    """What the library makes of a configuration, as JSON: reading it with defaults, then writing it."""
    schema = ClusterSchema(cluster_name="hpc")
    return json.dumps(without_free_form(schema.dump(schema.load(loaded))), default=str, sort_keys=True)


@pytest.mark.parametrize("path", files())
def test_a_configuration_passes_as_text_and_as_an_object_with_its_types_intact(path):
    text = path.read_text(encoding="utf-8")
    written = yaml.safe_load(text)
    assert configuration.load(properties.encoded(text), {}, VERSION) == written
    typed = configuration.load(properties.encoded(properties.stringified(written)), {}, VERSION)
    assert json.dumps(without_free_form(typed)) == json.dumps(without_free_form(written))
    # Reading and writing is slow, and equal configurations are read alike.
    assert typed == written or as_the_library_reads_it(typed) == as_the_library_reads_it(written)
    ClusterSchema(cluster_name="hpc").load(typed)


def allows_any_type(path):
    """Whether the schema names no type for what is at the path: it is in a map of any keys and values."""
    place = configuration_schema(VERSION)
    for key in path:
        if place.get("type") == "object" and "properties" not in place:
            return True
        place = place["items"] if isinstance(key, int) else place["properties"][key]
    return False


def test_every_difference_that_stringifying_leaves_is_where_the_schema_allows_any_type(capsys):
    found = sorted(CORPUS.glob("*.yaml"))
    if not found:
        pytest.skip("no real configurations beside this clone, in ../shared/corpus")
    values, differences = 0, []
    for file in found:
        written = yaml.safe_load(file.read_text(encoding="utf-8"))
        typed = dict(properties.scalars(configuration.apply_types(properties.stringified(written), VERSION)))
        for path, value in properties.scalars(written):
            values += 1
            if (typed[path], type(typed[path])) != (value, type(value)):
                differences.append((file.name, path))
    unexplained = [difference for difference in differences if not allows_any_type(difference[1])]
    keys = Counter(next(key for key in path if key in FREE_FORM) for _, path in differences)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(found)} configurations, {values} values, {len(differences)} differ: {dict(keys)}\n"
        )
    assert unexplained == []
    assert (len(found), len(differences)) == (152, 13)


def changes(stored, wanted):
    """What the library reports. It is not always nothing for two that are equal: it confuses two rules of
    S3Access that name one bucket.
    """
    return [tuple(change) for change in ConfigPatch(Cluster("hpc"), stored, wanted).changes]


@pytest.mark.parametrize("path", files())
def test_a_cluster_stored_in_other_words_shows_no_change(path):
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    as_text = properties.stringified(written)
    delivered = configuration.load(properties.encoded(as_text), {}, VERSION)
    for stored in (written, as_text):  # by the command line, by the official provider
        written = write_as_stored(delivered, stored, VERSION)
        assert json.dumps(written) == json.dumps(stored)
        assert changes(stored, written) == changes(stored, stored)
