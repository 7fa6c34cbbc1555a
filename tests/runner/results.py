"""Counting: what ctest, the test programs and pytest report becomes one list of cases."""
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

PASS, FAIL, SKIP = "pass", "fail", "skip"
MAX_DETAIL_LINES = 40


@dataclass
class Results:
    """The cases of one suite: (status, name, detail). A skip's detail is its reason."""
    suite: str
    cases: list = field(default_factory=list)
    seconds: float = 0.0

    def add(self, status, name, detail=""):
        self.cases.append((status, name, detail))

    def count(self, status):
        return sum(1 for case in self.cases if case[0] == status)


def last_lines(text, n=MAX_DETAIL_LINES):
    return "\n".join(text.rstrip().splitlines()[-n:])


def tail(path, n=MAX_DETAIL_LINES):
    try:
        return last_lines(path.read_text(errors="replace"), n)
    except OSError:
        return ""


def read_program_report(path):
    """Cases of one test program from the lines that tests/support/mr_test.c wrote: {name: (status, reason)}.

    A case that was planned but never started, or started and never ended, is a failure: the program died.
    """
    cases = {}
    for line in path.read_text(errors="replace").splitlines():
        word, name, more = (line.split("\t") + ["", ""])[:3]
        if word == "plan":
            cases[name] = (FAIL, "not run: the program ended before it")
        elif word == "start":
            cases[name] = (FAIL, "failed")
        elif word == "pass":
            cases[name] = (PASS, "")
        elif word == "skip":
            cases[name] = (SKIP, more)
    return cases


def add_ctest(results, junit, reports):
    """Adds each case of each program; a program that fails while its cases pass adds one failure of its own."""
    try:
        tree = ElementTree.parse(junit)
    except (OSError, ElementTree.ParseError) as error:
        results.add(FAIL, "ctest", f"no report: {error}")
        return
    for program in tree.iter("testcase"):
        name = program.get("name")
        ok = program.get("status") == "run"
        output = last_lines(program.findtext("system-out") or "")
        report = reports / f"{name}.tsv"
        if not report.exists():
            results.add(PASS if ok else FAIL, name, "" if ok else output or "not built, or it did not start")
            continue
        cases = read_program_report(report)
        for case, (status, detail) in cases.items():
            results.add(status, f"{name}: {case}", detail)
        if not ok:
            if all(status != FAIL for status, _ in cases.values()):
                results.add(FAIL, f"{name}: the program itself", output)
            else:
                mark_output(results, output)


def mark_output(results, output):
    """Puts the program's output on its last failed case, once, so that it is printed once."""
    for i in range(len(results.cases) - 1, -1, -1):
        status, name, detail = results.cases[i]
        if status == FAIL:
            results.cases[i] = (status, name, f"{detail}\n{output}")
            return


def add_pytest(results, junit):
    """Adds pytest's cases; xfail counts as skipped with its reason."""
    try:
        tree = ElementTree.parse(junit)
    except (OSError, ElementTree.ParseError) as error:
        results.add(FAIL, "pytest", f"no report: {error}")
        return
    for case in tree.iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        if bad is not None:
            results.add(FAIL, name, last_lines(bad.text or bad.get("message") or ""))
        elif skipped is not None:
            results.add(SKIP, name, skipped.get("message") or "no reason given")
        else:
            results.add(PASS, name)
