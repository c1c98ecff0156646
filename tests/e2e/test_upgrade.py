"""``pcluster-cfn upgrade`` asks the new version's own dry run about the template that it makes."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.account import DEADLINE_S
from tests.e2e.foretold import PYTHONPATH
from tests.e2e.parents import Parent

pytestmark = pytest.mark.e2e

NAME = "passage"


def test_a_template_of_an_older_version_is_passed_deployed_and_then_of_the_version(
    account, service_token, tmp_path
):
    path = tmp_path / f"{NAME}.json"

    def upgrade(*arguments, **properties):
        parent = Parent(account, service_token, NAME, **properties)
        path.write_text(parent.body())
        done = subprocess.run(
            [sys.executable, "-m", "pcluster_cfn", "upgrade", path, "--json", *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH, **account.cloud.environment},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode in {0, 1, 2}, done.stderr
        return done.returncode, json.loads(done.stdout), parent

    status, document, _ = upgrade(PclusterVersion="3.14.0", changes={"HeadNode__Ssh__KeyName": "nobodys"})
    assert (status, document["written"]) == (1, None)
    assert "KeyPairValidator" in str(document["dryRun"]["verdicts"])

    status, document, _ = upgrade("--write", PclusterVersion="3.14.0")
    (verdict,) = document["dryRun"]["verdicts"]
    assert (status, verdict["operation"], verdict["refused"]) == (2, "create", False)
    properties = json.loads(path.read_text())["Resources"]["Cluster"]["Properties"]
    # Nothing is deployed, so the cluster needs no other name.
    assert (properties["PclusterVersion"], properties["ClusterName"]) == ("3.16.1", f"c-{NAME}")

    made = Parent(account, service_token, NAME, PclusterVersion="3.16.1").create()
    assert made.status == "CREATE_COMPLETE", made.why
    status, document, _ = upgrade(PclusterVersion="3.16.1")
    assert (status, document["clusters"][0]["from"], document["clusters"][0]["remarks"]) == (0, "3.16.1", [])
    assert made.delete().status == "DELETE_COMPLETE"
