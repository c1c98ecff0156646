"""``pcluster-cfn advise`` lists what is known of the releases that the clusters of templates use."""

import json

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from tests.unit.validation.test_check import GOOD, template


def advise(*arguments, **options):
    return CliRunner().invoke(main, ["advise", *map(str, arguments)], **options)


@pytest.fixture
def affected(tmp_path):
    path = tmp_path / "hpc.yaml"
    path.write_text(template(GOOD, properties="      PclusterVersion: 3.6.0\n"))
    return path


def test_a_template_s_cluster_is_listed_with_everything_that_concerns_it_the_worst_first(affected):
    result = advise(affected)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == f"{affected}:3:5: Cluster: ParallelCluster 3.6.0"
    assert lines[1].startswith("  critical  CVE-2026-25506: ")
    assert lines[2].startswith("            Move to 3.14.2 or later")
    assert lines[3].endswith("https://github.com/aws/aws-parallelcluster/issues/7233 (2026-02-12)")
    assert any(line.startswith("  low ") for line in lines)
    assert result.stderr.startswith("1 cluster, ")


def test_json_has_the_same_with_the_place_of_the_cluster(affected):
    document = json.loads(advise(affected, "--json").stdout)
    assert document["clusters"] == 1
    assert document["notLookedAt"] == []
    worst = document["advisories"][0]
    assert (worst["file"], worst["line"], worst["path"]) == (str(affected), 3, "Cluster")
    assert (worst["version"], worst["id"]) == ("3.6.0", "CVE-2026-25506")
    assert worst["concerns"] == ["Scheduling/Scheduler: slurm"]


def test_the_version_of_clusters_that_name_none_can_be_given_and_needs_no_schema(tmp_path):
    path = tmp_path / "hpc.yaml"
    path.write_text(template(GOOD))
    result = advise(path, "--pcluster-version", "3.13.0")
    assert "CVE-2026-25506" in result.stdout
    assert "not checked" not in result.output


def test_a_configuration_of_a_version_without_a_schema_is_advised_on(tmp_path):
    path = tmp_path / "cluster-config.yaml"
    path.write_text(GOOD)
    result = advise(path, "--pcluster-version", "3.13.0")
    assert result.stdout.startswith(f"{path}:1:1: the cluster: ParallelCluster 3.13.0")


def test_a_cluster_of_an_unknown_version_is_named_as_not_checked(tmp_path):
    path = tmp_path / "hpc.yaml"
    path.write_text(template(GOOD, properties="      PclusterVersion: !ImportValue Version\n"))
    result = advise(path)
    assert "Cluster/ClusterConfiguration: not checked: its version is unknown" in result.stdout
    assert result.stderr.endswith("0 advisories, 1 not checked\n")


def test_a_template_from_standard_input_is_read(affected):
    assert advise("-", input=affected.read_text()).stdout.startswith("-:3:5: Cluster: ")


@pytest.mark.parametrize("arguments", [(), ("hpc.yaml", "--all-clusters")])
def test_either_templates_or_the_account_are_looked_at(arguments):
    result = advise(*arguments)
    assert result.exit_code == 2
    assert "name a template, or give --all-clusters" in result.output


@pytest.mark.parametrize("version", ["3.14", "latest"])
def test_a_version_that_is_no_release_is_wrong_usage(affected, version):
    result = advise(affected, "--pcluster-version", version)
    assert result.exit_code == 2
    assert "is not a release" in result.output


def test_a_file_that_is_no_template_is_one_line(tmp_path):
    path = tmp_path / "hpc.yaml"
    path.write_text("Resources: [")
    result = advise(path)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "pcluster-cfn validate prints all mistakes" in result.output
