"""Facts for one decision: a request, what was seen, and the work so far."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cluster_provider.core.actions import Action
from cluster_provider.core.consent import ALLOW, Consent
from cluster_provider.core.decision import decide
from cluster_provider.core.engine_call import EngineCall, EngineError, EngineResult, Operation
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import Cluster, ClusterStack, Observed, Settled
from cluster_provider.core.progress import Progress
from cluster_provider.core.properties import digest
from cluster_provider.core.request import Request, RequestType, parse_request
from tests.support.fakes import START, stack_of
from tests.support.world import CONFIGURATION, PARENT, World, properties

VERSION = "3.16.1"
OWNER = Owner(PARENT, "Cluster")
#: When a request of an hour is answered at the latest, in seconds after its issue.
DEADLINE_S = 3390
#: Ids of the requests: this one, and the one that made the cluster.
THIS, FIRST = "request-1", "request-0"


def at(seconds: float) -> datetime:
    """So long after the request was issued."""
    return START + timedelta(seconds=seconds)


def request(
    request_type: str, *, physical_id: str = "hpc", old: dict[str, Any] | None = None, **changed: Any
) -> Request:
    """A request for a cluster; ``changed`` are fields of the event, or else properties."""
    fields = {name: changed.pop(name) for name in ("ResourceType", "ResourceProperties") if name in changed}
    event = {"ResourceProperties": properties(**changed), **fields}
    if request_type != RequestType.CREATE:
        event["PhysicalResourceId"] = physical_id
    if request_type == RequestType.UPDATE:
        event["OldResourceProperties"] = old if old is not None else properties()
    return parse_request(World().event(request_type, **event), START)


def stack(
    status: str = "CREATE_COMPLETE",
    *,
    name: str = "hpc",
    owner: Owner | None = OWNER,
    made_by: str = FIRST,
    version: str | None = VERSION,
    config_version: str = "v1",
    **facts: Any,
) -> ClusterStack:
    """A cluster's stack with its owner's tags; without any if ``owner`` is None."""
    tags = owner.tag(name, made_by) if owner is not None else {}
    if version is not None:
        tags["parallelcluster:version"] = version
    return stack_of(name, status, tags, parameters={"ConfigVersion": config_version}, **facts)


def known(name: str = "hpc", **facts: Any) -> Cluster:
    """A cluster that CloudFormation was told of, as its record has it."""
    settled = Settled(digest(CONFIGURATION), "v1")
    whole = Cluster(name, FIRST, stack(name=name).stack_id, VERSION, reported=True, settled=settled)
    return replace(whole, **facts)


def call(
    operation: Operation,
    error: str = "",
    *,
    name: str = "hpc",
    sent_s: float = 0,
    ended_s: float | None = 10,
    message: str = "no",
    details: list[dict[str, Any]] | None = None,
    request_id: str = THIS,
    **result: Any,
) -> EngineCall:
    """An engine call that ended, with an error's code or well; that still runs if ``ended_s`` is None."""
    ended_at = at(ended_s) if ended_s is not None else None
    told = EngineResult("failed", error=EngineError(error, message, details or []), **result)
    if not error:
        told = EngineResult("succeeded", **result)
    return EngineCall(
        f"{request_id}-{operation.value}",
        request_id,
        operation,
        name,
        at(sent_s),
        at(sent_s + 300),
        VERSION,
        ended_at,
        told if ended_at is not None else None,
    )


def progress(**facts: Any) -> Progress:
    """The work so far, of a request that was accepted at once."""
    return Progress(**{"accepted_at": START, "engine_version": VERSION, "cluster_name": "hpc", **facts})


def decided(asked: Request, so_far: Progress | None = None, *, at_s: float = 60, **seen: Any) -> Action:
    """What is decided so many seconds after the request was issued; any cluster may be taken over."""
    observed = Observed(**{"engines": frozenset({VERSION}), "consent": Consent(ALLOW), **seen})
    return decide(asked, observed, so_far or progress(), at(at_s))
