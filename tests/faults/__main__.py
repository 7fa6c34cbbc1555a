"""The proof from the command line: bash tests/run.sh [--long] faults [--seed N] [--hours N] ...; docs/faults.md."""

import argparse
import os
import pathlib
import random
import shutil
import signal
import sys
import time

from stack import ServerFailed, Unavailable

from . import (kinds_links, kinds_log, kinds_process, kinds_target, report, selftest, soak)  # noqa: F401
from .kinds import KINDS, kinds_for
from .rounds import Outcome, Rounds
from .schedule import plan, shown
from .world import Servers, World

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHORT = {"postgres": 24, "sqlite": 6}
LONG = {"postgres": 230, "sqlite": 40}
SHORT_RATES, SQLITE_RATES = (1500, 3000), (1500, 4000)
SETTINGS = {
    "postgres": {"instances": 3, "guests": 2, "generators": 2, "partitions": 4},
    "sqlite": {"instances": 1, "guests": 0, "generators": 1, "partitions": 2},
}
SHORT_SETTINGS = {"postgres": {"instances": 2, "guests": 1, "generators": 1, "partitions": 2}, "sqlite": {}}
SHORT_SEED = 2      # of a commit's test: it tries the same faults each time; the long form draws its seed
EXIT_SKIPPED = 77


def arguments():
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help="every kind, at least 200 faults")
    parser.add_argument("--seed", type=int, help="repeats the schedule of that seed")
    parser.add_argument("--hours", type=float, help="a soak with faults at a fixed rate, with memory and descriptors")
    parser.add_argument("--rate", type=int, default=20000, help="records/s of the soak")
    parser.add_argument("--faults", type=int, help="how many faults, PostgreSQL's rounds")
    parser.add_argument("--kinds", help="only these kinds, by a comma")
    parser.add_argument("--target", choices=["postgres", "sqlite"], help="only this target's rounds")
    parser.add_argument("--minutes", type=float, help="no further round after so long")
    parser.add_argument("--plan", action="store_true", help="print the schedule and end")
    parser.add_argument("--list", action="store_true", help="print the kinds and end")
    parser.add_argument("--out", type=pathlib.Path, help="the cases and the table as JSON")
    return parser.parse_args()


class Proof:
    def __init__(self, args):
        self.args = args
        drawn = random.SystemRandom().randrange(1 << 31) if args.long or args.hours or args.kinds else SHORT_SEED
        self.seed = args.seed if args.seed is not None else drawn
        self.began = time.monotonic()
        self.cases: list[tuple[str, str, str]] = []
        self.outcomes: list[Outcome] = []
        self.folder = ROOT / "build" / "faults" / f"run-{os.getpid()}"

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:7.1f}] {text}", flush=True)

    def kinds(self, target: str, servers=None) -> list:
        """Without servers: of a machine that has everything."""
        named = self.args.kinds.split(",") if self.args.kinds else []
        unknown = [name for name in named if name not in KINDS]
        assert not unknown, f"no kind {unknown}: see --list"
        return [k for k in kinds_for(target, self.args.long or bool(named), servers) if not named or k.name in named]

    def rounds(self, target: str, kinds) -> list:
        n = (LONG if self.args.long else SHORT)[target]
        if self.args.faults is not None:
            n = self.args.faults
        if target == "sqlite":
            return plan(self.seed, target, kinds, n, SQLITE_RATES)
        return plan(self.seed, target, kinds, n) if self.args.long else plan(self.seed, target, kinds, n, SHORT_RATES)

    def targets(self) -> list[str]:
        return [self.args.target] if self.args.target else ["postgres", "sqlite"]

    def print_plan(self) -> None:
        for target in self.targets():
            print(f"seed {self.seed}, {target}")
            print("\n".join(shown(self.rounds(target, self.kinds(target)))))

    def settings(self, target: str) -> dict:
        more = {} if self.args.long or self.args.hours else SHORT_SETTINGS[target]
        return {**SETTINGS[target], **more, "seed": self.seed}

    def run(self) -> int:
        self.folder.mkdir(parents=True)
        self.say(f"seed {self.seed}: --seed {self.seed} repeats this schedule; logs in {self.folder.relative_to(ROOT)}")
        servers = Servers(self.folder, self.say)
        try:
            servers.start()
            if self.args.hours:
                self.soak(servers)
            else:
                for target in self.targets():
                    kinds = self.kinds(target, servers)
                    if kinds:
                        self.one_world(servers, target, kinds)
        finally:
            servers.stop()
        return self.close()

    def one_world(self, servers, target: str, kinds) -> None:
        left_out = {k.name for k in self.kinds(target)} - {k.name for k in kinds}
        self.cases += [("skip", f"{name} on {target}", "what it needs cannot be had here") for name in sorted(left_out)]
        servers.must_run()
        world = World(servers, target, self.settings(target))
        until = self.began + 60 * self.args.minutes if self.args.minutes else None
        runs = Rounds(world, self.say, until)
        self.outcomes.append(runs.outcome)
        clean = ""
        try:
            runs.run(self.rounds(target, kinds))
            if target == "postgres" and not runs.outcome.failures and runs.outcome.per_round:
                self.cases += selftest.check_oracle(world)
                self.cases.append(selftest.check_positions(world))
            if target == "sqlite" and world.target.is_sound() != "ok":
                runs.outcome.failures.append((runs.outcome.n_rounds, "the SQLite file is damaged"))
        finally:
            try:
                world.end()
            except AssertionError as error:
                clean = str(error)
        self.cases.append(("fail" if clean else "pass", f"{target}: no log has a sanitizer's report", clean))
        self.cases += [selftest.check_schedule(self.seed, kinds), selftest.check_pairs(self.seed, kinds)]

    def soak(self, servers) -> None:
        world = World(servers, "postgres", self.settings("postgres"))
        one = soak.Soak(world, self.say, self.seed, self.args.hours, self.args.rate,
                        ROOT / "build" / "faults" / f"soak-{self.seed}")
        self.outcomes.append(one.outcome)
        try:
            self.cases += one.run(kinds_for("postgres", True, servers))
        finally:
            world.end()

    def close(self) -> int:
        """The table, the cases, and the exit code; the logs stay where something failed."""
        for outcome in self.outcomes:
            bad = [f"round {number}: {text}" for number, text in outcome.failures]
            self.cases.append(("fail" if bad else "pass", f"{outcome.name}: every round ends as the oracle says",
                               "\n".join([f"--seed {self.seed}", *bad]) if bad else ""))
            bad_rounds = {number for number, _ in outcome.failures}
            for kind in sorted({h.kind for h in outcome.happened}):
                self.cases.append(("pass", f"{outcome.name}: recovered from {kind}", ""))
            self.say(f"{outcome.name}: {outcome.n_rounds} rounds, {len(bad_rounds)} failed")
        lines = report.table(self.outcomes)
        print("\n" + "\n".join(lines))
        counts = {status: sum(1 for case in self.cases if case[0] == status) for status in ("pass", "fail", "skip")}
        print(f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped", flush=True)
        for status, name, detail in self.cases:
            if status == "fail":
                print(f"FAILED {name}\n{detail}")
        if self.args.out:
            report.write(self.args.out, self.cases, lines)
        if not counts["fail"]:
            shutil.rmtree(self.folder, ignore_errors=True)
        return 1 if counts["fail"] else 0


def main() -> int:
    args = arguments()
    if args.list:
        for one in KINDS.values():
            print(f"{one.name:<26} {one.about}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    proof = Proof(args)
    if args.plan:
        proof.print_plan()
        return 0
    try:
        return proof.run()
    except (Unavailable, ServerFailed) as why:
        print(why)
        return EXIT_SKIPPED if isinstance(why, Unavailable) else 1


if __name__ == "__main__":
    sys.exit(main())
