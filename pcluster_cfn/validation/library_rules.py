"""The library's own rules between several values, found without AWS: the engine's program asks it."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.errors import wants_tracebacks
from pcluster_cfn.validation.engine_program import command, environment, installed_library
from pcluster_cfn.validation.fillings import fillings

_PROGRAM = "cluster_engine.offline"
#: The library takes a few seconds to load, and a fraction of one for a configuration.
_TIMEOUT_S = 120.0
_LEVELS = ("INFO", "WARNING", "ERROR")
#: Source: pcluster/api/openapi/openapi.yaml, validationFailureLevel.
_DEFAULT_LEVEL = "ERROR"
_A_NAME = "unknown-{}"
#: The validator that the library names where a configuration cannot be loaded.
#: Source: pcluster/models/cluster.py, Cluster._load_config.
_LOADING = "ConfigSchemaValidator"

#: Place, validator and words of each message, and its level.
Said = dict[tuple[str, str, str], str]


class LibraryRules:
    """Asks the library, started once and as late as possible; ended when the context is left.

    Args:
        installed: Returns the version of the library that is here; None without one.

    Attributes:
        notes: Why something was not looked at, each reason once.
    """

    def __init__(self, installed: Callable[[], str | None] = installed_library) -> None:
        self._installed = installed
        self.notes: dict[str, None] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Returns itself; nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the program."""
        if self._process is not None:
            self._process.communicate()

    def findings(
        self, configuration: Any, version: str, properties: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        """Yields what a create would be refused for by rules that need no AWS: place and message.

        Args:
            configuration: One that fits the version's schema; UNKNOWN stands for what is not known.
            version: The ParallelCluster version it is for.
            properties: The resource's: its name, and which validators count.
        """
        said: list[Said] = []
        for turn, each in enumerate(self._fillings(configuration, version, properties)):
            answer = self._ask(each, properties, turn)
            if answer is None:
                return
            said.append(
                {(one["path"], one["type"], one["message"]): one["level"] for one in answer["messages"]}
            )
        least = _LEVELS.index(_known(properties.get("ValidationFailureLevel"), _DEFAULT_LEVEL))
        for (path, kind, message), level in _common(said).items():
            if _LEVELS.index(level) >= least:
                yield path, f"{kind}: {message}"

    def _fillings(self, configuration: Any, version: str, properties: Mapping[str, Any]) -> list[Any]:
        suppressed, installed = properties.get("SuppressValidators"), self._installed()
        filled = fillings(configuration, version)
        if installed is None:
            self._note("the ParallelCluster library is not installed: pip install aws-parallelcluster")
        elif installed != version:
            self._note(f"a cluster is for ParallelCluster {version}, and the library here is {installed}")
        elif not filled or suppressed is UNKNOWN:
            self._note("parts of a configuration are not known before the deployment")
        else:
            return filled
        return []

    def _note(self, reason: str) -> None:
        self.notes[f"rules between several values were not looked at: {reason}"] = None

    def _ask(self, configuration: Any, properties: Mapping[str, Any], turn: int) -> Mapping[str, Any] | None:
        suppressed = properties.get("SuppressValidators") or []
        question = {
            "cluster_name": _known(properties.get("ClusterName"), _A_NAME.format(turn)),
            "configuration": configuration,
            "suppress_validators": suppressed if isinstance(suppressed, list) else [suppressed],
        }
        process = self._started()
        watch = threading.Timer(_TIMEOUT_S, process.kill)
        watch.start()
        try:
            assert process.stdin is not None  # noqa: S101 - both are pipes
            assert process.stdout is not None  # noqa: S101
            process.stdin.write(json.dumps(question, default=str) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watch.cancel()
        if not line:
            self._note(
                "the library ended without an answer; with PCLUSTER_CFN_DEBUG=1 you see what it printed"
            )
            return None
        answer: Mapping[str, Any] = json.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - this project's own program
                command(_PROGRAM),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if wants_tracebacks() else subprocess.DEVNULL,
                env=environment(),
                text=True,
            )
        return self._process


def _common(said: list[Said]) -> Said:
    """What the library says whatever stands in the places that are not known.

    A configuration that cannot be loaded has messages about that alone; they count if none can be.
    """
    loaded = [each for each in said if not any(kind == _LOADING for _, kind, _ in each)]
    first, *others = loaded or said or [{}]
    return {one: level for one, level in first.items() if all(one in other for other in others)}


def _known(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise
