"""Which packages of a ParallelCluster release its layer has, and what the matrix of releases keeps."""

import json

import pytest

from tools import engine_matrix
from tools.artefacts import releases
from tools.artefacts.requirements import pins

REQUIRED = {
    "aws-cdk-core": (),
    "aws-cdk-aws-ec2": ("aws-cdk.core (==1.204.0)", "jsii<2"),
    "aws-cdk-aws-batch": ("aws-cdk.aws-ec2==1.204.0",),
    "aws-cdk-aws-sam": ("aws-cdk.core==1.204.0",),
}
OTHERS = ("aws-parallelcluster", "aiohttp", "setuptools", "jsii")


@pytest.fixture
def unpacked(tmp_path):
    """A library with its CDK modules; call it with the library's source."""

    def unpack(source):
        (tmp_path / "pcluster" / "templates").mkdir(parents=True)
        (tmp_path / "pcluster" / "__init__.py").touch()
        (tmp_path / "pcluster" / "templates" / "cluster_stack.py").write_text(source)
        for name, required in REQUIRED.items():
            folder = tmp_path / f"{name.replace('-', '_')}-1.204.0.dist-info"
            folder.mkdir()
            lines = [f"Name: {name.replace('aws-cdk-', 'aws-cdk.')}", "Version: 1.204.0"]
            lines += [f"Requires-Dist: {each}" for each in required]
            (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]))
        return tmp_path

    return unpack


@pytest.mark.parametrize(
    ("source", "left_out"),
    [
        ("from aws_cdk import aws_ec2 as ec2", {"aws-cdk-aws-batch", "aws-cdk-aws-sam", "setuptools"}),
        ("import aws_cdk.aws_batch\nimport pkg_resources", {"aws-cdk-aws-sam"}),
        (
            "def make():\n    from aws_cdk.core import Stack",
            {"aws-cdk-aws-ec2", "aws-cdk-aws-batch", "aws-cdk-aws-sam", "setuptools"},
        ),
    ],
    ids=["a module with what it requires", "pkg_resources", "an import within a function"],
)
def test_a_layer_leaves_out_what_the_library_does_not_load(unpacked, source, left_out):
    assert releases.unused([*REQUIRED, *OTHERS], unpacked(source)) == {"aiohttp", *left_out}


def test_what_is_named_to_be_left_out_is_in_no_committed_lock():
    for version in releases.committed():
        there = pins(releases.locked(version))
        assert there["aws-parallelcluster"] == version
        assert not {"aiohttp", "yarl"} & there.keys()


def test_the_newest_release_of_each_minor_version_lives():
    versions = ["3.16.1", "3.16.0", "3.15.0", "3.9.3", "3.9.0"]
    assert engine_matrix.newest_of_each_minor(versions) == {"3.16.1", "3.15.0", "3.9.3"}


def test_what_was_seen_of_a_release_replaces_what_was_seen_before(monkeypatch, tmp_path):
    monkeypatch.setattr(engine_matrix, "RESULTS", tmp_path / "engines.json")
    assert engine_matrix.results() == []
    for release, contract in (("3.9.3", 1), ("3.16.1", 2), ("3.9.3", 3)):
        engine_matrix.keep({"release": release, "contract": contract})
    assert engine_matrix.results() == json.loads((tmp_path / "engines.json").read_text())
    assert [(seen["release"], seen["contract"]) for seen in engine_matrix.results()] == [
        ("3.16.1", 2),
        ("3.9.3", 3),
    ]
