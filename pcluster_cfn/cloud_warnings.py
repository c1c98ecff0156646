"""Shows what an embedded cloud warns of while somebody waits for it.

A function that cannot be imported answers nobody: its custom resource waits for a time-out, and the stack's
events stay silent for an hour. The cloud knows why at the first invocation.
"""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

from pcluster_cfn.terminal import Console

_EVERY_S = 1.0
_TIMEOUT_S = 5.0


@contextmanager
def warnings_shown(address: str | None, console: Console, *, every_s: float = _EVERY_S) -> Iterator[None]:
    """Prints each new warning of an embedded cloud until the block ends, and what came last at its end.

    Args:
        address: Of the cloud; None for AWS, which has no such warnings.
        console: Where they are shown.
        every_s: Seconds between two looks.
    """
    if address is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        shown = 0
        is_last = False
        while not is_last:
            is_last = ended.wait(every_s)
            warnings = _warnings(address)
            for warning in warnings[shown:]:
                console.print(
                    f"Warning: {warning}", style="yellow", highlight=False, markup=False, soft_wrap=True
                )
            shown = max(shown, len(warnings))

    shows = threading.Thread(target=watch, name="warnings", daemon=True)
    shows.start()
    try:
        yield
    finally:
        ended.set()
        shows.join(_TIMEOUT_S)


def _warnings(address: str) -> list[str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urljoin(address, "/_localcloud/warnings"), timeout=_TIMEOUT_S) as answer:
            warnings: list[str] = json.load(answer)
    except (
        OSError,
        ValueError,
    ):  # another emulator, an older cloud, or one that has ended: not asked for here
        return []
    return warnings
