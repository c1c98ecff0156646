"""What a passage means besides the changes in the template: behaviour, images, storage, flaws. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from cfn_template.values import Path
from cluster_schema import configuration_schema
from cluster_schema.advisories import Advisory, advisories_for
from pcluster_cfn.editor_schemas import keys, update
from pcluster_cfn.planning.requests import CONFIGURATION
from pcluster_cfn.planning.storage import ROOT_VOLUME, Storage, storage_of
from pcluster_cfn.upgrade import facts
from pcluster_cfn.upgrade.facts import Fact
from pcluster_cfn.upgrade.reading import WrittenCluster, value_at
from pcluster_cfn.upgrade.remarks import Remark, Weight

_EXAMPLE = "examples/shared-storage.yaml"
_DATABASE = "https://docs.aws.amazon.com/parallelcluster/latest/ug/Scheduling-v3.html"
#: How to keep managed storage of each type, and how to use what is kept. A volume can be attached to one head
#: node, and both clusters exist for a while. Source: user guide, "SharedStorage section"; the schemas' update
#: policies of DeletionPolicy.
_KEEPING = {
    "Ebs": "Take a snapshot and name it with {settings}/SnapshotId, or copy the files to storage of your own",
    "Efs": "First update the old cluster with {settings}/DeletionPolicy: Retain, then name the file system "
    "here with {settings}/FileSystemId",
}
_KEEPING["FsxLustre"] = _KEEPING["Efs"]
_ATTACHING = {
    "Ebs": "Name its snapshot with EbsSettings/SnapshotId",
    "Efs": "Name it here with EfsSettings/FileSystemId",
    "FsxLustre": "Name it here with FsxLustreSettings/FileSystemId",
}


def consequences(cluster: WrittenCluster, after: str, translated: Any, today: date) -> Iterator[Remark]:
    """Yields what the passage means, besides the changes in the template.

    Args:
        cluster: The cluster.
        after: The version that it goes to.
        translated: Its new configuration.
        today: The day, for the ends of support.
    """
    yield from _behaviour(cluster, after)
    yield from _images(cluster, after)
    yield from _flaws(cluster, after, translated, today)
    yield from _update_policies(cluster, after)
    if cluster.deployed_name != "":
        yield from _old_cluster(cluster)


def _remark(cluster: WrittenCluster, weight: Weight, path: Path, fact: Fact) -> Remark:
    return Remark(weight, cluster.place_of(path), joined(path), fact.what, fact.fix, fact.source)


def joined(path: Path) -> str:
    """Returns a path in the configuration for people: ``ClusterConfiguration/Image/Os``."""
    return "/".join(map(str, (CONFIGURATION, *path)))


def _behaviour(cluster: WrittenCluster, after: str) -> Iterator[Remark]:
    for path, fact in facts.changes(cluster.plain, cluster.version, after):
        yield _remark(cluster, Weight.CHANGED, path, fact)
    yield from _slurm(cluster, after)


def _slurm(cluster: WrittenCluster, after: str) -> Iterator[Remark]:
    path: Path = ("Scheduling", "Scheduler")
    new, old = facts.slurm(after), facts.slurm(cluster.version)
    if value_at(cluster.plain, path) != "slurm" or (new and old and new[0] == old[0]):
        return
    was = f"Slurm {old[0]}" if old else "Slurm"
    becomes = new[0] if new else f"the version of ParallelCluster {after}"
    fix = "Build again what is linked with Slurm, such as plugins and MPI libraries of your own"
    fact = Fact(f"{was} becomes {becomes}", fix, new[1] if new else "")
    yield _remark(cluster, Weight.CHANGED, path, fact)
    database: Path = ("Scheduling", "SlurmSettings", "Database")
    if value_at(cluster.plain, database) is None:
        return
    if value_at(cluster.plain, (*database, "DatabaseName")) is None:
        what = "The accounting database has the name of the cluster, so the new cluster begins an empty one"
        fix = "Set DatabaseName to the old name, with underscores for hyphens, to go on with the old records"
    else:
        what = "Both clusters use the same accounting database, and the new Slurm converts it"
        fix = "Back it up, and stop the old slurmdbd before: it cannot use the database afterwards"
    yield _remark(cluster, Weight.TO_DO, database, Fact(what, fix, _DATABASE))


def _images(cluster: WrittenCluster, after: str) -> Iterator[Remark]:
    for path, _ in _values(cluster.plain):
        if path[-1:] != ("CustomAmi",):
            continue
        written = cluster.written_at(path)
        built = written.get("Fn::GetAtt") if isinstance(written, dict) else None
        if isinstance(built, list) and built:
            fix = f"Give resource {built[0]} PclusterVersion {after} and another ImageId"
        else:
            fix = (
                f"Build it with a Custom::PclusterImage that has PclusterVersion {after} "
                "(examples/custom-image.yaml), and name the new AMI here"
            )
        what = f"The custom AMI was built for {cluster.version}, and {after} needs its own"
        yield _remark(cluster, Weight.TO_DO, path, Fact(what, fix))


def _flaws(cluster: WrittenCluster, after: str, translated: Any, today: date) -> Iterator[Remark]:
    before = {each.id: each for each in advisories_for(cluster.version, cluster.plain, today)}
    remaining = {each.id: each for each in advisories_for(after, translated, today)}
    for each in before.values():
        if each.id not in remaining:
            yield _flaw(cluster, Weight.FIXED, each)
    for each in remaining.values():
        yield _flaw(cluster, Weight.REMAINS, each)


def _flaw(cluster: WrittenCluster, weight: Weight, flaw: Advisory) -> Remark:
    fix = flaw.fix if weight is Weight.REMAINS else ""
    what = f"{flaw.id} ({flaw.severity.word}): {flaw.what}"
    return Remark(weight, cluster.place, "", what, fix, flaw.source)


def _update_policies(cluster: WrittenCluster, after: str) -> Iterator[Remark]:
    """Yields the keys of which a later change needs something else than before."""
    policies = [_policies(version) for version in (cluster.version, after)]
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for path, _ in _values(cluster.plain):
        names = tuple(str(key) for key in path if isinstance(key, str))
        old, new = (policy.get(names) for policy in policies)
        if old and new and update(old, names[-1]) != update(new, names[-1]):
            found[update(old, names[-1]), update(new, names[-1])]["/".join(names)] = None
    for (old, new), paths in found.items():
        what = f"A later change of {', '.join(paths)}: {new} (before: {old})"
        yield Remark(Weight.LATER, cluster.place, "", what)


def _policies(version: str) -> dict[tuple[str, ...], str]:
    schema = configuration_schema(version)
    return {path: place["x-update-policy"] for path, place in keys(schema) if "x-update-policy" in place}


def _old_cluster(cluster: WrittenCluster) -> Iterator[Remark]:
    if cluster.is_kept:
        what = (
            "The old cluster is kept, with its storage and its costs: the template says so, or it was adopted"
        )
        fix = "Delete it with pcluster delete-cluster when you no longer need it"
        yield Remark(Weight.TO_DO, cluster.place, "", what, fix)
        return
    storage = iter(storage_of(cluster.plain))
    shared = cluster.plain.get("SharedStorage")
    entries = enumerate(shared if isinstance(shared, list) else [])
    indexes = [index for index, entry in entries if isinstance(entry, Mapping)]
    paths: list[Path] = [("HeadNode",), *(("SharedStorage", index) for index in indexes)]
    on_efs = str(value_at(cluster.plain, ("HeadNode", "SharedStorageType"))).lower() == "efs"
    has_home = on_efs or any(each.mount_dir.strip("/") == "home" for each in storage_of(cluster.plain))
    for path, each in zip(paths, storage, strict=True):
        yield from _fate(cluster, path, each, has_home=has_home)
    if on_efs:
        what = "The file system that SharedStorageType: Efs makes goes with the old cluster, /home included"
        fix = f"Copy what you need, or mount a file system of your own at /home ({_EXAMPLE})"
        yield _remark(cluster, Weight.LOST, ("HeadNode", "SharedStorageType"), Fact(what, fix))


def _fate(cluster: WrittenCluster, path: Path, storage: Storage, *, has_home: bool) -> Iterator[Remark]:
    if storage.name == ROOT_VOLUME:
        if storage.fate == "deleted":
            what = f"The {ROOT_VOLUME} goes with the old cluster{'' if has_home else ', /home included'}"
            fix = "Copy what you need" + (
                "" if has_home else f", or mount a file system of your own at /home ({_EXAMPLE})"
            )
            yield _remark(cluster, Weight.LOST, path, Fact(what, fix))
        return
    named = f"{storage.type} storage {storage.name} at {storage.mount_dir}"
    if storage.fate == "deleted":
        keeping = _KEEPING.get(storage.type, f"Copy the files to storage of your own ({_EXAMPLE})")
        fix = keeping.format(settings=f"{storage.type}Settings")
        what = f"{named} goes with the old cluster, and the new one makes an empty one"
        yield _remark(cluster, Weight.LOST, path, Fact(what, fix))
    elif storage.fate != "external":
        fix = _ATTACHING.get(storage.type, "Name it here")
        stays = "leaves a snapshot" if storage.fate == "snapshot" else "stays"
        what = f"{named} {stays}, but the new cluster makes an empty one"
        yield _remark(cluster, Weight.TO_DO, path, Fact(what, fix))


def _values(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields every value below a value with its path."""
    items = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in items:
        yield (*path, key), item
        yield from _values(item, (*path, key))
