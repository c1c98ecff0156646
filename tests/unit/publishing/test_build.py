"""A build is published from its folder, or from the archive of it that a release has."""

import zipfile

import pytest

from pcluster_cfn.errors import CommandError
from pcluster_cfn.publishing.build import read_stacks, unpacked
from tests.support.built import small_build


def test_an_archive_of_a_build_is_the_same_as_its_folder(tmp_path):
    (tmp_path / "build").mkdir()
    folder = small_build(tmp_path / "build")
    archive = tmp_path / "provider-1.0.0.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for file in folder.rglob("*"):
            written.write(file, file.relative_to(folder))
    (from_folder,) = read_stacks(folder, [], hook=False)
    with unpacked(archive) as found:
        (from_archive,) = read_stacks(found, [], hook=False)
        files = from_archive.publication("bucket", "p", "1.0.0").files
    assert not found.exists()
    assert files == from_folder.publication("bucket", "p", "1.0.0").files


@pytest.mark.parametrize("name", ["missing.zip", "text.zip"])
def test_what_is_no_build_is_refused_with_the_command_that_builds(tmp_path, name):
    (tmp_path / "text.zip").write_text("no archive")
    with (
        pytest.raises(CommandError, match="pcluster-cfn build makes such a folder"),
        unpacked(tmp_path / name),
    ):
        pass


def test_the_hook_comes_after_the_provider_and_the_engines(tmp_path):
    for place in ("", "engine-3.14.0", "hook"):
        (tmp_path / place).mkdir(exist_ok=True)
        small_build(tmp_path / place)
    stacks = read_stacks(tmp_path, ["3.14.0"], hook=True)
    assert [stack.kind for stack in stacks] == ["provider", "engine", "hook"]
    assert stacks[-1].prefix("p", "1.0.0") == "p/1.0.0/hook/"


def test_a_hook_that_was_not_built_is_refused_with_what_builds_it(tmp_path):
    small_build(tmp_path)
    with pytest.raises(CommandError, match=r"hook does not contain a built hook; .*make hook"):
        read_stacks(tmp_path, [], hook=True)


@pytest.mark.parametrize(
    ("name", "other"), [("pclusterVersion", "3.14.0"), ("architecture", "arm64"), ("python", "3.13")]
)
def test_a_hook_that_the_providers_layer_does_not_fit_is_refused(tmp_path, name, other):
    (tmp_path / "hook").mkdir()
    small_build(tmp_path)
    small_build(tmp_path / "hook", **{name: other})
    with pytest.raises(CommandError, match=rf"has {name} {other}, and the provider in .*: build both alike"):
        read_stacks(tmp_path, [], hook=True)
