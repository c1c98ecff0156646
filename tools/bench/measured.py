"""Runs a function in the process that is measured, and reports time and memory.

Started by path in the functions' interpreter, with an order on standard input. Imports nothing but Python's
own library: what a function loads is to be the function's.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: The remaining time in milliseconds that handlers read from their context.
_TIMEOUT_MS = 300_000
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: Processor time in user and in kernel mode, counted after the name. Source: proc(5), /proc/pid/stat.
_USER, _SYSTEM = 11, 12


class Context:
    """The part of Lambda's context that handlers read."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Returns the remaining time at the start of an invocation."""
        return _TIMEOUT_MS


def main() -> None:
    """Runs the calls and writes the report."""
    order = json.load(sys.stdin)
    if order["processors"]:
        os.sched_setaffinity(0, order["processors"])
    _guard(Path(order["guard"]))
    sent_at: list[float] = []
    if order["watch"]:
        _note_requests(order["watch"].encode(), sent_at)
    sys.path[:0] = order["path"]
    module, _, name = order["target"].partition(":")
    target = getattr(importlib.import_module(module), name)
    imported_at = time.monotonic()
    calls = [_call(target, call) for call in order["calls"]]
    report = {"imported_at": imported_at, "calls": calls, "sent_at": sent_at, **_resources()}
    Path(order["report"]).write_text(json.dumps(report, default=str), encoding="utf-8")


def _guard(module: Path) -> None:
    """Refuses connections beyond this machine with the embedded cloud's guard, found by path."""
    sys.path.insert(0, str(module.parent))
    importlib.import_module(module.stem).install()
    del sys.path[0]


def _note_requests(text: bytes, sent_at: list[float]) -> None:
    """Records when requests with a text are sent. Source: Python's audit events table, http.client."""

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "http.client.send" and isinstance(arguments[1], bytes) and text in arguments[1]:
            sent_at.append(time.monotonic())

    sys.addaudithook(note)


def _call(target: Any, call: dict[str, Any]) -> dict[str, Any]:
    started_at = time.monotonic()
    result = target(call["event"], Context()) if "event" in call else target(**call["arguments"])
    return {"started_at": started_at, "ended_at": time.monotonic(), "result": result}


def _resources() -> dict[str, Any]:
    """Peak memory and processor time of this process and of those that it started."""
    tree = list(_tree(os.getpid()))
    return {
        "processes": len(tree),
        "peak_kib": sum(_peak_kib(pid) for pid in tree),
        "processor_s": sum(_processor_s(pid) for pid in tree),
    }


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _peak_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS_PER_S


if __name__ == "__main__":
    main()
