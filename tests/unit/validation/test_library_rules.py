"""What the library says of several values stands beside the other findings, or why it was not asked."""

import pytest

from pcluster_cfn.validation.file_check import Inputs, check_file
from pcluster_cfn.validation.library_rules import LibraryRules

TEMPLATE = """\
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: arn
      ClusterName: hpc
      ClusterConfiguration:
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


def check(text, rules):
    return check_file(text, "", Inputs(library=rules)).findings


class Stated:
    """Rules whose findings a test states; it keeps what it was asked about."""

    def __init__(self, *findings):
        self.said = findings
        self.asked = []

    def findings(self, configuration, version, properties):
        self.asked.append((configuration, version, properties["ClusterName"]))
        return iter(self.said)


def as_text(template):
    head, configuration = template.split("ClusterConfiguration:\n")
    return f"{head}ClusterConfiguration: |\n{configuration}"


@pytest.mark.parametrize("written", [lambda text: text, as_text], ids=["as a map", "as text"])
def test_a_finding_of_the_library_is_placed_where_its_section_is(written):
    rules = Stated(("/Scheduling/SlurmQueues/0", "SomeValidator: no"), ("", "OtherValidator: never"))
    whole, queue = sorted(check(written(TEMPLATE), rules=rules))
    assert (queue.place.line, queue.message, queue.rule) == (15, "SomeValidator: no", "library")
    assert queue.path == "Cluster/ClusterConfiguration/Scheduling/SlurmQueues/0"
    assert (whole.place.line in {7, 8}, whole.path) == (True, "Cluster/ClusterConfiguration")
    ((configuration, version, name),) = rules.asked
    assert (version, name) == ("3.16.1", "hpc")
    assert configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"] == 4


def test_a_configuration_with_another_mistake_is_not_the_library_s_to_judge():
    rules = Stated(("", "SomeValidator: no"))
    (finding,) = check(TEMPLATE.replace("Os: alinux2023", "Os: beos"), rules=rules)
    assert (finding.rule, rules.asked) == ("configuration", [])


@pytest.mark.parametrize(
    ("installed", "reason"),
    [
        (None, "the ParallelCluster library is not installed: pip install aws-parallelcluster"),
        ("3.14.0", "a cluster is for ParallelCluster 3.16.1; the installed version is 3.14.0"),
    ],
)
def test_without_the_library_of_the_version_it_says_that_it_did_not_look(installed, reason):
    with LibraryRules(lambda: installed) as rules:
        assert check(TEMPLATE, rules=rules) == []
    assert list(rules.notes) == [f"rules about several values were not checked: {reason}"]


def test_a_section_that_is_not_known_keeps_the_library_from_looking_and_it_says_so():
    text = TEMPLATE.replace("Networking: {SubnetId: subnet-0123456789abcdef0}", "Networking: !GetAtt X.Y")
    with LibraryRules(lambda: "3.16.1") as rules:
        assert check(text, rules=rules) == []
    (note,) = rules.notes
    assert note.endswith("parts of a configuration are unknown before the deployment")
