"""Records the calls of functions."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.calls import Call


class Recording:
    """Each distinct call since the start of the cloud, with its count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()

    def note_call(self, call: Call) -> None:
        """Records a request, if a function sent it."""
        if call.caller is None:
            return
        fact = {
            "function": call.caller.function,
            "service": call.service,
            "operation": call.operation,
            "region": call.region,
            "parameters": dict(call.parameters),
        }
        with self._lock:
            self._calls[json.dumps(fact, sort_keys=True)] += 1

    def calls(self) -> list[dict[str, Any]]:
        """Returns the calls of functions: function, service, operation, region, parameters, count."""
        with self._lock:
            return [{**json.loads(fact), "count": count} for fact, count in self._calls.items()]


#: The recording of this process.
recording = Recording()
