"""Runs a schedule against a world: faults under load, each awaited until all moves again, then the comparison."""

import dataclasses
import random
import time
import traceback

from .oracle import Verdict

RECOVERY_S = 150    # a halted table is probed after up to a minute, and Kafka's own time-outs come on top
DRAIN_S = 150
GAP_S = 60
SLOWEST = 1000      # records/s


@dataclasses.dataclass
class Happened:
    """One fault: when, for how long, and how long until every partition moved on."""

    kind: str
    at_record: int
    held_s: float
    recovered_s: float | None


@dataclasses.dataclass
class Outcome:
    """What a world's rounds came to. `failures` are (round, text); lost and twice belong to rounds."""

    name: str
    happened: list[Happened] = dataclasses.field(default_factory=list)
    failures: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    per_round: list[tuple[list[str], Verdict]] = dataclasses.field(default_factory=list)
    records: int = 0
    n_rounds: int = 0


class Rounds:
    def __init__(self, world, say, until: float | None = None):
        self.world = world
        self.say = say
        self.until = until
        self.outcome = Outcome(world.name)

    def run(self, rounds) -> Outcome:
        self.world.start()
        for one in rounds:
            if self.until is not None and time.monotonic() > self.until:
                self.say(f"{self.world.name}: out of time after {self.outcome.n_rounds} of {len(rounds)} rounds")
                break
            if not self.one_round(one):
                break
        return self.outcome

    def one_round(self, one) -> bool:
        """False: the world is in a state from which nothing more can be learnt."""
        world, outcome = self.world, self.outcome
        first = len(outcome.happened)
        began = time.monotonic()
        try:
            world.go(one.rate)
            for fault in one.faults:
                self.inject(fault)
            verdict, records = world.settle(DRAIN_S)
        except Exception as error:  # what it was must be reported, and the logs be kept
            text = "".join(traceback.format_exception_only(error)).strip()
            if not isinstance(error, AssertionError):
                text += "\n" + traceback.format_exc()
            outcome.failures.append((one.number, text))
            self.say(f"{world.name} round {one.number} FAILED: {text}")
            return False
        outcome.records = records
        outcome.n_rounds += 1
        outcome.per_round.append(([h.kind for h in outcome.happened[first:]], verdict))
        self.say(f"{world.name} round {one.number}: {len(outcome.happened) - first} faults, "
                 f"{records:,} records so far, lost {verdict.lost}, twice {verdict.twice}, "
                 f"{time.monotonic() - began:.0f} s")
        for text in verdict.wrong:
            outcome.failures.append((one.number, text))
            self.say(f"  {text}")
        return verdict.is_good

    def inject(self, fault) -> None:
        world = self.world
        self.await_gap(fault.gap)
        at_record = world.loaded()
        world.dice = random.Random(fault.seed)
        companions: list[Happened] = []
        if fault.companion is not None:
            world.companion = self.companion(fault.companion, companions)
        began = time.monotonic()
        fault.kind.run(world, world.dice)
        if world.companion is not None:  # the fault had no moment to hold
            companion, world.companion = world.companion, None
            companion(world, world.dice)
        held = time.monotonic() - began
        recovered = world.await_progress(RECOVERY_S)
        more = f" with {fault.companion.name}" if fault.companion else ""
        self.say(f"  {fault.number:4} {fault.kind.name}{more} at record {at_record:,}: held {held:.1f} s, "
                 f"recovered in {recovered:.2f} s")
        self.outcome.happened.append(Happened(fault.kind.name, at_record, held, recovered))
        for one in companions:
            one.recovered_s = recovered
        self.outcome.happened += companions

    def companion(self, kind, companions: list[Happened]):
        def happen(world, dice) -> None:
            began, at_record = time.monotonic(), world.loaded()
            kind.run(world, dice)
            companions.append(Happened(kind.name, at_record, time.monotonic() - began, None))
        return happen

    def await_gap(self, gap: int) -> None:
        """Faults come after so many records, not after so much time."""
        world = self.world
        wanted = world.loaded() + gap
        deadline_s = GAP_S + gap / SLOWEST
        end = time.monotonic() + deadline_s
        while world.loaded() < wanted:
            world.must_run()
            assert time.monotonic() < end, f"{gap} records were not loaded within {deadline_s:.0f} s"
            time.sleep(0.02)
