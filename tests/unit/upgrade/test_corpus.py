"""Real configurations, and ones that only old releases take, pass to the newest; counts are printed."""

import json
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml
from pcluster.schemas.cluster_schema import ClusterSchema

from cfn_template.reading import read_plain
from cluster_schema import fit
from pcluster_cfn.upgrade.remarks import Weight
from tests.unit.upgrade.passing import changed_lines, passed
from tests.unit.upgrade.test_passage import BATCH, LOGIN, OLD, PLUGIN
from tests.unit.validation.test_check import GOOD, template

pytestmark = pytest.mark.library

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "configurations"
NEWEST = "3.16.1"
PASSAGES = ["3.6.0", "3.11.1", "3.14.0"]
#: What every passage changes: version, name, and the permission to replace.
BARE = 4
#: Configurations that the newest release refuses as they are: the releases of PASSAGES that take them, and
#: the operating system that the user chooses.
ONLY_OLD = {
    "plugin": (PLUGIN, ["3.6.0"], "rocky9"),
    "awsbatch": (BATCH, PASSAGES, "alinux2023"),
    "centos7": (OLD.replace("alinux2", "centos7"), ["3.6.0"], "rocky9"),
    "ubuntu1804": (OLD.replace("alinux2", "ubuntu1804"), ["3.6.0"], "ubuntu2204"),
    "ubuntu2004": (OLD.replace("alinux2", "ubuntu2004"), ["3.6.0", "3.11.1"], "ubuntu2404"),
    "alinux2": (OLD, PASSAGES, "alinux2023"),
    "key of login nodes": (GOOD + LOGIN, ["3.11.1", "3.14.0"], ""),
    "package of AWS Batch": (
        GOOD.replace("alinux2023", "rhel8") + "DevSettings: {AwsBatchCliPackage: 's3://bucket/package'}\n",
        PASSAGES,
        "",
    ),
}


@cache
def load(configuration):
    """The library's own loader reads a configuration, given as JSON: slow, so equal ones are read once."""
    ClusterSchema(cluster_name="hpc").load(json.loads(configuration))


def outcome(configuration, before, **options):
    """``unchanged``, ``translated`` or why it is refused; what passes is read by the library's own loader."""
    result = passed(template(configuration), before, NEWEST, **options)
    if result.is_refused:
        assert result.before == result.after
        refusals = [each for each in result.passages[0].sorted() if each.weight <= Weight.UNKNOWN]
        assert all(each.what and each.fix for each in refusals)
        return f"refused: {refusals[0].path.removeprefix('ClusterConfiguration/')}: {refusals[0].what}"
    properties = read_plain(result.after)["Resources"]["Cluster"]["Properties"]
    written = properties["ClusterConfiguration"]
    typed = fit(yaml.safe_load(written) if isinstance(written, str) else written, NEWEST)
    assert typed.misfits == []
    load(json.dumps(typed.typed))
    assert properties["PclusterVersion"] == NEWEST
    return "unchanged" if len(changed_lines(result)) == BARE else "translated"


@pytest.mark.parametrize("before", PASSAGES)
def test_real_configurations_pass_to_the_newest_release_or_are_refused_with_a_way_out(before, capsys):
    files = sorted(CORPUS.glob("*.yaml"))
    if not files:
        pytest.skip("no real configurations beside this clone, in ../shared/corpus")
    counted = Counter(outcome(path.read_text(encoding="utf-8"), before) for path in files)
    with capsys.disabled():
        sys.stdout.write(f"\n{before} to {NEWEST}: {len(files)} configurations: {dict(counted)}")
    assert counted.keys() <= {"unchanged", "translated"}


def test_real_configurations_as_texts_with_a_retired_operating_system_get_the_chosen_one(capsys):
    files = sorted(CORPUS.glob("*.yaml"))
    if not files:
        pytest.skip("no real configurations beside this clone, in ../shared/corpus")
    counted, edited = Counter(), 0
    for path in files:
        text = re.sub(r"(?m)^(\s*Os:\s*)['\"]?\w+", r"\1alinux2", path.read_text(encoding="utf-8"))
        result = passed(template(f"|\n{text}"), "3.14.0", NEWEST, system="alinux2023")
        counted["refused" if result.is_refused else "translated"] += 1
        edited += len(changed_lines(result))
    with capsys.disabled():
        sys.stdout.write(f"\nwith alinux2, 3.14.0 to {NEWEST}: {dict(counted)}, {edited} lines changed")
    assert counted == {"translated": 152}


@pytest.mark.parametrize("name", ONLY_OLD)
def test_what_only_old_releases_have_is_translated_or_refused_with_a_way_out(name, capsys):
    configuration, releases, system = ONLY_OLD[name]
    assert [each for each in PASSAGES if not fit(read_plain(configuration), each).misfits] == releases
    for before in releases:
        found = outcome(configuration, before)
        chosen = outcome(configuration, before, system=system) if system else found
        way = f"; with --os {system}: {chosen}" if system else ""
        with capsys.disabled():
            sys.stdout.write(f"\n{name}, {before} to {NEWEST}: {found}{way}")
        assert found.startswith("refused: ") == bool(system)
        if "SlurmQueues" in configuration:
            assert chosen == "translated"
        else:
            assert chosen.startswith("refused: Scheduling/Scheduler: ")
