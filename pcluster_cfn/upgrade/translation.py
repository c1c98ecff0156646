"""Passes a cluster of a template to another ParallelCluster version, or says why that is not possible."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cfn_template.values import Path, Unknown, place_of
from cluster_schema import configuration_schema, fit, in_words, versions
from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.planning.requests import CONFIGURATION
from pcluster_cfn.upgrade import facts
from pcluster_cfn.upgrade.consequences import consequences, joined
from pcluster_cfn.upgrade.edits import NotEditableError, TemplateEdits
from pcluster_cfn.upgrade.reading import WrittenCluster, value_at
from pcluster_cfn.upgrade.remarks import Passage, Remark, Weight, capital
from pcluster_cfn.upgrade.writing import Writer
from pcluster_cfn.validation.configuration_check import Rules
from pcluster_cfn.validation.report import Finding

_VERSION = "PclusterVersion"
_SYSTEM: Path = ("Image", "Os")
_SCHEDULER: Path = ("Scheduling", "Scheduler")


@dataclass(frozen=True)
class Target:
    """What a template is passed to.

    Args:
        version: The ParallelCluster version.
        today: The day, for the ends of support.
        system: The operating system in place of one that the version does not have; empty to refuse those.
        name: The name of the new cluster; empty for one that is made from the old name.
    """

    version: str
    today: date
    system: str = ""
    name: str = ""


def systems(version: str) -> list[str]:
    """Returns the operating systems of a ParallelCluster version."""
    place = _schema_at(version, _SYSTEM)
    return list(place.get("enum", []))


def pass_cluster(cluster: WrittenCluster, target: Target, edits: TemplateEdits) -> Passage:
    """Returns a cluster's passage to another version, and collects the changes of the template.

    Args:
        cluster: The cluster.
        target: What it is passed to.
        edits: Gets the changes. They count only if no passage of the template is refused.
    """
    passage = Passage(cluster.logical_id, cluster.place, cluster.version, target.version)
    if cluster.version == target.version and cluster.property(_VERSION) in {None, target.version}:
        return passage
    passage.remarks += _obstacles(cluster, target)
    if not passage.is_refused:
        _Translation(cluster, target, edits, passage).make()
    return passage


def _obstacles(cluster: WrittenCluster, target: Target) -> Iterator[Remark]:
    """Yields why a cluster's passage cannot be judged."""
    place = place_of(cluster.values, (_VERSION,)) or cluster.place
    if not cluster.version:
        fix = "Give parameters with -p, or the stack with --stack-name"
        yield Remark(Weight.UNKNOWN, place, _VERSION, "The version is not known before the deployment", fix)
        return
    if cluster.version not in versions():
        what = f"There is no schema of ParallelCluster {cluster.version}; there are {in_words(versions())}"
        yield Remark(Weight.REFUSED, place, _VERSION, what, "Make a new cluster with a template of its own")
        return
    if versions().index(cluster.version) < versions().index(target.version):
        what = f"The cluster has ParallelCluster {cluster.version}, which is newer than {target.version}"
        yield Remark(Weight.REFUSED, place, _VERSION, what, f"Give --to {cluster.version} or a later one")
    if isinstance(cluster.configuration, Unknown):
        place = place_of(cluster.values, (CONFIGURATION,)) or cluster.place
        what = f"The configuration is not known before the deployment: {cluster.configuration.reason}"
        yield Remark(Weight.UNKNOWN, place, CONFIGURATION, what, "Give parameters with -p")
        return
    for path in (_SYSTEM, _SCHEDULER):
        if value_at(cluster.plain, path) is UNKNOWN:
            fix = "Give parameters with -p, or the stack with --stack-name"
            what = "The value is not known before the deployment"
            yield Remark(Weight.UNKNOWN, cluster.place_of(path), joined(path), what, fix)


@dataclass
class _Translation:
    """The passage of one cluster of which everything that decides is known."""

    cluster: WrittenCluster
    target: Target
    edits: TemplateEdits
    passage: Passage
    plain: Any = field(init=False)

    def __post_init__(self) -> None:
        self._writer = Writer(self.cluster, self.passage, self.edits, self.target.name)

    def make(self) -> None:
        """Adds the remarks and the changes."""
        self.plain = _copied(self.cluster.plain)
        self._configuration()
        if self.passage.is_refused:
            return
        self._writer.set_property(_VERSION, self.target.version)
        if self.cluster.deployed_name != "":
            self._writer.rename()
        self._engines()
        self.passage.translated = self.plain
        self.passage.remarks += consequences(self.cluster, self.target.version, self.plain, self.target.today)

    def _configuration(self) -> None:
        rules, values = Rules(self.target.version, {}), self.cluster.configuration
        found = list(rules.findings(self.cluster.plain, values, "configuration", self.cluster.place))
        paths = {finding.path: self._path(finding.path) for finding in found}
        scheduler = facts.retired("/".join(map(str, _SCHEDULER)), value_at(self.cluster.plain, _SCHEDULER))
        for finding in found:
            path = paths[finding.path]
            if scheduler and path != _SCHEDULER and path[:1] == _SCHEDULER[:1]:
                continue  # follows from the scheduler
            self._misfit(path, finding)

    def _misfit(self, path: Path, finding: Finding) -> None:
        names = "/".join(str(key) for key in path if isinstance(key, str))
        value = value_at(self.cluster.plain, path)
        if path == _SYSTEM and isinstance(value, str) and _last_release(path, value):
            self._system(value)
        elif (fact := facts.retired(names, value)) and (last := _last_release(path, value)):
            self._add(Weight.REFUSED, path, fact.what, fact.fix.format(last=last), fact.source)
        elif fact := facts.dropped(names):
            self._drop(path, fact)
        else:
            fix = "Change it for this version, and pass the template again"
            remark = Remark(Weight.REFUSED, finding.place, joined(path), capital(finding.message), fix)
            self.passage.remarks.append(remark)

    def _system(self, old: str) -> None:
        last = _last_release(_SYSTEM, old)
        chosen = self.target.system
        if not chosen:
            after = [each for each in facts.successors(old) if each in systems(self.target.version)]
            what = f"{old} is supported until {last}"
            fix = f"Choose its successor with {' or '.join(f'--os {each}' for each in after or ['NAME'])}"
            self._add(Weight.REFUSED, _SYSTEM, what, fix)
            return
        place, written = self.cluster.place_of(_SYSTEM), self.cluster.written_at(_SYSTEM)
        if not self._writer.replace(place, written, joined(_SYSTEM), old, chosen):
            return
        self.plain["Image"]["Os"] = chosen
        users = facts.default_user(old), facts.default_user(chosen)
        user = (
            "" if users[0] == users[1] else f", and the default user is {users[1]} and no longer {users[0]}"
        )
        what = f"The nodes run {chosen}, because {old} is supported until {last}{user}"
        self._add(
            Weight.TO_DO, _SYSTEM, what, "Check scripts, packages and software of your own on the new system"
        )
        if not facts.has_official_image(chosen):
            fix = (
                "Build one with a Custom::PclusterImage (examples/custom-image.yaml) and name it in CustomAmi"
            )
            self._add(Weight.TO_DO, _SYSTEM, f"AWS publishes no image of {chosen}", fix)

    def _drop(self, path: Path, fact: facts.Fact) -> None:
        removed = path
        while (
            len(removed) > 1 and isinstance(removed[-2], str) and len(value_at(self.plain, removed[:-1])) == 1
        ):
            removed = removed[:-1]  # a map without keys would be left
        place = self.cluster.place_of(removed, of_key=True)
        try:
            self.edits.remove(place)
        except NotEditableError as error:
            self._writer.by_hand(error, joined(path), "Remove it yourself, and pass the template again")
            return
        del value_at(self.plain, removed[:-1])[removed[-1]]
        self._add(Weight.EDITED, path, f"Removed. {fact.what}", "", fact.source)

    def _engines(self) -> None:
        before, after = self.passage.before, self.target.version
        also = (
            ""
            if self.cluster.deployed_name == ""
            else f", and that of {before} until the old cluster is deleted"
        )
        what = f"The provider needs its engine of {after}{also}"
        fix = f"Unless it is the default: make engine PCLUSTER_VERSION={after} (docs/how-to/engines.md)"
        self.passage.remarks.append(Remark(Weight.TO_DO, self.cluster.place, "", what, fix))

    def _add(self, weight: Weight, path: Path, what: str, fix: str = "", source: str = "") -> None:
        place = self.cluster.place_of(path)
        self.passage.remarks.append(Remark(weight, place, joined(path), what, fix, source))

    def _path(self, pointer: str) -> Path:
        """Returns a JSON Pointer as keys and indexes."""
        found: list[str | int] = []
        value = self.cluster.plain
        for part in pointer.split("/")[1:]:
            key = int(part) if isinstance(value, list) else part.replace("~1", "/").replace("~0", "~")
            found.append(key)
            value = value_at(value, (key,))
        return tuple(found)


def is_translated(cluster: WrittenCluster, passage: Passage) -> bool:
    """Whether a cluster of the changed template is what its passage says, and fits the new version."""
    found = fit(cluster.plain, passage.after)
    wanted = fit(passage.translated, passage.after).typed
    return cluster.property(_VERSION) == passage.after and found.typed == wanted and not found.misfits


def _last_release(path: Path, value: Any) -> str | None:
    """Returns the last release whose schema has a value among the choices at a path; None if none has."""
    return next((each for each in versions() if value in _schema_at(each, path).get("enum", [])), None)


def _schema_at(version: str, path: Path) -> Mapping[str, Any]:
    place: Mapping[str, Any] = configuration_schema(version)
    for key in path:
        place = place.get("items", {}) if isinstance(key, int) else place.get("properties", {}).get(key, {})
    return place


def _copied(value: Any) -> Any:
    """Returns a copy of JSON values, in which UNKNOWN is still itself."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
