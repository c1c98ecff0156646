"""Deleted log groups: a function creates its own again only if its role allows it.

Source: AWS Lambda developer guide, "Sending Lambda function logs to CloudWatch Logs": Lambda makes the group
with the function's role, which needs ``logs:CreateLogGroup``.
"""

from collections.abc import Iterator
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.logs.models import LogsBackend

from localcloud.iam.account import Account
from localcloud.iam.policy import Decision, Request

_CREATE = "logs:CreateLogGroup"
_ensure: Any = LogsBackend.ensure_log_group
_delete: Any = LogsBackend.delete_log_group


def stay_deleted() -> None:
    """Keeps deleted log groups of moto deleted while functions still write to them; repeatable."""
    backend: Any = LogsBackend
    backend.ensure_log_group = _ensure_log_group
    backend.delete_log_group = _delete_log_group


def _delete_log_group(backend: Any, log_group_name: str) -> None:
    _delete(backend, log_group_name)
    # Kept in the backend, so that a reset of moto forgets it.
    backend.__dict__.setdefault("deleted_group_names", set()).add(log_group_name)


def _ensure_log_group(backend: Any, log_group_name: str) -> None:
    was_deleted = log_group_name in backend.__dict__.get("deleted_group_names", ())
    if was_deleted and not _may_be_made_anew(backend, log_group_name):
        return
    _ensure(backend, log_group_name)


def _may_be_made_anew(backend: Any, group_name: str) -> bool:
    account = Account(backend.account_id, backend.region_name)
    request = Request(_CREATE, account.place.arn("logs", f"log-group:{group_name}"))
    writers = filter(None, map(account.role, _roles_of_writers(backend, group_name)))
    return any(
        account.policies(role, request.resource).decide(request) is Decision.ALLOWED for role in writers
    )


def _roles_of_writers(backend: Any, group_name: str) -> Iterator[str]:
    functions: Any = lambda_backends[backend.account_id][backend.region_name].list_functions()
    for function in functions:
        if function.log_group == group_name:
            yield str(function.role)
