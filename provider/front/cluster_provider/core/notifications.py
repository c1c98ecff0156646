"""Notifications: what subscribers learn about the end of a request.

A notification has the form of an event on an EventBridge bus. docs/reference/notifications.md describes it
for its readers, and docs/reference/request-ended.schema.json is the schema of its detail.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cluster_provider.core.identity import Kind, StackArn
from cluster_provider.core.redact import redact_text
from cluster_provider.core.state import OperationRecord, Phase

#: The source of every event. Only AWS services have sources that begin with ``aws.``.
#: Source: Amazon EventBridge API reference, PutEventsRequestEntry.
SOURCE = "pcluster-cfn"

#: Version of the detail's form. Fields may be added to a version, none is removed or changed.
DETAIL_VERSION = "1"

SUCCESS, FAILED, DROPPED = "SUCCESS", "FAILED", "DROPPED"

#: Maximum length of a reason, in characters. An event and a message may have 256 KiB, and a reason that was
#: answered has 4,096 bytes at most. Source: quotas of Amazon EventBridge and of Amazon SNS.
REASON_MAX = 4096

#: Maximum length of a message's subject, in characters. Source: Amazon SNS API reference, Publish.
_SUBJECT_MAX = 100


@dataclass(frozen=True)
class Notification:
    """The end of a request.

    Args:
        detail_type: The resource type without ``Custom::``, and what happened.
        at: When the request ended.
        stack_id: ARN of the stack that has the resource.
        detail: The facts, JSON values.
    """

    detail_type: str
    at: datetime
    stack_id: str
    detail: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """One line for people: printable ASCII of at most 100 characters, which begins with a letter."""
        detail = self.detail
        name = detail["clusterName"] or detail["imageName"] or detail["logicalResourceId"]
        code = f" ({detail['errorCode']})" if detail["errorCode"] else ""
        line = f"{detail['requestType']} of {name}: {detail['outcome']}{code}"
        return "".join(each if " " <= each <= "~" else "?" for each in line)[:_SUBJECT_MAX]

    def to_message(self) -> str:
        """Returns the notification as JSON text, with the keys of an event on a bus."""
        event = {
            "source": SOURCE,
            "detail-type": self.detail_type,
            "time": self.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "resources": [self.stack_id],
            "detail": dict(self.detail),
        }
        return json.dumps(event, ensure_ascii=False)


def of_end(
    operation: OperationRecord, phase: Phase, now: datetime, provider_version: str, why: str = ""
) -> Notification:
    """Returns the notification of the end of a request.

    Args:
        operation: The request and the work on it.
        phase: ANSWERED or DROPPED.
        now: The current time.
        provider_version: Version of the provider.
        why: Why a request is dropped that has no answer.
    """
    request, progress = operation.request, operation.progress
    written = progress.signal or progress.outcome
    succeeded = written is not None and not written.code
    name, is_image = progress.cluster_name, request.kind is Kind.IMAGE
    answered = SUCCESS if succeeded else FAILED
    detail = {
        "version": DETAIL_VERSION,
        "providerVersion": provider_version,
        "requestId": request.request_id,
        "requestType": request.type.value,
        "resourceType": _resource_type(request.resource_type),
        "clusterName": "" if is_image else name,
        "imageName": name if is_image else "",
        "outcome": answered if phase is Phase.ANSWERED else DROPPED,
        "errorCode": written.code if written is not None else "",
        "reason": redact_text((written.reason if written is not None else "") or why)[:REASON_MAX],
        "durationSeconds": max(int((now - request.issued_at).total_seconds()), 0),
        "stackId": request.owner.stack_id,
        "stackName": StackArn.parse(request.owner.stack_id).name,
        "logicalResourceId": request.owner.logical_id,
        "physicalResourceId": written.physical_id if written is not None else request.physical_id or "",
    }
    kind = _resource_type(request.resource_type).removeprefix("Custom::")
    return Notification(f"{kind} Request Ended", now, request.owner.stack_id, detail)


def _resource_type(name: str) -> str:
    """Returns the name of a resource's type; ``AWS::CloudFormation::CustomResource`` stands for a cluster."""
    return name if name.startswith("Custom::") else "Custom::PclusterCluster"
