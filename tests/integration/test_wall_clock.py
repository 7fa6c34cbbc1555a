"""The wall clock steps back and forth by hours: it only labels, and every wait goes by the monotonic clock."""

import pathlib
import shutil
import struct
import subprocess
import time

import pytest

from harness.streams import Load
from harness.waiting import await_

QUICK = {"max_rows": 300, "max_wait": "20ms"}
HOUR_NS = 3_600_000_000_000
SOURCE = pathlib.Path(__file__).parent / "harness" / "wall_clock.c"


class WallClock:
    """The wall clock of the instances that are told to go by it."""

    def __init__(self, folder: pathlib.Path):
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("no compiler for the clock")
        self.step = folder / "step"
        self.library = folder / "wall_clock.so"
        self.set(0)
        subprocess.run([compiler, "-std=gnu11", "-shared", "-fPIC", "-o", str(self.library), str(SOURCE), "-ldl"],
                       check=True, timeout=60)

    def set(self, hours: float) -> None:
        with open(self.step, "r+b" if self.step.exists() else "wb") as step:
            step.write(struct.pack("=q", int(hours * HOUR_NS)))

    def seen_by(self, one):
        plain = one.environment

        def environment() -> dict[str, str]:
            env = plain()
            env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
            return {**env, "LD_PRELOAD": str(self.library), "MR_WALL_CLOCK": str(self.step)}
        one.environment = environment
        return one


@pytest.fixture
def wall_clock(tmp_path):
    return WallClock(tmp_path)


def loads_on(target, one, deadline_s: float = 10) -> None:
    before = target.count("log")
    await_(lambda: target.count("log") > before + 50, deadline_s, lambda: f"progress\n{one.log_tail()}", one.must_run)


def test_the_wall_clock_steps_by_hours_while_it_loads(wall_clock, pair, streams, millrace, target):
    """K-07, K-08, G-03: the group keeps it, no batch waits, nothing is lost or twice."""
    one = wall_clock.seen_by(millrace(pair.routes(), batch=QUICK, kafka={"session_timeout_ms": 3000})).start()
    with Load(streams, pair.both, rate=800) as load:
        loads_on(target, one, 30)
        started = one.events("partitions_assigned")
        for hours in (3, -5, -4.99, 24 * 400, 0, -24 * 400, 0):
            wall_clock.set(hours)
            loads_on(target, one)
        load.stop()
    pair.await_end(target, one.must_run)
    pair.check(target)
    one.await_ready(5)
    assert one.answers("/healthz")
    assert one.events("partitions_assigned") == started and not one.events("partitions_lost")
    assert len(one.events("wall_clock_set")) >= 4, "the program does not see the steps"
    one.stop(10)


@pytest.mark.parametrize("hours", [-3, 3])
def test_the_wall_clock_steps_while_nothing_comes(hours, wall_clock, pair, streams, millrace, target):
    """K-08: what waits wakes in time, above all what tells the group that the member lives."""
    one = wall_clock.seen_by(millrace(pair.routes(), batch=QUICK, kafka={"session_timeout_ms": 3000})).start()
    pair.both.run(streams, 2)
    pair.await_end(target, one.must_run)
    wall_clock.set(hours)
    time.sleep(7)  # nothing may happen for more than two session time-outs
    assert len(streams.members(one.group)) == 1
    for _ in range(3):
        pair.both.run(streams, 2)
        pair.await_end(target, one.must_run, deadline_s=5)
    assert len(one.events("partitions_assigned")) == 1 and not one.events("partitions_lost")
    pair.check(target)
    one.stop(10)
