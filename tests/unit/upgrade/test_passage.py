"""What the passage of a cluster to another version changes, refuses and says."""

import json
from pathlib import Path

import pytest

from cfn_template.reading import read_plain
from pcluster_cfn.upgrade.remarks import Weight
from pcluster_cfn.validation.deployed_stack import DeployedStack
from pcluster_cfn.validation.file_check import check
from tests.unit.upgrade.passing import changed_lines, fixes, passed, said
from tests.unit.validation.test_check import GOOD, template

EXAMPLES = Path("examples")

OLD = GOOD.replace("alinux2023", "alinux2")
LOGIN = """\
LoginNodes:
  Pools:
    - Name: login
      InstanceType: t3.medium
      Count: 1
      Ssh:
        KeyName: mine # a comment
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
"""
BATCH = """\
Image: {Os: alinux2}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: subnet-0123456789abcdef0}
Scheduling:
  Scheduler: awsbatch
  AwsBatchQueues:
    - Name: compute
      ComputeResources: [{Name: any, InstanceTypes: [optimal]}]
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
"""
PLUGIN = """\
Image: {Os: centos7}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: subnet-0123456789abcdef0}
Scheduling:
  Scheduler: plugin
  SchedulerSettings:
    SchedulerDefinition:
      PluginInterfaceVersion: '1.0'
      Metadata: {}
      Events: {HeadInit: {ExecuteCommand: {Command: start}}}
  SchedulerQueues:
    - Name: compute
      ComputeResources: [{Name: c6i, InstanceType: c6i.xlarge}]
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
"""
VERSION = "      PclusterVersion: 3.11.1\n"


def test_a_cluster_gets_the_version_another_name_and_the_permission_to_be_replaced():
    result = passed(template(GOOD, properties=VERSION))
    assert changed_lines(result) == [
        "-      ClusterName: hpc",
        "-      PclusterVersion: 3.11.1",
        "+      ClusterNameUpdatePolicy: Replace",
        "+      ClusterName: hpc-3-16-1",
        "+      PclusterVersion: 3.16.1",
    ]
    assert said(result, Weight.EDITED) == [
        ("ClusterNameUpdatePolicy", "Added: Replace"),
        (
            "ClusterName",
            "hpc becomes hpc-3-16-1, because the provider refuses another version for the same cluster",
        ),
        ("PclusterVersion", "3.11.1 becomes 3.16.1"),
    ]


def test_a_cluster_without_a_name_gets_the_version_and_the_permission_to_be_replaced():
    text = template(GOOD, properties=VERSION).replace("      ClusterName: hpc\n", "")
    result = passed(text)
    assert changed_lines(result) == [
        "-      PclusterVersion: 3.11.1",
        "+      PclusterVersion: 3.16.1",
        "+      ReplacementPolicy: Replace",
    ]
    assert check(result.after) == []
    permitted = passed(text.replace(VERSION, f"{VERSION}      ReplacementPolicy: Replace\n"))
    assert changed_lines(permitted) == ["-      PclusterVersion: 3.11.1", "+      PclusterVersion: 3.16.1"]


def test_a_version_in_a_branch_that_is_not_taken_is_not_written_twice():
    pinned = "      PclusterVersion: !If [Newest, !Ref AWS::NoValue, 3.11.1]\n"
    head = "Conditions:\n  Newest: !Equals [a, a]\n"
    result = passed(template(GOOD, head=head, properties=pinned))
    assert result.after.count("PclusterVersion:") == 1
    assert ("PclusterVersion", "PclusterVersion is there, in a branch that is not taken") in said(
        result, Weight.REFUSED
    )


def test_a_cluster_that_names_no_version_gets_the_property():
    assert "+      PclusterVersion: 3.16.1" in changed_lines(passed(template(GOOD)))


def test_a_name_that_an_earlier_passage_gave_gets_the_new_version():
    text = template(GOOD).replace("ClusterName: hpc", "ClusterName: hpc-3-14-0")
    assert "+      ClusterName: hpc-3-16-1" in changed_lines(passed(text))
    assert "+      ClusterName: other" in changed_lines(passed(text, name="other"))


@pytest.mark.parametrize(
    ("written", "new"),
    [
        ("!Sub 'c-${AWS::StackName}'", "!Sub 'c-${AWS::StackName}-3-16-1'"),
        ("!If [A, !Sub 'c-${AWS::StackName}', x]", "!If [A, !Sub 'c-${AWS::StackName}-3-16-1', x]"),
        ("!If [B, x, !Sub 'c-${AWS::StackName}']", "!If [B, x, !Sub 'c-${AWS::StackName}-3-16-1']"),
        ("!If [B, x, old]", "!If [B, x, old-3-16-1]"),
    ],
)
def test_a_name_of_a_function_changes_where_it_is_made(written, new):
    head = "Conditions: {A: !Equals [a, a], B: !Equals [a, b]}\n"
    text = template(GOOD, head=head).replace("ClusterName: hpc", f"ClusterName: {written}")
    assert f"+      ClusterName: {new}" in changed_lines(passed(text))


def test_a_name_that_cannot_be_changed_is_left_to_the_user():
    text = template(GOOD).replace("ClusterName: hpc", "ClusterName: !Join ['-', [a, b]]")
    result = passed(text)
    assert "ClusterName" in [path for path, _ in said(result, Weight.TO_DO)]
    assert "Write another name there" in str(fixes(result, Weight.TO_DO))
    assert "+      PclusterVersion: 3.16.1" in changed_lines(result)


def test_a_name_that_gets_too_long_is_refused():
    text = template(GOOD).replace("ClusterName: hpc", f"ClusterName: {'h' * 55}")
    result = passed(text)
    assert said(result, Weight.REFUSED) == [
        ("ClusterName", f"{'h' * 55}-3-16-1 has 62 characters, and a cluster's name has at most 60")
    ]
    assert result.after == text
    assert not passed(text, name="short").is_refused


def test_values_that_parameters_hold_become_their_defaults_and_are_said():
    head = (
        "Parameters:\n  V: {Type: String, Default: 3.11.1, AllowedValues: [3.11.1]}\n"
        "  Os: {Type: String, Default: alinux2}\n  Name: {Type: String}\n"
    )
    text = template(
        OLD.replace("Os: alinux2", "Os: !Ref Os"), head=head, properties="      PclusterVersion: !Ref V\n"
    ).replace("ClusterName: hpc", "ClusterName: !Ref Name")
    result = passed(text, Name="mine", system="alinux2023")
    assert result.passages[0].parameters == {"V": "3.16.1", "Os": "alinux2023", "Name": "mine-3-16-1"}
    assert changed_lines(result)[2:4] == [
        "+  V: {Type: String, Default: 3.16.1, AllowedValues: [3.11.1, 3.16.1]}",
        "+  Os: {Type: String, Default: alinux2023}",
    ]
    assert "Deploy with -p V=3.16.1: a stack keeps the values of its parameters" in fixes(
        result, Weight.TO_DO
    )


def test_a_configuration_as_text_is_changed_in_place():
    text = template(
        f"!Sub |\n{OLD.replace('alinux2', '${Os}')}{LOGIN}",
        head="Parameters: {Os: {Type: String, Default: alinux2}}\n",
    )
    result = passed(text, system="ubuntu2204")
    assert "+Parameters: {Os: {Type: String, Default: ubuntu2204}}" in changed_lines(result)
    assert "-                KeyName: mine # a comment" in changed_lines(result)


def test_json_stays_json():
    text = json.dumps(read_plain(template(OLD + LOGIN, properties=VERSION)), indent=1)
    result = passed(text, system="alinux2023")
    after = json.loads(result.after)["Resources"]["Cluster"]["Properties"]
    assert (after["PclusterVersion"], after["ClusterName"]) == ("3.16.1", "hpc-3-16-1")
    assert after["ClusterConfiguration"]["Image"] == {"Os": "alinux2023"}
    assert "Ssh" not in after["ClusterConfiguration"]["LoginNodes"]["Pools"][0]
    assert len(changed_lines(result)) < 15


@pytest.mark.parametrize(
    ("system", "before", "last", "choices"),
    [
        ("alinux2", "3.15.1", "3.15.1", "--os alinux2023"),
        ("ubuntu2004", "3.13.2", "3.13.2", "--os ubuntu2204 or --os ubuntu2404"),
        ("centos7", "3.6.0", "3.9.3", "--os rocky8 or --os rocky9 or --os rhel8 or --os rhel9"),
        ("ubuntu1804", "3.6.1", "3.6.1", "--os ubuntu2204 or --os ubuntu2404"),
    ],
)
def test_a_retired_operating_system_is_refused_until_its_successor_is_chosen(system, before, last, choices):
    text = template(OLD.replace("alinux2", system))
    result = passed(text, before)
    assert said(result, Weight.REFUSED) == [("Image/Os", f"{system} is supported until {last}")]
    assert fixes(result, Weight.REFUSED) == [f"Choose its successor with {choices}"]
    assert result.after == text
    chosen = choices.split()[-1]
    assert f"+        Image: {{Os: {chosen}}}" in changed_lines(passed(text, before, system=chosen))


def test_another_default_user_and_a_missing_official_image_are_said():
    result = passed(template(OLD), system="rocky9")
    assert said(result, Weight.TO_DO)[1][1] == (
        "The nodes run rocky9, because alinux2 is supported until 3.15.1, and the default user is rocky and "
        "no longer ec2-user"
    )
    assert ("Image/Os", "AWS publishes no image of rocky9") in said(result, Weight.TO_DO)


def test_an_operating_system_that_the_version_has_is_kept_whatever_is_chosen():
    assert "alinux2023" in passed(template(GOOD), system="rocky9").after


@pytest.mark.parametrize(
    ("configuration", "before", "last"), [(BATCH, "3.14.0", "3.15.1"), (PLUGIN, "3.6.0", "3.6.1")]
)
def test_another_scheduler_is_refused_once_with_its_last_release_and_a_way_out(configuration, before, last):
    result = passed(template(configuration), before, system="alinux2023")
    assert [path for path, _ in said(result, Weight.REFUSED)] == ["Scheduling/Scheduler"]
    assert last in str(fixes(result, Weight.REFUSED))
    assert "SlurmQueues" in str(fixes(result, Weight.REFUSED))


def test_batch_goes_as_far_as_the_refusal_says():
    assert not passed(template(BATCH), "3.14.0", to="3.15.1").is_refused


def test_a_key_without_a_use_is_removed_with_the_map_that_would_be_empty():
    result = passed(template(GOOD + LOGIN))
    assert ("LoginNodes/Pools/0/Ssh/KeyName") in [path for path, _ in said(result, Weight.EDITED)]
    assert [line for line in changed_lines(result) if "Ssh" in line or "KeyName" in line] == [
        "-              Ssh:",
        "-                KeyName: mine # a comment",
    ]
    kept = passed(template(GOOD + LOGIN.replace("KeyName", "AllowedIps: 10.0.0.0/8\n        KeyName")))
    assert [line for line in changed_lines(kept) if line.startswith("-") and "Name:" in line][-1:] == [
        "-                KeyName: mine # a comment"
    ]


def test_what_else_the_version_refuses_is_refused_in_its_words():
    result = passed(template(GOOD + "Monitering: {}\n"))
    assert said(result, Weight.REFUSED) == [("Monitering", "There is no such key; did you mean Monitoring?")]


@pytest.mark.parametrize(
    ("properties", "before", "to", "what"),
    [
        ("      PclusterVersion: 3.2.0\n", "3.11.1", "3.16.1", "There is no schema of ParallelCluster 3.2.0"),
        ("      PclusterVersion: 3.16.1\n", "3.11.1", "3.14.0", "which is newer than 3.14.0"),
    ],
)
def test_a_version_that_cannot_be_passed_is_refused(properties, before, to, what):
    result = passed(template(GOOD, properties=properties), before, to)
    assert what in said(result, Weight.REFUSED)[0][1]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (template(GOOD, properties="      PclusterVersion: !ImportValue V\n"), "PclusterVersion"),
        (template("!ImportValue C"), "ClusterConfiguration"),
        (template(GOOD.replace("alinux2023", "!ImportValue Os")), "Image/Os"),
    ],
)
def test_what_decides_and_is_not_known_is_asked_for(text, path):
    result = passed(text)
    assert [each for each, _ in said(result, Weight.UNKNOWN)] == [path]
    assert result.is_refused


def test_values_that_do_not_decide_may_be_unknown():
    text = template(GOOD.replace("c6i.xlarge", "!ImportValue Type"), properties=VERSION)
    assert not passed(text).is_refused
    assert not passed(text + "        SharedStorage: !ImportValue Storage\n").is_refused


@pytest.mark.parametrize(
    "path",
    [each for each in sorted(EXAMPLES.rglob("*.yaml")) if "ClusterConfiguration" in each.read_text()],
    ids=str,
)
def test_an_example_passes_with_its_comments_and_is_valid_afterwards(path):
    text = path.read_text(encoding="utf-8").replace("Default: 3.16.1", "Default: 3.14.0")
    result = passed(text, "3.14.0")
    added = {line.split(":")[0].strip("+ ") for line in changed_lines(result) if line.startswith("+")}
    by_parameters = "PclusterVersion: !Ref" in text
    properties = {"PclusterVersion", "ClusterNameUpdatePolicy", "ClusterName"}
    assert added == ({"Default"} if by_parameters else properties)
    assert check(result.after) == check(text) == []


def test_the_clusters_of_a_loop_are_changed_once_where_they_are_written():
    body = template(GOOD, properties=VERSION).replace("ClusterName: hpc", "ClusterName: !Sub 'c-${Team}'")
    lines = body.removeprefix("Resources:\n").replace("  Cluster:", "  'Cluster${Team}':", 1).splitlines()
    loop = "\n".join(f"    {line}" for line in lines)
    text = (
        "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Teams:\n    - Team\n    - [A, B]\n"
        f"    -\n{loop}\n"
    )
    result = passed(text)
    assert [each.logical_id for each in result.passages] == ["ClusterA", "ClusterB"]
    assert [line.strip("+- ") for line in changed_lines(result) if line.startswith("+")] == [
        "ClusterNameUpdatePolicy: Replace",
        "PclusterVersion: 3.16.1",
    ]
    # Each turn of the loop has its own name, so the place where they are written is left to the user.
    assert "ClusterName" in [path for path, _ in said(result, Weight.TO_DO)]


@pytest.mark.parametrize("properties", ["      PclusterVersion: 3.16.1\n", ""])
def test_a_cluster_of_the_version_is_left(properties):
    text = template(GOOD, properties=properties)
    result = passed(text, before="3.16.1")
    assert (result.after, said(result)) == (text, [])


def test_one_refused_cluster_leaves_the_whole_template():
    text = template(GOOD)
    second = (
        text[text.index("  Cluster:") :].replace("Cluster:", "Other:", 1).replace("alinux2023", "alinux2")
    )
    result = passed(text + second)
    assert result.after == text + second
    assert [each.is_refused for each in result.passages] == [False, True]


STORAGE = """\
SharedStorage:
  - {Name: a, StorageType: Ebs, MountDir: /a}
  - {Name: b, StorageType: Efs, MountDir: /b}
  - Name: c
    StorageType: FsxLustre
    MountDir: /c
    FsxLustreSettings: {StorageCapacity: 1200, DeletionPolicy: Retain}
  - {Name: d, StorageType: Efs, MountDir: /home, EfsSettings: {FileSystemId: fs-0123456789abcdef0}}
"""


def test_storage_that_goes_and_storage_that_stays_behind_are_said_with_their_places():
    result = passed(template(GOOD + STORAGE))
    assert said(result, Weight.LOST) == [
        ("HeadNode", "The root volume of the head node goes with the old cluster"),
        (
            "SharedStorage/0",
            "Ebs storage a at /a goes with the old cluster, and the new one makes an empty one",
        ),
        (
            "SharedStorage/1",
            "Efs storage b at /b goes with the old cluster, and the new one makes an empty one",
        ),
    ]
    assert "EbsSettings/SnapshotId" in fixes(result, Weight.LOST)[1]
    assert "EfsSettings/DeletionPolicy: Retain" in fixes(result, Weight.LOST)[2]
    assert (
        "SharedStorage/2",
        "FsxLustre storage c at /c stays, but the new cluster makes an empty one",
    ) in said(result, Weight.TO_DO)


@pytest.mark.parametrize("properties", ["      DeletionPolicy: Retain\n", "      AdoptExisting: true\n"])
def test_the_storage_of_a_cluster_that_is_kept_is_not_lost(properties):
    result = passed(template(GOOD + STORAGE, properties=properties))
    assert said(result, Weight.LOST) == []
    assert "The old cluster is kept" in str(said(result, Weight.TO_DO))


@pytest.mark.parametrize(("attribute", "lost"), [("UpdateReplacePolicy", False), ("DeletionPolicy", True)])
def test_of_the_resource_s_attributes_the_one_for_replacements_counts(attribute, lost):
    text = template(GOOD).replace("    Properties:", f"    {attribute}: Retain\n    Properties:")
    assert bool(said(passed(text), Weight.LOST)) == lost


def test_the_file_system_of_the_head_node_s_directories_is_lost_with_home():
    text = template(GOOD.replace("HeadNode:", "HeadNode:\n  SharedStorageType: Efs"))
    assert [path for path, _ in said(passed(text), Weight.LOST)] == ["HeadNode", "HeadNode/SharedStorageType"]


STACK = {"known": {}, "types": {"Cluster": "Custom::PclusterCluster"}}


def test_a_cluster_that_is_not_deployed_keeps_its_name_and_loses_nothing():
    for ids in ({}, {"Cluster": "pcluster-cfn:failed:x"}):
        result = passed(template(GOOD), stack=DeployedStack("hpc", physical_ids=ids, **STACK))
        assert changed_lines(result) == ["+      PclusterVersion: 3.16.1"]
        assert said(result, Weight.LOST) == []


def test_the_deployed_cluster_s_version_counts_and_a_new_name_stays():
    stack = DeployedStack("hpc", physical_ids={"Cluster": "before"}, **STACK)
    result = passed(template(GOOD), before="3.16.1", stack=stack, deployed={"Cluster": "3.14.0"})
    assert result.passages[0].before == "3.14.0"
    assert "ClusterName: hpc\n" in result.after
    assert "ClusterNameUpdatePolicy: Replace" in result.after


def test_custom_images_are_to_be_built_again_by_the_resource_that_makes_them():
    built = GOOD.replace("Os: alinux2023", "Os: alinux2023, CustomAmi: !GetAtt Golden.amiId")
    queue = built.replace(
        "    - Name: compute", "    - Name: compute\n      Image: {CustomAmi: ami-0123456789abcdef0}"
    )
    result = passed(template(queue))
    assert [path for path, _ in said(result, Weight.TO_DO) if "CustomAmi" in path] == [
        "Image/CustomAmi",
        "Scheduling/SlurmQueues/0/Image/CustomAmi",
    ]
    assert "Give resource Golden PclusterVersion 3.16.1 and another ImageId" in fixes(result, Weight.TO_DO)
    assert "Custom::PclusterImage" in str(fixes(result, Weight.TO_DO))


def test_defaults_that_change_are_said_for_clusters_that_use_them():
    def changes(text, before):
        return " ".join(what for _, what in said(passed(text, before), Weight.CHANGED))

    assert "ImdsSupport is v2.0 by default, and was v1.0" in changes(template(GOOD), "3.6.1")
    assert "ImdsSupport" not in changes(template(GOOD), "3.7.0")
    assert "ImdsSupport" not in changes(template(GOOD + "Imds: {ImdsSupport: v1.0}\n"), "3.6.1")
    assert "Slurm 23.02.2 becomes 25.11.8" in changes(template(GOOD), "3.6.1")
    assert "shared EBS volume" in changes(template(GOOD + STORAGE), "3.6.1")
    assert "shared EBS volume" not in changes(template(GOOD), "3.6.1")


DATABASE = """\
  SlurmSettings:
    Database:
      Uri: db.example.com:3306
      UserName: me
      PasswordSecretArn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:x
"""


@pytest.mark.parametrize(
    ("more", "what"),
    [("", "begins an empty one"), ("      DatabaseName: jobs\n", "the new Slurm converts it")],
)
def test_an_accounting_database_is_never_passed_over(more, what):
    text = template(GOOD.replace("  SlurmQueues:", f"{DATABASE}{more}  SlurmQueues:"))
    assert what in dict(said(passed(text), Weight.TO_DO))["Scheduling/SlurmSettings/Database"]


def test_known_flaws_that_go_and_that_stay_are_told_apart_the_worst_first():
    result = passed(template(GOOD.replace("alinux2023", "ubuntu2204")), "3.14.0")
    fixed = [what for _, what in said(result, Weight.FIXED)]
    assert fixed[0].startswith("CVE-2026-31431 (critical)")
    assert fixed[1].startswith("CVE-2026-25506 (critical)")
    assert [what.split()[0] for _, what in said(result, Weight.REMAINS)] == ["os-ubuntu2204"]


def test_keys_whose_later_changes_need_something_else_are_said():
    text = template(GOOD + "Tags: [{Key: a, Value: b}]\n")
    later = [what for _, what in said(passed(text, "3.14.0"), Weight.LATER)]
    assert any("Tags" in what for what in later)


def test_remarks_come_the_worst_first():
    weights = [
        each.weight for each in passed(template(OLD + LOGIN + STORAGE), system="rocky9").passages[0].sorted()
    ]
    assert weights == sorted(weights)
    assert {Weight.LOST, Weight.TO_DO, Weight.CHANGED, Weight.EDITED, Weight.FIXED} <= set(weights)
