"""The ParallelCluster library, called as it is: the one module that knows it.

Every call starts from nothing (clients, caches, Region) and leaves nothing behind. Every way the library can
end is mapped here to a code of docs/engine.md, by the class of the exception and by what the gate saw.
"""

import asyncio
import inspect
import json
import logging
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Self

import boto3
import pcluster.lib
import pcluster.utils
from botocore.exceptions import BotoCoreError, ClientError
from pcluster.api import encoder, errors
from pcluster.api.controllers.common import convert_errors
from pcluster.aws.aws_api import AWSApi
from pcluster.aws.common import Cache, StackNotFoundError
from pcluster.cli.exceptions import ParameterException
from pcluster.models.cluster import Cluster
from pcluster.utils import get_installed_version
from pcluster.validators.s3_validators import UrlValidator

from cluster_engine.errors import EngineError
from cluster_engine.gate import STOPPED, THROTTLING_CODES, Gate, GaveUpError, Refusal

logger = logging.getLogger(__name__)

Answer = dict[str, Any]

#: The library's function for each operation of docs/engine.md, and what makes it that operation.
#: Source: pcluster/api/openapi/openapi.yaml.
FUNCTIONS: dict[str, tuple[str, Answer]] = {
    "create": ("create_cluster", {}),
    "update": ("update_cluster", {}),
    "delete": ("delete_cluster", {}),
    "describe": ("describe_cluster", {}),
    "stop-fleet": ("update_compute_fleet", {"status": "STOP_REQUESTED"}),
    "start-fleet": ("update_compute_fleet", {"status": "START_REQUESTED"}),
    "build-image": ("build_image", {}),
    "describe-image": ("describe_image", {}),
    "delete-image": ("delete_image", {}),
}

#: Those that change nothing.
READS = frozenset({"describe", "describe-image"})

#: What a refused change needs, if a stopped fleet is all that is missing.
FLEET_STOP = "fleet-stop"

#: The library fetches its list of Regions without a time-out; without an answer it takes the list it ships.
#: Source: pcluster/utils.py, retrieve_supported_regions.
REGIONS_TIMEOUT_S = 3.0

#: Bounds what else the library opens without a time-out: scripts at HTTPS addresses. It is longer than the
#: 10 s the library gives that validator; botocore brings its own. Source: pcluster/validators/common.py.
SOCKET_TIMEOUT_S = 15.0

#: The one text that has to be read: no class tells this refusal from others.
#: Source: pcluster/models/cluster.py, Cluster._validate_patch.
NO_CHANGES = re.compile(r"No changes found in your cluster configuration")

#: Operations that make a stack of a name that has to be free.
CREATES = frozenset({"create", "build-image"})

#: A name, or a client request token, that is taken. Source: CloudFormation's API reference, CreateStack.
TAKEN_CODES = frozenset({"AlreadyExistsException", "TokenAlreadyExistsException"})


def version() -> str:
    """Returns the ParallelCluster version of this engine."""
    return str(get_installed_version())


def invoke(operation: str, name: str, region: str, gate: Gate, **arguments: Any) -> Answer:
    """Runs the library's function for an operation behind the gate and returns its answer.

    Args:
        operation: One of ``FUNCTIONS``.
        name: The cluster's name, or the image's id.
        region: Passed to the library; the process's own Region is back in place afterwards.
        gate: What guards this call.
        arguments: Further keyword arguments of the library's function. With ``dryrun`` it ends before it
            changes anything and answers with ``changeSet`` and ``validationMessages``.

    Returns:
        The library's answer in its own camelCase. Empty where CloudFormation accepted the request and only
        what the library did afterwards failed: what was asked for is under way.

    Raises:
        EngineError: The library refused or failed.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("the library's validators need the main thread")
    with _isolated(region, gate):
        try:
            if operation not in READS and "dryrun" not in arguments:
                gate.check_fence()  # what would be refused at the end is not begun
            function_name, kind = FUNCTIONS[operation]
            subject = {"image_id" if operation.endswith("-image") else "cluster_name": name}
            function = partial(getattr(pcluster.lib, function_name), **subject, region=region, **kind)
            answer: Answer = function(**_accepted(arguments))
        except errors.DryrunOperationException as passed:  # how a good dry run ends
            answer = _content(passed)
        except Exception as error:
            if gate.accepted:
                logger.warning("accepted, but the library failed afterwards", exc_info=True)
                return {}
            refusal = _engine_error(operation, name, error, gate)
            if refusal.code == "UpdateRejected":
                _judge_cures(refusal, name, partial(function, **arguments), gate)
            raise refusal from error
        return answer | {"changeSet": _as_text(answer["changeSet"])} if answer.get("changeSet") else answer


def ask(function: str, region: str, gate: Gate, **arguments: Any) -> Answer:
    """Runs a function of ``pcluster.lib`` that only asks, and returns its answer.

    Args:
        function: Its name.
        region: As for ``invoke``.
        gate: What guards this call.
        arguments: Its further keyword arguments.

    Raises:
        EngineError: The library refused or failed.
    """
    with _isolated(region, gate):
        try:
            answer: Answer = getattr(pcluster.lib, function)(region=region, **arguments)
        except Exception as error:
            raise _engine_error("describe", "", error, gate) from error
    return answer


def stored_configuration(name: str, region: str, gate: Gate) -> str:
    """Returns the configuration that a cluster was last made from, as its author wrote it: YAML.

    Raises:
        EngineError: There is no such cluster, or its configuration could not be read.
    """
    with _isolated(region, gate):
        try:
            gate.check_fence()
            return str(convert_errors()(_source_configuration)(name))
        except Exception as error:
            raise _engine_error("update", name, error, gate) from error


def _source_configuration(name: str) -> Any:
    try:
        return Cluster(name).source_config_text
    except StackNotFoundError as error:
        raise errors.NotFoundException(str(error)) from error


def _judge_cures(refusal: EngineError, name: str, update: Callable[..., Any], gate: Gate) -> None:
    """Notes with each refused change whether a stopped fleet is all that it needs.

    The library's own dry run tells, with a fleet that it sees stopped: what it still refuses needs something
    else. Its texts do not tell: those about login nodes and storage speak of stopping the fleet as well.

    Raises:
        EngineError: The dry run came to no verdict.
    """
    left = {detail["parameter"] for detail in refusal.details}
    if gate.fleet_status != STOPPED:
        try:
            with gate.fleet_seen_stopped():
                left = _refused_parameters(update)
        except Exception as error:
            raise _engine_error("update", name, error, gate) from error
    for detail in refusal.details:
        detail["cure"] = "" if detail["parameter"] in left else FLEET_STOP


def _refused_parameters(update: Callable[..., Any]) -> set[str]:
    """The parameters that a dry run of an update refuses; its configuration was found valid already."""
    try:
        update(dryrun=True, suppress_validators=_Texts(["ALL"]))
    except errors.DryrunOperationException:
        return set()
    except errors.UpdateClusterBadRequestException as error:
        refused = _content(error).get("updateValidationErrors") or []
        return {item["parameter"] for item in refused}
    raise RuntimeError("a dry run of the library ended like a real update")


class _Texts(str):
    """A list of texts that is also its first text.

    The library took no lists before 3.10: it compared the whole argument with the pattern of one text, and
    then went through it all the same. Source: pcluster/cli/entrypoint.py, re_validator (3.6.0).
    """

    _texts: list[str]

    def __new__(cls, texts: list[str]) -> Self:
        made = super().__new__(cls, texts[0])
        made._texts = texts
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)


def _accepted(arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments in a form that every release accepts."""
    suppressed = arguments.get("suppress_validators")
    return {**arguments, "suppress_validators": _Texts(suppressed)} if suppressed else arguments


@contextmanager
def _isolated(region: str, gate: Gate) -> Iterator[None]:
    """Gives the library a session of its own and the Region, and takes both away again."""
    with ExitStack() as stack:
        stack.callback(_restore_region, os.environ.get("AWS_DEFAULT_REGION"))
        os.environ["AWS_DEFAULT_REGION"] = region
        stack.callback(_forget)
        _forget()
        session = boto3.Session()
        gate.install(session)
        boto3.DEFAULT_SESSION = session  # what boto3.client() uses; the library makes all its clients so
        stack.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
        _ensure_regions()
        socket.setdefaulttimeout(SOCKET_TIMEOUT_S)
        _ensure_event_loop()
        yield


def _forget() -> None:
    boto3.DEFAULT_SESSION = None
    AWSApi.reset()
    Cache.clear_all()
    # The one cache that is not a Cache: verdicts on script addresses live 10 s, so the next call would pass.
    # Source: pcluster/utils.py, AsyncUtils.async_timeout_cache.
    inspect.getclosurevars(UrlValidator._validate_async).nonlocals["_cache"].clear()  # noqa: SLF001


def _restore_region(region: str | None) -> None:
    if region is None:
        os.environ.pop("AWS_DEFAULT_REGION", None)
    else:
        os.environ["AWS_DEFAULT_REGION"] = region


def _ensure_event_loop() -> None:
    try:
        asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())


def _ensure_regions() -> None:
    """Lets the library fetch its list of Regions, and once more later if the answer stalled half way.

    Older releases have the list in their code.
    """
    retrieve = getattr(pcluster.utils, "retrieve_supported_regions", None)
    if retrieve is None:
        return
    socket.setdefaulttimeout(REGIONS_TIMEOUT_S)
    try:
        retrieve()
    except OSError as error:  # the library expects URLError only
        logger.warning("the list of supported Regions could not be read: %s", error)


def _engine_error(operation: str, name: str, error: Exception, gate: Gate) -> EngineError:
    """Maps whatever the library raised to a code of docs/engine.md. What the gate saw comes first."""
    content = _content(error)
    message = content.get("message") or str(error) or type(error).__name__
    message = message.removeprefix("Bad Request: ")
    if gate.fenced:
        return EngineError("Fenced", f"Not sent to CloudFormation: {gate.not_after.isoformat()} had passed.")
    if gate.unanswered or isinstance(error, errors.LimitExceededException):
        return EngineError("Throttled", f"AWS did not answer: {message}")
    if gate.refusal is not None:
        return _refused(operation, name, gate.refusal, gate)
    if gate.protected_image:
        return EngineError(
            "NotFound", f"The image {name} is not of this resource's making; it was left alone."
        )
    match error:
        case (
            errors.CreateClusterBadRequestException()
            | errors.UpdateClusterBadRequestException()
            | errors.BuildImageBadRequestException()
        ):
            return _rejected(message, content)
        case errors.NotFoundException():
            return EngineError("NotFound", message)
        case errors.ConflictException():
            return EngineError("AlreadyExists" if operation in CREATES else "ClusterBusy", message)
        case errors.BadRequestException():
            return _bad_request(operation, message, gate)
        case ParameterException():
            return EngineError("BadRequest", str(error.data.get("message", message)))
        case _:
            logger.error("the library failed", exc_info=error)
            return EngineError("Internal", message)


def _content(error: Exception) -> Answer:
    content = getattr(error, "content", None)
    if content is None:
        return {}
    decoded: Answer = json.loads(encoder.JSONEncoder().encode(content))
    return decoded


def _rejected(message: str, content: Answer) -> EngineError:
    change_set = _as_text(content.get("changeSet") or [])
    if refused := content.get("updateValidationErrors"):
        return EngineError("UpdateRejected", message, details=_as_text(refused), change_set=change_set)
    messages = content.get("configurationValidationErrors") or []
    return EngineError("ClusterRejected", message, validation_messages=messages, change_set=change_set)


def _as_text(changes: list[Answer]) -> list[Answer]:
    """Returns changes with their values as text, as the library's interface says; 3.6.0 leaves the types."""
    return [{key: str(value) for key, value in change.items()} for change in changes]


def _bad_request(operation: str, message: str, gate: Gate) -> EngineError:
    if NO_CHANGES.search(message):
        return EngineError("NoChanges", message)
    if gate.seen is None or operation == "delete-image":
        return EngineError("BadRequest", message)
    if operation in CREATES:  # a create asks for the name only to find it free
        return EngineError("AlreadyExists", message)
    if gate.seen.tags.get("parallelcluster:version") != version():
        return EngineError("VersionMismatch", message)
    return EngineError("BadRequest", message)


def _refused(operation: str, name: str, refusal: Refusal, gate: Gate) -> EngineError:
    """Tells what CloudFormation's refusal of the mutating request was about, from facts where it can."""
    if refusal.code not in {*TAKEN_CODES, "ValidationError"}:
        return EngineError("Internal", f"CloudFormation refused: {refusal.message}")
    unknown = _look(name, gate)
    if operation in CREATES:
        return unknown or EngineError(
            "AlreadyExists" if refusal.code in TAKEN_CODES else "BadRequest", refusal.message
        )
    if gate.seen is None:
        return unknown or EngineError("NotFound", refusal.message)
    busy = gate.seen.status.endswith("_IN_PROGRESS")
    return unknown or EngineError("ClusterBusy" if busy else "BadRequest", refusal.message)


def _look(name: str, gate: Gate) -> EngineError | None:
    """Asks for the stack once more; the gate notes what is seen. Returns what kept it from an answer."""
    gate.seen = None
    try:
        boto3.client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ValidationError":
            return None  # there is no such stack
        return EngineError("Throttled" if code in THROTTLING_CODES else "Internal", str(error))
    except (BotoCoreError, GaveUpError) as error:
        return EngineError("Throttled" if gate.unanswered else "Internal", str(error))
    return None
