"""Runs the library's functions behind the gate."""

import logging
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, Self

import pcluster.lib
from pcluster.api import errors
from pcluster.api.controllers.common import convert_errors
from pcluster.aws.common import StackNotFoundError
from pcluster.models.cluster import Cluster
from pcluster.utils import get_installed_version

from cluster_engine.contract import EngineAction, EngineError
from cluster_engine.gate import Gate
from cluster_engine.library.errors import as_text, content_of, engine_error
from cluster_engine.library.faults import noted_failures, refused_for_emptiness
from cluster_engine.library.isolation import isolated
from cluster_engine.library.update_policies import explain

logger = logging.getLogger(__name__)

Answer = dict[str, Any]

#: The library's function for each action of docs/reference/engine.md, and the arguments that make it so.
#: Source: pcluster/api/openapi/openapi.yaml.
FUNCTIONS: dict[EngineAction, tuple[str, Answer]] = {
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

#: The actions that change nothing.
READS: frozenset[EngineAction] = frozenset({"describe", "describe-image"})


def version() -> str:
    """Returns the ParallelCluster version of this engine."""
    return str(get_installed_version())


def invoke(action: EngineAction, name: str, region: str, gate: Gate, **arguments: Any) -> Answer:
    """Runs the library's function for an action and returns its answer.

    Args:
        action: One of ``FUNCTIONS``.
        name: The cluster's name, or the image's id.
        region: The library's Region; the process's own is restored afterwards.
        gate: Guards this call.
        arguments: Further keyword arguments of the library's function. With ``dryrun`` it ends before it
            changes anything and answers with ``changeSet`` and ``validationMessages``.

    Returns:
        The library's answer in its own camelCase. Empty if the library failed after CloudFormation accepted
        the request, because the change is under way.

    Raises:
        EngineError: The library refused or failed.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("the library's validators need the main thread")
    with isolated(region, gate), noted_failures() as failures:
        try:
            if action not in READS and "dryrun" not in arguments and not gate.is_dry_run:
                gate.check_fence()  # do not start what the fence would refuse at the end
            function_name, kind = FUNCTIONS[action]
            subject = {"image_id" if action.endswith("-image") else "cluster_name": name}
            function = partial(getattr(pcluster.lib, function_name), **subject, region=region, **kind)
            answer: Answer = function(**_accepted(arguments))
        except errors.DryrunOperationException as passed:  # how a successful dry run ends
            answer = content_of(passed)
        except Exception as error:
            if gate.accepted:
                logger.warning("accepted, but the library failed afterwards", exc_info=True)
                return {}
            refusal = engine_error(action, name, error, gate)
            wanted = arguments.get("cluster_configuration", {})
            has_failures = any(failures.is_failure(message) for message in refusal.validation_messages)
            refusal.validation_messages = failures.in_words(refusal.validation_messages, wanted)
            if action == "update":
                refusal = _explained(refusal, name, wanted, gate, has_failures=has_failures)
            raise refusal from error
        return answer | {"changeSet": as_text(answer["changeSet"])} if answer.get("changeSet") else answer


def ask(function: str, region: str, gate: Gate, **arguments: Any) -> Answer:
    """Runs a function of ``pcluster.lib`` that only reads, and returns its answer.

    Args:
        function: Its name.
        region: As for ``invoke``.
        gate: Guards this call.
        arguments: Its further keyword arguments.

    Raises:
        EngineError: The library refused or failed.
    """
    with isolated(region, gate):
        try:
            answer: Answer = getattr(pcluster.lib, function)(region=region, **arguments)
        except Exception as error:
            raise engine_error("describe", "", error, gate) from error
    return answer


def ask_pages(function: str, region: str, gate: Gate, **arguments: Any) -> Iterator[Answer]:
    """Yields all pages of a function of ``pcluster.lib`` that lists something; see ``ask``."""
    page: Answer = {}
    while not page or page.get("nextToken"):
        more = {"next_token": page["nextToken"]} if page else {}
        page = ask(function, region, gate, **arguments, **more)
        yield page


def stored_configuration(name: str, region: str, gate: Gate, *, dryrun: bool = False) -> str:
    """Returns the configuration that a cluster was last made from: YAML, as its author wrote it.

    Args:
        name: The cluster's name.
        region: As for ``invoke``.
        gate: Guards this call.
        dryrun: Whether this is for a dry run, which the fence does not end.

    Raises:
        EngineError: There is no such cluster, or its configuration could not be read.
    """
    with isolated(region, gate):
        try:
            if not dryrun:
                gate.check_fence()
            return str(convert_errors()(_source_configuration)(name))
        except Exception as error:
            raise engine_error("update", name, error, gate) from error


def _source_configuration(name: str) -> Any:
    try:
        return Cluster(name).source_config_text
    except StackNotFoundError as error:
        raise errors.NotFoundException(str(error)) from error


def _explained(
    refusal: EngineError, name: str, wanted: Answer, gate: Gate, *, has_failures: bool
) -> EngineError:
    """Returns a refused update with what would allow it, or AWS's error if AWS prevented a verdict."""
    try:
        if has_failures:
            return refused_for_emptiness(refusal, wanted, Cluster(name).config.source_config) or refusal
        return explain(refusal, name, wanted, gate)
    except Exception as error:
        if refusal.code == "UpdateRejected":
            return engine_error("update", name, error, gate)
        logger.warning("the reason why an update failed was not found", exc_info=True)
        return refusal


class _Texts(str):
    """A list of texts that is also its first text.

    Before 3.10 the library compared the whole argument with the pattern of one text, and then iterated over
    it as a list. Source: pcluster/cli/entrypoint.py, re_validator (3.6.0).
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
