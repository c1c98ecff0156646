import base64
import json
import zlib
from itertools import pairwise
from string import ascii_lowercase

import pytest
import yaml

from cluster_engine import configuration
from cluster_engine.contract import ConfigurationInvalidError
from tests.support import custom_resource_properties as properties

VERSION = "3.16.1"
MINIMAL = (properties.CONFIGURATIONS / "minimal.yaml").read_text(encoding="utf-8")


def load(value, tags=None):
    return configuration.load(properties.encoded(value), tags or {}, VERSION)


def refusal(value):
    with pytest.raises(ConfigurationInvalidError) as caught:
        load(value)
    return caught.value


def test_an_object_is_typed():
    loaded = load(properties.stringified(properties.load("spot.yaml")))
    assert loaded == properties.load("spot.yaml")


def test_yaml_text_is_accepted_types_intact():
    assert load(MINIMAL) == yaml.safe_load(MINIMAL)


def test_json_text_is_accepted_types_intact_even_when_it_is_indented_with_tabs():
    assert load(json.dumps(yaml.safe_load(MINIMAL), indent="\t")) == yaml.safe_load(MINIMAL)


def test_a_value_that_the_library_reads_as_a_number_stays_text_in_a_text():
    text = MINIMAL.replace("MaxCount: 4", "MaxCount: '4'")
    resource = load(text)["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]
    assert resource["MaxCount"] == "4"


def test_a_text_has_to_fit_the_schema_too():
    error = refusal(MINIMAL.replace("MaxCount: 4", "MaxCount: four"))
    assert error.details[0]["path"] == "/Scheduling/SlurmQueues/0/ComputeResources/0/MaxCount"


def test_bad_yaml_is_refused_with_line_and_column():
    error = refusal("Image:\n  Os: alinux2023: x\nHeadNode: {}\n")
    assert error.details == [
        {
            "path": "",
            "value": '"  Os: alinux2023: x"',
            "expected": "YAML or JSON (mapping values are not allowed in this context, line 2, column 17)",
        }
    ]


@pytest.mark.parametrize("text", ["Image: [", "[a]: b", "a: '", "\t: x"])
def test_what_is_not_yaml_is_refused_wherever_it_breaks(text):
    assert refusal(text).message.startswith("The configuration is not valid YAML or JSON: ")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2026-31-12", "date"),
        ("2026-02-30", "date"),
        ("2026-12-14t21:59:43-99:99", "date"),
        ("!!timestamp soon", "date"),
        ("0b_", "whole number"),
        ("!!int ''", "whole number"),
        ("!!float ''", "number"),
        ("!!bool maybe", "boolean"),
    ],
)
def test_a_value_that_looks_like_a_date_or_a_number_and_is_none_is_refused_with_its_place(value, kind):
    error = refusal(f"{MINIMAL}Tags:\n  - {{Key: until, Value: {value}}}\n")
    line = len(MINIMAL.splitlines()) + 2
    assert f"is read as a {kind} and is none: quote it if it is meant as text, line {line}, column 25" in (
        error.message
    )
    assert error.details[0]["value"].startswith('"  - {Key: until, Value: ')


def test_a_number_of_thousands_of_digits_is_refused_in_any_notation():
    for text in ('{"Image": %s}' % ("9" * 5000), f"Image: {'9' * 5000}", f"Image: 0x{'f' * 4998}"):
        assert "has 5,000 characters, and at most 1,000 are read" in refusal(text).message


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a":' * 150 + "1" + "}" * 150,
        "a: " + "[" * 150 + "]" * 150,
    ],
    ids=["lists", "maps", "JSON", "YAML"],
)
def test_a_text_that_nests_too_deep_is_refused(text):
    assert "lists and maps are more than 100 deep in each other" in refusal(text).message


@pytest.mark.parametrize("text", ["a: &it [*it]", "a: &it {b: {c: *it}}", "a: &it\n  <<: *it\n"])
def test_a_value_in_itself_is_refused(text):
    assert "an alias refers to a node that contains it, line " in refusal(text).message


def test_a_text_that_names_one_thing_millions_of_times_is_refused_where_it_becomes_too_much():
    pairs = pairwise(ascii_lowercase)
    text = "a: &a [1]\n" + "".join(f"{name}: &{name} [*{before}, *{before}]\n" for before, name in pairs)
    assert "with its aliases written out, the text has more than 200,000 keys and values" in (
        refusal(text).message
    )


@pytest.mark.parametrize(
    "text", ["Image: {Os: alinux2023}\nImage: {Os: rhel8}\n", '{"Image": {}, "Image": {}}']
)
def test_a_key_that_is_there_twice_is_refused(text):
    assert 'the key "Image" is there twice' in refusal(text).message


def test_a_tag_that_would_make_an_object_is_not_carried_out():
    for tag in ("!!python/object/apply:os.getcwd []", "a: !!set {x}", "a: !!binary eA==", "a: !Ref x"):
        assert "is not supported in a configuration: remove it, line 1" in refusal(tag).message


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b\n", "5", "null"])
def test_a_text_without_keys_is_refused(text):
    error = refusal(text)
    assert (error.details[0]["path"], error.details[0]["expected"]) == ("", "a map of keys")


def test_merge_keys_and_aliases_mean_what_they_mean_in_yaml():
    text = MINIMAL + "Tags:\n  - &tag {Key: a, Value: b}\n  - {<<: *tag, Key: c}\n"
    assert load(text)["Tags"] == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "b"}]


def test_tags_are_added_behind_the_configuration_s_own_in_the_order_of_their_keys():
    own = properties.load("minimal.yaml") | {
        "Tags": [{"Key": "z", "Value": "own"}, {"Key": "b", "Value": "own"}]
    }
    loaded = load(own, {"c": "added", "b": "added", "a": "added"})
    assert [(tag["Key"], tag["Value"]) for tag in loaded["Tags"]] == [
        ("z", "own"),
        ("b", "own"),
        ("a", "added"),
        ("c", "added"),
    ]


@pytest.mark.library
def test_the_library_s_own_way_to_read_yaml_changes_nothing_for_the_engine():
    from pcluster.utils import yaml_load  # noqa: PLC0415 - it changes how the process reads YAML, see below

    yaml_load("a: 1")
    assert configuration.parse("base: &b {a: 1}\nmore: {<<: *b}\n")["more"] == {"a": 1}


def test_without_tags_to_add_the_configuration_gets_no_tags_section():
    assert "Tags" not in load(properties.load("minimal.yaml"))


def test_a_property_that_was_not_packed_by_the_contract_is_the_provider_s_fault_not_the_author_s():
    with pytest.raises(ValueError, match="base64"):
        configuration.load("not base64!", {}, VERSION)


def packed(text):
    return base64.b64encode(zlib.compress(text.encode())).decode()


def test_a_property_that_unpacks_to_more_than_a_template_holds_is_refused():
    with pytest.raises(ConfigurationInvalidError, match="more than 6,291,456 bytes"):
        configuration.load(packed(" " * 50_000_000), {}, VERSION)


def test_a_packed_property_without_its_end_is_the_provider_s_fault():
    with pytest.raises(ValueError, match="end is missing"):
        configuration.load(base64.b64encode(zlib.compress(b"{}")[:-2]).decode(), {}, VERSION)


def test_a_property_that_nests_too_deep_is_refused():
    with pytest.raises(ConfigurationInvalidError, match="more than 100 deep in each other"):
        configuration.load(packed('{"a":' * 100_000), {}, VERSION)


def test_half_a_character_in_a_property_is_refused():
    with pytest.raises(ConfigurationInvalidError, match="half of a character"):
        configuration.load(packed('{"Image": {"Os": "\\ud800"}}'), {}, VERSION)


def test_a_text_that_a_pattern_would_divide_in_too_many_ways_is_refused_without_trying():
    arn = "arn:" + ":ssm:" * 10_000 + ":" * 10_000
    error = refusal({**properties.load("minimal.yaml"), "DirectoryService": {"PasswordSecretArn": arn}})
    (detail,) = [item for item in error.details if item["path"] == "/DirectoryService/PasswordSecretArn"]
    assert detail["expected"].startswith("text, matching ")


def test_a_hundred_thousand_values_that_do_not_fit_fill_no_more_than_a_result_shows():
    error = refusal({**properties.load("minimal.yaml"), "Tags": ["x"] * 100_000})
    assert 1_000 < len(error.details) <= 2_000


def test_a_number_in_text_of_thousands_of_digits_is_no_number():
    wanted = properties.load("minimal.yaml")
    wanted["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"] = "9" * 4_000
    assert refusal(wanted).details[0]["expected"] == "an integer, at least 1"


IMAGE = {"Build": {"InstanceType": "c5.large", "ParentImage": "ami-12345678"}}


def load_image(value):
    owner = {"owner-stack": "arn:s"}
    return configuration.load_image(
        properties.encoded(value), {"team": "hpc", "parallelcluster:x": "y"}, owner
    )


def image_refusal(value):
    with pytest.raises(ConfigurationInvalidError) as caught:
        load_image(value)
    return caught.value


def test_an_image_gets_the_stack_s_tags_and_its_owner_s_behind_its_own():
    own = [{"Key": "project", "Value": "weather"}, {"Key": "owner-stack", "Value": "forged"}]
    loaded = load_image({**IMAGE, "Image": {"Tags": own}})
    assert loaded["Build"]["Tags"] == [{"Key": "team", "Value": "hpc"}]
    assert [(tag["Key"], tag["Value"]) for tag in loaded["Image"]["Tags"]] == [
        ("project", "weather"),
        ("owner-stack", "arn:s"),
        ("team", "hpc"),
    ]


@pytest.mark.parametrize("none", [{}, {"Tags": None}, {"Tags": []}])
def test_an_image_without_tags_of_its_own_gets_those_to_add(none):
    loaded = load_image({**IMAGE, "Image": none})
    assert [tag["Key"] for tag in loaded["Image"]["Tags"]] == ["owner-stack", "team"]


@pytest.mark.parametrize("part", ["Build", "Image"])
@pytest.mark.parametrize(
    ("tags", "path", "value", "expected"),
    [
        ({"Project": "hpc"}, "", '{"Project": "hpc"}', "a list of maps with Key and Value"),
        ("x", "", '"x"', "a list of maps with Key and Value"),
        (["a"], "/0", '"a"', "a map with Key and Value"),
        ([{"Key": "a"}], "/0/Value", "null", "a value, because Value is required: text"),
        ([{"Key": "a", "Value": ["b"]}], "/0/Value", '["b"]', "text"),
        ([{"Key": ["a"], "Value": "b"}], "/0/Key", '["a"]', "text"),
    ],
)
def test_tags_of_an_image_that_are_no_tags_are_refused_with_path_value_and_what_is_expected(
    part, tags, path, value, expected
):
    error = image_refusal({**IMAGE, part: {**IMAGE.get(part, {}), "Tags": tags}})
    assert error.details == [{"path": f"/{part}/Tags{path}", "value": value, "expected": expected}]
    assert error.message == (
        f"The configuration does not fit an image: /{part}/Tags{path} is {value}, expected {expected}."
    )


def test_a_misspelt_key_of_an_image_s_tag_is_refused_with_the_right_one():
    error = image_refusal({**IMAGE, "Image": {"Tags": [{"key": "a", "Value": "b"}]}})
    suggested = {detail["path"]: detail.get("suggestion") for detail in error.details}
    assert suggested == {"/Image/Tags/0/Key": None, "/Image/Tags/0/key": "Key"}


def test_the_tags_of_an_image_in_a_text_are_refused_like_those_of_a_map():
    error = image_refusal("Image:\n  Tags: [{Key: until, Value: 2026-12-31}]\n")
    assert error.details == [{"path": "/Image/Tags/0/Value", "value": '"2026-12-31"', "expected": "text"}]


@pytest.mark.parametrize("text", ["- a\n- b\n", "- 2026-12-31\n", "5", ""])
def test_a_text_of_an_image_that_is_no_map_is_refused(text):
    assert "a map is expected" in image_refusal(text).message


def test_a_refused_value_names_the_releases_that_accept_it():
    error = refusal(MINIMAL.replace("alinux2023", "alinux2"))
    (detail,) = error.details
    assert detail["expected"].endswith(" (valid with PclusterVersion 3.6.0 to 3.15.1)")
    assert detail["expected"] in error.message


def test_a_refused_key_names_the_releases_that_have_it():
    network = "{SubnetIds: [subnet-0123456789abcdef0]}"
    pool = f"{{Name: a, InstanceType: t3.micro, Count: 1, Networking: {network}, Ssh: {{KeyName: k}}}}"
    (detail,) = refusal(f"{MINIMAL}LoginNodes:\n  Pools:\n    - {pool}\n").details
    assert detail["path"] == "/LoginNodes/Pools/0/Ssh/KeyName"
    assert detail["message"].endswith(" (valid with PclusterVersion 3.7.0 to 3.14.2)")


def test_a_value_that_no_release_accepts_names_none():
    assert "PclusterVersion" not in str(refusal(MINIMAL.replace("alinux2023", "windows")).details)
