import json

import pytest

from pcluster_cfn.validation.file_check import check

GOOD = """\
Image: {Os: alinux2023}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: subnet-0123456789abcdef0}
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: compute
      ComputeResources:
        - {Name: c6i, InstanceType: c6i.xlarge, MaxCount: 4}
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
"""


def template(configuration, head="", kind="Custom::PclusterCluster", properties=""):
    """A template with a configuration: keys of a map, or what begins with ``|``, a quote or a function."""
    lines = "".join(f"        {line}\n" if line else "\n" for line in configuration.splitlines())
    value = f" {lines.lstrip()}" if configuration[:1] in {"|", "!", "'"} else f"\n{lines}"
    return (
        f"{head}Resources:\n  Cluster:\n    Type: {kind}\n    Properties:\n      ServiceToken: arn\n"
        f"      ClusterName: hpc\n{properties}      ClusterConfiguration:{value}"
    )


def found(text, **options):
    return [(each.place.line, each.place.column, each.path, each.message) for each in check(text, **options)]


def paths(text, **options):
    return [each.path.removeprefix("Cluster/ClusterConfiguration") for each in check(text, **options)]


def test_a_good_template_has_no_findings():
    assert found(template(GOOD)) == []


def test_a_cluster_needs_no_name_unless_it_is_to_be_taken_over():
    unnamed = template(GOOD).replace("      ClusterName: hpc\n", "")
    assert found(unnamed) == []
    adopting = template(GOOD, properties="      AdoptExisting: true\n").replace(
        "      ClusterName: hpc\n", ""
    )
    assert found(adopting) == [(6, 7, "Cluster/AdoptExisting", "the cluster to take over needs ClusterName")]
    assert found(adopting.replace("Existing: true", "Existing: 'false'")) == []


def test_numbers_and_booleans_are_taken_as_cloudformation_hands_them_over():
    assert found(template(GOOD.replace("MaxCount: 4", "MaxCount: '4'"))) == []
    assert paths(template(GOOD + "Monitoring: {DetailedMonitoring: 'yes', Alarms: {Enabled: yes}}")) == []


def test_a_mistake_is_placed_at_its_value_and_an_unknown_key_at_the_key():
    text = template(GOOD.replace("Os: alinux2023", "Os: beos").replace("MaxCount", "MaxCuont"))
    assert [(line, column) for line, column, _, _ in found(text)] == [(8, 21), (17, 57)]


@pytest.mark.parametrize("kind", ["AWS::CloudFormation::CustomResource", "Custom::Mine"])
def test_a_custom_resource_of_another_name_counts_if_it_has_a_configuration(kind):
    assert paths(template(GOOD.replace("Os", "os"), kind=kind)) == ["/Image/os"]


def test_a_resource_of_another_kind_does_not_count():
    assert check(template("Foo: 1", kind="AWS::SSM::Parameter")) == []
    assert check("Resources: {A: {Type: Custom::Other, Properties: {ServiceToken: x}}}") == []


def test_a_missing_property_is_reported_at_the_resource():
    ((line, _, path, message),) = found("Resources:\n  C:\n    Type: Custom::PclusterCluster\n")[:1]
    assert (line, path) == (3, "C/ClusterConfiguration")
    assert message.startswith("ClusterConfiguration is required: a map")


def test_a_json_template_is_read_with_its_places():
    resource = {"Type": "Custom::PclusterCluster", "Properties": {"ServiceToken": "x", "ClusterName": "1"}}
    resource["Properties"]["ClusterConfiguration"] = {"Fn::ToJsonString": {"Imagine": 1}}
    text = json.dumps({"Resources": {"C": resource}}, indent="\t")
    lines = text.splitlines()
    name, *configuration = found(text)
    assert '"ClusterName"' in lines[name[0] - 1]
    assert [path for _, _, path, _ in configuration if "Imag" in path] == [
        "C/ClusterConfiguration/Imagine",
    ]


def test_anchors_and_merges_mean_what_they_mean_in_yaml():
    text = GOOD + "Tags:\n  - &tag {Key: a, Value: b}\n  - {<<: *tag, Key: c}\n  - {<<: *tag, Kay: d}\n"
    assert paths(template(text)) == ["/Tags/2/Kay"]


def test_a_cluster_whose_type_is_merged_into_it_is_found():
    text = """\
X: &ours {Type: Custom::PclusterCluster}
Resources:
  C: {<<: *ours, Properties: {ServiceToken: x, ClusterName: hpc, ClusterConfiguration: {Imagine: 1}}}
"""
    assert "C/ClusterConfiguration/Imagine" in [path for _, _, path, _ in found(text)]


def test_a_merge_that_cannot_be_carried_out_is_reported_with_its_place():
    assert found("Resources:\n  <<: text\n") == [
        (2, 7, "", "the template cannot be read: << merges something that is not a map")
    ]


def test_an_anchor_in_itself_is_reported_and_not_followed():
    problem = "the template cannot be read: an alias refers to a node that contains it"
    assert found(template("Image: &a {Os: *a}")) == [(8, 24, "", problem)]


def test_an_anchor_in_itself_in_a_text_is_reported_at_the_text_s_line():
    (finding,) = found(template("|\n  Image: &a {Os: *a}"))
    problem = "the configuration cannot be read: an alias refers to a node that contains it"
    assert finding[0] == 8
    assert finding[2:] == ("Cluster/ClusterConfiguration", problem)


def test_a_key_that_is_there_twice_is_reported_at_the_second():
    assert (19, 9, "Cluster/ClusterConfiguration/Image", "the key Image appears twice") in found(
        template(GOOD + "Image: {Os: rhel9}")
    )


@pytest.mark.parametrize("text", ["Resources: [", "Resources:\n\t- a: b", '{"Resources": '])
def test_a_text_that_is_no_yaml_is_reported_with_its_place(text):
    (finding,) = check(text)
    assert finding.message.startswith("the template cannot be read: ")
    assert 1 <= finding.place.line <= len(text.splitlines())


def test_what_is_behind_an_escaped_character_of_json_is_found_in_its_column():
    properties = {"ServiceToken": "🚀", "ClusterName": "🚀", "ClusterNam": "hpc"}
    text = json.dumps({"Resources": {"C": {"Type": "Custom::PclusterCluster", "Properties": properties}}})
    places = {path: column for _, column, path, _ in found(text)}
    assert text[places["C/ClusterName"] - 1 :].startswith('"\\ud83d\\ude80", "ClusterNam"')
    assert text[places["C/ClusterNam"] - 1 :].startswith('"ClusterNam"')


@pytest.mark.parametrize("text", ["", "words", "- a"])
def test_a_text_that_is_no_template_is_reported(text):
    assert [finding.message for finding in check(text)] == ["the template is not a map with Resources"]


def test_a_cluster_whose_condition_is_false_is_left_alone():
    head = "Conditions: {Never: !Equals [a, b]}\n"
    text = template("Imagine: 1", head=head).replace("    Properties", "    Condition: Never\n    Properties")
    assert check(text) == []


def test_a_version_decides_which_schema_counts():
    awsbatch = GOOD.replace("Os: alinux2023", "Os: centos7")
    assert paths(template(awsbatch)) == ["/Image/Os"]
    assert paths(template(awsbatch), version="3.6.0") == []
    assert paths(template(awsbatch, properties="      PclusterVersion: 3.6.0\n")) == []


@pytest.mark.parametrize("version", ["3.99.0", "!Ref Unknown"])
def test_a_configuration_of_a_version_that_is_not_known_is_left_to_its_engine(version):
    assert check(template("Imagine: 1", properties=f"      PclusterVersion: {version}\n")) == []


class TestText:
    def test_a_block_is_checked_line_by_line(self):
        text = template("|\n" + GOOD.replace("Os: alinux2023", "Os: beos").replace("MaxCount", "MaxCuont"))
        lines = text.splitlines()
        for line, column, path, _ in found(text):
            assert lines[line - 1][column - 1 :].startswith("beos" if "Os" in path else "MaxCuont")
        assert len(found(text)) == 2

    def test_a_text_on_one_line_is_checked_column_by_column(self):
        text = template("""!Sub '{"Image": {"Os": "${AWS::Region}", "O": 1}}'""")
        line, column, *_ = next(each for each in found(text) if each[2].endswith("/O"))
        assert text.splitlines()[line - 1][column - 1 :].startswith('"O"')

    def test_a_text_that_a_function_puts_together_is_reported_at_the_function(self):
        text = template('!Join ["", ["Image: {Os: beos}\\n", "HeadNode: {}\\n", "Scheduling: {}\\n"]]')
        (mistake,) = [each for each in found(text) if each[2].endswith("/Os")]
        assert mistake[:2] == (7, 29)
        assert mistake[3].endswith("rocky9 (line 1, column 13 of the text)")

    def test_unreadable_text_is_reported_with_its_place(self):
        ((line, column, _, message),) = found(template("|\nImage:\n  Os: a: b\n"))
        assert (line, column) == (9, 16)
        assert message.startswith("the configuration cannot be read: mapping values are not allowed")

    def test_text_that_cannot_be_read_because_of_what_is_not_known_is_left_alone(self):
        assert check(template("!Sub |\nImage: {Os: rhel9}\n${AWS::StackName}\n")) == []

    def test_a_number_in_quotes_is_a_number_in_a_text_too(self):
        assert found(template("|\n" + GOOD.replace("MaxCount: 4", "MaxCount: '4'"))) == []

    def test_a_tag_that_is_no_yaml_is_reported(self):
        text = template("|\n" + GOOD.replace("alinux2023", "!Ref Os"))
        assert 'the tag "!Ref" is not supported in a configuration' in found(text)[0][3]

    @pytest.mark.parametrize("value", ["2026-31-12", "0b_", "!!int ''", "!!timestamp soon", "!!bool maybe"])
    def test_a_value_that_looks_like_a_date_or_a_number_and_is_none_is_reported(self, value):
        ((_, _, path, message),) = found(template(f"|\n{GOOD}Tags: [{{Key: until, Value: {value}}}]\n"))
        assert path.endswith("/Tags/0/Value")
        assert "and is none: quote it if it is meant as text" in message

    @pytest.mark.parametrize("text", ["|\n\n", "''", "|\nwords\n"])
    def test_a_text_without_keys_is_refused(self, text):
        assert len(found(template(text))) == 1


def test_the_library_s_own_words_are_printed_for_a_rule_that_has_some():
    pool = "{Name: a, InstanceType: t3.medium, Count: -1, Ssh: {KeyName: k}, Networking: {SubnetIds: [%s]}}"
    text = template(GOOD + f"LoginNodes: {{Pools: [{pool % 'subnet-0123456789abcdef0'}]}}")
    count, key = (message for _, _, _, message in found(text))
    assert count.endswith(": The count for LoginNodes Pool must be greater than or equal to 0.")
    assert key.startswith("Starting with ParallelCluster 3.15, the KeyName parameter is no longer supported")
