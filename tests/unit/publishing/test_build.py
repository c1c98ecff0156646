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
    (from_folder,) = read_stacks(folder, [])
    with unpacked(archive) as found:
        (from_archive,) = read_stacks(found, [])
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
