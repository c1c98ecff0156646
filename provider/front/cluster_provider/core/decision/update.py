"""Rows for an Update with usable properties."""

from cluster_provider.core import failures
from cluster_provider.core.actions import Action, Fail, Succeed
from cluster_provider.core.decision.case import Case, settle_first
from cluster_provider.core.decision.change import change
from cluster_provider.core.decision.create import make
from cluster_provider.core.identity import is_unmade


def decide_update(case: Case) -> Action:
    """What to do for an Update with usable properties."""
    request, cluster = case.request, case.living
    first = settle_first(case)
    if first is not None:
        return first
    if case.observed.undoes and (cluster is None or not cluster.in_progress):
        return Succeed(request.failure_id, cluster)
    if case.wanted.cluster_name != request.physical_id and not _returns(case):
        if not request.may_replace and not is_unmade(request.physical_id):
            return Fail(failures.renamed(case.wanted, request.failure_id), request.failure_id)
        return make(case)
    return change(case)


def _returns(case: Case) -> bool:
    """Whether an Update goes back to a living cluster of this owner: always allowed, a rollback does it.

    One that this request made itself, and whose begin was told, is none to go back to.
    """
    known, request = case.observed.known, case.request
    if known is None or known.request_id == request.request_id:
        return False
    return known.reported and known.name == case.wanted.cluster_name
