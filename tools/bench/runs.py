"""What is measured: each run does what its name says, or fails."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tools.bench.calls import configuration, create_call, describe_call, stack_event
from tools.bench.processes import BenchError, Process, Program, Starter
from tools.bench.world import World

IMPORT_PROVIDER = "import of the provider's handler"
IMPORT_ENGINE = "import of the engine's handler"
WAKE_UP = 'provider: wake-up that finds "in progress", cold'
LIBRARY = "import pcluster.lib and describe that cluster"
DESCRIBE = "engine: describe, cold"
CREATE_COLD = "engine: Create up to CreateStack, cold"
CREATE_WARM = "engine: Create up to CreateStack, warm"

#: What is compared is measured so often in each run: it is short, so that little disturbs it much.
_PAIRS = 3

_IN_PROGRESS = "CREATE_IN_PROGRESS"


@dataclass(frozen=True)
class Sample:
    """One run's figures; None where a process's own cannot be told apart from another's."""

    time_s: float
    processor_s: float | None
    peak_bytes: int | None
    processes: int | None


class Runs:
    """Measures one after the other, so that what disturbs the machine disturbs all alike.

    Args:
        artefact: The folder that ``make build`` filled.
        world: What the processes find.
        starter: Starts them.
    """

    def __init__(self, artefact: Path, world: World, starter: Starter) -> None:
        self._world = world
        self._starter = starter
        layer = artefact / "layer"
        self._provider = Program(
            (artefact / "provider",), "cluster_provider.handler:handler", world.variables
        )
        self._engine = Program(
            (artefact / "engine", layer / "python"),
            "cluster_engine.handler:handler",
            programs=layer / "bin",
        )
        self._library = Program((layer / "python",), "pcluster.lib:describe_cluster", programs=layer / "bin")
        self._numbers = count(1)

    def once(self) -> Iterator[tuple[str, Sample]]:
        """Measures everything once.

        Raises:
            BenchError: Something did not do what is measured.
        """
        yield IMPORT_PROVIDER, _whole(self._starter.run(self._provider))
        for _ in range(_PAIRS):
            yield WAKE_UP, self._wake_up()
            yield LIBRARY, self._describe_by_library()
        yield IMPORT_ENGINE, _whole(self._starter.run(self._engine))
        yield DESCRIBE, self._describe_by_engine()
        yield from self._create()

    def _wake_up(self) -> Sample:
        event = stack_event(self._world.cluster_stack_id)
        process = self._starter.run(self._provider, [{"event": event}])
        steps = [line for line in _logged(process.output) if line.get("message") == "step"]
        if [step["action"] for step in steps] != ["Wait"]:
            raise BenchError(f"the wake-up found no cluster in progress:\n{process.output[-3000:]}")
        return _whole(process)

    def _describe_by_library(self) -> Sample:
        arguments = {"cluster_name": self._world.cluster, "region": self._world.cloud.region}
        process = self._starter.run(self._library, [{"arguments": arguments}])
        _expect(process.calls[0].result["clusterStatus"], _IN_PROGRESS, process)
        return _whole(process)

    def _describe_by_engine(self) -> Sample:
        world = self._world
        call = describe_call(world.cluster, world.cluster_stack_id, world.parent_id, world.cloud.region)
        process = self._starter.run(self._engine, [{"event": call}])
        _expect(process.calls[0].result["cluster"]["clusterStatus"], _IN_PROGRESS, process)
        return _whole(process)

    def _create(self) -> Iterator[tuple[str, Sample]]:
        names = [f"c-{next(self._numbers)}" for _ in range(2)]
        wanted, region = configuration(self._world.cloud.exports), self._world.cloud.region
        calls = [create_call(name, self._world.parent_id, region, wanted) for name in names]
        process = self._starter.run(
            self._engine, [{"event": call} for call in calls], watch="Action=CreateStack"
        )
        for name, call in zip(names, process.calls, strict=True):
            _expect((call.result["status"], call.result.get("sent")), ("succeeded", True), process)
            _expect(self._world.status(name), _IN_PROGRESS, process)
        _expect(len(process.sent_s), len(names), process)
        (cold, warm), second = process.sent_s, process.calls[1]
        yield CREATE_COLD, Sample(cold, process.processor_s, process.peak_bytes, process.processes)
        yield CREATE_WARM, Sample(warm - second.started_s, None, None, None)


def _whole(process: Process) -> Sample:
    return Sample(process.duration_s, process.processor_s, process.peak_bytes, process.processes)


def _expect(found: Any, expected: Any, process: Process) -> None:
    if found != expected:
        results = [call.result for call in process.calls]
        raise BenchError(f"{found!r} instead of {expected!r}: {results}\n{process.output[-3000:]}")


def _logged(output: str) -> Iterator[dict[str, Any]]:
    """Yields the lines of a structured log."""
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
