"""What people met elsewhere: validate, the dry run and a deployment say the same, before anything is made."""

import os
import subprocess
import sys

import pytest

from tests.e2e.account import DEADLINE_S
from tests.e2e.foretold import PYTHONPATH
from tests.e2e.parents import COMPUTE, Parent, all_created

pytestmark = pytest.mark.e2e

STORAGE = {"Name": "data", "MountDir": "/data", "StorageType": "Ebs", "EbsSettings": {"Size": 50}}
MOUNT_DIR = "SharedStorage[data].MountDir"
MIN_COUNT = "Scheduling.SlurmQueues[compute].ComputeResources[c6i].MinCount"


@pytest.fixture
def validated(cloud):
    """Runs the command on a file; returns its exit status and all that it prints."""

    def validate(path, *options):
        done = subprocess.run(
            [sys.executable, "-m", "pcluster_cfn", "validate", *options, path],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH, **cloud.environment, **cloud.exports},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        return done.returncode, f"{done.stdout}\n{done.stderr}"

    return validate


@pytest.fixture
def said(account, service_token, validated, tmp_path):
    """Runs the command on a stack's template; returns its exit status and all that it prints."""

    def validate(name, *options, changes, **properties):
        stack = Parent(account, service_token, name, changes=changes, **properties)
        path = tmp_path / f"{name}.json"
        path.write_text(stack.body())
        return validated(path, *options)

    return validate


def refused(stack):
    """The reason for which a stack's cluster is refused, before anything of it is made."""
    assert stack.create().status == "ROLLBACK_COMPLETE", stack.why
    (reason,) = stack.reasons
    assert stack.clusters_ever == 0
    assert stack.delete().status == "DELETE_COMPLETE"
    return reason


def test_what_fits_parallelcluster_and_no_stack_is_refused_everywhere_before_a_stack_is_begun(parent, said):
    changes = {
        "Tags": [{"Key": "CostCenter", "Value": ""}],
        "LoginNodes": {"Pools": []},
        "Scheduling__SlurmQueues__0__Networking__AdditionalSecurityGroups": [""],
    }
    places = ("Tags/0/Value", "LoginNodes/Pools", "Networking/AdditionalSecurityGroups/0")
    for options in ((), ("--dry-run",)):
        status, text = said("undeployable", *options, changes=changes)
        assert (status, [place in text for place in places]) == (1, [True] * 3), text
    reason = refused(parent("undeployable", changes=changes))
    assert [place in reason for place in places] == [True] * 3, reason


def test_all_unknown_properties_and_what_the_library_needs_no_aws_for_are_named_at_once(parent, said):
    reason = refused(parent("prototype", Region="us-east-1", Foo="bar"))
    assert "Region: there is no such property" in reason
    assert "Foo: there is no such property" in reason

    status, text = said("counts", changes={f"{COMPUTE}__MinCount": 9})
    assert (status, "Max count must be greater than or equal to min count" in text) == (1, True), text


def test_a_refused_update_says_what_would_allow_it_in_the_dry_run_and_in_the_deployment(parent, said):
    stack = parent("advised", changes={"SharedStorage": [STORAGE]})
    all_created(stack)
    moved = {"SharedStorage": [STORAGE | {"MountDir": "/scratch"}], f"{COMPUTE}__MinCount": 2}
    allowed_by = (
        "It allows it once the compute fleet is stopped. Or keep /data",
        "raise MaxCount by at least",
    )
    status, text = said("advised", "--dry-run", changes=moved)
    assert status == 1
    assert f"refused  {MOUNT_DIR}: /data → /scratch" in text
    assert f"refused  {MIN_COUNT}: 0 → 2" in text
    assert [way in text for way in allowed_by] == [True] * 2, text

    assert stack.update(changes=moved).status == "UPDATE_ROLLBACK_COMPLETE", stack.why
    reason = stack.reasons[-1]
    assert "ClusterRejected" in reason
    assert f"{MOUNT_DIR} from '/data' to '/scratch'" in reason
    assert [way in reason for way in allowed_by] == [True] * 2, reason
    assert "object has no attribute" not in reason + text
    stack.forget_changes()

    cheaper = {"SharedStorage": [STORAGE], f"{COMPUTE}__MinCount": 2, f"{COMPUTE}__MaxCount": 6}
    status, text = said("advised", "--dry-run", changes=cheaper)
    assert (status, "would be accepted" in text) == (0, True), text

    stack.update(changes=moved, ComputeFleetUpdatePolicy="StopAndRestart")
    assert stack.status == "UPDATE_COMPLETE", stack.why
    assert stack.stored_configuration["SharedStorage"][0]["MountDir"] == "/scratch"
    assert stack.delete().status == "DELETE_COMPLETE"


def test_what_the_dry_run_does_not_ask_about_is_named(account, service_token, validated, tmp_path):
    inner = Parent(account, service_token, "inner", changes={})
    (tmp_path / "inner.json").write_text(inner.body())
    outer = tmp_path / "outer.yaml"
    outer.write_text(
        "Resources: {Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.json}}}"
    )
    assert validated(outer)[0] == 0
    status, text = validated(outer, "--dry-run")
    assert (status, "inner.json:1:1: not checked: --dry-run covers only the templates" in text) == (
        3,
        True,
    ), text
    assert "1 cluster checked in 2 templates, 1 not checked" in text
