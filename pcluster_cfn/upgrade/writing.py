"""Writes the properties of a cluster into its template: version, name, and what parameters hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfn_template.limits import Place
from cfn_template.values import Text, place_of
from pcluster_cfn.planning.requests import CONFIGURATION
from pcluster_cfn.upgrade.edits import NotEditableError, TemplateEdits
from pcluster_cfn.upgrade.reading import WrittenCluster, value_at
from pcluster_cfn.upgrade.remarks import Passage, Remark, Weight, capital

_NAME, _POLICY = "ClusterName", "ClusterNameUpdatePolicy"
_REPLACEMENT_POLICY = "ReplacementPolicy"
_WHY = "because the provider refuses another version for the same cluster"
#: The end of a name that an earlier passage gave.
_SUFFIX = re.compile(r"-\d+-\d+-\d+$")
#: Source: docs/reference/cluster.md, ClusterName; the shorter one with a Slurm database.
_NAME_MAX, _NAME_MAX_WITH_DATABASE = 60, 40


@dataclass(frozen=True)
class Writer:
    """Writes the passage of one cluster.

    Args:
        cluster: The cluster.
        passage: Its passage, which gets a remark for each change.
        edits: Gets the changes.
        name: The new name; empty for one that is made from the old name.
    """

    cluster: WrittenCluster
    passage: Passage
    edits: TemplateEdits
    name: str = ""

    def set_property(self, key: str, value: str) -> None:
        """Gives the cluster a property."""
        written, old = self.cluster.written.get(key), self.cluster.property(key)
        place = place_of(self.cluster.values, (key,)) or self.cluster.place
        if written is not None and old is not None:
            if old != value and self.replace(place, written, key, old, value):
                self._property(place, key, f"{old} becomes {value}")
            return
        try:
            if written is not None:
                raise NotEditableError(place, "its value is not known before the deployment")
            properties = getattr(self.cluster.written, "place", self.cluster.place)
            before = _NAME if _NAME in self.cluster.written else CONFIGURATION
            self.edits.insert(properties, key, value, before=before)
        except NotEditableError as error:
            self.by_hand(error, key, f"Write {key}: {value} there yourself, and pass the template again")
            return
        self._property(place, key, f"Added: {value}")

    def rename(self) -> None:
        """Gives the cluster another name, so that CloudFormation can replace it.

        A cluster without a name in the template needs only the permission.
        """
        old = self.cluster.property(_NAME)
        if self.cluster.written.get(_NAME) is None and not self.name:
            self.set_property(_REPLACEMENT_POLICY, "Replace")
            return
        if old is not None and self.cluster.deployed_name not in {None, old}:
            self.set_property(_POLICY, "Replace")
            return  # it has another name already
        place = place_of(self.cluster.values, (_NAME,)) or self.cluster.place
        written = self.cluster.written.get(_NAME)
        new = self.name or (renamed(old, self.passage.after) if old else "")
        longest = _NAME_MAX_WITH_DATABASE if _has_database(self.cluster.plain) else _NAME_MAX
        if len(new) > longest:
            what = f"{new} has {len(new)} characters, and a cluster's name has at most {longest}"
            self.passage.remarks.append(Remark(Weight.REFUSED, place, _NAME, what, "Give one with --name"))
            return
        try:
            self._write_name(place, written, old, new)
        except NotEditableError as error:
            fix = "Write another name there: a cluster cannot be replaced by one of the same name"
            self.passage.remarks.append(Remark(Weight.TO_DO, error.place, _NAME, capital(error.why), fix))
        self.set_property(_POLICY, "Replace")

    def _write_name(self, place: Place, written: Any, old: str | None, new: str) -> None:
        argument = (
            written.get("Fn::Sub") if isinstance(written, Mapping) and set(written) == {"Fn::Sub"} else None
        )
        if isinstance(argument, Text) and argument.place is not None and not self.name:
            self.edits.append(argument.place, renamed("", self.passage.after), instead=_SUFFIX)
            self._property(
                place, _NAME, f"{argument} becomes {renamed(argument, self.passage.after)}, {_WHY}"
            )
        elif old is None or argument is not None:
            raise NotEditableError(place, "the name is not written there as it is")
        elif (name := self._parameter_of(place, written, old, new)) is None:
            self._property(place, _NAME, f"{old} becomes {new}, {_WHY}")
        else:
            self._parameter(place, _NAME, name, old, new)

    def replace(self, place: Place, written: Any, path: str, old: str, new: str) -> bool:
        """Changes a value, or the parameter that it comes from; refuses the passage if that is not possible.

        Args:
            place: Place of the value.
            written: The value as written; None in a configuration that is given as text.
            path: Property and keys, for remarks.
            old: The value.
            new: The new value.

        Returns:
            Whether it was possible.
        """
        try:
            name = self._parameter_of(place, written, old, new)
            if name is not None:
                self._parameter(place, path, name, old, new)
        except NotEditableError as error:
            self.by_hand(error, path, f"Write {new} there yourself, and pass the template again")
            return False
        return True

    def _parameter_of(self, place: Place, written: Any, old: str, new: str) -> str | None:
        """Changes a value at a place; or returns the parameter that it comes from, which is left."""
        if isinstance(written, Mapping) and isinstance(name := written.get("Ref"), str):
            return str(name)
        at = getattr(written, "place", None) or place
        return self.edits.replace(at, old, new)

    def _parameter(self, place: Place, path: str, name: str, old: str, new: str) -> None:
        changed = self.edits.default(name, old, new)
        self.passage.parameters[name] = new
        what = f"Parameter {name} has the value {old}, and must have {new}"
        fix = f"Deploy with -p {name}={new}: a stack keeps the values of its parameters"
        self.passage.remarks.append(Remark(Weight.TO_DO, changed or place, path, what, fix))

    def _property(self, place: Place, key: str, what: str) -> None:
        self.passage.remarks.append(Remark(Weight.EDITED, place, key, what))

    def by_hand(self, error: NotEditableError, path: str, fix: str) -> None:
        """Refuses the passage, because a change has to be made by hand."""
        self.passage.remarks.append(Remark(Weight.REFUSED, error.place, path, capital(error.why), fix))


def renamed(name: str, version: str) -> str:
    """Returns the name of a cluster's successor: the name with the version, instead of an earlier one."""
    return f"{_SUFFIX.sub('', name)}-{version.replace('.', '-')}"


def _has_database(plain: Any) -> bool:
    settings = value_at(plain, ("Scheduling", "SlurmSettings"))
    return isinstance(settings, Mapping) and bool({"Database", "ExternalSlurmdbd"} & set(settings))
