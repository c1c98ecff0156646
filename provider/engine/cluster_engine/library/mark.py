"""The mark of a cluster: an object in the cluster's own S3 folder that says which resource changes it.

It tells provider stacks apart that know nothing of each other, and needs no update of the cluster's stack.
Two writers cannot both succeed: S3 compares and writes in one step. The folder is the cluster's alone, its
nodes can only read it, and it is deleted with the cluster.

Sources: Amazon S3 user guide, "Conditional writes" (``If-None-Match: *``, ``If-Match``; 412 where the
condition fails, 409 where another write was faster); aws-parallelcluster 3.16.1,
models/cluster_resources.py (the stack's parameters), templates/cdk_builder_utils.py (statement
ResourcesS3Bucket of the nodes' roles),
resources/custom_resources/custom_resources_code/cleanup_resources.py (``_delete_s3_artifacts``).
"""

import json
import logging
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from cluster_engine.contract import EngineError
from cluster_engine.gate import Gate
from cluster_engine.library.errors import engine_error
from cluster_engine.library.isolation import isolated

logger = logging.getLogger(__name__)

Owner = dict[str, str]

#: Where the mark is, below the cluster's folder.
KEY = "pcluster-cfn/owner.json"
#: A mark is a few hundred bytes; what is longer was not written here.
MARK_MAX_BYTES = 8 * 1024
#: How often it is read again after somebody else wrote in between.
TRIES_MAX = 3

_FOLDER_PARAMETERS = ("ResourcesS3Bucket", "ArtifactS3RootDirectory")
_ABSENT = frozenset({"NoSuchKey", "404"})
#: Somebody else wrote first. A key that is gone meanwhile fails ``If-Match`` as well.
_OVERTAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}) | _ABSENT
_NO_BUCKET = "NoSuchBucket"
#: The folder is being deleted, or is deleted: nothing is written there any more.
_DELETED_PREFIX = "DELETE_"


@dataclass(frozen=True)
class Claimant:
    """Who wants to change a cluster.

    Args:
        owner: The resource: ``stack_id`` and ``logical_id``.
        call_id: The call that it is for; makes every mark another object.
        instead_of: A former owner whose mark may be replaced; None for nobody's.
    """

    owner: Owner
    call_id: str
    instead_of: Owner | None


@dataclass(frozen=True)
class _Found:
    """A mark as it was read; its owner is None where it cannot be understood."""

    owner: Owner | None
    etag: str


def hold_mark(action: str, name: str, region: str, gate: Gate, claimant: Claimant) -> None:
    """Makes sure that the cluster's mark names the claimant, before anything is changed.

    A cluster that is being deleted already, or whose deletion failed, gets no mark: one that names somebody
    else still counts.

    Args:
        action: What is to follow: ``update`` or ``delete``.
        name: The cluster's name.
        region: Its Region.
        gate: What guards this call.
        claimant: Whose the mark is to be.

    Raises:
        EngineError: ``OtherOwner`` if the mark names another resource, which the error's details do;
            ``BadRequest`` if it cannot be read or written; any other code as for an update.
    """
    with isolated(region, gate):
        try:
            gate.check_fence()
            stack = _described(gate, name)
            mark = Mark(stack, claimant, writes=not stack["StackStatus"].startswith(_DELETED_PREFIX))
            mark.hold(boto3.client("s3"))
        except EngineError:
            raise
        except Exception as error:
            raise engine_error(action, name, error, gate) from error


def _described(gate: Gate, name: str) -> Any:
    try:
        return boto3.client("cloudformation").describe_stacks(StackName=gate.stack_id or name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise EngineError("NotFound", f"Cluster '{name}' does not exist.") from error


class Mark:
    """The mark of one cluster, for one claimant.

    Args:
        stack: The cluster's stack, as CloudFormation described it.
        claimant: Whose the mark is to be.
        writes: Whether one is written where there is none.

    Raises:
        EngineError: ``BadRequest`` if one is to be written and the stack does not name its folder.
    """

    def __init__(self, stack: Any, claimant: Claimant, *, writes: bool) -> None:
        parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
        self._bucket, folder = (parameters.get(key, "") for key in _FOLDER_PARAMETERS)
        self._key = f"{folder}/{KEY}"
        self._url = f"s3://{self._bucket}/{self._key}"
        self._stack_id = stack["StackId"]
        self._claimant = claimant
        self._writes = writes
        self._has_folder = self._bucket not in {"", "NONE"} and bool(folder)
        if writes and not self._has_folder:
            raise EngineError(
                "BadRequest",
                f"The stack of the cluster has no parameters {' and '.join(_FOLDER_PARAMETERS)}, so its "
                "owner cannot be marked.",
            )

    def hold(self, s3: Any) -> None:
        """Returns once the mark names the claimant, or there is none and none is to be written.

        Raises:
            EngineError: As ``hold_mark``.
        """
        if not self._has_folder:
            return
        for _ in range(TRIES_MAX):
            found = self._read(s3)
            if found is not None and found.owner == self._claimant.owner:
                return
            if found is not None and (found.owner is None or found.owner != self._claimant.instead_of):
                raise self._refusal(found)
            if not self._writes or self._wrote(s3, found):
                return
        raise EngineError("Throttled", f"{self._url} was changed by others {TRIES_MAX} times in a row.")

    def _read(self, s3: Any) -> _Found | None:
        try:
            answer = s3.get_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT or (code == _NO_BUCKET and not self._writes):
                return None
            raise self._unreachable(code, "read", "s3:GetObject and s3:ListBucket") or error from error
        return _Found(_owner(answer["Body"].read(MARK_MAX_BYTES), self._stack_id), answer["ETag"])

    def _wrote(self, s3: Any, instead_of: _Found | None) -> bool:
        """Whether it was written: nobody else was faster."""
        condition = {"IfNoneMatch": "*"} if instead_of is None else {"IfMatch": instead_of.etag}
        mark = {"cluster": self._stack_id, "owner": self._claimant.owner, "call_id": self._claimant.call_id}
        body = json.dumps(mark, indent=2).encode()
        try:
            s3.put_object(
                Bucket=self._bucket, Key=self._key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _OVERTAKEN:
                return False
            raise self._unreachable(code, "written", "s3:PutObject") or error from error
        return True

    def _unreachable(self, code: str, what: str, permissions: str) -> EngineError | None:
        """The error for a mark that is there, or could be, and is out of reach for good; else None."""
        if code not in {"AccessDenied", "403", _NO_BUCKET}:
            return None
        return EngineError(
            "BadRequest",
            f"The mark of the cluster's owner, {self._url}, could not be {what}: {code}. "
            f"The engine's role needs {permissions} there.",
        )

    def _refusal(self, found: _Found) -> EngineError:
        if found.owner is None:
            message = f"{self._url} does not say whose the cluster is."
            return EngineError("OtherOwner", message)
        resource = f"resource {found.owner['logical_id']} of stack {found.owner['stack_id']}"
        return EngineError(
            "OtherOwner", f"The cluster is {resource}'s by {self._url}.", details=[found.owner]
        )


def _owner(body: bytes, stack_id: str) -> Owner | None:
    """Whose a mark says that this very cluster is; None for what is not a mark of it."""
    try:
        mark = json.loads(body)
        owner = {name: mark["owner"][name] for name in ("stack_id", "logical_id")}
        is_mark = mark["cluster"] == stack_id and all(isinstance(text, str) for text in owner.values())
    except (ValueError, KeyError, TypeError):
        return None
    return owner if is_mark else None
