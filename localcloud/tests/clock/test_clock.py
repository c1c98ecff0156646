"""Simulated time: order, jumps, skipped idle time."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from localcloud.clock import Clock

PATIENCE_S = 10


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    yield clock
    clock.stop()


@pytest.fixture
def skipping() -> Iterator[Clock]:
    clock = Clock(skip_idle=True, idle_grace_s=0)
    yield clock
    clock.stop()


def test_now_is_aware_and_starts_at_the_real_time(clock):
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_time_runs_at_real_speed():
    real_s = iter([100.0, 100.0, 100.0, 107.5])
    clock = Clock(monotonic_s=lambda: next(real_s))
    start = clock.now()
    assert clock.now() - start == timedelta(seconds=7.5)


def test_advance_moves_time_by_the_given_seconds(clock):
    before = clock.now()
    clock.advance(3600)
    assert timedelta(seconds=3600) <= clock.now() - before < timedelta(seconds=3600 + PATIENCE_S)


def test_time_does_not_run_backwards(clock):
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_advance_fires_timers_in_order_of_time_then_of_request(clock):
    fired = []
    clock.call_later(20, lambda: fired.append("late"))
    at = clock.now() + timedelta(seconds=10)
    for name in ("first", "second", "third"):
        clock.call_at(at, lambda name=name: fired.append(name))
    clock.advance(60)
    assert fired == ["first", "second", "third", "late"]


def test_a_timer_sees_its_own_time_not_the_end_of_the_jump(clock):
    seen = []
    start = clock.now()
    clock.call_later(10, lambda: seen.append(clock.now()))
    clock.advance(3600)
    assert timedelta(seconds=10) <= seen[0] - start < timedelta(seconds=10 + PATIENCE_S)


def test_a_timer_set_by_a_timer_fires_within_the_same_advance(clock):
    fired = []
    clock.call_later(10, lambda: clock.call_later(10, lambda: fired.append("child")))
    clock.call_later(30, lambda: fired.append("later"))
    clock.advance(60)
    assert fired == ["child", "later"]


def test_advance_fires_nothing_beyond_its_end(clock):
    fired = []
    clock.call_later(61, lambda: fired.append("too early"))
    clock.advance(60)
    assert fired == []


def test_advance_does_not_wait_for_ever_for_work_that_hangs(clock):
    release = threading.Event()
    fired = []
    clock.call_later(1, lambda: release.wait(PATIENCE_S))
    clock.call_later(2, lambda: fired.append("next"))
    done = threading.Event()
    clock.call_later(3, done.set)
    clock.advance(10, settle_s=0.01)
    assert done.wait(PATIENCE_S)
    assert fired == ["next"]
    release.set()


def test_a_cancelled_timer_does_not_fire(clock):
    fired = []
    clock.call_later(1, lambda: fired.append("cancelled")).cancel()
    clock.advance(2)
    assert fired == []


def test_an_instant_that_has_passed_fires_at_once(clock):
    fired = threading.Event()
    clock.call_at(clock.now() - timedelta(hours=1), fired.set)
    assert fired.wait(PATIENCE_S)


def test_an_exception_in_an_action_is_kept_with_its_traceback_and_stops_nothing(clock):
    fired = []
    clock.call_later(1, lambda: {}["missing"])
    clock.call_later(2, lambda: fired.append("next"))
    clock.advance(3)
    assert fired == ["next"]
    assert [("KeyError: 'missing'" in error.trace) for error in clock.errors] == [True]


def test_idle_time_is_skipped_to_the_next_timer(skipping):
    fired = threading.Event()
    start = skipping.now()
    skipping.call_later(7200, fired.set)
    assert fired.wait(PATIENCE_S)
    assert skipping.now() - start >= timedelta(hours=2)


def test_background_timers_never_cause_a_jump_but_fire_on_the_way(skipping):
    ticks = []
    start = skipping.now()
    tick_ran = threading.Event()

    def tick():
        ticks.append(skipping.now() - start)
        if len(ticks) < 5:
            skipping.call_later(60, tick, background=True)
        tick_ran.set()

    skipping.call_later(60, tick, background=True)
    assert not tick_ran.wait(0.05), "a background timer alone made time jump"
    reached = threading.Event()
    skipping.call_later(200, reached.set)
    assert reached.wait(PATIENCE_S)
    assert [round(tick.total_seconds() / 60) for tick in ticks] == [1, 2, 3]


def test_time_is_not_skipped_while_work_is_in_flight(skipping):
    fired = threading.Event()
    with skipping.busy():
        start = skipping.now()
        skipping.call_later(3600, fired.set)
        assert not fired.wait(0.05)
        assert skipping.now() - start < timedelta(seconds=PATIENCE_S)
    assert fired.wait(PATIENCE_S)


def test_a_client_that_polls_does_not_keep_time_from_being_skipped():
    real_s = [0.0]
    clock = Clock(skip_idle=True, idle_grace_s=1.0, monotonic_s=lambda: real_s[0])
    fired = threading.Event()
    clock.call_later(3600, fired.set)
    for _ in range(100):
        with clock.busy(request=True):
            real_s[0] += 0.5
        if fired.wait(0.01):
            break
    clock.stop()
    assert fired.is_set()
    assert real_s[0] < 15


def test_work_that_sleeps_does_not_keep_time_from_being_skipped_and_counts_again_afterwards(skipping):
    start = skipping.now()
    fired = threading.Event()
    ended = skipping.hold()
    skipping.sleep_until(start + timedelta(hours=1))
    assert skipping.now() - start >= timedelta(hours=1)
    skipping.call_later(3600, fired.set)
    assert not fired.wait(0.05)
    ended()
    assert fired.wait(PATIENCE_S)


def test_a_thread_that_rests_does_not_count(skipping):
    fired = threading.Event()
    with skipping.busy():
        skipping.call_later(3600, fired.set)
        assert not fired.wait(0.05)
        with skipping.resting():
            assert fired.wait(PATIENCE_S)
    give_up_at_s = time.monotonic() + PATIENCE_S
    while skipping.in_flight:  # the timer's own action ends a moment after it was seen
        assert time.monotonic() < give_up_at_s


def test_an_action_counts_as_work_in_flight(skipping):
    release, second = threading.Event(), threading.Event()
    skipping.call_later(10, lambda: release.wait(PATIENCE_S))
    skipping.call_later(3600, second.set)
    assert not second.wait(0.05)
    release.set()
    assert second.wait(PATIENCE_S)


def test_a_cancelled_timer_is_none_to_jump_for(skipping):
    with skipping.busy():
        start = skipping.now()
        skipping.call_later(3600, lambda: None, background=True)
        skipping.call_later(1800, lambda: None).cancel()
    with skipping.busy():
        assert skipping.now() - start < timedelta(seconds=PATIENCE_S)


def test_skipping_can_be_switched_on_later(clock):
    fired = threading.Event()
    clock.call_later(3600, fired.set)
    assert not fired.wait(0.02)
    clock.idle_grace_s = 0
    clock.skip_idle = True
    assert fired.wait(PATIENCE_S)


def test_listeners_get_the_seconds_of_every_jump(clock):
    jumps = []
    clock.on_jump(jumps.append)
    clock.advance(60)
    assert sum(jumps) == pytest.approx(60, abs=PATIENCE_S)


def test_a_stopped_clock_fires_nothing(clock):
    fired = []
    clock.call_later(1, lambda: fired.append("after the end"))
    clock.stop()
    clock.advance(2)
    assert fired == []


def test_time_can_follow_slower_seconds_and_continues_from_the_present():
    real_s, slow_s = [100.0], [7.0]
    clock = Clock(monotonic_s=lambda: real_s[0])
    start = clock.now()
    clock.follow(lambda: slow_s[0])
    assert clock.now() == start
    real_s[0] += 10
    slow_s[0] += 2.5
    assert clock.now() - start == timedelta(seconds=2.5)


def test_another_clock_is_corrected_by_the_seconds_that_it_differs(clock):
    shifts = []
    clock.correct(lambda: clock.now().timestamp() + 60, shifts.append)
    assert shifts == [pytest.approx(-60, abs=1)]
