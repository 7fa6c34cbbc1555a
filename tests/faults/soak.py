"""Hours under load with faults: memory and descriptors of every instance each ten seconds, in a CSV and a plot.

One instance is spared by the faults that end instances: it must be no larger at the end than it was at minute 10.
"""

import csv
import os
import pathlib
import statistics
import threading
import time

from . import plot
from .rounds import Rounds
from .schedule import plan

SAMPLE_S = 10
ROUND_S = 300           # between two comparisons
FAULTS_A_ROUND = 5
EARLY_S = 600           # what the end is compared with
WINDOW_S = 120          # the median over so long, at both moments
MOST_GROWTH = 0.05
LEFT_OUT = {"instance.kill_all", "instance.sigterm_all", "instance.freeze_all", "instance.few_files", "group.deleted",
            "group.rewound", "topic.partition_added"}  # the first five end or stop the spared one


def sample(pid: int) -> tuple[int, int] | None:
    """Resident KiB and open descriptors; None where the process is gone."""
    try:
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, IndexError, ValueError):
        return None


class Sampler:
    """A thread that writes the CSV."""

    def __init__(self, fleet, path: pathlib.Path):
        self.fleet = fleet
        self.path = path
        self.rows: list[tuple[float, str, int, int, int]] = []
        self.began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        with open(self.path, "w", newline="", encoding="ascii") as out:
            writer = csv.writer(out)
            writer.writerow(["seconds", "instance", "pid", "rss_kib", "descriptors"])
            while not self._stop.wait(SAMPLE_S):
                for one in self.fleet:
                    pid = one.process.pid
                    found = sample(pid)
                    if found is not None and one.is_running():
                        self.rows.append((round(time.monotonic() - self.began, 1), one.name, pid, *found))
                        writer.writerow(self.rows[-1])
                out.flush()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def around(self, name: str, column: int, first_s: float, last_s: float) -> float | None:
        found = [row[column] for row in self.rows if row[1] == name and first_s <= row[0] <= last_s]
        return statistics.median(found) if found else None


class Soak:
    def __init__(self, world, say, seed: int, hours: float, rate: int, folder: pathlib.Path):
        self.world = world
        self.say = say
        self.seed = seed
        self.seconds = hours * 3600
        self.rate = rate
        self.folder = folder
        self.rounds = Rounds(world, say)
        self.outcome = self.rounds.outcome
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, kinds) -> list[tuple[str, str, str]]:
        """The cases for the runner."""
        kinds = [k for k in kinds if k.name not in LEFT_OUT]
        spared, self.world.spared = self.world.fleet[0].name, 1
        n_rounds = max(1, int(self.seconds / ROUND_S) + 1)
        rounds = plan(self.seed, "soak", kinds, n_rounds * FAULTS_A_ROUND, (self.rate, self.rate))
        self.world.start()
        sampler = Sampler(self.world.fleet, self.folder / "samples.csv")
        sampler.start()
        began = time.monotonic()
        marks = []
        for one in rounds:
            self.spread(one, began)
            if not self.rounds.one_round(one):
                break
            marks += [(time.monotonic() - began, "compared")]
            self.world.put_away()
            if time.monotonic() - began >= self.seconds:
                break
        sampler.stop()
        lasted = time.monotonic() - began
        plot.write(self.folder / "soak.svg", sampler.rows, marks)
        self.say(f"samples and plot in {self.folder}")
        return [self.rate_held(lasted), *(self.steady(sampler, spared, lasted, *what)
                                          for what in (("resident KiB", 3), ("descriptors", 4)))]

    def spread(self, one, began: float) -> None:
        """Faults of a round come evenly over its time: the gaps are records at the soak's rate."""
        left = min(ROUND_S, self.seconds - (time.monotonic() - began))
        for fault in one.faults:
            fault.gap = max(fault.gap, int(self.rate * left / (len(one.faults) + 1)) - self.rate * 8)

    def rate_held(self, lasted: float) -> tuple[str, str, str]:
        per_s = self.outcome.records / lasted
        title = f"soak: {lasted / 60:.0f} minutes, {self.outcome.records:,} records, {per_s:,.0f} a second"
        is_held = per_s >= 0.8 * self.rate
        return ("pass" if is_held else "fail", title, f"wanted {self.rate:,} a second, less the pauses")

    def steady(self, sampler: Sampler, name: str, lasted: float, what: str, column: int) -> tuple[str, str, str]:
        early = sampler.around(name, column, EARLY_S - WINDOW_S, EARLY_S + WINDOW_S)
        late = sampler.around(name, column, lasted - 2 * WINDOW_S, lasted)
        if early is None or late is None or lasted < EARLY_S + 4 * WINDOW_S:
            return "skip", f"soak: {what} of {name} at the end and at minute 10", "the soak was too short"
        title = f"soak: {what} of {name}: {early:,.0f} at minute 10, {late:,.0f} at the end"
        is_steady = late <= early * (1 + MOST_GROWTH)
        return ("pass" if is_steady else "fail", title, f"more than {MOST_GROWTH:.0%} growth")
