"""What the schemas do not say of releases has a source, and is as the newest release's library has it."""

import pytest
import yaml
from pcluster import constants
from pcluster.config.cluster_config import SharedEbs, TopLevelImds

from cluster_schema import configuration_schema, versions
from cluster_schema.advisories import release
from pcluster_cfn.editor_schemas import keys
from pcluster_cfn.upgrade import facts
from pcluster_cfn.upgrade.translation import systems

pytestmark = pytest.mark.library

TABLE = yaml.safe_load(facts.TABLE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("section", ["retired", "dropped", "changes", "slurm"])
def test_every_entry_has_a_source(section):
    assert all(each["source"].startswith("https://") for each in TABLE[section])
    assert TABLE["systems"]["source"].startswith("https://")


def test_every_key_that_goes_between_two_releases_is_dropped_or_belongs_to_a_retired_scheduler():
    def paths(version):
        return {"/".join(path) for path, _ in keys(configuration_schema(version))}

    newest, gone = paths(versions()[0]), set()
    for version in versions():
        gone |= paths(version) - newest
    schedulers = ("Scheduling/AwsBatch", "Scheduling/SchedulerQueues", "Scheduling/SchedulerSettings")
    assert {each for each in gone if not each.startswith(schedulers)} == {
        each["path"] for each in TABLE["dropped"]
    }


def test_every_scheduler_that_goes_is_retired():
    def schedulers(version):
        return set(
            configuration_schema(version)["properties"]["Scheduling"]["properties"]["Scheduler"]["enum"]
        )

    gone = set().union(*map(schedulers, versions())) - schedulers(versions()[0])
    assert gone == {each["value"] for each in TABLE["retired"]}


def test_every_operating_system_has_a_user_and_every_retired_one_a_successor():
    ever = {system for version in versions() for system in systems(version)}
    assert ever == set(TABLE["systems"]["users"])
    newest = set(systems(versions()[0]))
    for system in ever - newest:
        assert newest & set(facts.successors(system)), system


def test_changed_keys_exist_in_the_release_that_changes_them():
    for each in TABLE["changes"]:
        known = {"/".join(path) for path, _ in keys(configuration_schema(each["in"]))}
        prefix = f"{each['each']}/" if "each" in each else ""
        paths = [*each["unless"], *each.get("where", {})]
        assert {prefix + path for path in paths} <= known, each["what"]


def test_versions_of_slurm_are_of_known_releases_and_grow():
    known = [facts.slurm(version)[0] for version in versions() if facts.slurm(version)]
    assert known == sorted(known, reverse=True)
    assert facts.slurm("3.12.0") is None
    assert all(release(part.strip()) for each in TABLE["slurm"] for part in each["versions"].split("-"))


def test_users_and_defaults_are_those_of_the_library():
    users = {system: facts.default_user(system) for system in constants.OS_MAPPING}
    assert users == {system: each["user"] for system, each in constants.OS_MAPPING.items()}
    assert TopLevelImds(implied="v2.0").imds_support == "v2.0"
    assert SharedEbs(mount_dir="/a", name="a").size == 40
    assert constants.EBS_ROOT_VOLUME_SIZE_DEFAULT == 45
