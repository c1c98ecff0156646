"""Facts for one decision: a request, what was seen, and the work so far."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cluster_provider.core.actions import Action
from cluster_provider.core.consent import ALLOW, Consent
from cluster_provider.core.decision import decide
from cluster_provider.core.engine import EngineAction, EngineCall, EngineError, EngineResult
from cluster_provider.core.identity import Owner
from cluster_provider.core.ledger import CallHistory
from cluster_provider.core.observed import Cluster, ClusterStack, LastApplied, Observed
from cluster_provider.core.properties import digest
from cluster_provider.core.request import Request, RequestType, parse_request
from cluster_provider.core.state import Progress
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
    """A cluster that was reported to CloudFormation, as its record has it."""
    last_applied = LastApplied(digest(CONFIGURATION), "v1")
    whole = Cluster(name, FIRST, stack(name=name).stack_id, VERSION, reported=True, last_applied=last_applied)
    return replace(whole, **facts)


def made(
    operation: EngineAction,
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
    outcome = EngineResult("failed", error=EngineError(error, message, details or []), **result)
    if not error:
        outcome = EngineResult("succeeded", **result)
    return EngineCall(
        f"{request_id}-{operation.value}",
        request_id,
        operation,
        name,
        at(sent_s),
        at(sent_s + 300),
        VERSION,
        ended_at,
        outcome if ended_at is not None else None,
    )


#: Another name, for where a parameter has this one.
call = made


def progress(
    *,
    call: EngineCall | None = None,
    fleet_calls: Mapping[EngineAction, EngineCall] | None = None,
    attempts: Mapping[str, int] | None = None,
    deleted: Sequence[str] = (),
    reads: EngineAction = EngineAction.DESCRIBE,
    description: EngineResult | None = None,
    described_at: datetime | None = None,
    not_described: EngineError | None = None,
    describe_failures: int = 0,
    **facts: Any,
) -> Progress:
    """The work so far, of a request that was accepted at once.

    Args:
        call: A call that ended and was to change a cluster or an image.
        fleet_calls: The last calls that ended and were to stop or to start the compute fleet.
        attempts: How many calls count, by the action; by the action and a name, as in ``delete lab``, where
            that is not the request's own.
        deleted: Names of images that an engine deleted.
        reads: Which action reads for this request.
        description: What it found the last time that it succeeded.
        described_at: When it was tried last; None for long ago.
        not_described: The error of the last try.
        describe_failures: How many tries in a row failed.
        facts: The other fields.
    """
    so_far = Progress(**{"accepted_at": START, "engine_version": VERSION, "cluster_name": "hpc", **facts})
    ended = [call] if call is not None else []
    ended += [made(EngineAction.DELETE_IMAGE, name=name) for name in deleted]
    for each in [*ended, *(fleet_calls or {}).values()]:
        history = so_far.history(each.action, each.cluster_name)
        ended_history = replace(history, last=each)
        if each.result is not None:
            ended_history = history.with_end(each, each.result)
        so_far = so_far.with_history(each.action, each.cluster_name, ended_history)
    if description is not None or not_described is not None or described_at is not None:
        ended_at = described_at or START - timedelta(hours=1)
        last = replace(made(reads), call_id="earlier", ended_at=ended_at)
        result = EngineResult("failed" if not_described is not None else "succeeded", error=not_described)
        history = CallHistory(1, describe_failures, replace(last, result=result), description)
        so_far = so_far.with_history(reads, so_far.cluster_name, history)
    for what, count in (attempts or {}).items():
        name = what.partition(" ")[2] or so_far.cluster_name
        action = EngineAction(what.partition(" ")[0])
        so_far = so_far.with_history(action, name, replace(so_far.history(action, name), tries=count))
    return so_far


def with_description(so_far: Progress, found: EngineResult) -> Progress:
    """The work once the engine described the request's cluster, long ago."""
    described = progress(description=found, cluster_name=so_far.cluster_name)
    return replace(so_far, calls={**so_far.calls, **described.calls})


def decided(asked: Request, so_far: Progress | None = None, *, at_s: float = 60, **seen: Any) -> Action:
    """What is decided so many seconds after the request was issued; any cluster may be taken over."""
    observed = Observed(**{"engines": frozenset({VERSION}), "consent": Consent(ALLOW), **seen})
    return decide(asked, observed, so_far or progress(), at(at_s))
