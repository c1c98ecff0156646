"""Stories of a resource in which the provider or its engine dies at a chosen seam, and what must hold then.

How many seams there are is counted by a recording run. The invocation that died leaves its lease behind;
Lambda repeats the delivery, or does not; the sweep and the stack's events go on in any case.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cluster_provider.core.deadline import ENGINE_LIMIT_S, FENCE_GRACE_S, MARGIN_S
from cluster_provider.core.decision.case import VALUES_MARGIN_S
from cluster_provider.core.measurements import Metric
from cluster_provider.queue import BACKOFF_MAX_S, BACKOFF_MIN_S
from tests.support.fakes import HANDLES
from tests.support.faults import Killed, Seam
from tests.support.simulation import (
    PROVIDER_LIMIT_S,
    SERVICE_TIMEOUT_S,
    STACK_S,
    SWEEP_S,
    TICK_S,
    Resource,
    Simulation,
)
from tests.support.world import (
    CLUSTER_TYPE,
    CONFIGURATION,
    IMAGE_TYPE,
    OTHER_NODES,
    image_properties,
    properties,
)

NEW_VERSION, OLD_VERSION = VERSIONS = "3.16.1", "3.14.0"
NEW = {**CONFIGURATION, "Tags": []}
REPLACING = {"ClusterNameUpdatePolicy": "Replace"}
HANDLE = f"{HANDLES}1"

#: Most processes that die in one run.
DEATHS_MAX = 2

#: The longest that one death holds a request up, in seconds. An engine's call counts as over only once its
#: fence and the grace after it have passed, since it may act until then, and the next sweep finds it so. The
#: same holds for a provider that dies between recording the call and sending it.
UNREPORTED_S = ENGINE_LIMIT_S + FENCE_GRACE_S + SWEEP_S

#: Each operation ends in one of these ways.
ENDS = (Metric.OPERATIONS_SUCCEEDED, Metric.OPERATIONS_FAILED, Metric.OPERATIONS_DROPPED)

#: How an engine can die: before or after its effect, and whether Lambda's report of it arrives.
ENGINE_DEATHS = ("before", "before, unreported", "after", "after, unreported")


@dataclass(frozen=True)
class Story:
    """A stretch of a resource's life.

    Args:
        before: What happened before any process dies.
        happens: What happens while processes die.
        of_type: The resource's type.
        versions: The ParallelCluster versions that have an engine, the default first.
    """

    before: Callable[[Simulation, Resource], None]
    happens: Callable[[Simulation, Resource], None]
    of_type: str = CLUSTER_TYPE
    versions: tuple[str, ...] = (NEW_VERSION,)


def dead_providers_s(deaths: int) -> int:
    """The longest that so many deaths of the provider hold up what needs no engine, in seconds.

    The lease lasts for as long as the invocation might have, and each pass that fails in a row moves the
    owner back further; the first sweep after both goes on.
    """
    backoffs_s = [min(BACKOFF_MIN_S * 2**number, BACKOFF_MAX_S) for number in range(deaths)]
    return sum(max(PROVIDER_LIMIT_S, backoff_s) + SWEEP_S for backoff_s in backoffs_s)


def _nothing(_: Simulation, __: Resource) -> None:
    pass


def _made(world: Simulation, resource: Resource) -> None:
    resource.create(properties(**REPLACING))
    world.until_answered()
    world.run(SWEEP_S)  # the next sweep finds nothing left to do
    assert resource.phase == "complete"


def _create(world: Simulation, resource: Resource) -> None:
    resource.create(properties())
    world.until_answered()


def _update(world: Simulation, resource: Resource) -> None:
    resource.update(properties(ClusterConfiguration=NEW, **REPLACING))
    world.until_answered()


STOPPING = {**REPLACING, "ComputeFleetUpdatePolicy": "StopAndRestart"}


def _update_stopped(world: Simulation, resource: Resource) -> None:
    resource.update(properties(ClusterConfiguration=OTHER_NODES, **STOPPING))
    world.until_answered()


def _fail_stopped_and_roll_back(world: Simulation, resource: Resource) -> None:
    world.fates["UPDATE"] = "UPDATE_ROLLBACK_COMPLETE"
    _update_stopped(world, resource)
    world.run(TICK_S)
    resource.roll_back()
    world.until_answered()


def _stop_and_nearly_take_too_long(world: Simulation, resource: Resource) -> None:
    """The fleet is stopped, and the stack takes until the deadline: the rest is of interest."""
    _made(world, resource)
    asked_at = world.clock.now()
    world.stack_s = 2 * SERVICE_TIMEOUT_S  # never by itself
    resource.update(properties(ClusterConfiguration=OTHER_NODES, **STOPPING))
    _until_last_chance(world, resource, asked_at)


def _until_last_chance(world: Simulation, resource: Resource, asked_at: datetime) -> None:
    """Half a tick into the stretch before the deadline in which an answer waits for the fleet no more."""
    passed_s = (world.clock.now() - asked_at).total_seconds()
    world.run(SERVICE_TIMEOUT_S - MARGIN_S - VALUES_MARGIN_S + TICK_S / 2 - passed_s)
    assert (world.fleets, resource.pending is None) == ({"hpc": "STOPPED"}, False)


def _end_in_the_last_minute(world: Simulation, _: Resource) -> None:
    """There is no time to start the fleet before the answer, and CloudFormation sends no request after it."""
    world.stack_s = 0
    world.until_answered()
    _until_started(world)


def _be_too_late_and_stay(world: Simulation, _: Resource) -> None:
    """The update fails at its deadline, and it is not rolled back."""
    world.until_answered()
    world.stack_s = 0
    _until_started(world)


def _until_started(world: Simulation) -> None:
    """A fleet runs in time: each engine that dies without a report is waited out, one after the other.

    Before the first start a sweep finds that the request is over but for its fleet. The stack is seen to be
    in progress, settles, and the head node does what it was asked: a tick each.
    """
    world.run(SWEEP_S + 3 * TICK_S + world.deaths * UNREPORTED_S)
    assert world.fleets == {"hpc": "RUNNING"}


def _foreign(world: Simulation, _: Resource) -> None:
    world.adoptable.add(world.foreign().stack_id)


def _adopt_and_fail_and_delete(world: Simulation, resource: Resource) -> None:
    """A sibling fails once the cluster was taken over and updated."""
    resource.create(properties(AdoptExisting="true", ClusterConfiguration=NEW, DeletionPolicy="Delete"))
    world.until_answered()
    world.run(TICK_S)
    _delete(world, resource)


def _adopt_and_nearly_take_too_long(world: Simulation, resource: Resource) -> None:
    """A cluster's fleet is stopped to take it over, and its stack takes until the deadline."""
    _foreign(world, resource)
    asked_at = world.clock.now()
    world.stack_s = 2 * SERVICE_TIMEOUT_S  # never by itself
    resource.create(properties(AdoptExisting="true", ClusterConfiguration=OTHER_NODES, **STOPPING))
    _until_last_chance(world, resource, asked_at)


def _delete(world: Simulation, resource: Resource) -> None:
    resource.delete()
    world.until_answered()


def _replace(world: Simulation, resource: Resource) -> None:
    resource.update(properties(ClusterName="other", **REPLACING))
    world.until_answered()
    if resource.phase == "updated":
        resource.commit()
        world.until_answered()


def _replace_and_drain(world: Simulation, resource: Resource) -> None:
    """Jobs run on the old cluster when its deletion is due, and end later."""
    drains = {**REPLACING, "DrainTimeout": "1200"}
    resource.update(properties(ClusterName="other", **drains))
    world.until_answered()
    if resource.phase == "updated":
        world.dynamic_nodes["hpc"] = 2
        resource.commit()
        world.run(2 * SWEEP_S)
        world.dynamic_nodes.clear()
        world.until_answered()


def _fail_to_replace_and_roll_back(world: Simulation, resource: Resource) -> None:
    world.fates["CREATE"] = "CREATE_FAILED"
    resource.update(properties(ClusterName="other", **REPLACING))
    world.until_answered()
    world.run(TICK_S)
    resource.roll_back()
    world.until_answered()


def _unnamed(**changed: Any) -> dict[str, Any]:
    """A template without ClusterName that permits a replacement."""
    wanted = properties(ReplacementPolicy="Replace", **changed)
    del wanted["ClusterName"]
    return wanted


#: The template before and after a passage, and one with a change that cannot be made in place.
BEFORE, AFTER = _unnamed(PclusterVersion=OLD_VERSION), _unnamed(PclusterVersion=NEW_VERSION)
MOVED = _unnamed(
    PclusterVersion=OLD_VERSION,
    ClusterConfiguration={**CONFIGURATION, "HeadNode": {"Networking": {"SubnetId": "subnet-2"}}},
)


def _made_without_name(world: Simulation, resource: Resource) -> None:
    resource.create(BEFORE)
    world.until_answered()
    world.run(SWEEP_S)
    assert resource.phase == "complete"


def _pass_on(world: Simulation, resource: Resource) -> None:
    """The cluster is replaced by one of the next version, and deleted."""
    resource.update(AFTER)
    world.until_answered()
    if resource.phase == "updated":
        resource.commit()
        world.until_answered()


def _pass_on_and_back(world: Simulation, resource: Resource) -> None:
    """A sibling fails once the cluster of the next version is there."""
    resource.update(AFTER)
    world.until_answered()
    world.run(TICK_S)
    resource.roll_back()
    world.until_answered()


def _fail_to_pass_on(world: Simulation, resource: Resource) -> None:
    world.fates["CREATE"] = "CREATE_FAILED"
    _pass_on_and_back(world, resource)


def _cancel_passing_on(world: Simulation, resource: Resource) -> None:
    resource.update(AFTER)
    world.run(STACK_S - TICK_S)  # the cluster of the next version is being made
    resource.cancel()
    resource.roll_back()
    world.until_answered()


def _move_and_back(world: Simulation, resource: Resource) -> None:
    """A refused update replaces the cluster, and a sibling fails."""
    resource.update(MOVED)
    world.until_answered()
    world.run(TICK_S)
    resource.roll_back()
    world.until_answered()


def _take_too_long(world: Simulation, resource: Resource) -> None:
    """The deadline comes just after a sweep, and only the last of them is of interest."""
    world.run(SWEEP_S - TICK_S)
    world.stack_s = 2 * SERVICE_TIMEOUT_S  # never by itself
    resource.create(properties())
    world.run(SERVICE_TIMEOUT_S - MARGIN_S - SWEEP_S / 2)  # past the sweep before it


def _nearly_take_too_long(world: Simulation, resource: Resource) -> None:
    """A cluster takes until the deadline, and a sweep after this one comes before it."""
    world.run(SWEEP_S - TICK_S)
    world.stack_s = 2 * SERVICE_TIMEOUT_S  # never by itself
    resource.create(properties())
    world.run(SERVICE_TIMEOUT_S - MARGIN_S - 3 * SWEEP_S / 2)


def _fail_and_be_too_late(world: Simulation, resource: Resource) -> None:
    """It begins to fail and has not settled at the deadline."""
    world.fates["CREATE"] = "ROLLBACK_IN_PROGRESS"
    (stack,) = world.changing()
    world.finish(stack)
    _be_too_late(world, resource)


def _be_too_late(world: Simulation, resource: Resource) -> None:
    world.until_answered()
    world.stack_s = STACK_S
    _delete(world, resource)


def _fail_and_delete(world: Simulation, resource: Resource) -> None:
    world.fates["CREATE"] = "ROLLBACK_COMPLETE"
    _create(world, resource)
    _delete(world, resource)


def _fail_and_try_again(world: Simulation, resource: Resource) -> None:
    """The stack keeps its failures: another Create comes before what the first one left is deleted."""
    world.fates["CREATE"] = "ROLLBACK_COMPLETE"
    _create(world, resource)
    world.fates.clear()
    resource.retry(properties())
    world.until_answered()


def _fail_and_roll_back(world: Simulation, resource: Resource) -> None:
    world.fates["UPDATE"] = "UPDATE_ROLLBACK_COMPLETE"
    _update(world, resource)
    world.run(TICK_S)
    resource.roll_back()
    world.until_answered()


def _cancel_and_delete(world: Simulation, resource: Resource) -> None:
    resource.create(properties())
    world.run(STACK_S - TICK_S)  # the cluster is being made
    resource.cancel()
    _delete(world, resource)


def _create_and_signal(world: Simulation, resource: Resource) -> None:
    resource.create(properties(WaitConditionHandle=HANDLE))
    _until_signalled(world, resource)


def _fail_and_signal(world: Simulation, resource: Resource) -> None:
    """It fails so late that it was answered when it began, whichever process died.

    After the stack has begun one engine call is left to be waited out, the update's, and every other
    process that dies is the provider.
    """
    world.stack_s = UNREPORTED_S + dead_providers_s(DEATHS_MAX)
    world.fates["UPDATE"] = "UPDATE_ROLLBACK_COMPLETE"
    resource.update(properties(ClusterConfiguration=NEW, WaitConditionHandle=HANDLE, **REPLACING))
    _until_signalled(world, resource)
    world.stack_s = STACK_S
    resource.roll_back()
    world.until_answered()


def _until_signalled(world: Simulation, resource: Resource) -> None:
    world.until_answered()
    if resource.phase in {"complete", "updated"}:
        world.until_signalled(HANDLE)


def _built(world: Simulation, resource: Resource) -> None:
    _build(world, resource)
    world.run(SWEEP_S)
    assert resource.phase == "complete"


def _build(world: Simulation, resource: Resource) -> None:
    resource.create(image_properties())
    world.until_answered()


def _build_another(world: Simulation, resource: Resource) -> None:
    resource.update(image_properties(ImageId="image-2"))
    world.until_answered()
    if resource.phase == "updated":
        resource.commit()
        world.until_answered()


def _build_another_and_roll_back(world: Simulation, resource: Resource) -> None:
    """A sibling fails once the other image is there."""
    resource.update(image_properties(ImageId="image-2"))
    world.until_answered()
    world.run(TICK_S)
    resource.roll_back()
    world.until_answered()


def _fail_to_build_and_delete(world: Simulation, resource: Resource) -> None:
    world.fates["CREATE"] = "CREATE_FAILED"
    _build(world, resource)
    _delete(world, resource)


def _cancel_build_and_delete(world: Simulation, resource: Resource) -> None:
    resource.create(image_properties())
    world.run(STACK_S - TICK_S)  # the image is being built
    resource.cancel()
    _delete(world, resource)


STORIES = {
    "a create": Story(_nothing, _create),
    "an update": Story(_made, _update),
    "an update with a stopped fleet": Story(_made, _update_stopped),
    "a failed update with a stopped fleet and its rollback": Story(_made, _fail_stopped_and_roll_back),
    "an update with a stopped fleet that ends in its last minute": Story(
        _stop_and_nearly_take_too_long, _end_in_the_last_minute
    ),
    "an update with a stopped fleet out of time": Story(
        _stop_and_nearly_take_too_long, _be_too_late_and_stay
    ),
    "an adoption and the delete of its rollback": Story(_foreign, _adopt_and_fail_and_delete),
    "an adoption out of time, and its fleet": Story(_adopt_and_nearly_take_too_long, _be_too_late_and_stay),
    "a delete": Story(_made, _delete),
    "a replacing update and its clean-up": Story(_made, _replace),
    "a replacing update and a clean-up that drains": Story(_made, _replace_and_drain),
    "a failed replacement and its rollback": Story(_made, _fail_to_replace_and_roll_back),
    "a passage to another version and its clean-up": Story(_made_without_name, _pass_on, versions=VERSIONS),
    "a passage to another version, and back": Story(_made_without_name, _pass_on_and_back, versions=VERSIONS),
    "a failed passage and its rollback": Story(_made_without_name, _fail_to_pass_on, versions=VERSIONS),
    "a cancelled passage and its rollback": Story(_made_without_name, _cancel_passing_on, versions=VERSIONS),
    "a refused update that replaces, and back": Story(_made_without_name, _move_and_back, versions=VERSIONS),
    "a failed create and its delete": Story(_nothing, _fail_and_delete),
    "a failed create, another in its place, and the clean-up": Story(_nothing, _fail_and_try_again),
    "a failed update and its rollback": Story(_made, _fail_and_roll_back),
    "a create out of time and its delete": Story(_take_too_long, _be_too_late),
    "a create that rolls back out of time and its delete": Story(
        _nearly_take_too_long, _fail_and_be_too_late
    ),
    "a cancelled create and its delete": Story(_nothing, _cancel_and_delete),
    "a create and its signal": Story(_nothing, _create_and_signal),
    "a failed update, its signal and its rollback": Story(_made, _fail_and_signal),
    "an image": Story(_nothing, _build, IMAGE_TYPE),
    "an image's delete": Story(_built, _delete, IMAGE_TYPE),
    "an image in place of another": Story(_built, _build_another, IMAGE_TYPE),
    "an image in place of another, and back": Story(_built, _build_another_and_roll_back, IMAGE_TYPE),
    "a failed image and its delete": Story(_nothing, _fail_to_build_and_delete, IMAGE_TYPE),
    "a cancelled image and its delete": Story(_nothing, _cancel_build_and_delete, IMAGE_TYPE),
}


@dataclass(frozen=True)
class Death:
    """Who dies, and where.

    Args:
        number: At which seam of the provider, or in which engine call, counted from 0.
        engine: How the engine dies; empty if it is the provider.
    """

    number: int
    engine: str = ""


class Run:
    """One run of a story, with deaths in it."""

    def __init__(self, story: Story, deaths: tuple[Death, ...] = (), *, retries: bool = True) -> None:
        self.seams: list[Seam] = []
        self.engine_calls = 0
        self.died: list[Seam | str] = []
        self._provider_dies = {death.number for death in deaths if not death.engine}
        self._engine_dies = {death.number: death.engine for death in deaths if death.engine}
        self.world = Simulation(story.versions)
        self.resource = self.world.resource(of_type=story.of_type)
        story.before(self.world, self.resource)
        self.world.deaths = len(deaths)
        self.world.hook = self._pass
        self.world.engine_run = self._run_engine
        self.world.retries = retries
        story.happens(self.world, self.resource)
        # What was answered is closed by then: at the next sweep, or after those that died.
        self.world.run(SWEEP_S + dead_providers_s(len(deaths)))

    def _pass(self, seam: Seam) -> None:
        self.seams.append(seam)
        if len(self.seams) - 1 in self._provider_dies:
            self.died.append(seam)
            raise Killed

    def _run_engine(self, _: int) -> None:
        death = self._engine_dies.get(self.engine_calls, "")
        self.engine_calls += 1
        if not death:
            self.world.run_queued()
            return
        self.died.append(death)
        version, call = self.world.engines.calls.pop(0)
        if death.startswith("after"):
            self.world.engine_does(version, call)
        if not death.endswith("unreported"):
            self.world.report_crash(call)

    @property
    def outcome(self) -> tuple[Any, ...]:
        """What CloudFormation and the account see in the end."""
        facts = self.world.stacks.facts.values()
        clusters = sorted((fact.stack.name, fact.stack.status) for fact in facts if not fact.stack.gone)
        history = [(kind, status, physical_id) for kind, status, physical_id in self.resource.history]
        return history, self.resource.phase, clusters, sorted(self.world.amis), self.world.fleets

    def check(self, expected: "Run") -> None:
        """Checks everything that must hold whichever process died."""
        assert self.died
        world = self.world
        assert [record.requeue_at for _, record in world.store.records() if record.requeue_at] == []
        for request_id in world.sink.bodies:
            world.sink.answer(request_id)
        self._check_counts()
        names = [stack.name for stack in world.clusters()]
        assert len(names) == len(set(names))
        if self._was_lost():
            self._check_lost()
            return
        assert self.outcome == expected.outcome
        for answer, wanted in zip(self.resource.answers, expected.resource.answers, strict=True):
            if not _is_begun(answer, wanted):  # who comes late sees more
                assert _data(answer) == _data(wanted)
            assert _code(answer) == _code(wanted)
        for handle in expected.world.sink.signals:
            signal, wanted = world.sink.signal(handle), expected.world.sink.signal(handle)
            assert (signal.get("Data"), _code(signal)) == (wanted.get("Data"), _code(wanted))

    def _check_counts(self) -> None:
        """Nothing counts twice; what died just after it was written down may not count at all.

        One change can end one request and begin the next.
        """
        uncounted = 2 * self.died.count(Seam("operations.change", taken=True))
        requests = {record.newest_request_id for _, record in self.world.store.records()}
        # What CloudFormation no longer waited for when it was first looked at never became an operation.
        requests |= {
            request_id
            for request_id in self.world.sink.bodies
            if _code(self.world.sink.answer(request_id)) != "NotConfirmed"
        }
        for request_id in requests:
            for metrics in ((Metric.OPERATIONS_STARTED,), ENDS):
                total = sum(self.world.metrics.total(metric, request_id) for metric in metrics)
                assert total <= 1
                uncounted -= total == 0
        assert uncounted >= 0

    def _was_lost(self) -> bool:
        """Whether a request was never answered."""
        return any(status == "timed out" for _, status, _ in self.resource.history)

    def _check_lost(self) -> None:
        """CloudFormation waited until its time-out, and nothing is left of the request.

        Either the provider never recorded it, or two processes died in the margin before the deadline, which
        is for one.
        """
        load = self.world.store.load_operation
        if any(load(self.resource.owner, request_id) for request_id in self.resource.timed_out):
            assert len(self.died) > 1
        else:
            assert not self.world.retries
        self.world.hook = lambda _: None
        self.world.engine_run = self.world.run_queued
        if self.resource.phase == "absent":
            return
        if self.resource.phase == "rollback failed":
            self.resource.roll_back()  # the user's ContinueUpdateRollback
            self.world.until_answered()
        self.resource.delete()
        self.world.until_answered()
        assert self.resource.phase == "absent"
        assert (self.world.clusters(), self.world.amis) == ([], {})


def _is_begun(*answers: dict[str, Any]) -> bool:
    statuses = [answer.get("Data", {}).get("cloudFormationStackStatus", "") for answer in answers]
    return any(status.endswith("_IN_PROGRESS") for status in statuses)


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    """The values, but for an image's stack: it deletes itself, and who comes late may never have seen it."""
    data = dict(answer.get("Data", {}))
    return data if "imageId" not in data else data | {"cloudformationStackArn": "", "version": ""}


def _code(answer: dict[str, Any]) -> str:
    return str(answer.get("Reason", "")).split(":")[0]


def deaths(recorded: Run, *, after: int = -1, only_effects: bool = False) -> Iterator[Death]:
    """Yields every seam and every engine call of a run.

    Args:
        recorded: The run.
        after: The provider dies at later seams than this one only.
        only_effects: Leaves out the seams of calls that only read.
    """
    for number, seam in enumerate(recorded.seams):
        if number > after and (seam.is_effect or not only_effects):
            yield Death(number)
    for number in range(recorded.engine_calls):
        for engine in ENGINE_DEATHS:
            yield Death(number, engine)


def pairs(story: Story, first: Death, *, retries: bool) -> Iterator[tuple[Death, Death]]:
    """Every pair of deaths at effects of which this is the first.

    The second one is counted in a run in which the first happens.
    """
    again = Run(story, (first,), retries=retries)
    after = first.number if not first.engine else -1
    for second in deaths(again, after=after, only_effects=True):
        if first.engine and second.engine and second.number <= first.number:
            continue
        yield first, second
