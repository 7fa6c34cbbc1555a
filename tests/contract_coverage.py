#!/usr/bin/env python3
"""Which rows of docs/contract.md the tests cite, and which they do not.

    tests/contract_coverage.py [--where ID...]    with ids: the places that cite them

A row is covered when a test file names its id: in the test's name, in a string, or in the comment above it. A
range in one citation (R-01..R-06) stands for both of its ends only, so that no row is covered by being between
two others. tests/contract_due.txt lists what is not carried out yet (`due`) and what has no effect that a test could
see (`untestable`), each with its reason; a listed row that is cited, or that the contract lacks, is an error like an
uncovered one: the list must stay true. The last line is `N rows of the contract covered, M uncovered`.
"""
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "docs/contract.md"
DUE = ROOT / "tests/contract_due.txt"
TESTS = ("tests/unit/**/*.c", "tests/component/**/*.c", "tests/fuzz/*.c",
         "tests/integration/**/*.py", "tests/lint/*.py")
ID = re.compile(r"\b[A-Z]-\d{2}[a-z]?\b")
ROW = re.compile(r"^\| ([A-Z]-\d{2}[a-z]?) \|", re.MULTILINE)
KINDS = ("due", "untestable")


def rows_of(text):
    """The ids of the contract's rows, in its order."""
    return list(dict.fromkeys(ROW.findall(text)))


def citations(root):
    """id -> [(file, line)] over all test files."""
    found = defaultdict(list)
    for pattern in TESTS:
        for file in sorted(root.glob(pattern)):
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                for one in ID.findall(line):
                    found[one].append((file.relative_to(root), number))
    return found


def exemptions(text):
    """id -> (kind, reason) of contract_due.txt; raises ValueError with the line that is none."""
    listed = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(None, 2)
        if len(parts) < 3 or parts[1] not in KINDS or not ID.fullmatch(parts[0]):
            raise ValueError(f"line {number}: write `ID {'|'.join(KINDS)} reason`: {line}")
        if parts[0] in listed:
            raise ValueError(f"line {number}: {parts[0]} is listed twice")
        listed[parts[0]] = (parts[1], parts[2])
    return listed


def judge(rows, cited, listed):
    """(covered ids, uncovered ids, complaints about the list)."""
    covered = [row for row in rows if row in cited]
    uncovered = [row for row in rows if row not in cited and row not in listed]
    wrong = [f"{row}: listed as {listed[row][0]}, but " + (
        "the contract has no such row" if row not in rows else f"{cited[row][0][0]}:{cited[row][0][1]} cites it")
        for row in listed if row not in rows or row in cited]
    return covered, uncovered, wrong


def main(arguments):
    text = CONTRACT.read_text()
    rows, cited = rows_of(text), citations(ROOT)
    if arguments[:1] == ["--where"]:
        for row in arguments[1:]:
            print(*(f"{row} {file}:{line}" for file, line in cited[row]), sep="\n")
        return 0
    listed = exemptions(DUE.read_text())
    covered, uncovered, wrong = judge(rows, cited, listed)
    for row in uncovered:
        print(next(line for line in text.splitlines() if line.startswith(f"| {row} |"))[:160])
    for complaint in wrong:
        print(complaint)
    for kind in KINDS:
        ids = [row for row in rows if listed.get(row, ("",))[0] == kind and row not in cited]
        print(f"{kind}: {len(ids)} {' '.join(ids)}")
    print(f"{len(covered)} rows of the contract covered, {len(uncovered)} uncovered")
    return 1 if uncovered or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
