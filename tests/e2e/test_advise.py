"""The command lists what is known of the releases of the account's clusters."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.account import DEADLINE_S, ROOT
from tests.e2e.parents import all_created, all_deleted

pytestmark = pytest.mark.e2e

SOURCES = (ROOT, ROOT / "provider" / "engine", ROOT / "localcloud" / "src")


def test_the_account_s_clusters_are_found_each_once_and_their_configurations_are_read(cloud, parent):
    cluster = parent("known-flaws")
    all_created(cluster)
    done = subprocess.run(
        [sys.executable, "-m", "pcluster_cfn", "advise", "--all-clusters", "--json"],
        env={"PYTHONPATH": os.pathsep.join(map(str, SOURCES)), **cloud.environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["clusters"], document["notLookedAt"]) == (1, [])
    # The default version is the newest one, of which nothing bad was known when it was made the default.
    assert "critical" not in {each["severity"] for each in document["advisories"]}
    all_deleted(cluster)
