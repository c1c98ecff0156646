"""Configurations made from the schema: everything that its places accept."""

import math

from hypothesis import strategies as st

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
            return st.integers(smallest_integer(schema), schema.get("maximum"))
        case "number":
            numbers = st.floats(schema.get("minimum"), allow_nan=False, allow_infinity=False)
            return numbers | st.integers(0, 99)
        case "string":
            return texts(schema)
        case _:  # a boolean or a text: the two words mean the boolean
            return st.booleans() | WORDS.filter(lambda word: word != "true")


def texts(schema):
    """Any word, or what matches the pattern and is neither too short nor too long."""
    if "pattern" not in schema:
        return WORDS
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    return st.from_regex(schema["pattern"]).filter(lambda text: shortest <= len(text) <= longest)


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


def smallest_integer(schema):
    if "exclusiveMinimum" in schema:
        return schema["exclusiveMinimum"] + 1
    return schema.get("minimum")


def is_section(schema):
    return "properties" in schema or "properties" in schema.get("items", {})
