"""The file with the embedded cloud's resource types is current."""

from tools import resource_types


def test_the_resource_types_are_those_of_the_registry():
    assert resource_types.FILE.read_text() == resource_types.as_json(), "run `make resource-types`"
