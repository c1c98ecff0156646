"""The clusters that a change set or a template changes; pure.

A change set's payload has the properties of each changed resource as they will be. Of a stack's operation,
only the templates are there, which are evaluated.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfn_template.limits import TemplateError
from cfn_template.reading import read
from cfn_template.values import unknown_parts
from pcluster_cfn.planning.clusters import kept_by
from pcluster_cfn.planning.requests import CLUSTER, CONFIGURATION, NOT_THE_LIBRARYS, RequestedCluster
from pcluster_cfn.validation.partial_template import (
    Answers,
    as_received,
    evaluate_partially,
    plain_values,
    section,
)

#: What a change set shows for a value that only its execution gives, and for a secret.
#: Source: CloudFormation user guide, "View a change set"; recordings of localstack/localstack.
_KNOWN_AFTER_APPLY, _MASKED = "{{changeSet:KNOWN_AFTER_APPLY}}", "****"
_CUSTOM, _PREFIX = "AWS::CloudFormation::CustomResource", "Custom::"
#: Other custom resources of this project's provider. Source: docs/reference.
_NO_CLUSTERS = frozenset(
    {"Custom::PclusterImage", "Custom::PclusterClusterInfo", "Custom::PclusterOfficialImage"}
)


class UnreadableError(Exception):
    """A template, or a change of a change set, cannot be read; the text says which and why."""


@dataclass(frozen=True)
class Named:
    """A resource of which only the logical id matters."""

    logical_id: str


@dataclass(frozen=True)
class ChangedCluster:
    """A cluster that is added, changed or removed.

    Attributes:
        logical_id: Its logical id.
        wanted: As it is to be; None if it is removed, or not all is known.
        missing: What is not known; empty if all is.
        is_removed: Whether the template no longer has it.
        previous: As it is in the deployed template; None if there is none, or not all is known.
    """

    logical_id: str
    wanted: RequestedCluster | None = None
    missing: str = ""
    is_removed: bool = False
    previous: RequestedCluster | None = None


def changed_in(payload: Mapping[str, Any], service_token: str) -> Iterator[ChangedCluster]:
    """Yields the clusters among the changes of a change set.

    Args:
        payload: A change set's.
        service_token: That of the provider whose clusters are meant.

    Raises:
        UnreadableError: A change has a form that is not known.
    """
    for change in payload.get("changedResources") or []:
        try:
            before, after = _properties(change, "beforeContext"), _properties(change, "afterContext")
            logical_id, kind = str(change["logicalResourceId"]), str(change["resourceType"])
            is_removed = change["action"] == "DELETE"
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadableError("changedResources has an entry of a form that is not known") from error
        shown = after if after is not None else before
        if shown is None or not _is_cluster(kind, shown, service_token):
            continue
        previous, _ = _requested(logical_id, before)
        if is_removed:
            yield ChangedCluster(logical_id, is_removed=True, previous=previous)
            continue
        wanted, missing = _requested(logical_id, after)
        yield ChangedCluster(logical_id, wanted, missing, previous=previous)


def _properties(change: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    text = change.get(key)
    found = json.loads(text).get("Properties") if text else None
    return found if isinstance(found, dict) else None


def _is_cluster(kind: str, properties: Mapping[str, Any], service_token: str) -> bool:
    """Whether a resource is a cluster of the provider; to it, any custom type but its others' is one."""
    if kind != CLUSTER and not (
        (kind == _CUSTOM or kind.startswith(_PREFIX))
        and CONFIGURATION in properties
        and kind not in _NO_CLUSTERS
    ):
        return False
    named = properties.get("ServiceToken")
    is_known = isinstance(named, str) and _KNOWN_AFTER_APPLY not in named
    return not is_known or named == service_token


def _requested(logical_id: str, properties: Mapping[str, Any] | None) -> tuple[RequestedCluster | None, str]:
    """Returns a cluster, or None and the first value that is not known."""
    if properties is None:
        return None, ""
    needed = {key: value for key, value in properties.items() if key not in NOT_THE_LIBRARYS}
    for path, value in _texts(needed):
        if value == _MASKED or _KNOWN_AFTER_APPLY in value:
            return None, f"{'/'.join((logical_id, *path))} is not known before the deployment"
    return RequestedCluster(Named(logical_id), needed), ""


def _texts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, str(index)))


def has_clusters(text: str) -> bool:
    """Whether a template may have a cluster; nothing is evaluated.

    Raises:
        UnreadableError: The template cannot be read.
    """
    for _, kind, properties in _resources(_read(text)):
        if kind == CLUSTER or ((kind.startswith(_PREFIX) or kind == _CUSTOM) and CONFIGURATION in properties):
            return True
    return False


def in_template(
    text: str, parameters: Mapping[str, str], known: Mapping[str, Any], service_token: str
) -> Iterator[ChangedCluster]:
    """Yields the clusters of a template, changed or not.

    Args:
        text: The template.
        parameters: Values of its parameters.
        known: Values of pseudo parameters and of references to resources.
        service_token: That of the provider whose clusters are meant.

    Raises:
        UnreadableError: The template cannot be read.
    """
    template = evaluate_partially(_read(text), parameters, Answers(known=known))
    for logical_id, kind, written in _resources(template.root):
        if not template.exists(template.root["Resources"][logical_id]):
            continue
        values = template.evaluate(written)
        values = values if isinstance(values, dict) else {CONFIGURATION: values}
        if not _is_cluster(kind, values, service_token):
            continue
        needed = {key: value for key, value in values.items() if key not in NOT_THE_LIBRARYS}
        missing = next(iter(unknown_parts(needed)), None)
        if missing is not None:
            path, reason = missing
            place = "/".join((logical_id, *map(str, path)))
            yield ChangedCluster(logical_id, missing=f"{place} is not known before the deployment ({reason})")
        else:
            properties = plain_values(as_received(needed))
            yield ChangedCluster(logical_id, RequestedCluster(Named(logical_id), properties))


def retained_in(text: str, attribute: str) -> frozenset[str]:
    """Returns the logical ids of the resources that an attribute of a template keeps, as ``kept_by`` says.

    Raises:
        UnreadableError: The template cannot be read.
    """
    return kept_by(attribute, section(_read(text), "Resources"))


def _read(text: str) -> Mapping[str, Any]:
    try:
        root: Mapping[str, Any] = read(text)
    except TemplateError as error:
        raise UnreadableError(f"the template cannot be read: {error.problem}") from error
    return root


def _resources(root: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yields logical id, type and properties as written."""
    for logical_id, definition in section(root, "Resources").items():
        if isinstance(definition, dict) and isinstance(definition.get("Type"), str):
            yield logical_id, definition["Type"], definition.get("Properties") or {}
