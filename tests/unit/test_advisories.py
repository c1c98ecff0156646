"""The entries of ``advisories.yaml`` and what is chosen of them for a cluster."""

import copy
from datetime import date, timedelta
from importlib import resources
from urllib.parse import urlsplit

import pytest

from cluster_schema import configuration_schema, versions
from cluster_schema.advisories import (
    ANNOUNCED_BEFORE,
    Condition,
    Severity,
    advisories_for,
    all_advisories,
    release,
)
from cluster_schema.conversion import UNKNOWN
from cluster_schema.reading import value_of

TODAY = date(2026, 11, 30)
ENTRIES = all_advisories(TODAY)
SLURM = {"Image": {"Os": "alinux2023"}, "Scheduling": {"Scheduler": "slurm"}}
#: What an entry of the file may have; a misspelt key would be overlooked.
KEYS = {
    "flaws": {"id", "versions", "fixed_in", "severity", "concerns", "what", "fix", "source", "dated"},
    "ends": {"id", "versions", "subject", "ends", "concerns", "source", "dated"},
}


def ids(version, configuration, on_date=TODAY):
    return [each.id for each in advisories_for(version, configuration, on_date)]


def test_every_entry_has_a_source_and_its_date():
    for each in ENTRIES:
        assert urlsplit(each.source).scheme == "https", each.id
        assert date(2020, 1, 1) < each.dated, each.id
        assert each.dated <= date(2026, 11, 30), each.id


def test_an_entry_has_no_key_that_nothing_reads():
    written = value_of((resources.files("cluster_schema") / "advisories.yaml").read_text(encoding="utf-8"))
    assert written.keys() == KEYS.keys()
    for kind, entries in written.items():
        for each in entries:
            assert each.keys() <= KEYS[kind], each["id"]


def test_every_id_is_there_once():
    assert len({each.id for each in ENTRIES}) == len(ENTRIES)


def test_ranges_begin_before_they_end_and_the_fix_comes_after_them():
    for each in ENTRIES:
        first, last, fixed = (release(text or "") for text in (each.first, each.last, each.fixed_in))
        assert (first is None) == (each.first is None), each.id
        assert (last is None) == (each.last is None), each.id
        assert (fixed is None) == (each.fixed_in is None), each.id
        assert first is None or last is None or first <= last, each.id
        assert fixed is None or (last is not None and last < fixed), each.id


def test_a_sentence_fits_a_message_and_a_line():
    for each in ENTRIES:
        assert len(each.sentence()) <= 350, each.id
        assert "\n" not in each.sentence()
        assert not each.what.endswith("."), each.id
        assert not each.fix.endswith("."), each.id


def test_the_places_that_entries_are_about_exist_in_the_schema_of_an_affected_release():
    for each in ENTRIES:
        for condition in each.concerns:
            where = [version for version in versions() if each.affects(version)] or versions()
            assert any(_has(configuration_schema(version), condition.path) for version in where), each.id


def _has(schema, path):
    for key in path.split("/"):
        schema = schema.get("items", schema)
        if key not in schema.get("properties", {}):
            return False
        schema = schema["properties"][key]
    return True


@pytest.mark.parametrize(
    ("version", "concerned"),
    [("2.11.9", False), ("3.0.0", True), ("3.9.0", True), ("3.14.1", True), ("3.14.2", False)],
)
def test_a_flaw_concerns_the_first_and_the_last_release_of_its_range(version, concerned):
    assert ("CVE-2026-25506" in ids(version, SLURM)) == concerned


def test_releases_are_compared_as_numbers():
    assert "aws-parallelcluster#6211" not in ids("3.10.0", SLURM | {"SharedStorage": [{"Name": "a"}]})


@pytest.mark.parametrize("version", ["", "3.14", "3.8.0b1", "latest", "3.14.0\n"])
def test_nothing_is_known_of_what_is_no_release(version):
    assert ids(version, SLURM) == []


def test_a_flaw_of_accounting_concerns_clusters_with_accounting():
    with_accounting = copy.deepcopy(SLURM)
    with_accounting["Scheduling"]["SlurmSettings"] = {"Database": {"Uri": "db:3306"}}
    assert "CVE-2025-43904" not in ids("3.13.0", SLURM)
    assert "CVE-2025-43904" in ids("3.13.0", with_accounting)


def test_the_worst_comes_first():
    found = advisories_for("3.6.0", SLURM | {"SharedStorage": [{"Name": "a"}]}, TODAY)
    assert found[0].id == "CVE-2026-25506"
    assert [each.severity for each in found] == sorted(each.severity for each in found)


def test_without_a_configuration_everything_that_some_cluster_has_to_know_is_returned():
    assert {"CVE-2025-43904", "CVE-2026-25506", "os-alinux2"} <= set(ids("3.9.0", None))


def test_an_end_of_support_is_announced_a_year_before_and_is_a_warning_the_day_after():
    end = next(each for each in ENTRIES if each.id == "os-alinux2").ends_on
    configuration = SLURM | {"Image": {"Os": "alinux2"}}

    def severity(on_date):
        found = advisories_for("3.14.2", configuration, on_date)
        return next((each.severity for each in found if each.id == "os-alinux2"), None)

    assert severity(end - ANNOUNCED_BEFORE) is None
    assert severity(end - ANNOUNCED_BEFORE + timedelta(days=1)) is Severity.INFO
    assert severity(end) is Severity.INFO
    assert severity(end + timedelta(days=1)) is Severity.WARNING


def test_a_condition_looks_through_lists_and_matches_patterns():
    queues = [{"ComputeResources": [{"InstanceType": "c5.large"}, {"InstanceType": "p3.2xlarge"}]}]
    condition = Condition("SlurmQueues/ComputeResources/InstanceType", ("p3.*",))
    assert condition.is_met({"SlurmQueues": queues})
    assert not condition.is_met({"SlurmQueues": queues[0]["ComputeResources"][:1]})
    assert not condition.is_met({"SlurmQueues": "p3.2xlarge"})


def test_what_is_not_known_meets_no_condition():
    assert not Condition("Image/Os", ("alinux2",)).is_met({"Image": {"Os": UNKNOWN}})
    assert not Condition("SharedStorage").is_met({"SharedStorage": UNKNOWN})
    assert not Condition("SharedStorage").is_met({"SharedStorage": []})
    assert not Condition("SharedStorage").is_met(UNKNOWN)


@pytest.mark.parametrize("value", [True, "true", "True"])
def test_a_boolean_is_met_as_value_and_as_text(value):
    assert Condition("Dns/UseEc2Hostnames", ("true",)).is_met({"Dns": {"UseEc2Hostnames": value}})
