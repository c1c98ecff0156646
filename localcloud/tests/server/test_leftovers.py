"""Only folders of dead clouds of this user are removed from the temporary folder."""

import json
import os
import tempfile
from dataclasses import asdict

import pytest

from localcloud import leftovers
from localcloud.processes import identify

DEAD = {"pid": os.getpid(), "started": "earlier"}


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def left_behind(temporary):
    """Makes a folder that a cloud left behind."""

    def make(name="localcloud-dead", mark=DEAD):
        folder = temporary / name
        (folder / "code").mkdir(parents=True)
        (folder / "process.json").write_text(json.dumps(mark))
        return folder

    return make


def test_a_folder_of_a_dead_cloud_is_removed_and_that_of_a_living_one_stays(left_behind):
    living = leftovers.make_folder("tls-")
    also_living = left_behind("localcloud-living", asdict(identify(os.getpid())))
    dead = left_behind()
    assert leftovers.clear() == [dead]
    assert not dead.exists()
    assert living.is_dir()
    assert also_living.is_dir()


@pytest.mark.parametrize("mark", [{}, [], {"pid": "x", "started": ""}, None])
def test_a_folder_without_the_mark_of_a_cloud_stays(left_behind, mark):
    folder = left_behind(mark=mark)
    assert leftovers.clear() == []
    assert folder.is_dir()


def test_another_prefix_stays(left_behind):
    folder = left_behind("cloud-dead")
    assert leftovers.clear() == []
    assert folder.is_dir()


def test_what_a_link_leads_to_stays(left_behind, temporary):
    target = left_behind("elsewhere")
    (temporary / "localcloud-link").symlink_to(target)
    inside = left_behind()
    (inside / "link").symlink_to(target)
    assert leftovers.clear() == [inside]
    assert (target / "process.json").is_file()


def test_a_mark_that_is_a_link_is_not_believed(left_behind):
    folder = left_behind()
    (folder / "process.json").rename(folder / "real.json")
    (folder / "process.json").symlink_to(folder / "real.json")
    assert leftovers.clear() == []
    assert folder.is_dir()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_stays(left_behind):
    folder = left_behind()
    os.chown(folder, 65534, 65534)
    assert leftovers.clear() == []
    assert folder.is_dir()
