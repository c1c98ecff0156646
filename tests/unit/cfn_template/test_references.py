"""What a template reads of its resources, and where."""

import pytest

from cfn_template.limits import Place
from cfn_template.parameters import is_list, typed
from cfn_template.reading import read
from cfn_template.references import names_in, references


def test_every_way_to_read_an_attribute_is_found_with_its_place():
    text = "a: !GetAtt C.x.y\nb: !Sub '${C.z} ${!no} ${P} ${own}'\nc: !Sub ['${v}', {v: !GetAtt [D, w]}]\n"
    found = [(each.name, each.attribute, each.place) for each in references(read(text))]
    assert found == [
        ("C", "x.y", Place(1, 4)),
        ("C", "z", Place(2, 4)),
        ("P", None, Place(2, 4)),
        ("own", None, Place(2, 4)),
        ("D", "w", Place(3, 22)),
    ]


def test_a_variable_that_a_substitution_brings_along_is_no_reference():
    assert list(names_in({"Fn::Sub": ["${a}${b}", {"a": {"Ref": "C"}}]})) == ["C", "b"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("String", "a, b", "a, b"),
        ("Number", "4", 4),
        ("Number", "04", "04"),
        ("CommaDelimitedList", "a, b", ["a", "b"]),
        ("CommaDelimitedList", "", [""]),
        ("List<AWS::EC2::Subnet::Id>", "", [""]),
        ("List<Number>", "1, 2", [1, 2]),
    ],
)
def test_a_parameter_gives_what_cloudformation_gives_for_its_type(kind, text, value):
    assert typed("P", kind, text) == value
    assert is_list(kind) is isinstance(value, list)
