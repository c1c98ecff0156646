"""EventBridge: patterns, events and what targets receive."""

import json
import uuid

import pytest
from tests.support.functions import message, queue

EVENT = {
    "id": "1",
    "source": "mine",
    "detail-type": "something",
    "account": "123456789012",
    "region": "us-east-1",
    "time": "2026-01-01T00:00:00Z",
    "resources": ["arn:one", "arn:two"],
    "detail": {
        "name": "image.png",
        "count": 5,
        "ratio": 0.5,
        "on": True,
        "nothing": None,
        "empty": "",
        "address": "10.1.2.3",
        "list": [],
        "items": [{"kind": "a", "size": 1}, {"kind": "b", "size": 2}],
        "inner": {"deep": {"state": "Running"}},
    },
}
MATCHING = [
    {"source": ["other", "mine"]},
    {"source": [{"prefix": ""}]},
    {"resources": ["arn:two"]},
    {"detail": {"count": [5.0]}},
    {"detail": {"on": [True]}},
    {"detail": {"nothing": [None]}},
    {"detail": {"empty": [""]}},
    {"detail": {"name": [{"prefix": "image"}]}},
    {"detail": {"name": [{"prefix": {"equals-ignore-case": "IMAGE"}}]}},
    {"detail": {"name": [{"suffix": ".png"}]}},
    {"detail": {"name": [{"suffix": {"equals-ignore-case": ".PNG"}}]}},
    {"detail": {"name": [{"equals-ignore-case": "Image.PNG"}]}},
    {"detail": {"name": [{"wildcard": "im*.p*g"}]}},
    {"detail": {"name": [{"wildcard": "*"}]}},
    {"detail": {"name": [{"anything-but": "other.png"}]}},
    {"detail": {"name": [{"anything-but": ["a", "b"]}]}},
    {"detail": {"name": [{"anything-but": {"prefix": "photo"}}]}},
    {"detail": {"name": [{"anything-but": {"suffix": [".gif", ".jpg"]}}]}},
    {"detail": {"name": [{"anything-but": {"wildcard": "*.gif"}}]}},
    {"detail": {"name": [{"anything-but": {"equals-ignore-case": ["A", "B"]}}]}},
    {"detail": {"nothing": [{"anything-but": "x"}]}},
    {"detail": {"count": [{"anything-but": {"prefix": "5"}}]}},
    {"detail": {"count": [{"anything-but": [4, 6]}]}},
    {"detail": {"count": [{"numeric": ["=", 5]}]}},
    {"detail": {"count": [{"numeric": [">", 0, "<=", 5]}]}},
    {"detail": {"count": [{"numeric": ["<", 10, ">=", 5]}]}},
    {"detail": {"ratio": [{"numeric": ["<", 1]}]}},
    {"detail": {"address": [{"cidr": "10.0.0.0/8"}]}},
    {"detail": {"name": [{"exists": True}], "absent": [{"exists": False}]}},
    {"detail": {"absent": {"deeper": [{"exists": False}]}}},
    {"detail": {"list": [{"exists": False}]}},
    {"detail": {"items": {"kind": ["b"], "size": [2]}}},
    {"detail": {"inner.deep.state": ["Running"]}},
    {"detail.count": [5]},
    {"detail": {"$or": [{"count": [1]}, {"name": [{"suffix": "png"}]}]}},
    {"$or": [{"source": ["other"]}, {"detail": {"on": [True]}}], "source": ["mine"]},
]
NOT_MATCHING = [
    {"source": ["Mine"]},
    {"Source": ["mine"]},
    {"detail": {"count": ["5"]}},
    {"detail": {"on": [1]}},
    {"detail": {"on": ["true"]}},
    {"detail": {"nothing": [""]}},
    {"detail": {"empty": [None]}},
    {"detail": {"name": [{"prefix": "Image"}]}},
    {"detail": {"name": [{"wildcard": "*.p"}]}},
    {"detail": {"name": [{"wildcard": "image?png"}]}},
    {"detail": {"name": [{"wildcard": "im\\*"}]}},
    {"detail": {"name": [{"anything-but": ["image.png", "b"]}]}},
    {"detail": {"name": [{"anything-but": {"wildcard": ["*.gif", "*.png"]}}]}},
    {"detail": {"name": [{"anything-but": {"equals-ignore-case": "IMAGE.png"}}]}},
    {"detail": {"absent": [{"anything-but": "x"}]}},
    {"detail": {"absent": [{"anything-but": {"prefix": "x"}}]}},
    {"detail": {"count": [{"numeric": [">", 5]}]}},
    {"detail": {"name": [{"numeric": [">", 0]}]}},
    {"detail": {"nothing": [{"numeric": [">=", 0]}]}},
    {"detail": {"on": [{"numeric": ["=", 1]}]}},
    {"detail": {"address": [{"cidr": "10.2.0.0/16"}]}},
    {"detail": {"name": [{"cidr": "10.0.0.0/8"}]}},
    {"detail": {"inner": [{"exists": True}]}},
    {"detail": {"list": [{"exists": True}]}},
    {"detail": {"items": {"kind": ["a"], "size": [2]}}},
    {"detail": {"$or": [{"count": [1]}, {"name": ["x"]}]}},
    {"$or": [{"source": ["mine"]}, {"detail": {"on": [True]}}], "source": ["other"]},
]
REFUSED = [
    ({"source": "mine"}, '"source" must be an object or an array'),
    ({"source": []}, "Empty arrays are not allowed"),
    ({"detail": {"count": 42}}, '"count" must be an object or an array'),
    (["mine"], "Filter is not an object"),
    ({"source": [{"EXISTS": True}]}, "Unrecognized match type EXISTS"),
    ({"source": [{"NUMERIC": ["=", 5]}]}, "Unrecognized match type NUMERIC"),
    ({"source": [{"prefix": ["a"]}]}, "prefix match pattern must be a string"),
    ({"source": [{"prefix": 1}]}, "prefix match pattern must be a string"),
    ({"source": [{"suffix": ["a"]}]}, "suffix match pattern must be a string"),
    ({"source": [{"wildcard": ["a*"]}]}, "wildcard match pattern must be a string"),
    ({"source": [{"wildcard": 1}]}, "wildcard match pattern must be a string"),
    ({"source": [{"wildcard": "a**b"}]}, "Consecutive wildcard characters at pos 2"),
    ({"source": [{"equals-ignore-case": ["a"]}]}, "equals-ignore-case match pattern must be a string"),
    (
        {"source": [{"equals-ignore-case": {"prefix": "a"}}]},
        "equals-ignore-case match pattern must be a string",
    ),
    (
        {"source": [{"anything-but": None}]},
        "Value of anything-but must be an array or single string/number value.",
    ),
    (
        {"source": [{"anything-but": {"prefix": {"equals-ignore-case": "a"}}}]},
        "Value of anything-but must be an array or single string/number value.",
    ),
    ({"source": [{"anything-but": {"prefix": 1}}]}, "prefix/suffix match pattern must be a string"),
    ({"source": [{"anything-but": {"suffix": [1, "a"]}}]}, "prefix/suffix match pattern must be a string"),
    ({"source": [{"anything-but": {"wildcard": [1]}}]}, "wildcard match pattern must be a string"),
    (
        {"source": [{"anything-but": {"equals-ignore-case": [1]}}]},
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    ),
    ({"source": [{"cidr": "10.0.0.0"}]}, "Malformed CIDR, one '/' required"),
    ({"source": [{"cidr": "10.0.0.0/x"}]}, "Malformed CIDR, mask bits must be an integer"),
    ({"source": [{"cidr": "xx.11.xx/8"}]}, "Nonstandard IP address: xx.11.xx"),
    ({"source": [{"cidr": ["10.0.0.0/8"]}]}, "prefix match pattern must be a string"),
    ({"source": [{"numeric": [">", 0, ">", 0]}]}, "Bad numeric range operator: >"),
    ({"source": [{"numeric": [">", 0, "<"]}]}, "Value of < must be numeric"),
]
#: Refused as well, in words that are not recorded.
REFUSED_SOMEHOW = [
    {},
    {"detail": {}},
    {"source": [{"anything-but": {"prefix": ""}}]},
    {"source": [{"anything-but": ["a", None]}]},
    {"source": [{"anything-but": ["a", 1]}]},
    {"source": [{"anything-but": {"numeric": ["=", 1]}}]},
    {"source": [{"numeric": []}]},
    {"source": [{"numeric": "="}]},
    {"source": [{"numeric": ["~", 1]}]},
    {"source": [{"numeric": ["="]}]},
    {"source": [{"numeric": ["=", 1, "<", 2]}]},
    {"source": [{"numeric": [">", 2, "<", 1]}]},
    {"source": [{"exists": "yes"}]},
    {"source": [{"prefix": "a", "suffix": "b"}]},
    {"source": [["mine"]]},
    {"source": [{"wildcard": "a\\b"}]},
    {"source": [{"cidr": "10.0.0.0/33"}]},
    {"$or": [{"source": ["mine"]}, {"source": "mine"}]},
]


@pytest.fixture
def events(cloud):
    return cloud.client("events")


def rule(events, arn, pattern, **target):
    name = f"rule-{uuid.uuid4().hex}"
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "target", "Arn": arn, **target}])
    return name


def put(events, source, detail):
    entry = {"Source": source, "DetailType": "something", "Detail": json.dumps(detail)}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


@pytest.mark.recording(13)
@pytest.mark.parametrize("pattern", MATCHING, ids=json.dumps)
def test_a_pattern_matches(events, pattern):
    assert (
        events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(EVENT))["Result"] is True
    )


@pytest.mark.recording(13)
@pytest.mark.parametrize("pattern", NOT_MATCHING, ids=json.dumps)
def test_a_pattern_does_not_match(events, pattern):
    assert (
        events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(EVENT))["Result"]
        is False
    )


@pytest.mark.recording(13)
@pytest.mark.parametrize(("pattern", "reason"), REFUSED, ids=json.dumps)
def test_a_pattern_is_refused_by_both_operations(events, refused, pattern, reason):
    words = ("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
    text = json.dumps(pattern)
    assert refused(events.test_event_pattern, EventPattern=text, Event=json.dumps(EVENT)) == words
    assert refused(events.put_rule, Name="refused", EventPattern=text) == words


@pytest.mark.recording(13)
@pytest.mark.parametrize("pattern", REFUSED_SOMEHOW, ids=json.dumps)
def test_a_pattern_that_makes_no_sense_is_refused(events, refused, pattern):
    code, _ = refused(events.put_rule, Name="refused", EventPattern=json.dumps(pattern))
    assert code == "InvalidEventPatternException"


@pytest.mark.recording(13)
@pytest.mark.parametrize("event", ["text", '"text"', json.dumps({"source": "mine"})])
def test_only_whole_events_can_be_tested(events, refused, event):
    answer = refused(events.test_event_pattern, EventPattern='{"source": ["mine"]}', Event=event)
    assert answer == ("ValidationException", "Parameter Event is not valid.")


@pytest.mark.recording(13)
def test_rules_match_as_the_test_says(cloud, events):
    url, arn = queue(cloud)
    source = f"source.{uuid.uuid4().hex}"
    rule(
        events,
        arn,
        {"source": [source], "detail": {"name": [{"wildcard": "*.png"}], "n": [{"numeric": [">", 1]}]}},
    )
    put(events, source, {"name": "a.gif", "n": 2})
    put(events, source, {"name": "a.png", "n": 1})
    put(events, source, {"name": "b.png", "n": 2})
    assert message(cloud, url)[0]["detail"] == {"name": "b.png", "n": 2}


@pytest.mark.recording(14)
@pytest.mark.parametrize("detail", ["[1, 2]", '"text"', "7", "not json"])
def test_an_event_whose_detail_is_no_object_has_failed(events, detail):
    entries = [
        {"Source": "mine", "DetailType": "something", "Detail": detail},
        {"Source": "mine", "DetailType": "something", "Detail": "{}"},
    ]
    answer = events.put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0] == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    assert answer["Entries"][1]["EventId"]


@pytest.mark.parametrize(
    ("template", "received"),
    [
        pytest.param('"<list> item"', "[HIGH] item", marks=pytest.mark.recording(16)),
        pytest.param('"Map <map>"', "Map {a:x,b:y}", marks=pytest.mark.recording(16)),
        pytest.param('{"list": <list>}', {"list": ["HIGH"]}, marks=pytest.mark.recording(16)),
        pytest.param('"absent: <absent>."', "absent: .", marks=pytest.mark.recording(17)),
        pytest.param('{"absent": <absent>}', {"absent": ""}, marks=pytest.mark.recording(17)),
    ],
)
def test_a_transformer_puts_values_into_text(cloud, events, template, received):
    url, arn = queue(cloud)
    source = f"source.{uuid.uuid4().hex}"
    paths = {"list": "$.detail.list", "map": "$.detail.map", "absent": "$.detail.absent"}
    transformer = {"InputPathsMap": paths, "InputTemplate": template}
    rule(events, arn, {"source": [source]}, InputTransformer=transformer)
    put(events, source, {"list": ["HIGH"], "map": {"a": "x", "b": "y"}})
    assert message(cloud, url)[0] == received


@pytest.mark.recording(20)
def test_the_event_in_a_transformer_names_its_type_in_one_word(cloud, events):
    url, arn = queue(cloud)
    source = f"source.{uuid.uuid4().hex}"
    rule(events, arn, {"source": [source]}, InputTransformer={"InputTemplate": '{"e": <aws.events.event>}'})
    put(events, source, {"a": 1})
    event = message(cloud, url)[0]["e"]
    assert (event["detailType"], event["source"]) == ("something", source)
    assert not {"detail", "detail-type"} & event.keys()


@pytest.mark.recording(19)
@pytest.mark.parametrize(
    ("target", "words"),
    [
        (
            {"InputTransformer": {"InputPathsMap": {"a": "$.a"}, "InputTemplate": '"<a> <b>"'}},
            "InputTemplate for target target contains invalid placeholder b.",
        ),
        (
            {"InputPath": "$.detail", "InputTransformer": {"InputTemplate": '"text"'}},
            "Only one of Input, InputPath, or InputTransformer must be provided for target target.",
        ),
        (
            {"InputPath": "$.detail", "Input": '"text"'},
            "Only one of Input, InputPath, or InputTransformer must be provided for target target.",
        ),
    ],
)
def test_a_target_with_an_input_that_makes_no_sense_is_refused(cloud, events, refused, target, words):
    _, arn = queue(cloud)
    name = rule(events, arn, {"source": ["mine"]})
    answer = refused(events.put_targets, Rule=name, Targets=[{"Id": "target", "Arn": arn, **target}])
    assert answer == ("ValidationException", words)


@pytest.mark.recording(22)
def test_a_second_page_of_targets_goes_on_after_the_first(cloud, events):
    _, arn = queue(cloud)
    name = rule(events, arn, {"source": ["mine"]})
    events.put_targets(Rule=name, Targets=[{"Id": f"more-{number}", "Arn": arn} for number in range(4)])
    first = events.list_targets_by_rule(Rule=name, Limit=3)
    second = events.list_targets_by_rule(Rule=name, Limit=3, NextToken=first["NextToken"])
    ids = [target["Id"] for page in (first, second) for target in page["Targets"]]
    assert ids == ["target", "more-0", "more-1", "more-2", "more-3"]
    assert "NextToken" not in second
