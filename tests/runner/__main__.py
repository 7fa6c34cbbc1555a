"""Command line of the runner; see tests/run.sh."""
import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

from . import process
from .results import FAIL, PASS, SKIP
from .suites import SUITES, House, run_suite


def parse(argv):
    parser = argparse.ArgumentParser(prog="tests/run.sh")
    parser.add_argument("--long", action="store_true", help="also what takes long")
    parser.add_argument("--list", action="store_true", help="print the suites of this tree and end")
    parser.add_argument("--seed", type=int, help="repeat the faults of that seed")
    parser.add_argument("--hours", type=float, help="faults: a soak of so many hours instead of the rounds")
    parser.add_argument("suite", nargs="*")
    args = parser.parse_args(argv)
    known = [name for name, _, _ in SUITES]
    for name in args.suite:
        if name not in known:
            parser.error(f"no suite '{name}'; there are: {' '.join(known)}")
    return args


def print_suite(results):
    print(f"== {results.suite}: {results.count(PASS)} passed, {results.count(FAIL)} failed, "
          f"{results.count(SKIP)} skipped, {results.seconds:.0f} s", flush=True)
    for status, name, detail in results.cases:
        if status == FAIL:
            print(f"   FAILED {name}")
            for line in detail.splitlines():
                print(f"      {line}")
    sys.stdout.flush()


def print_summary(every):
    print("\nsuite         passed  failed  skipped  seconds")
    for r in every:
        print(f"{r.suite:<12} {r.count(PASS):>7} {r.count(FAIL):>7} {r.count(SKIP):>8} {r.seconds:>8.0f}")
    for word, status in (("skipped", SKIP), ("failed", FAIL)):
        for r in every:
            for case in r.cases:
                if case[0] == status:
                    reason = f": {' '.join(case[2].split())}" if status == SKIP else ""
                    print(f"{word}: {r.suite}: {case[1]}{reason}")
    totals = {s: sum(r.count(s) for r in every) for s in (PASS, FAIL, SKIP)}
    print(f"\n{totals[PASS]} passed, {totals[FAIL]} failed, {totals[SKIP]} skipped", flush=True)
    return 0 if totals[FAIL] == 0 and totals[PASS] > 0 else 1


def main(argv):
    args = parse(argv)
    root = Path(__file__).resolve().parents[2]
    house = House(root=root, long=args.long, out=root / "build/test-results",
                  seed="" if args.seed is None else str(args.seed), hours="" if args.hours is None else str(args.hours))
    chosen = [s for s in SUITES if house.has(s[2]) and (not args.suite or s[0] in args.suite)]
    if args.list:
        for name, function, _ in chosen:
            print(f"{name:<12} {function.__doc__.splitlines()[0]}")
        return 0
    for name in args.suite:
        if name not in [c[0] for c in chosen]:
            print(f"suite {name}: this tree has no files for it")
    shutil.rmtree(house.out, ignore_errors=True)
    house.out.mkdir(parents=True)
    process.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    every = []
    try:
        for name, function, _ in chosen:
            started = time.monotonic()
            results = run_suite(house, name, function)
            results.seconds = time.monotonic() - started
            every.append(results)
            print_suite(results)
    finally:
        process.end_leftovers(grace_s=0)
    return print_summary(every)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
