"""Attributes that a template reads of clusters: those that can never exist are found, and no others."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.deploy.preflight import MistakesFoundError, require_valid, unknown_unless_given
from pcluster_cfn.lint_rules import ClusterAttributes, ClusterProperties
from pcluster_cfn.validation.file_check import check
from pcluster_cfn.validation.library_rules import LibraryRules
from tests.unit.validation.test_check import GOOD, template

POOLS = """\
LoginNodes:
  Pools:
    - Name: one
      InstanceType: t3.micro
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
    - Name: two
      InstanceType: t3.micro
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
"""


def found(output, configuration=GOOD, head=""):
    text = f"{template(configuration, head)}Outputs:\n  Out: {{Value: {output}}}\n"
    return [(each.place.column, each.path, each.message) for each in check(text) if each.rule == "attribute"]


@pytest.mark.parametrize(
    "attribute",
    [
        "clusterName",
        "headNode.publicIpAddress",
        "logGroupName",
        "validationMessages",
        "loginNodes.address",
        "loginNodes.0.address",
    ],
)
def test_every_attribute_of_the_contract_is_right_with_and_without_login_nodes(attribute):
    for configuration in (GOOD, GOOD + POOLS):
        assert found(f"!GetAtt Cluster.{attribute}", configuration) == []
        assert found(f"!Sub 'x-${{Cluster.{attribute}}}'", configuration) == []


def test_a_misspelt_attribute_is_found_at_the_function_with_the_nearest():
    message = "Cluster has no attribute headNode.publicIp; did you mean headNode.publicIpAddress?"
    for function in (
        "!GetAtt Cluster.headNode.publicIp",
        "!GetAtt [Cluster, headNode.publicIp]",
        "!Sub '${Cluster.headNode.publicIp}'",
        "!Join ['', [x, !GetAtt Cluster.headNode.publicIp]]",
    ):
        ((_, path, said),) = found(function)
        assert (path, said) == ("Outputs/Out", message)
    assert found("!GetAtt Cluster.headNode.publicIp")[0][0] == 16


def test_an_attribute_like_no_other_comes_with_all_there_are():
    ((_, _, message),) = found("!GetAtt Cluster.zzz")
    assert message.startswith("Cluster has no attribute zzz: there are cloudFormationStackStatus, ")


def test_a_login_node_pool_that_the_configuration_does_not_have_is_found():
    assert found("!GetAtt Cluster.loginNodes.1.address", GOOD + POOLS) == []
    ((_, _, message),) = found("!GetAtt Cluster.loginNodes.2.address", GOOD + POOLS)
    assert message == (
        "Cluster has no attribute loginNodes.2.address: its configuration has 2 login node pool(s), "
        "numbered from 0"
    )
    text = "|\n" + GOOD + POOLS
    assert len(found("!GetAtt Cluster.loginNodes.2.address", text)) == 1
    assert len(found("!GetAtt Cluster.loginNodes.1.address")) == 1


def test_nothing_is_said_of_pools_that_are_not_known():
    head = "Parameters: {Pools: {Type: CommaDelimitedList}, Open: {Type: String}}\n"
    for nodes in ("!Ref Open", "{Pools: !Ref Open}", "{Pools: !If [Open, [], []]}"):
        assert found("!GetAtt Cluster.loginNodes.7.address", f"{GOOD}LoginNodes: {nodes}\n", head) == []
    assert found("!GetAtt [Cluster, !Ref Open]", GOOD, head) == []
    assert found("!GetAtt Cluster.loginNodes.7.address", "!Ref Open", head) == []


def test_what_a_branch_that_is_not_taken_reads_is_left_alone():
    head = "Conditions: {Never: !Equals [a, b]}\n"
    assert found("!If [Never, !GetAtt Cluster.zzz, x]", head=head) == []
    assert len(found("!If [Never, x, !GetAtt Cluster.zzz]", head=head)) == 1
    text = f"{template(GOOD, head)}Outputs: {{Out: {{Condition: Never, Value: !GetAtt Cluster.zzz}}}}\n"
    assert check(text) == []


def test_other_resources_have_attributes_of_their_own():
    assert found("!GetAtt Other.zzz") == []
    kinds = {
        "Custom::PclusterClusterInfo": ("clusterNames", "logGroupName"),
        "Custom::PclusterOfficialImage": ("amiId", "imageId"),
    }
    for kind, (right, wrong) in kinds.items():
        resource = f"  Asks: {{Type: {kind}, Properties: {{ServiceToken: x, Os: rhel9, ClusterName: a}}}}\n"
        for attribute, count in ((right, 0), (wrong, 1)):
            text = f"{template(GOOD)}{resource}Outputs: {{O: {{Value: !GetAtt Asks.{attribute}}}}}\n"
            assert len([each for each in check(text) if each.rule == "attribute"]) == count


def test_an_export_of_what_is_always_empty_is_found():
    export = "!GetAtt Cluster.loginNodes.address, Export: {Name: login}"
    ((_, path, message),) = found(export)
    assert path == "Outputs/Out"
    assert message == "loginNodes.address is empty without login nodes, and an export may not be empty"
    assert found(export, GOOD + POOLS) == []


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(f"{template(GOOD)}Outputs:\n  Out: {{Value: !GetAtt Cluster.headNode.ip}}\n")
    return path


def test_a_deployment_is_refused_before_anything_is_asked_of_aws(wrong, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    result = CliRunner().invoke(main, ["deploy", str(wrong), "--region", "us-east-1"])
    assert result.exit_code == 1
    assert f"{wrong}:20:16: Outputs/Out: Cluster has no attribute headNode.ip" in result.output
    assert f"1 mistake in {wrong}; nothing was uploaded or changed" in result.output


def test_a_deployment_takes_a_parameter_that_is_not_given_for_unknown(tmp_path):
    head = "Parameters: {Count: {Type: String, Default: '1'}}\nConditions: {Two: !Equals [!Ref Count, '2']}\n"
    first, second = POOLS.split("    - Name: two")
    second = second.rstrip().replace("\n", "\n  ")
    pools = f"{first}    - !If\n      - Two\n      - Name: two{second}\n      - !Ref AWS::NoValue\n"
    text = template(GOOD + pools, head)
    path = tmp_path / "pools.yaml"
    path.write_text(f"{text}Outputs:\n  Out: {{Value: !GetAtt Cluster.loginNodes.1.address}}\n")

    def pools_missing(**given):
        with LibraryRules() as rules, pytest.raises(MistakesFoundError) as refused:
            require_valid(path, unknown_unless_given(["Count"], given), rules, "us-east-1")
        return [line for line in refused.value.lines if "login node pool" in line]

    assert pools_missing() == pools_missing(Count="2") == []
    assert len(pools_missing(Count="1")) == 1


def test_cfn_lint_has_a_rule_of_its_own_for_attributes(wrong):
    (match,) = ClusterAttributes().match(SimpleNamespace(filename=str(wrong)))
    assert match.message.startswith("Outputs/Out: Cluster has no attribute headNode.ip")
    assert ClusterProperties().match(SimpleNamespace(filename=str(wrong))) == []
