"""Property: typing undoes what CloudFormation does to scalars, in every section of every version."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_schema import booleans, configuration_schema, versions
from cluster_schema.conversion import convert, misfits
from tests.support.custom_resource_properties import stringified
from tests.support.generated_configurations import values


def sections(schema):
    """Every section, the whole configuration first."""
    yield schema
    for place in schema["properties"].values():
        section = place.get("items", place)
        if "properties" in section:
            yield from sections(section)


SECTIONS = [
    (version, section) for version in versions() for section in sections(configuration_schema(version))
]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_typing_a_stringified_section_gives_the_section(data):
    version, schema = data.draw(st.sampled_from(SECTIONS))
    section = data.draw(values(schema, depth=1))
    typed = convert(stringified(section), schema, booleans(version))
    # As JSON, because Python holds 1, 1.0 and True for equal.
    assert json.dumps(typed) == json.dumps(section)
    assert misfits(typed, section, schema) == []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_typing_changes_no_typed_section(data):
    version, schema = data.draw(st.sampled_from(SECTIONS))
    section = data.draw(values(schema, depth=1))
    assert json.dumps(convert(section, schema, booleans(version))) == json.dumps(section)
