"""Seconds on a machine that is short of processors."""

import time

import pytest

from localcloud.pace import Pace


class Machine:
    """Two processors, and so many threads that want them."""

    def __init__(self) -> None:
        self.runnable = 1
        self.real_s = 1000.0
        self.pace = Pace(2, lambda: self.runnable, lambda: self.real_s)

    def run(self, real_s: float, runnable: int) -> float:
        """Lets real seconds pass; returns how many passed at this pace."""
        self.runnable = runnable
        self.pace.look()
        before = self.pace.seconds()
        self.real_s += real_s
        return self.pace.seconds() - before


@pytest.mark.parametrize(("runnable", "passed_s"), [(0, 10), (1, 10), (2, 10), (4, 5), (20, 1)])
def test_each_of_many_threads_gets_the_seconds_that_it_has_a_processor_for(runnable, passed_s):
    assert Machine().run(10, runnable) == pytest.approx(passed_s)


def test_a_change_of_pace_changes_nothing_that_has_passed():
    machine = Machine()
    start = machine.pace.seconds()
    assert [machine.run(10, runnable) for runnable in (4, 1, 8)] == pytest.approx([5, 10, 2.5])
    assert machine.pace.seconds() - start == pytest.approx(17.5)
    assert machine.pace.mean == pytest.approx(17.5 / 30)


def test_seconds_of_this_machine_pass_and_never_faster_than_real_ones():
    started_s = time.monotonic()
    pace = Pace.of_machine()
    before = pace.seconds()
    pace.look()
    assert 0 <= pace.seconds() - before <= time.monotonic() - started_s
