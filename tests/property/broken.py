"""Worlds in which one protection is gone: the state machine must notice each."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis.stateful import precondition, rule

from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack
from cluster_provider.core.state import OwnerRecord, Phase, QueueEntry
from tests.property.lifecycle import OLD
from tests.property.lives import Lives
from tests.support.faults import Denied, Killed, Seam
from tests.support.simulation import SERVICE_TIMEOUT_S, Resource, Simulation
from tests.support.world import CLUSTER_TYPE, properties


class Anyones(ClusterStack):
    """A stack that belongs to every owner that asks."""

    def belongs_to(self, owner: Owner, known: Any = None) -> bool:  # noqa: ARG002 - belongs to all
        return True


class _OtherStacks:
    """The port Stacks, to be changed."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._real: Any = world.stacks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _OwnerlessStacks(_OtherStacks):
    """The port Stacks, on which every stack seems to be made for whatever request wants its name."""

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        stack = self._real.describe(name_or_arn)
        if stack is None:
            return None
        tags = dict(stack.tags)
        for resource in self._world.resources:
            if resource.pending is not None and resource.wanted.get(resource.id_property) == stack.name:
                tags |= resource.owner.tag(stack.name, resource.pending.request_id)
        return Anyones(**{**vars(stack), "tags": tags})


class _GullibleStacks(_OtherStacks):
    """The port Stacks, which confirms every claim."""

    def requested_since(self, *_: Any) -> datetime:
        return self._world.clock.now()


class _HastyStacks(_OtherStacks):
    """The port Stacks, on which every stack was complete at any time."""

    def completed_since(self, *_: Any) -> bool:
        return True


class _FlatStacks(_OtherStacks):
    """The port Stacks, on which no stack is nested in another."""

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        stack = self._real.describe(name_or_arn)
        return replace(stack, parent_id=None) if stack is not None else None


class _SleepingOperations:
    """The port Operations whose index of what is due is lost."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def waiting(self) -> list[QueueEntry]:
        return []


class _UnmovedOperations:
    """The port Operations in which no owner is moved back: one that fails stays as long overdue as before."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def acquire(self, owner: Owner, holder: str, until: datetime, _: datetime) -> Any:
        due_at = {item.owner: item.requeue_at for item in self._real.waiting()}.get(owner, until)
        return self._real.acquire(owner, holder, until, due_at)

    def failed_passes(self, _: Any) -> dict[Owner, int]:
        return {}


class _ForgetfulOperations(_SleepingOperations):
    """The port Operations that forgets, between two looks, what an owner made."""

    def change(self, owner: Owner, change: Any, operations: Any = (), holder: str = "") -> Any:
        return self._real.change(owner, lambda record: self._forget(change(record)), operations, holder)

    @staticmethod
    def _forget(record: OwnerRecord) -> OwnerRecord:
        adopted = {name: item for name, item in record.clusters.items() if item.adopted_at is not None}
        return replace(record, clusters=adopted)

    def waiting(self) -> list[QueueEntry]:
        waiting: list[QueueEntry] = self._real.waiting()
        return waiting


class _AbsentMindedOperations(_ForgetfulOperations):
    """The port Operations that forgets what is to be done after an answer."""

    def change(self, owner: Owner, change: Any, operations: Any = (), holder: str = "") -> Any:
        def change_or_forget(record: OwnerRecord | None) -> OwnerRecord:
            changed: OwnerRecord = change(record)
            followed = any(each.progress.phase is Phase.FOLLOWING for each in operations)
            return replace(changed, requeue_at=None, following="") if followed else changed

        return self._real.change(owner, change_or_forget, operations, holder)


class _Ownerless(Simulation):
    def __init__(self) -> None:
        super().__init__()
        self.ports = replace(self.ports, stacks=_OwnerlessStacks(self))


class _Gullible(Simulation):
    def __init__(self) -> None:
        super().__init__()
        self.ports = replace(self.ports, stacks=_GullibleStacks(self))


class _Hasty(Simulation):
    def __init__(self) -> None:
        super().__init__()
        self.ports = replace(self.ports, stacks=_HastyStacks(self))


class _Flat(Simulation):
    def __init__(self) -> None:
        super().__init__()
        self.ports = replace(self.ports, stacks=_FlatStacks(self))


class _Markless(Simulation):
    def _hold_mark(self, _: dict[str, Any]) -> None:
        """Engines neither read marks nor write them."""


class _Unfenced(Simulation):
    def _work(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        return self._send(version, call)


class _Sleeping(Simulation):
    def __init__(self) -> None:
        super().__init__()
        self.ports = replace(self.ports, store=_SleepingOperations(self.store))


class _Unmoved(Simulation):
    def __init__(self) -> None:
        super().__init__()
        self.ports = replace(self.ports, store=_UnmovedOperations(self.store))


class _Forgetful(Simulation):
    def __init__(self) -> None:
        super().__init__()
        self.ports = replace(self.ports, store=_ForgetfulOperations(self.store))


class _AbsentMinded(Simulation):
    def __init__(self) -> None:
        super().__init__()
        self.ports = replace(self.ports, store=_AbsentMindedOperations(self.store))


class OwnerlessLifecycle(Lives):
    """Ownership is not checked."""

    def make_world(self) -> Simulation:
        return _Ownerless()


class GullibleLifecycle(Lives):
    """Whatever an event claims is taken for CloudFormation's word."""

    def make_world(self) -> Simulation:
        return _Gullible()


class _BackAndForth(Lives):
    """Lives in which the nested resource takes a cluster over and the stack around it rolls back, often."""

    @precondition(lambda self: self.nested.phase == "absent")
    @rule()
    def go_back(self) -> None:
        taking_over = {"ClusterName": OLD, "AdoptExisting": "true", "DeletionPolicy": "Delete"}
        self.nested.create(properties(**taking_over))
        self.world.until_answered()
        if self.nested.phase == "complete":
            self.nested_completes()
        self.go_on_with(self.nested, back=True)
        self.world.until_answered()


class HastyLifecycle(_BackAndForth):
    """What was taken over counts as the stack's own at once."""

    def make_world(self) -> Simulation:
        return _Hasty()


class FlatLifecycle(_BackAndForth):
    """The stack around a nested one is not looked at."""

    def make_world(self) -> Simulation:
        return _Flat()


class MarklessLifecycle(Lives):
    """Two providers do not see what the other took over."""

    def make_world(self) -> Simulation:
        return _Markless()

    def _rivals(self) -> list[Resource]:
        """A resource of each provider that has nothing yet."""
        absent = [each for each in self._in_phase("absent") if each.type == CLUSTER_TYPE]
        firsts = [each for each in absent if each.stack_id not in self.world.seconds]
        seconds = [each for each in absent if each.stack_id in self.world.seconds]
        return [firsts[0], seconds[0]] if firsts and seconds else []

    @precondition(lambda self: self._rivals())
    @rule()
    def contest(self) -> None:
        """A resource of each provider takes the same cluster over, one after the other."""
        for resource in self._rivals():
            resource.create(properties(ClusterName=OLD, AdoptExisting="true"))
            self.world.until_answered()


class UnfencedLifecycle(Lives):
    """The gate passes calls however late they are, and whether or not somebody waits."""

    def make_world(self) -> Simulation:
        return _Unfenced()

    @precondition(lambda self: self._in_phase("creating") and self.world.engines.calls)
    @rule()
    def hang(self) -> None:
        """Engines hang while a Create is cancelled and its Delete waits until they are over."""
        resource = self._in_phase("creating")[0]
        self.cancel(0, at_once=True)
        while self.world.mail:
            self.handle_mail(self.world.mail[0], [])
        for _ in range(8):
            if resource.pending is not None:
                self.pass_time(61)
        while self.world.engines.calls:
            self.run_engine(0)


class CrashingLifecycle(Lives):
    """What is denied ends the invocation, at the deadline as well."""

    def deny_seam(self, seam: Seam) -> None:
        try:
            super().deny_seam(seam)
        except Denied as error:
            raise Killed from error


class LossyLifecycle(Lives):
    """What Lambda gives up is lost."""

    @precondition(lambda self: self.world.mail)
    @rule()
    def lose_all(self) -> None:
        """Nothing can be confirmed for as long as CloudFormation waits."""
        self.deny("stacks.requested_since", 2 * SERVICE_TIMEOUT_S)
        self.world.run(900)

    def make_world(self) -> Simulation:
        world = Simulation()
        world.letters.put = world.second_letters.put = lambda _: None
        return world


class SleepingLifecycle(Lives):
    """The sweep wakes no owner."""

    def make_world(self) -> Simulation:
        return _Sleeping()


class UnmovedLifecycle(Lives):
    """Who hangs or kills is first in the next sweep again."""

    def make_world(self) -> Simulation:
        return _Unmoved()


class ForgetfulLifecycle(Lives):
    """The table does not keep what an owner made."""

    def make_world(self) -> Simulation:
        return _Forgetful()


class AbsentMindedLifecycle(Lives):
    """A cluster is not followed beyond the answer."""

    def make_world(self) -> Simulation:
        return _AbsentMinded()


BROKEN = (
    OwnerlessLifecycle,
    GullibleLifecycle,
    HastyLifecycle,
    FlatLifecycle,
    MarklessLifecycle,
    UnfencedLifecycle,
    CrashingLifecycle,
    LossyLifecycle,
    SleepingLifecycle,
    UnmovedLifecycle,
    ForgetfulLifecycle,
    AbsentMindedLifecycle,
)
