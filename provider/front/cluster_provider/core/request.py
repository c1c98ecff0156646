"""CloudFormation's request, parsed once into types; this is the stage event -> request of the flow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never

from cluster_provider.core import bounds, deadline
from cluster_provider.core.document import stored_as
from cluster_provider.core.errors import InvalidProperty, MalformedRequest, ProviderError
from cluster_provider.core.identity import (
    FailedCreate,
    Kind,
    Owner,
    StackArn,
    is_unmade,
    kind_of,
    marker_id,
    may_be_cluster,
)
from cluster_provider.core.image_properties import parse_image
from cluster_provider.core.naming import generated_name
from cluster_provider.core.properties import (
    ComputeFleetUpdatePolicy,
    DeletionPolicy,
    Properties,
    ReplacementPolicy,
    digest,
    drain_timeout_s,
    parse_properties,
    service_timeout_s,
)
from cluster_provider.core.questions import Question, parse_cluster_info, parse_official_image

_CONFIGURATION = "ClusterConfiguration"
_NAME = "ClusterName"
_NAME_POLICY = "ClusterNameUpdatePolicy"
_REPLACEMENT_POLICY = "ReplacementPolicy"
_HANDLE = "WaitConditionHandle"
_REPLACE = ReplacementPolicy.REPLACE
_FLEET_POLICY = "ComputeFleetUpdatePolicy"
_STOP = ComputeFleetUpdatePolicy.STOP_AND_RESTART


class RequestType(StrEnum):
    """The type of a request."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


@dataclass(frozen=True)
class Refusal:
    """Why a request cannot be carried out, in the form that a record keeps.

    Args:
        code: The error's code.
        where: The place: a property, or a path in the configuration.
        what: What is wrong there.
        next_step: What the reader can do; empty if ``what`` says it.
        others: Further mistakes, as whole sentences.
    """

    code: str
    where: str
    what: str
    next_step: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """One request of CloudFormation.

    Args:
        type: Create, Update or Delete.
        request_id: CloudFormation's id of the request; the same in every delivery.
        owner: The resource that it is for.
        response_url: Destination of the answer. It is a credential and must never be logged.
        resource_type: Name of the resource's type.
        physical_id: The resource's physical id, as CloudFormation knows it; None for a Create.
        issued_at: When CloudFormation issued it.
        deadline: When it is answered at the latest.
        digest: SHA-256 of the raw properties, without ServiceToken and ServiceTimeout.
        old_digest: SHA-256 of the old properties likewise; for an Update only.
        properties: The wanted state; None for a Delete, a read-only resource and a refused request.
        refusal: Why the properties are not valid; None if they are.
        deletion_policy: What a Delete does. Unknown values count as Delete, since CloudFormation may send
            properties of any age.
        deletion_is_explicit: Whether the template itself says ``DeletionPolicy: Delete``.
        configuration_changes: Whether the configuration differs from the old one; True for every request but
            an Update.
        may_replace: Whether another ClusterName may be answered with a new cluster. Either set of properties
            may permit it, because a rollback arrives with the sets swapped.
        name_is_generated: Whether the properties have no ClusterName.
        replaces: Whether a change that cannot be made in place is to be made with a new cluster.
        drain_timeout_s: How long the deletion of a replaced cluster waits for its dynamic nodes, in seconds.
        may_stop_fleet: Whether the compute fleet may be stopped and restarted for this Update. Either set of
            properties may permit it.
        signal_url: Handle of the wait condition that waits for the end of this request's work; None if there
            is none, or if an Update did not change the handle, since its condition no longer waits. It is a
            credential.
        signal_deadline_at: When that wait condition is signalled at the latest.
        kind: Kind of the resource.
        question: What a read-only resource asks; None for other resources.
    """

    type: RequestType
    request_id: str
    owner: Owner
    response_url: str
    resource_type: str
    physical_id: str | None
    issued_at: datetime
    deadline: datetime
    digest: str
    old_digest: str | None = None
    properties: Properties | None = None
    refusal: Refusal | None = None
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    deletion_is_explicit: bool = False
    configuration_changes: bool = True
    may_replace: bool = False
    name_is_generated: bool = False
    replaces: bool = False
    may_stop_fleet: bool = False
    drain_timeout_s: int = 0
    signal_url: str | None = None
    signal_deadline_at: datetime | None = field(default=None, metadata=stored_as("signal_by"))
    kind: Kind = Kind.CLUSTER
    question: Question | None = None

    @property
    def version(self) -> str | None:
        """The ParallelCluster version that the properties name; None if they name none."""
        wanted = self.question or self.properties
        return wanted.version if wanted is not None else None

    @property
    def failure_id(self) -> str:
        """The physical id for an answer to a request that made nothing: the present one, else the marker."""
        return self.physical_id or marker_id(self.owner)

    @property
    def deletes(self) -> bool:
        """Whether it is a Delete."""
        return self.type is RequestType.DELETE

    @property
    def failed_create(self) -> FailedCreate | None:
        """The failed Create that this Delete cleans up after; None for every other request."""
        return FailedCreate.parse(self.physical_id) if self.deletes else None

    def left_behind_id(self, name: str) -> str:
        """Returns the physical id for a failure that leaves a cluster or an image behind.

        A Create has a physical id of its own. An Update keeps the id that the resource has: with another id,
        CloudFormation would delete the resource that was to be replaced.

        Args:
            name: Name of the cluster or image.
        """
        return self.physical_id or FailedCreate(self.request_id, name).physical_id


def parse_request(event: Mapping[str, Any], received_at: datetime) -> Request:
    """Returns the request of an event.

    Properties that are not valid do not raise an error. They become the request's refusal, which is answered
    like any other outcome.

    Args:
        event: The event.
        received_at: When it first arrived.

    Raises:
        MalformedRequest: The event is not a request of the custom resource protocol. It can be answered if
            ``is_answerable`` is true.
    """
    kind, owner = _kind(event), _owner(event)
    raw = _mapping(event, "ResourceProperties")
    old = _mapping(event, "OldResourceProperties") if kind is RequestType.UPDATE else None
    physical_id = event.get("PhysicalResourceId")
    if kind is not RequestType.CREATE and not bounds.is_physical_id(physical_id):
        form = f"a text of at most {bounds.PHYSICAL_ID_MAX_BYTES} bytes"
        raise MalformedRequest("PhysicalResourceId", f"{form} is expected in every {kind}.")
    resource_type = event.get("ResourceType", "")
    if not bounds.is_resource_type(resource_type):
        raise MalformedRequest("ResourceType", f"{bounds.shown(resource_type)} names no type of a resource.")
    issued_at = deadline.issued_at(event["ResponseURL"], received_at)
    wanted, refusal = None, None
    if kind is not RequestType.DELETE:
        name = _default_name(owner, event["RequestId"], physical_id if kind is RequestType.UPDATE else None)
        wanted, refusal = _wanted(kind_of(resource_type), raw, owner, name)
    properties = wanted if isinstance(wanted, Properties) else None
    waited_for = properties is not None and _HANDLE in raw and raw[_HANDLE] != (old or {}).get(_HANDLE)
    return Request(
        type=kind,
        request_id=event["RequestId"],
        owner=owner,
        response_url=event["ResponseURL"],
        resource_type=resource_type,
        physical_id=physical_id if kind is not RequestType.CREATE else None,
        issued_at=issued_at,
        deadline=deadline.deadline(issued_at, _patience_s(event, raw)),
        digest=_digest(raw),
        old_digest=_digest(old) if old is not None else None,
        properties=properties,
        refusal=refusal,
        deletion_policy=_deletion_policy(raw),
        deletion_is_explicit=raw.get("DeletionPolicy") == DeletionPolicy.DELETE,
        configuration_changes=old is None or old.get(_CONFIGURATION) != raw.get(_CONFIGURATION),
        may_replace=kind_of(resource_type) is Kind.IMAGE
        or any(_permits_another_name(given) for given in (raw, old or {})),
        name_is_generated=kind_of(resource_type) is Kind.CLUSTER and _NAME not in raw,
        replaces=raw.get(_REPLACEMENT_POLICY) == _REPLACE,
        may_stop_fleet=any(given.get(_FLEET_POLICY) == _STOP for given in (raw, old or {})),
        drain_timeout_s=drain_timeout_s(raw) if kind_of(resource_type) is Kind.CLUSTER else 0,
        signal_url=raw[_HANDLE] if waited_for else None,
        signal_deadline_at=deadline.signal_deadline_at(issued_at) if waited_for else None,
        kind=kind_of(resource_type),
        question=wanted if isinstance(wanted, Question) else None,
    )


def _patience_s(event: Mapping[str, Any], raw: Mapping[str, Any]) -> int:
    """Returns how long CloudFormation waits for the answer, in seconds.

    ServiceTimeout is documented among the properties, and has been seen beside ServiceToken in events.
    Source: AWS CloudFormation user guide, "Custom resource request objects"; public event of 2024-06-15.
    """
    given = [service_timeout_s(place) for place in (event, raw)]
    return min((seconds for seconds in given if seconds is not None), default=deadline.SERVICE_TIMEOUT_MAX_S)


def is_answerable(event: Mapping[str, Any]) -> bool:
    """Returns whether an event has what an answer needs, in a form that can be CloudFormation's.

    Source: AWS CloudFormation user guide, "Custom resource response objects".
    """
    return not _unanswerable(event)


def _unanswerable(event: Mapping[str, Any]) -> str:
    """Returns the first field that prevents an answer, because it is missing or not valid; empty if none."""
    stack_id, url = event.get("StackId"), event.get("ResponseURL")
    checks = {
        "StackId": bounds.is_short_arn(stack_id) and StackArn.is_one(str(stack_id)),
        "RequestId": bounds.is_request_id(event.get("RequestId")),
        "LogicalResourceId": bounds.is_logical_id(event.get("LogicalResourceId")),
        "ResponseURL": bounds.is_response_url(url, str(stack_id)),
    }
    return next((name for name, holds in checks.items() if not holds), "")


def _kind(event: Mapping[str, Any]) -> RequestType:
    name = _unanswerable(event)
    if name:
        raise MalformedRequest(name, "this field is missing, or is not one of CloudFormation's.")
    request_type = event.get("RequestType")
    if not isinstance(request_type, str) or request_type not in set(RequestType):
        raise MalformedRequest(
            "RequestType", f"{bounds.clip(request_type)!r} is not valid; expected Create, Update or Delete."
        )
    return RequestType(request_type)


def _owner(event: Mapping[str, Any]) -> Owner:
    return Owner(event["StackId"], event["LogicalResourceId"])


def _mapping(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = event.get(name, {})
    if not isinstance(value, Mapping):
        raise MalformedRequest(name, f"a map is expected, not {type(value).__name__}.")
    return value


def _permits_another_name(raw: Mapping[str, Any]) -> bool:
    return _REPLACE in {raw.get(_NAME_POLICY), raw.get(_REPLACEMENT_POLICY)}


def _default_name(owner: Owner, request_id: str, physical_id: str | None) -> str:
    """Returns the name of a cluster whose properties have none: the present one, else a generated one."""
    if physical_id is None or is_unmade(physical_id) or not may_be_cluster(physical_id):
        return generated_name(owner, request_id)
    return physical_id


def _wanted(
    kind: Kind, raw: Mapping[str, Any], owner: Owner, default_name: str
) -> tuple[Properties | Question | None, Refusal | None]:
    try:
        fault = bounds.find_fault(raw)
        if fault is not None:
            path, what = fault
            raise InvalidProperty("/".join(path) or "ResourceProperties", what, "Remove it.")
        wanted = _parsed(kind, raw, owner, default_name)
        _refuse_foreign_handle(raw, owner)
        return wanted, None
    except ProviderError as error:
        return None, Refusal(error.code, error.where, error.what, error.next_step, error.others)


def _parsed(kind: Kind, raw: Mapping[str, Any], owner: Owner, default_name: str) -> Properties | Question:
    match kind:
        case Kind.CLUSTER_INFO:
            return parse_cluster_info(raw)
        case Kind.OFFICIAL_IMAGE:
            return parse_official_image(raw)
        case Kind.IMAGE:
            image = parse_image(raw)
            _refuse_own_stack_name("ImageId", image, owner)
            return image
        case Kind.CLUSTER:
            properties = parse_properties(raw, default_name)
            _refuse_own_stack_name(_NAME, properties, owner)
            return properties
    assert_never(kind)


def _refuse_own_stack_name(name: str, properties: Properties, owner: Owner) -> None:
    """Refuses the name of the template's own stack: a cluster or image is a stack, and needs another name.

    Source: AWS ParallelCluster user guide, "cfn-cluster-resource" (ClusterName).
    """
    if properties.cluster_name == StackArn.parse(owner.stack_id).name:
        raise InvalidProperty(
            name,
            f"{properties.cluster_name!r} is this stack's name, and what is made gets a stack of its own.",
            "Choose another name, ${AWS::StackName}-cluster for instance.",
        )


def _refuse_foreign_handle(raw: Mapping[str, Any], owner: Owner) -> None:
    """Refuses a handle on a host that is not CloudFormation's; it could name any host in the network."""
    if _HANDLE in raw and not bounds.is_wait_condition_handle(raw[_HANDLE], owner.stack_id):
        raise InvalidProperty(
            _HANDLE,
            "it is no handle of a wait condition in this stack's Region.",
            "Give it as !Ref of an AWS::CloudFormation::WaitConditionHandle.",
        )


def _deletion_policy(raw: Mapping[str, Any]) -> DeletionPolicy:
    retain = raw.get("DeletionPolicy") == DeletionPolicy.RETAIN
    return DeletionPolicy.RETAIN if retain else DeletionPolicy.DELETE


def _digest(raw: Mapping[str, Any]) -> str:
    """Returns the digest without ServiceToken and ServiceTimeout, which do not affect the cluster."""
    return digest({key: value for key, value in raw.items() if key not in {"ServiceToken", "ServiceTimeout"}})
