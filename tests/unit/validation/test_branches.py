"""Both branches of an Fn::If whose condition is not known are checked, and a finding says where it holds."""

import pytest

from pcluster_cfn.validation.branches import BRANCHES_MAX
from pcluster_cfn.validation.file_check import Inputs, check, check_file
from tests.unit.validation.test_check import GOOD, template

HEAD = """\
Parameters: {Env: {Type: String}, Size: {Type: String}}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  IsTest: !Not [!Condition IsProd]
  IsBig: !Equals [!Ref Size, big]
"""
PROD, TEST = "(only if condition IsProd is true)", "(only if condition IsProd is false)"


def messages(text, **options):
    return [each.message for each in check(text, **options)]


def skipped(text):
    return [(each.path, each.reason) for each in check_file(text, "", Inputs()).skipped]


def with_values(**values):
    text = GOOD
    for known, written in values.items():
        text = text.replace(f"{known}", written)
    return template(text, HEAD)


def properties(if_true, if_false):
    return (
        f"{HEAD}Resources:\n  Cluster:\n    Type: Custom::PclusterCluster\n"
        f"    Properties: !If [IsProd, {if_true}, {if_false}]\n"
    )


def test_a_mistake_in_either_branch_is_found_and_says_where_it_holds():
    first = messages(with_values(alinux2023="!If [IsProd, beos, alinux2023]"))
    second = messages(with_values(alinux2023="!If [IsProd, alinux2023, beos]"))
    assert [each.partition(" is not valid")[0] for each in first + second] == ['"beos"', '"beos"']
    assert (first[0].endswith(PROD), second[0].endswith(TEST)) == (True, True)


def test_a_mistake_in_both_branches_is_two_findings_each_at_its_place():
    found = check(with_values(alinux2023="!If [IsProd, beos, haiku]"))
    assert [(each.message.split(" ")[0], each.message.endswith(PROD)) for each in found] == [
        ('"beos"', True),
        ('"haiku"', False),
    ]


def test_a_mistake_outside_of_the_branches_holds_always_and_is_found_once():
    text = with_values(alinux2023="!If [IsProd, alinux2023, rhel8]", InstanceType="InstanceTyp")
    assert len(messages(text)) == 2
    assert [each for each in messages(text) if "only if" in each] == []


def test_a_branch_within_a_branch_names_both_conditions():
    (message,) = messages(with_values(alinux2023="!If [IsProd, !If [IsBig, beos, rhel8], rhel8]"))
    assert message.endswith("(only if condition IsBig is true and condition IsProd is true)")


def test_a_branch_that_another_condition_rules_out_is_not_checked():
    assert messages(with_values(alinux2023="!If [IsProd, !If [IsTest, beos, rhel8], rhel8]")) == []


def test_a_condition_that_is_given_leaves_one_branch():
    text = with_values(alinux2023="!If [IsProd, beos, alinux2023]")
    assert messages(text, parameters={"Env": "test"}) == []
    (message,) = messages(text, parameters={"Env": "prod"})
    assert "only if" not in message


def test_a_key_that_a_branch_leaves_out_is_missing_in_that_branch():
    (message,) = messages(with_values(alinux2023="!If [IsProd, alinux2023, !Ref AWS::NoValue]"))
    assert message.startswith("Os is required")
    assert message.endswith(TEST)


def test_a_configuration_as_text_is_read_in_each_branch():
    text = template("!If [IsProd, 'Image: {Os: beos}', '{']", HEAD)
    found = messages(text)
    assert any(each.startswith('"beos" is not valid') and each.endswith(PROD) for each in found)
    assert any("cannot be read" in each and each.endswith(TEST) for each in found)


def test_an_attribute_is_read_only_where_its_branch_is_taken():
    text = template(GOOD, HEAD) + (
        "Outputs:\n  A: {Value: !If [IsProd, !GetAtt Cluster.nope, '']}\n  B: {Value: !GetAtt Cluster.nope}\n"
    )
    first, second = messages(text)
    assert (first.endswith(PROD), "only if" in second) == (True, False)


def test_clusters_whose_properties_a_condition_chooses_are_counted_as_checked():
    good = (
        "{ServiceToken: a, ClusterName: hpc, ClusterConfiguration: "
        + str({"Image": {"Os": "beos"}}).replace("'", "")
        + "}"
    )
    report = check_file(properties(good, "{ServiceToken: a}"), "", Inputs())
    assert (report.clusters, report.skipped) == (1, [])
    assert {each.message.rpartition(" (")[2] for each in report.findings} == {PROD[1:], TEST[1:]}


def test_a_branch_that_is_not_known_is_not_checked_and_says_so():
    text = template(f"!If [IsProd, !Ref Env, {{{'Image: {Os: beos}'}}}]", HEAD)
    assert skipped(text) == [("Cluster/ClusterConfiguration", f"parameter Env has no value {PROD}")]
    assert check(text)


def test_what_is_not_known_in_both_branches_is_named_once():
    text = template("!If [IsProd, !Ref Env, !Ref Env]", HEAD)
    assert skipped(text) == [("Cluster/ClusterConfiguration", "parameter Env has no value")]


def test_a_version_that_a_condition_chooses_is_checked_by_its_own_schema():
    text = template(
        GOOD.replace("alinux2023", "centos7"),
        HEAD,
        properties="      PclusterVersion: !If [IsProd, 3.6.0, 3.99.0]\n",
    )
    assert messages(text) == []
    ((path, reason),) = skipped(text)
    assert (path, reason.startswith("version 3.99.0 has no schema here")) == (
        "Cluster/ClusterConfiguration",
        True,
    )
    assert reason.endswith(TEST)


def test_more_branches_than_are_checked_are_named():
    names = [f"C{number}" for number in range(BRANCHES_MAX)]
    conditions = "".join(f"  {name}: !Equals [!Ref Env, {name}]\n" for name in names)
    tags = "".join(f"  - {{Key: k, Value: !If [{name}, a, b]}}\n" for name in names)
    ((path, reason),) = skipped(template(f"{GOOD}Tags:\n{tags}", HEAD + conditions))
    assert path == "Cluster"
    assert reason.startswith(f"more than {BRANCHES_MAX} branches depend on unknown conditions")


class Library:
    """Rules that find a mistake in an operating system; it keeps which ones it was asked about."""

    def __init__(self, refused):
        self.refused = refused
        self.asked = []

    def findings(self, configuration, version, properties):
        self.asked.append((configuration["Image"]["Os"], version, properties["ClusterName"]))
        return [("/Image", "OsValidator: no")] if self.asked[-1][0] in self.refused else []


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ({"rhel8"}, [f"OsValidator: no {TEST}"]),
        ({"rhel8", "alinux2023"}, ["OsValidator: no"]),
        (set(), []),
    ],
)
def test_the_library_is_asked_about_each_branch(refused, expected):
    library = Library(refused)
    text = with_values(alinux2023="!If [IsProd, alinux2023, rhel8]")
    report = check_file(text, "", Inputs(library=library))
    assert [each.message for each in report.findings] == expected
    assert sorted(library.asked) == [(os, "3.16.1", "hpc") for os in ("alinux2023", "rhel8")]


def test_a_thousand_choices_by_one_condition_are_two_branches():
    tags = "".join(f"  - {{Key: k{n}, Value: !If [IsProd, a, b]}}\n" for n in range(1000))
    text = template(f"{GOOD}Tags:\n{tags}", HEAD)
    assert (messages(text), skipped(text)) == ([], [])
