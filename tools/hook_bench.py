"""Times the hook's calls for a new cluster of 50 queues, each in new processes: ``make bench-hook``.

The embedded cloud runs in real time, with the sources. Each run gives both functions new execution
environments and makes a change set. The figures are no test.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from localcloud.cloud import Cloud
from localcloud.testing.configurations import minimal
from pcluster_cfn.package import Bucket, package
from pcluster_cfn.template import Template
from tools.artefacts.parts import ROOT, Build
from tools.artefacts.target import Target

#: How long Hooks waits for a call. Source: Hooks user guide, "Developing a Lambda Hook".
BOUND_S = 30
_QUEUES = 50
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
#: The hook's parameters that are outputs of the provider stack.
_GIVEN = ("ServiceToken", "EngineRole", "EngineLogGroup", "LambdaLayerArn")
_PATIENCE_S = 900
_VERSION = "3.16.1"


def main() -> None:
    """Runs and prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m tools.hook_bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="change sets that are made")
    runs = parser.parse_args().runs
    with Cloud.start(skip_idle=False) as cloud, tempfile.TemporaryDirectory() as folder:
        provider = _deploy(cloud, "provider", ROOT / "template.yaml", ROOT)
        given = {name: provider[name] for name in _GIVEN}
        _deploy(cloud, "hook", _hook_template(Path(folder)), ROOT, **given)
        for run in range(runs):
            _renew_environments(cloud, run)
            status = _propose(cloud, f"run-{run}", given["ServiceToken"])
            sys.stdout.write(f"run {run + 1} of {runs}: {status}\n")
            sys.stdout.flush()
        records = [r for r in cloud.invocations() if r["outcome"] == "success" and r["attempt"] == 1]
    calls = [r for r in records if r["function"].startswith("hook-Hook-") and r["kind"] == "RequestResponse"]
    _print("calls of the hook", calls, runs)
    _print("cold calls of the hook", [r for r in calls if r["cold"]], runs)
    _print("dry runs", [r for r in records if r["function"].startswith("hook-DryRun-")], runs)


def _print(what: str, records: list[dict[str, Any]], runs: int) -> None:
    seconds = sorted(record["duration_ms"] / 1000 for record in records)
    p95 = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    sys.stdout.write(
        f"{what}: {len(seconds)} in {runs} change sets, p50 {median(seconds):.1f} s, p95 {p95:.1f} s, "
        f"most {seconds[-1]:.1f} s; p95 is {p95 / BOUND_S:.2f} of the {BOUND_S} s that Hooks waits\n"
    )


def _hook_template(folder: Path) -> Path:
    Build(Target("x86_64", "3.12"), _VERSION, None).hook(folder / "hook")
    template = folder / "hook.yaml"
    text = (ROOT / "hook.yaml").read_text(encoding="utf-8")
    template.write_text(text.replace("provider/hook", str(folder / "hook")), encoding="utf-8")
    return template


def _deploy(cloud: Cloud, name: str, path: Path, base: Path, **parameters: str) -> dict[str, str]:
    """Deploys a stack and returns its outputs."""
    template = Template.read(path)
    bucket = Bucket(cloud.client("s3"), cloud.exports["ARTIFACT_BUCKET"])
    package(template, base, bucket)
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=bucket.url(bucket.put(template.text().encode(), ".template")),
        Capabilities=_CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": _PATIENCE_S}
    )
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def _renew_environments(cloud: Cloud, run: int) -> None:
    """Changes the configuration of both functions, so that their processes are new ones."""
    client = cloud.client("lambda")
    for logical_id in ("Hook", "DryRun"):
        resource = cloud.client("cloudformation").describe_stack_resource(
            StackName="hook", LogicalResourceId=logical_id
        )
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        environment = {"Variables": {**variables, "RUN": str(run)}}
        client.update_function_configuration(FunctionName=name, Environment=environment)
        client.get_waiter("function_updated_v2").wait(FunctionName=name)


def _propose(cloud: Cloud, name: str, service_token: str) -> str:
    """Makes a change set, waits until it has been judged, and returns its status with the hook's words."""
    # More nodes would need a larger head node.
    configuration = minimal(cloud.exports, max_count=2)
    (queue,) = configuration["Scheduling"]["SlurmQueues"]
    configuration["Scheduling"]["SlurmQueues"] = [
        {**queue, "Name": f"queue-{number}"} for number in range(_QUEUES)
    ]
    properties = {
        "ServiceToken": service_token,
        "ClusterName": f"c-{name}",
        "ClusterConfiguration": configuration,
    }
    template = {"Resources": {"Cluster": {"Type": "Custom::PclusterCluster", "Properties": properties}}}
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName=name, ChangeSetName="bench", ChangeSetType="CREATE", TemplateBody=json.dumps(template)
    )
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        described = cloudformation.describe_change_set(ChangeSetName=made["Id"])
        if described["Status"] != "CREATE_IN_PROGRESS" or time.monotonic() > give_up_at:
            break
        time.sleep(0.5)
    (result,) = cloudformation.list_hook_results(TargetType="CHANGE_SET", TargetId=made["Id"])["HookResults"]
    return f"{described['Status']}: {result['HookStatusReason'].splitlines()[0]}"


if __name__ == "__main__":
    main()
