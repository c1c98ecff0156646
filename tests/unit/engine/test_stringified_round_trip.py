"""Property: typing undoes what CloudFormation does to scalars, in every section of every version."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_schema import booleans, configuration_schema, versions
from cluster_schema.conversion import convert, misfits
from tests.support.custom_resource_properties import stringified

WORDS = st.sampled_from(["true", "No", "1", "0042", "1e3", "null", "1:02:03", "a", "é", "a b"])


def values(schema, depth):
    """Everything a place accepts, with optional sections inside sections left out below the depth."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            return objects(schema, depth)
        case "array":
            smallest = schema.get("minItems", 0)
            largest = min(schema.get("maxItems", 2), smallest + 2)
            return st.lists(values(schema["items"], depth), min_size=smallest, max_size=largest)
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "number":
            numbers = st.floats(schema.get("minimum"), allow_nan=False, allow_infinity=False)
            return numbers | st.integers(0, 99)
        case "string":
            return st.from_regex(schema["pattern"]) if "pattern" in schema else WORDS
        case _:  # a boolean or a text: the two words mean the boolean
            return st.booleans() | WORDS.filter(lambda word: word != "true")


def objects(schema, depth):
    if "properties" not in schema:
        return st.dictionaries(st.sampled_from(["Port", "Feature"]), WORDS)
    places = schema["properties"]
    if "oneOf" in schema:  # one script, or a sequence of scripts
        script = {key: places[key] for key in ("Script", "Args")}
        return st.fixed_dictionaries({"Sequence": values(places["Sequence"], depth)}) | objects(
            {"properties": script, "required": ["Script"]}, depth
        )
    needed = schema.get("required", [])
    optional = [key for key in places if key not in needed and (depth or not is_section(places[key]))]
    return st.fixed_dictionaries(
        {key: values(places[key], depth) for key in needed},
        optional={key: values(places[key], depth - 1) for key in optional},
    )


def is_section(schema):
    return "properties" in schema or "properties" in schema.get("items", {})


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
