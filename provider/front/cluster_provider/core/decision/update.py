"""Decisions for an Update with valid properties."""

from cluster_provider.core import failures
from cluster_provider.core.actions import Action, Fail, Succeed
from cluster_provider.core.decision.case import Case, settle_first
from cluster_provider.core.decision.change import change
from cluster_provider.core.decision.create import make
from cluster_provider.core.identity import is_unmade


def decide_update(case: Case) -> Action:
    """Returns the action for an Update with valid properties."""
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
    """Returns whether an Update goes back to a cluster that this owner has already; a rollback does so.

    Such an Update is always allowed. A cluster that this very request made does not count, even if its begin
    was reported.
    """
    known, request = case.observed.known, case.request
    if known is None or known.request_id == request.request_id:
        return False
    return known.reported and known.name == case.wanted.cluster_name
