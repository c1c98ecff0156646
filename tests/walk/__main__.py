"""Which files of the provider an event passes through: ``python -m tests.walk`` prints the count of each.

A walk is one event in the simulated world, from the handler on. Counted are files of ``cluster_provider``,
and calls from one of them into another. The adapters are stood in for by fakes, so their files come on top.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import cluster_provider
from tests.support.world import World

_PACKAGE = Path(cluster_provider.__file__).parent


@dataclass
class Walk:
    """The files that were entered, in order, and how many calls crossed from one into another."""

    files: dict[str, int] = field(default_factory=dict)
    crossings: int = 0

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        """Counts a call that enters a file of the provider; a profiler's callback."""
        entered = _file(frame)
        if event != "call" or entered is None:
            return
        self.files[entered] = self.files.get(entered, 0) + 1
        caller = _file(frame.f_back)
        self.crossings += caller is not None and caller != entered


def _file(frame: FrameType | None) -> str | None:
    path = Path(frame.f_code.co_filename) if frame is not None else None
    if path is None or not path.is_relative_to(_PACKAGE):
        return None
    # A data class's own methods are compiled from text, which belongs to no file.
    return str(path.relative_to(_PACKAGE))


@contextmanager
def walked() -> Iterator[Walk]:
    """Yields what is counted while the block runs."""
    walk = Walk()
    sys.setprofile(walk.note)
    try:
        yield walk
    finally:
        sys.setprofile(None)


def _until_invoked(world: World) -> None:
    world.create()
    assert world.engines.calls, "the Create invoked no engine"


def _engine_end(world: World) -> None:
    world.run_engine()


def _stack_event(world: World) -> None:
    world.settle("hpc", "CREATE_COMPLETE")
    assert world.engines.calls, "the stack's end invoked no engine"


def _answer(world: World) -> None:
    world.run_engine()
    assert world.sink.answers("request-1"), "the description's end sent no answer"


def _idle_sweep(world: World) -> None:
    world.sweep()


#: The walks of one life, in the order in which they are made.
WALKS: dict[str, Callable[[World], None]] = {
    "Create to the engine's invocation": _until_invoked,
    "engine's end": _engine_end,
    "stack event to describe": _stack_event,
    "engine's end to the answer": _answer,
    "idle sweep": _idle_sweep,
}


def main() -> None:
    """Walks one Create to its answer, and prints a line per event; ``-v`` names the files."""
    logging.disable(logging.CRITICAL)
    world = World()
    for name, step in WALKS.items():
        with walked() as walk:
            step(world)
        print(f"{name:36} {len(walk.files):3} files {walk.crossings:4} calls between them")  # noqa: T201
        if "-v" in sys.argv:
            print("    " + ", ".join(walk.files))  # noqa: T201


main()
