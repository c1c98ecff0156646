"""Fn::ForEach, written out where its collection is known."""

import pytest

from cfn_template.limits import Place
from cfn_template.loops import LoopError, expand_loops, transforms_of
from cfn_template.reading import read
from cfn_template.values import place_of
from tests.unit.cfn_template.contexts import Stated, evaluator

LOOP = """\
Resources:
  Alone: {Type: X}
  Fn::ForEach::Clusters:
    - Team
    - COLLECTION
    - Cluster&{Team}:
        Type: X
        Properties: {Name: !Sub 'hpc-${Team}-${AWS::Region}', Team: !Ref Team, Same: !Sub '${Team}'}
"""


def expanded(text, **names):
    return expand_loops(read(text), evaluator(context=Stated(**names)).evaluate)


def test_a_loop_makes_one_resource_of_each_item_with_its_name_in_every_place():
    template, left = expanded(LOOP.replace("COLLECTION", "[a.b, c]"))
    assert left == []
    assert list(template["Resources"]) == ["Alone", "Clusterab", "Clusterc"]
    assert template["Resources"]["Clusterab"]["Properties"] == {
        "Name": {"Fn::Sub": "hpc-a.b-${AWS::Region}"},
        "Team": "a.b",
        "Same": "a.b",
    }


def test_what_a_loop_makes_has_the_place_of_what_it_was_made_of():
    template, _ = expanded(LOOP.replace("COLLECTION", "!Ref Teams"), Teams=["a", "b"])
    for name in ("Clustera", "Clusterb"):
        assert place_of(template, ("Resources", name), of_key=True) == Place(6, 7)
        assert place_of(template, ("Resources", name, "Properties", "Name"), of_key=True) == Place(8, 22)


def test_a_loop_whose_collection_is_not_known_stays_and_is_named_with_the_reason():
    template, (left,) = expanded(LOOP.replace("COLLECTION", "!Ref Teams"))
    assert list(template["Resources"]) == ["Alone", "Fn::ForEach::Clusters"]
    assert (left.section, left.key, left.place) == ("Resources", "Fn::ForEach::Clusters", Place(3, 3))
    assert left.reason == "Teams is not known"


def test_loops_in_loops_see_the_items_around_them():
    inner = "{'Fn::ForEach::In': [B, [1, 2], {'Q${A}${B}': {Type: X}}]}"
    template, _ = expanded(f"Resources: {{'Fn::ForEach::Out': [A, [x, y], {inner}]}}")
    assert list(template["Resources"]) == ["Qx1", "Qx2", "Qy1", "Qy2"]


@pytest.mark.parametrize(
    ("loop", "problem"),
    [
        ("[N, [a]]", "layout is incorrect"),
        ("[N, [a], [x]]", "layout is incorrect"),
        ("[N, [a, b], {Same: {}}]", "Duplicate key Same"),
        ("[N, a, {'${N}': {}}]", "is not a list of strings"),
        ("[N, [[a]], {'${N}': {}}]", "is not a list of strings"),
    ],
)
def test_a_loop_of_another_form_is_refused(loop, problem):
    with pytest.raises(LoopError, match=problem):
        expanded(f"Resources: {{'Fn::ForEach::Q': {loop}}}")


def test_loops_that_would_fill_the_memory_are_refused():
    deep = "{'Q${A0}x${A1}x${A2}x${A3}': {}}"
    for level in range(4):
        items = ", ".join(map(str, range(60)))
        deep = f"{{'Fn::ForEach::L{level}': [A{level}, [{items}], {deep}]}}"
    with pytest.raises(LoopError, match="loops make more than 200,000 keys and values"):
        expanded(f"Resources: {deep}")


def test_transforms_are_named_in_every_spelling():
    assert transforms_of({}) == []
    assert transforms_of({"Transform": "A"}) == ["A"]
    assert transforms_of({"Transform": ["A", {"Name": "B"}]}) == ["A", "B"]
