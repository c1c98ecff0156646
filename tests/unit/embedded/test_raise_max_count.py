"""The demo's update raises the first MaxCount, wherever a template keeps it."""

from pcluster_cfn.embedded.template_edits import raise_max_count
from pcluster_cfn.template import Template


def template(configuration, parameters="{}"):
    return Template.parse(
        f"Parameters: {parameters}\n"
        f"Resources:\n  C:\n    Type: Custom::PclusterCluster\n"
        f"    Properties:\n      ClusterConfiguration: {configuration}\n",
        "t",
    )


def test_a_number_in_a_map_is_doubled_in_place():
    changed = template("{Scheduling: {SlurmQueues: [{ComputeResources: [{MaxCount: 4}, {MaxCount: 9}]}]}}")
    raised = raise_max_count(changed, {})
    assert (raised.before, raised.after, raised.parameters) == (4, 8, {})
    assert "MaxCount: 8" in changed.text()
    assert "MaxCount: 9" in changed.text()


def test_a_number_in_yaml_text_is_doubled_in_place():
    changed = template('!Sub "Queues:\\n- MaxCount: 10\\n  Name: ${X}"')
    assert raise_max_count(changed, {}).after == 20
    assert "MaxCount: 20" in changed.text()
    assert "${X}" in changed.text()


def test_a_parameter_is_raised_from_the_value_it_was_deployed_with():
    referring = template("{A: {MaxCount: !Ref Nodes}}", "{Nodes: {Type: Number, Default: 2}}")
    assert raise_max_count(referring, {"Nodes": "5", "K": "v"}).parameters == {"Nodes": "10", "K": "v"}
    assert raise_max_count(referring, {}).parameters == {"Nodes": "4"}


def test_a_parameter_inside_yaml_text_is_raised():
    referring = template("!Sub 'MaxCount: ${Nodes}'", "{Nodes: {Type: Number, Default: 2}}")
    assert raise_max_count(referring, {}).parameters == {"Nodes": "4"}


def test_a_parameter_named_max_count_serves_when_the_configuration_names_none():
    indirect = template("!Ref Text", "{Text: {Type: String}, MaxCount: {Type: Number, Default: 4}}")
    assert raise_max_count(indirect, {}).parameters == {"MaxCount": "8"}


def test_nothing_is_raised_where_there_is_no_max_count():
    assert raise_max_count(template("{Image: {Os: alinux2023}}"), {}) is None


def test_zero_becomes_a_number_that_differs():
    assert raise_max_count(template("{MaxCount: 0}"), {}).after > 0
