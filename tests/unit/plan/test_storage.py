"""The fate of each storage of a cluster that goes."""

import json

import pytest

from pcluster_cfn.planning.storage import ROOT_VOLUME, storage_of


def shared(**settings):
    return {"SharedStorage": [{"Name": "s", "StorageType": "t", "MountDir": "/s", **settings}]}


@pytest.mark.parametrize(
    ("settings", "fate"),
    [
        ({}, "deleted"),
        ({"EbsSettings": {"Size": 10}}, "deleted"),
        ({"EbsSettings": {"DeletionPolicy": "Snapshot"}}, "snapshot"),
        ({"EbsSettings": {"VolumeId": "vol-1"}}, "external"),
        ({"EfsSettings": {"DeletionPolicy": "Retain"}}, "kept"),
        ({"EfsSettings": {"FileSystemId": "fs-1"}}, "external"),
        ({"FsxLustreSettings": {"StorageCapacity": 1200}}, "deleted"),
        ({"FsxOntapSettings": {"VolumeId": "fsvol-1"}}, "external"),
        ({"FileCacheSettings": {"FileCacheId": "fc-1"}}, "external"),
    ],
)
def test_each_storage_has_the_fate_that_its_settings_give_it(settings, fate):
    _, storage = storage_of(shared(**settings))
    assert (storage.name, storage.mount_dir, storage.fate) == ("s", "/s", fate)


def test_the_disk_of_the_head_node_goes_unless_the_configuration_keeps_it():
    (root,) = storage_of({})
    assert (root.name, root.fate) == (ROOT_VOLUME, "deleted")
    kept = {"HeadNode": {"LocalStorage": {"RootVolume": {"DeleteOnTermination": "false"}}}}
    assert storage_of(kept)[0].fate == "kept"


def test_a_configuration_may_be_text():
    as_map = shared(EfsSettings={"DeletionPolicy": "Retain"})
    assert storage_of(json.dumps(as_map)) == storage_of(as_map)


@pytest.mark.parametrize("configuration", [None, "a: [", 3, [], "text"])
def test_what_is_no_configuration_has_no_storage(configuration):
    assert storage_of(configuration) == []


def test_entries_of_any_shape_are_left_to_the_check_of_the_configuration():
    assert len(storage_of({"SharedStorage": ["text", {"EbsSettings": "text"}]})) == 2
    assert len(storage_of({"SharedStorage": "text", "HeadNode": "text"})) == 1
