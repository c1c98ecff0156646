"""The order of resources: their dependencies, and a walk that follows them."""

from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from cfn_template.references import names_in
from localcloud.cloudformation.errors import ValidationError


def dependencies(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Returns, for each resource, the resources that must be complete before it.

    Args:
        definitions: Resources that exist in this stack, by logical id, without untaken branches.

    Raises:
        ValidationError: Resources depend on each other in a circle.
    """
    needs = {}
    for logical_id, definition in definitions.items():
        explicit = definition.get("DependsOn", [])
        names = {explicit} if isinstance(explicit, str) else set(explicit)
        names.update(names_in(definition.get("Properties", {})))
        needs[logical_id] = {name for name in names if name in definitions}
    _refuse_circles(needs)
    return needs


def _refuse_circles(needs: Mapping[str, set[str]]) -> None:
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        left = set(needs)
        while ready := sorter.get_ready():
            sorter.done(*ready)
            left.difference_update(ready)
        listed = ", ".join(sorted(left))
        raise ValidationError(f"Circular dependency between resources: [{listed}]") from error


def reversed_order(needs: Mapping[str, set[str]], among: set[str]) -> dict[str, set[str]]:
    """Returns, for each of some resources, those that must be deleted before it."""
    order: dict[str, set[str]] = {name: set() for name in among}
    for name, needed in needs.items():
        for other in needed:
            if name in among and other in among:
                order[other].add(name)
    return order


class Walk:
    """One pass over named nodes; a node is visited once all it waits for are done.

    Args:
        order: For each node, the nodes it waits for; all are keys.
        visit: Starts a node; its end is reported through ``done`` or ``failed``, at once or later.
        ended: Called once, with the nodes that failed, when nothing more can be visited.
        stop_at_failure: Whether to end at the first failure and ignore what still runs; otherwise the walk
            visits everything that does not wait for the failed node.

    Raises:
        graphlib.CycleError: Nodes wait for each other.
    """

    def __init__(
        self,
        order: Mapping[str, set[str]],
        visit: Callable[[str], None],
        ended: Callable[[list[str]], None],
        *,
        stop_at_failure: bool,
    ) -> None:
        self._sorter = TopologicalSorter(order)
        self._sorter.prepare()
        #: Of nodes that are ready together, the first in the order is visited first.
        self._place = {node: place for place, node in enumerate(order)}
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
        while not self._halted() and (ready := self._sorter.get_ready()):
            for node in sorted(ready, key=self._place.__getitem__):
                if self._halted():
                    break
                self._running.add(node)
                self._visit(node)
        self._starting = False
        self._end_if_over()

    def done(self, node: str) -> None:
        """Reports that a node is done."""
        self._running.discard(node)
        self._sorter.done(node)
        self.run()

    def failed(self, node: str) -> None:
        """Reports that a node has failed."""
        self._running.discard(node)
        self._failed.append(node)
        self.run()

    def stop(self) -> None:
        """Ends the walk without a report: nothing further is visited."""
        self._over = True

    def _end_if_over(self) -> None:
        if not self._over and (self._halted() or not self._running):
            self._over = True
            self._ended(list(self._failed))

    def _halted(self) -> bool:
        return self._over or bool(self._failed and self._stop_at_failure)
