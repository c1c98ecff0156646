"""Visits the resources of a stack in the order their dependencies allow, as many at a time as they allow."""

from collections.abc import Callable, Mapping


class Walk:
    """One pass over named nodes; a node is visited once all it waits for are done.

    Args:
        order: For each node, the nodes it waits for.
        visit: Starts a node; its end is reported through ``done`` or ``failed``, at once or later.
        ended: Called once, with the nodes that failed, when nothing more can be visited.
        stop_at_failure: Whether to end at the first failure and let what runs be somebody else's matter;
            otherwise everything goes on that does not wait for the failed node.
    """

    def __init__(
        self,
        order: Mapping[str, set[str]],
        visit: Callable[[str], None],
        ended: Callable[[list[str]], None],
        *,
        stop_at_failure: bool,
    ) -> None:
        self._waiting = {node: set(nodes) for node, nodes in order.items()}
        self._visit = visit
        self._ended = ended
        self._stop_at_failure = stop_at_failure
        self._running: set[str] = set()
        self._failed: list[str] = []
        self._over = False
        self._starting = False

    def run(self) -> None:
        """Visits what is ready; called again whenever a node has ended."""
        if self._over or self._starting:
            return
        self._starting = True
        while ready := self._ready():
            for node in ready:
                if self._halted():
                    break
                del self._waiting[node]
                self._running.add(node)
                self._visit(node)
        self._starting = False
        self._end_if_over()

    def done(self, node: str) -> None:
        """Reports that a node is done."""
        self._running.discard(node)
        for nodes in self._waiting.values():
            nodes.discard(node)
        self.run()

    def failed(self, node: str) -> None:
        """Reports that a node has failed."""
        self._running.discard(node)
        self._failed.append(node)
        self.run()

    def stop(self) -> None:
        """Ends the walk without a report: nothing further is visited."""
        self._over = True

    def _halted(self) -> bool:
        return self._over or bool(self._failed and self._stop_at_failure)

    def _ready(self) -> list[str]:
        return [] if self._halted() else [node for node, nodes in self._waiting.items() if not nodes]

    def _end_if_over(self) -> None:
        if self._over or (self._running and not self._halted()):
            return
        if self._waiting and not self._failed:
            raise AssertionError(f"nodes wait for each other: {sorted(self._waiting)}")
        self._over = True
        self._ended(list(self._failed))
