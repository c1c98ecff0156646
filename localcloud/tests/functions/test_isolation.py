"""A function that is run with Lambda's runtime only sees what it brings, and nothing of this project."""

import site
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.functions import call, deploy

from localcloud.cloud import Cloud

#: What awslambdaric, boto3 and time-machine consist of.
RUNTIME = (
    *("awslambdaric", "runtime_client*.so", "simplejson", "snapshot_restore_py*", "boto3", "botocore"),
    *("jmespath", "s3transfer", "dateutil", "six.py", "urllib3", "time_machine", "_time_machine*.so"),
)


def virtual_environment(folder):
    """Makes a virtual environment that has this one's runtime packages by link; returns its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    for source in map(Path, site.getsitepackages()):
        for path in (path for pattern in RUNTIME for path in source.glob(pattern)):
            (packages / path.name).symlink_to(path)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    return virtual_environment(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="module")
def other_runtime(tmp_path_factory):
    return virtual_environment(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def cloud(runtime, other_runtime):
    with Cloud.start(function_python={"python3.11": other_runtime, "*": runtime}) as cloud:
        yield cloud
        assert cloud.errors() == []


def test_it_imports_what_the_runtime_has_and_nothing_else(cloud):
    name = deploy(
        cloud,
        """
        import importlib.util
        def handler(event, context):
            return [name for name in event if importlib.util.find_spec(name)]
        """,
    )
    asked = ["boto3", "awslambdaric", "pcluster", "click", "moto", "jsonschema", "pcluster_cfn", "yaml"]
    assert call(cloud, name, asked)["Payload"] == ["boto3", "awslambdaric"]


def test_it_finds_no_program_but_those_of_its_layers(cloud):
    name = deploy(
        cloud,
        """
        import shutil
        def handler(event, context):
            return [shutil.which(name) for name in event]
        """,
    )
    assert call(cloud, name, ["node", "python3", "ls"])["Payload"] == [None, None, None]


def test_it_runs_with_its_runtimes_interpreter(cloud, runtime, other_runtime):
    source = """
        import sys
        def handler(event, context):
            return sys.executable
        """
    for name, interpreter in (("python3.11", other_runtime), ("python3.12", runtime)):
        assert call(cloud, deploy(cloud, source, Runtime=name))["Payload"] == str(interpreter)


def test_its_time_is_the_clouds(cloud):
    name = deploy(
        cloud,
        """
        import datetime
        def handler(event, context):
            return datetime.datetime.now(datetime.timezone.utc).isoformat()[:10]
        """,
    )
    cloud.advance(40 * 24 * 3600)
    assert call(cloud, name)["Payload"] == cloud.now()[:10]


def test_it_reaches_the_clouds_own_hosts_and_verifies_them(cloud):
    name = deploy(
        cloud,
        """
        import urllib3
        def handler(event, context):
            return urllib3.PoolManager(retries=False).request("PUT", event).status
        """,
    )
    host = "cloudformation-waitcondition-us-east-1.s3.amazonaws.com"
    assert call(cloud, name, f"https://{host}/key")["Payload"] == 403
