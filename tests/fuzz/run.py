"""One world per event: what becomes of it, from its first delivery until CloudFormation waits no longer."""

import json
import random
import time
from dataclasses import dataclass
from typing import Any

from cluster_provider.core.request import is_answerable
from tests.fuzz.events import mutated, other, request
from tests.support.fakes import HANDLES, Sink
from tests.support.world import World

#: No event may cost more, in seconds of a processor, its whole life included.
PROCESSOR_MAX_S = 5.0

#: After this long every request was answered, or CloudFormation waits no longer.
LIFE_S = 3_700


@dataclass(frozen=True)
class Life:
    """What became of an event.

    Args:
        event: The event.
        ended: answered, dropped (it cannot be answered), dead (no event of the provider's) or signalled.
        processor_s: What it cost.
    """

    event: dict[str, Any]
    ended: str
    processor_s: float


class AnySink(Sink):
    """Takes whatever has the form of an answer, by the request that it names: URLs are mutated, too."""

    def send(self, url: str, body: str) -> None:
        if url.startswith(HANDLES):
            super().send(url, body)
            return
        self._check(json.loads(body)["RequestId"], body)
        self.bodies.setdefault(json.loads(body)["RequestId"], []).append(body)


def live(seed: int, number: int) -> Life:
    """Lives through one event's life.

    Raises:
        AssertionError: It was answered twice, too late, too long or not at all.
    """
    source = random.Random(f"{seed} {number}")  # noqa: S311 - repeatable, not secret
    world = World(sink=AnySink())
    if source.random() < 0.5:
        world.made()
    is_request = source.random() < 0.9
    event = mutated(source, request(source, world) if is_request else other(source))
    if source.random() < 0.2:
        world.stacks.requested.clear()
    began = time.process_time()
    ended = _ended(world, event)
    return Life(event, ended, time.process_time() - began)


def _ended(world: World, event: dict[str, Any]) -> str:
    answered_before = set(world.sink.bodies)
    answerable = is_answerable(event)
    try:
        world.deliver_until_handled(event)
    except (ValueError, KeyError, TypeError, AttributeError, LookupError):
        assert not answerable, "a request failed for good and was not answered"
        return "dead"
    _finish(world)
    answers = {key: bodies for key, bodies in world.sink.bodies.items() if key not in answered_before}
    assert all(len(set(bodies)) == 1 for bodies in answers.values()), "answered twice"
    if not answerable:
        assert not answers, "an event was answered that cannot be"
        return "dropped"
    assert event["RequestId"] in answers, "not answered"
    assert not world.letters.waiting, "answered, and still to be repeated"
    assert all(len(body.encode()) <= 4096 for bodies in answers.values() for body in bodies)
    return str(json.loads(answers[event["RequestId"]][0])["Status"])


def _finish(world: World) -> None:
    """Engines run, clusters come to their ends, and the sweep fires until the last deadline has passed."""
    for _ in range(8):
        while world.engines.calls:
            world.run_engine()
        for fact in list(world.stacks.facts.values()):
            if fact.stack.in_progress and fact.stack.name != "parent":
                status = fact.stack.status.replace("_IN_PROGRESS", "_COMPLETE")
                world.settle(fact.stack.name, status)
        world.clock.advance(90)
        world.sweep()
        if not world.engines.calls and not world.store.waiting() and not world.letters.waiting:
            return
    world.clock.advance(LIFE_S)
    for _ in range(3):
        world.sweep()
        world.clock.advance(60)


__all__ = ["PROCESSOR_MAX_S", "Life", "live"]
