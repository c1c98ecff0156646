"""S3 bucket policies, judged by the statements that concern a caller of this account."""

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3 import models as moto_s3
from moto.s3.models import FakeBucket


def _concerns_callers(statement: dict[str, Any]) -> bool:
    """Tells whether moto may judge a statement: it reads neither conditions nor service principals."""
    principal = statement.get("Principal", "*")
    return "Condition" not in statement and (principal == "*" or "AWS" in principal)


def _get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    policy["Statement"] = [statement for statement in statements if _concerns_callers(statement)]
    if not policy["Statement"]:
        return PermissionResult.NEUTRAL
    result: PermissionResult = IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)
    return result


def judge_bucket_policies_like_s3() -> None:
    """Leaves statements with a condition or a service principal out of moto's judgement.

    moto takes every statement as if it had no condition and held for everyone. ParallelCluster's own bucket
    denies all requests without TLS, which would then be all requests.
    """
    bucket_class: Any = moto_s3.FakeBucket
    bucket_class.get_permission = _get_permission
