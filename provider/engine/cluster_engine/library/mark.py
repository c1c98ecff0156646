"""The mark of a cluster: an object in the cluster's own S3 folder that names the resource that owns it.

Provider stacks that know nothing of each other read the same mark, and the cluster's stack needs no update.
S3 compares and writes in one step, so two writers cannot both succeed. The folder belongs to one cluster, its
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

from cluster_engine.contract import EngineAction, EngineError
from cluster_engine.gate import Gate
from cluster_engine.library.errors import engine_error
from cluster_engine.library.isolation import isolated

logger = logging.getLogger(__name__)

Owner = dict[str, str]

#: The mark's key, below the cluster's folder.
KEY = "pcluster-cfn/owner.json"
#: A mark has a few hundred bytes; a longer object is not one.
MARK_MAX_BYTES = 8 * 1024
#: How often the mark is read when others write in between.
TRIES_MAX = 3

_FOLDER_PARAMETERS = ("ResourcesS3Bucket", "ArtifactS3RootDirectory")
_ABSENT = frozenset({"NoSuchKey", "404"})
#: Another writer was first. ``If-Match`` also fails if the key was deleted meanwhile.
_OVERTAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}) | _ABSENT
_NO_BUCKET = "NoSuchBucket"
#: Stacks with these statuses get no mark: their folder is deleted, or will be.
_DELETED_PREFIX = "DELETE_"


@dataclass(frozen=True)
class Claimant:
    """The resource that wants to change a cluster.

    Args:
        owner: The resource: ``stack_id`` and ``logical_id``.
        call_id: The call; makes every mark a different object.
        instead_of: A former owner whose mark may be replaced; None if none may.
    """

    owner: Owner
    call_id: str
    instead_of: Owner | None


@dataclass(frozen=True)
class _Found:
    """A mark that was read; its owner is None if it is not valid."""

    owner: Owner | None
    etag: str


def hold_mark(action: EngineAction, name: str, region: str, gate: Gate, claimant: Claimant) -> None:
    """Makes sure that the cluster's mark names the claimant, before anything is changed.

    A cluster that is being deleted, or whose deletion failed, gets no new mark. An existing mark still
    counts.

    Args:
        action: The action that follows: ``update`` or ``delete``.
        name: The cluster's name.
        region: Its Region.
        gate: Guards this call.
        claimant: The resource that the mark must name.

    Raises:
        EngineError: ``OtherOwner`` if the mark names another resource, which is then in the error's details;
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
        claimant: The resource that the mark must name.
        writes: Whether a missing mark is written.

    Raises:
        EngineError: ``BadRequest`` if a mark may be written and the stack does not name its folder.
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
        """Returns once the mark names the claimant, or if it is missing and is not written.

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
        """Writes the mark; returns whether no other writer was first."""
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
        """Returns the error for a mark that the engine will never reach; None if it may reach it later."""
        if code not in {"AccessDenied", "403", _NO_BUCKET}:
            return None
        return EngineError(
            "BadRequest",
            f"The mark of the cluster's owner, {self._url}, could not be {what}: {code}. "
            f"The engine's role needs {permissions} there.",
        )

    def _refusal(self, found: _Found) -> EngineError:
        if found.owner is None:
            message = f"{self._url} does not name the cluster's owner."
            return EngineError("OtherOwner", message)
        resource = f"resource {found.owner['logical_id']} of stack {found.owner['stack_id']}"
        return EngineError(
            "OtherOwner", f"{self._url} names {resource} as the cluster's owner.", details=[found.owner]
        )


def _owner(body: bytes, stack_id: str) -> Owner | None:
    """Returns the owner in a mark of this cluster; None if the object is not one."""
    try:
        mark = json.loads(body)
        owner = {name: mark["owner"][name] for name in ("stack_id", "logical_id")}
        is_mark = mark["cluster"] == stack_id and all(isinstance(text, str) for text in owner.values())
    except (ValueError, KeyError, TypeError):
        return None
    return owner if is_mark else None
