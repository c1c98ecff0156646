"""``pcluster-cfn plan`` says before a deployment what the deployment then does."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.account import DEADLINE_S
from tests.e2e.foretold import PYTHONPATH
from tests.e2e.parents import COMPUTE, Parent
from tests.e2e.recorded import IS_PRICED, PLACE

pytestmark = pytest.mark.e2e

NAME = "planned"
DATA = {
    "Name": "data",
    "StorageType": "Ebs",
    "MountDir": "/data",
    "EbsSettings": {"Size": 10, "DeletionPolicy": "Retain"},
}
SCRATCH = {"Name": "scratch", "StorageType": "Ebs", "MountDir": "/scratch"}


def planned(account, folder, body, *arguments, name=NAME):
    """Returns the exit status of ``plan`` for a template's text, and what it prints."""
    path = folder / f"{name}.json"
    path.write_text(body)
    done = subprocess.run(
        [sys.executable, "-m", "pcluster_cfn", "plan", path, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH, **account.cloud.environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode in {0, 1, 2}, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def plan(account, service_token, tmp_path):
    """Plans the stack's cluster with changes; returns the exit status and the one cluster of the plan."""

    def run(**changes):
        wanted = Parent(account, service_token, NAME, **changes)
        status, printed = planned(account, tmp_path, wanted.body(), "--json")
        report = json.loads(printed)
        assert report["otherResources"]["known"]
        (provider,) = report["providers"] or [{"known": True}]
        assert provider["known"], provider["reason"]
        assert report["cost"]["prices"]["note"] == "the embedded cloud has no prices"
        (cluster,) = report["clusters"]
        return status, cluster["action"], cluster

    return run


def test_a_plan_says_what_the_deployment_then_does(account, parent, plan):
    storage = {"SharedStorage": [DATA, SCRATCH]}
    status, action, _ = plan(changes={**storage, "HeadNode__Ssh__KeyName": "nobodys"})
    assert (status, action) == (1, "refused")
    status, action, cluster = plan(changes=storage)
    assert (status, action, cluster["cluster"]) == (2, "create", "c-planned")
    status, action, cluster = plan(changes=storage, PclusterVersion="3.13.0")
    assert (status, action) == (1, "refused")
    assert cluster["reason"].startswith("the provider has no engine of ParallelCluster 3.13.0, only of ")
    assert account.stack("c-planned") is None

    made = parent(NAME, changes=storage).create()
    assert made.status == "CREATE_COMPLETE", made.why
    assert plan(changes=storage)[:2] == (0, "no change")

    larger = {**storage, f"{COMPUTE}__MaxCount": 8}
    status, action, cluster = plan(changes=larger)
    (change,) = cluster["changes"]
    assert (status, action) == (2, "update")
    assert (change["currentValue"], change["requestedValue"]) == ("4", "8")
    before, after = cluster["cost"]["before"], cluster["cost"]["after"]
    assert before["atRest"] == after["atRest"]
    assert (before["atScale"]["hourly"] < after["atScale"]["hourly"]) is IS_PRICED
    assert after["isComplete"] is IS_PRICED, after["notPriced"]
    assert made.update(changes=larger).status == "UPDATE_COMPLETE", made.why
    assert made.max_count == 8

    smaller = {**storage, f"{COMPUTE}__MaxCount": 2}
    assert plan(changes=smaller)[:2] == (1, "refused")
    assert made.update(changes=smaller).status == "UPDATE_ROLLBACK_COMPLETE"
    status, action, cluster = plan(changes=smaller, ComputeFleetUpdatePolicy="StopAndRestart")
    assert (status, action) == (2, "update with a stopped fleet")
    made.forget_changes()
    stopped = made.update(changes=smaller, ComputeFleetUpdatePolicy="StopAndRestart")
    assert stopped.status == "UPDATE_COMPLETE", made.why
    assert "fleet" in str(made.messages)
    assert made.delete().status == "DELETE_COMPLETE"


def test_a_plan_of_another_name_and_of_none_says_what_becomes_of_the_old_cluster(
    account, service_token, parent, plan, tmp_path
):
    storage = {"SharedStorage": [DATA, SCRATCH]}
    made = parent(NAME, changes=storage).create()
    assert made.status == "CREATE_COMPLETE", made.why

    renamed = {"changes": storage, "ClusterName": "c-planned-2"}
    status, action, cluster = plan(**renamed)
    assert (status, action) == (1, "refused")
    assert "ReplacementPolicy: Replace" in cluster["reason"]

    status, action, cluster = plan(**renamed, ClusterNameUpdatePolicy="Replace")
    assert (status, action, cluster["replacedCluster"]) == (2, "replace", "c-planned")
    fates = {each["name"]: each["fate"] for each in cluster["storage"]}
    assert fates == {"root volume of the head node": "deleted", "data": "kept", "scratch": "deleted"}

    kept = json.loads(
        Parent(account, service_token, NAME, **renamed, ClusterNameUpdatePolicy="Replace").body()
    )
    kept["Resources"]["Cluster"]["UpdateReplacePolicy"] = "Retain"
    _, printed = planned(account, tmp_path, json.dumps(kept))
    assert "cluster c-planned is kept: the template's attribute UpdateReplacePolicy keeps it" in printed
    assert "deleted" not in printed

    without = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    status, printed = planned(account, tmp_path, without)
    assert status == 2
    assert "- Cluster  delete: c-planned\n" in printed
    assert "    storage scratch (Ebs, /scratch): deleted, with everything on it\n" in printed

    assert made.delete().status == "DELETE_COMPLETE"


def test_a_plan_covers_nested_templates_and_what_is_not_known_yet(account, service_token, tmp_path):
    inner = json.loads(Parent(account, service_token, "inner").body())
    subnet = {"Ref": "Subnet"}
    inner["Parameters"] = {"Subnet": {"Type": "String"}}
    inner["Resources"]["Cluster"]["Properties"]["ClusterConfiguration"]["HeadNode"]["Networking"] = {
        "SubnetId": subnet
    }
    (tmp_path / "inner.json").write_text(json.dumps(inner))

    def outer(subnet_id):
        nested = {"TemplateURL": "inner.json", "Parameters": {"Subnet": subnet_id}}
        stack = {"Type": "AWS::CloudFormation::Stack", "Properties": nested}
        return json.dumps({"Resources": {"Inner": stack, "Subnet": {"Type": "AWS::EC2::Subnet"}}})

    known = account.cloud.exports["HEAD_NODE_SUBNET"]
    status, printed = planned(account, tmp_path, outer(known), name="outer")
    assert (status, printed.splitlines()[0]) == (2, "+ Inner/Cluster  create: c-inner")

    status, printed = planned(account, tmp_path, outer({"Ref": "Subnet"}), name="outer")
    assert (status, printed.splitlines()[0]) == (2, "+ Inner/Cluster  create")
    assert "ParallelCluster was not asked: " in printed
    assert "/HeadNode/Networking/SubnetId is not known before the deployment" in printed


def test_a_plan_of_a_provider_that_does_not_exist_is_refused(account, tmp_path):
    parent = Parent(account, PLACE.arn("lambda", "function:nobodys"), NAME)
    status, printed = planned(account, tmp_path, parent.body())
    assert (status, printed.splitlines()[:2]) == (
        1,
        [
            "✗ Cluster  refused: c-planned",
            "    there is no function nobodys: is the ServiceToken that of this account and Region?",
        ],
    )


QUEUE = "AWS::SQS::Queue"


def test_a_plan_shows_what_happens_to_other_resources_in_nested_stacks_too(account, tmp_path):
    def body(timeout_s, **resources):
        queue = {"Type": QUEUE, "Properties": {"VisibilityTimeout": timeout_s, "QueueName": "planned"}}
        (tmp_path / "leaf.json").write_text(json.dumps({"Resources": {"Queue": queue}}))
        nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "leaf.json"}}
        return json.dumps({"Resources": {"Inner": nested, **resources}})

    def topic(name):
        return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}

    bucket = ("--bucket", account.cloud.exports["ARTIFACT_BUCKET"])
    name = "planned-others"

    status, printed = planned(account, tmp_path, body(5, Topic=topic("a")), *bucket, name=name)
    assert (status, printed.splitlines()) == (
        2,
        [
            "Other resources:",
            "  +  Inner (AWS::CloudFormation::Stack)",
            "  +  Inner/Queue (AWS::SQS::Queue)",
            "  +  Topic (AWS::SNS::Topic)",
            f"Plan for stack {name}: the template has no clusters; other resources: 3 added.",
        ],
    )
    assert not [each for each in account.stack_names() if name in each]

    made = account.create(name, account.packaged(tmp_path / f"{name}.json"))
    assert made["StackStatus"] == "CREATE_COMPLETE", account.why(made)
    assert planned(account, tmp_path, body(5, Topic=topic("a")), *bucket, name=name)[0] == 0

    changed = body(6, Topic=topic("b"), More=topic("c"))
    status, printed = planned(account, tmp_path, changed, *bucket, "--json", name=name)
    others = json.loads(printed)["otherResources"]["changes"]
    assert [(each["action"], each["resource"], each["properties"]) for each in others] == [
        ("replace", "Topic", ["TopicName"]),
        ("change", "Inner/Queue", ["VisibilityTimeout"]),
        ("add", "More", []),
    ]
    assert account.cloudformation.list_change_sets(StackName=name)["Summaries"] == []

    for arguments in ((), (*bucket, "--no-change-set")):
        status, printed = planned(account, tmp_path, changed, *arguments, name=name)
        reason = "--no-change-set" if arguments else "the template names local files; name a bucket"
        assert (status, printed.startswith(f"Other resources: not shown ({reason}")) == (0, True)
    account.delete(name)
