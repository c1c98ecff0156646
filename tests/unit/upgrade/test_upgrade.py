"""``pcluster-cfn upgrade`` changes a template for another version, and says why."""

import json

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from tests.unit.upgrade.test_passage import OLD
from tests.unit.validation.test_check import GOOD, template

PINNED = "      PclusterVersion: 3.11.1  # pinned\n"


def upgrade(*arguments, **options):
    return CliRunner().invoke(main, ["upgrade", *map(str, arguments), "--no-dry-run"], **options)


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "hpc.yaml"
    made.write_text("# ours\n" + template(GOOD, properties=PINNED))
    return made


@pytest.fixture
def retired(tmp_path):
    made = tmp_path / "old.yaml"
    made.write_text(template(OLD, properties=PINNED))
    return made


def test_without_a_place_for_the_template_the_changes_are_printed_and_nothing_is_written(path):
    before = path.read_text()
    result = upgrade(path, "--to", "3.16.1")
    lines = result.stdout.splitlines()
    assert result.exit_code == 2
    assert lines[0] == f"{path}:4:3: Cluster: ParallelCluster 3.11.1 to 3.16.1".replace(":4:3:", ":4:5:")
    assert lines[1].startswith(f"  lost       {path}:12:11: ClusterConfiguration/HeadNode: The root volume")
    assert "+      PclusterVersion: 3.16.1  # pinned" in lines
    assert result.stderr == f"1 cluster, 1 changed\nNext: pcluster-cfn plan {path}\n"
    assert path.read_text() == before


def test_the_file_is_changed_in_place_and_is_then_of_the_version(path):
    result = upgrade(path, "--write")
    assert result.exit_code == 2
    assert path.read_text().startswith("# ours\n")
    assert "PclusterVersion: 3.16.1  # pinned\n" in path.read_text()
    assert f"1 cluster, 1 changed, {path} is written" in result.stderr
    again = upgrade(path, "--write")
    assert (again.exit_code, again.stdout) == (0, f"{path}:4:5: Cluster: ParallelCluster 3.16.1 already\n")


def test_another_file_is_written_unless_it_exists(path, tmp_path):
    output = tmp_path / "new.yaml"
    assert upgrade(path, "--output", output).exit_code == 2
    assert "ClusterName: hpc-3-16-1\n" in output.read_text()
    refused = upgrade(path, "--output", output)
    assert (refused.exit_code, "exists; name another file" in refused.output) == (1, True)
    assert upgrade(path, "--output", output, "--force").exit_code == 2


def test_standard_output_gets_the_template_alone(path):
    result = upgrade("-", "-o", "-", "--stack-name", "hpc", input=path.read_text())
    assert result.exit_code == 2
    assert result.stdout == path.read_text().replace("3.11.1", "3.16.1").replace(
        "      ClusterName: hpc\n", "      ClusterNameUpdatePolicy: Replace\n      ClusterName: hpc-3-16-1\n"
    )
    assert "lost" in result.stderr


def test_a_refused_cluster_leaves_the_file_and_says_what_to_do(retired):
    before = retired.read_text()
    result = upgrade(retired, "--write")
    assert result.exit_code == 1
    assert "  refused    " in result.stdout
    assert "Choose its successor with --os alinux2023" in result.stdout
    assert (retired.read_text(), result.stderr) == (before, "1 cluster, 1 refused\n")
    assert upgrade(retired, "--write", "--os", "alinux2023").exit_code == 2


def test_parameters_that_must_change_are_in_the_next_command(tmp_path):
    path = tmp_path / "hpc.yaml"
    head = "Parameters: {V: {Type: String}}\n"
    path.write_text(template(GOOD, head=head, properties="      PclusterVersion: !Ref V\n"))
    result = upgrade(path, "-p", "V=3.14.0")
    assert result.stderr.endswith(f"Next: pcluster-cfn plan {path} -p V=3.16.1\n")


def test_json_has_the_remarks_with_weights_and_places_and_the_template(path):
    result = upgrade(path, "--json")
    document = json.loads(result.stdout)
    (cluster,) = document["clusters"]
    assert (cluster["resource"], cluster["from"], cluster["to"]) == ("Cluster", "3.11.1", "3.16.1")
    assert cluster["remarks"][0] | {"what": "", "do": ""} == {
        "weight": "lost",
        "line": 12,
        "column": 11,
        "path": "ClusterConfiguration/HeadNode",
        "what": "",
        "do": "",
        "source": "",
    }
    assert (document["written"], document["dryRun"]["verdicts"]) == (None, [])
    assert "PclusterVersion: 3.16.1" in document["template"]


def test_nested_local_templates_are_named_and_left(tmp_path):
    inner, outer = tmp_path / "inner.yaml", tmp_path / "outer.yaml"
    inner.write_text(template(GOOD, properties=PINNED))
    nested = "{Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.yaml}}"
    outer.write_text(f"Resources: {{Inner: {nested}}}\n")
    result = upgrade(outer)
    assert (result.exit_code, result.stdout) == (
        0,
        f"{inner}: not changed: pass it as well if it has clusters\n",
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--os", "beos"], "has no operating system beos; there are alinux2023"),
        (["--to", "3.99.0"], "is not one of"),
        (["--write", "--output", "new.yaml"], "--write changes a file"),
        (["-o", "-", "--json"], "cannot be combined with --json"),
        (["-p", "V=1"], "has no parameter V"),
    ],
)
def test_wrong_usage_is_a_failure_and_not_a_change(path, arguments, problem):
    result = upgrade(path, *arguments)
    assert (result.exit_code, problem in result.output) == (1, True), result.output


def test_one_name_is_not_for_several_clusters(path):
    text = path.read_text()
    path.write_text(text + text[text.index("  Cluster:") :].replace("Cluster:", "Other:", 1))
    assert "--name is for one" in upgrade(path, "--name", "new").output
