"""What a target receives, at its edges."""

import pytest

from localcloud.events.inputs import select, target_input

EVENT = {"time": "2026-01-01T00:00:00Z", "detail-type": "type", "detail": {"list": [{"a": 1}], "none": None}}
RULE = "arn:aws:events:us-east-1:123456789012:rule/mine"


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$", EVENT),
        ("$.detail-type", "type"),
        ("$.detail.list[0].a", 1),
        ("$.detail.list[1]", None),
        ("$.detail.list.a", None),
        ("$.missing.deeper", None),
    ],
)
def test_a_path_leads_to_its_part_or_to_nothing(path, selected):
    assert select(EVENT, path) == selected


@pytest.mark.parametrize("path", ["detail", "$.detail[*]", "$..a", "$.list[-1]"])
def test_a_path_of_another_kind_is_an_error_that_names_it(path):
    with pytest.raises(ValueError, match="is not a path"):
        select(EVENT, path)


def test_a_template_can_name_the_rule_and_the_whole_event():
    transformer = {"InputTemplate": '{"rule": <aws.events.rule-name>, "all": <aws.events.event.json>}'}
    text = target_input({"InputTransformer": transformer}, EVENT, RULE)
    assert text.startswith('{"rule": "mine", "all": {"time": ')


def test_a_template_that_yields_no_json_is_an_error():
    transformer = {"InputTemplate": "{<aws.events.rule-name>"}
    with pytest.raises(ValueError, match="delimiter"):
        target_input({"InputTransformer": transformer}, EVENT, RULE)
