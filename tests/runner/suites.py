"""The suites, in the order in which they run. A suite whose files are not in the tree is not listed.

Each function gets the house (folders, options, builds made so far) and fills a Results. What one suite built,
the next one uses: build/asan, build/tsan, build/release and build/clang are made once.
"""
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import process
from .results import FAIL, PASS, SKIP, Results, add_ctest, add_pytest, tail

DEMO = "bash scripts/demo.sh"
EXIT_SKIPPED = 77  # a lint that cannot run here says so with this code; its last line is the reason


@dataclass
class House:
    root: Path
    long: bool
    out: Path
    seed: str = ""   # of the suite faults: repeats that schedule
    hours: str = ""  # of the suite faults: a soak of so long instead
    jobs: int = os.cpu_count() or 1
    built: dict = field(default_factory=dict)
    ran: dict = field(default_factory=dict)  # a shell command that a suite ran at the root -> its exit code

    def log(self, name):
        return self.out / f"{name}.log"

    def has(self, pattern):
        return next(self.root.glob(pattern), None) is not None

    def configure(self, results, preset, *options):
        log = self.log(f"configure-{preset}")
        if process.run(["cmake", "--preset", preset, *options], log, 300, cwd=self.root) == 0:
            return True
        results.add(FAIL, f"configure {preset}", tail(log))
        return False

    def build(self, results, preset, *options, targets=()):
        """Builds a preset once; a broken build fails each suite that needs it. -k 0: run what did compile."""
        if preset not in self.built:
            log = self.log(f"build-{preset}")
            ok = self.configure(results, preset, *options)
            if ok:
                ninja = ["ninja", "-C", self.root / "build" / preset, f"-j{self.jobs}", "-k", "0", *targets]
                ok = process.run(ninja, log, 1800) == 0
            self.built[preset] = ok
        if not self.built[preset]:
            results.add(FAIL, f"build {preset}", failed_parts(self.log(f"build-{preset}")))
        return self.built[preset]


def failed_parts(log):
    """The diagnostics of a build log rather than its end, which with -k 0 is usually a later success."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return "not configured"
    picked = [line for line in lines if re.search(r"error:|warning:|undefined reference|FAILED:", line)]
    return "\n".join(picked[:30]) or tail(log)


def run_ctest(house, results, preset, label, jobs=None):
    folder = house.root / "build" / preset
    reports = folder / "tests" / "report"
    junit = house.out / f"ctest-{results.suite}.xml"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True, exist_ok=True)
    process.run(["ctest", "--test-dir", folder, "-L", label, "--output-on-failure", "--no-tests=error",
                 f"-j{jobs or house.jobs}", "--output-junit", junit], house.log(results.suite), 1800)
    add_ctest(results, junit, reports)


def suite_lint(house, results):
    """Each tests/lint/check_* is one case; each test of tests/lint/test_*.py, which sees them fail, is one more."""
    if house.configure(results, "clang"):
        process.run(["ninja", "-C", house.root / "build/clang", "mr_version_header", "support_mr_test_test"],
                    house.log("lint"), 120)
    for check in sorted(house.root.glob("tests/lint/check_*")):
        log = house.log(f"lint-{check.stem}")
        rc = process.run([check], log, 1500, cwd=house.root, env={"MR_JOBS": str(house.jobs)})
        if rc == 0:
            results.add(PASS, check.name)
        elif rc == EXIT_SKIPPED:
            results.add(SKIP, check.name, tail(log, 1))
        else:
            results.add(FAIL, check.name, tail(log))
    pytest(house, results, "tests/lint", ["--timeout=120"])


def suite_unit(house, results):
    """Every unit test under ASan, LSan and UBSan."""
    house.build(results, "asan")
    run_ctest(house, results, "asan", "^unit$")


def suite_component(house, results):
    """Several units together, with librdkafka's mock cluster or an SQLite file, under the same sanitizers."""
    house.build(results, "asan")
    run_ctest(house, results, "asan", "^component$")


def suite_fuzz(house, results):
    """Every input of every corpus, then MR_FUZZ_SECONDS (60; with --long 600) of fuzzing for each target."""
    house.build(results, "asan")
    run_ctest(house, results, "asan", "^fuzz$")
    sources = sorted(house.root.glob("tests/fuzz/*_fuzz.c"))
    targets = [f"fuzz_{source.name.removesuffix('_fuzz.c')}" for source in sources]
    if not house.build(results, "fuzz", targets=targets):
        return
    with ThreadPoolExecutor(max_workers=house.jobs) as pool:
        for status, name, detail in pool.map(lambda target: fuzz(house, target), targets):
            results.add(status, name, detail)


def fuzz(house, target):
    """One target for its time, from its corpus, with its dictionary and a memory limit: (status, name, detail)."""
    seconds = int(os.environ.get("MR_FUZZ_SECONDS", "600" if house.long else "60"))
    name = target.removeprefix("fuzz_")
    found = house.root / "build/fuzz/found" / name
    found.mkdir(parents=True, exist_ok=True)
    log = house.log(f"fuzz-{name}")
    log.unlink(missing_ok=True)
    words = house.root / f"tests/fuzz/dict/{name}.dict"
    rc = process.run([house.root / "build/fuzz/tests" / target, f"-max_total_time={seconds}", "-rss_limit_mb=2048",
                      "-malloc_limit_mb=256", "-timeout=20", f"-artifact_prefix={found}-crash-", "-print_final_stats=1",
                      *([f"-dict={words}"] if words.exists() else []), found, house.root / "tests/fuzz/corpus" / name],
                     log, seconds + 300,
                     env={"LSAN_OPTIONS": f"suppressions={house.root}/tests/lsan.supp:print_suppressions=0"})
    runs = re.search(r"number_of_executed_units: (\d+)", log.read_text(errors="replace"))
    title = f"{target}: {seconds} s of fuzzing{f', {int(runs[1]):,} inputs' if runs else ''}"
    return (PASS, title, "") if rc == 0 and runs else (FAIL, title, tail(log))


def suite_tsan(house, results):
    """The unit and component tests again, under ThreadSanitizer."""
    house.build(results, "tsan")
    run_ctest(house, results, "tsan", "^(unit|component)$")


def suite_clang(house, results):
    """The program by clang with release flags, warnings being errors; tsan builds the tests by clang, as strictly."""
    if house.build(results, "clang", targets=["millrace"]):
        results.add(PASS, "clang -O2 builds the program without a warning")


def suite_release(house, results):
    """What users get: gcc -O2, hardened; here warnings are errors."""
    if house.build(results, "release", "-DMR_WERROR=ON"):
        results.add(PASS, "gcc -O2 builds the program without a warning")


def suite_contract(house, results):
    """Which rows of docs/contract.md no test cites."""
    log = house.log("contract")
    script = next(house.root.glob("tests/contract_coverage*"))
    log.unlink(missing_ok=True)
    rc = process.run(["python3", script], log, 300, cwd=house.root)
    print(tail(log, 1), flush=True)
    status = {0: PASS, EXIT_SKIPPED: SKIP}.get(rc, FAIL)
    results.add(status, "every row of the contract is cited by a test", tail(log, 1 if status == SKIP else 40))


def pytest(house, results, folder, options):
    python = house.root / "build/venv/bin/python"
    if not (house.root / "build/venv/.requirements").exists():
        results.add(SKIP, f"{folder} (pytest)", "the Python packages of tests/requirements.txt cannot be had here")
        return
    junit = house.out / f"pytest-{results.suite}.xml"
    junit.unlink(missing_ok=True)
    env = {"MR_BINARY": str(house.root / "build/asan/millrace"),
           "MR_BINARY_RELEASE": str(house.root / "build/release/millrace"),
           "MR_TOOLS_DIR": str(house.root / "build/asan/tests"), "MR_LONG": "1" if house.long else ""}
    marks = [] if house.long else ["-m", "not long"]
    process.run([python, "-m", "pytest", "-c", house.root / "tests/pytest.ini", "--rootdir", house.root,
                 house.root / folder, f"--junit-xml={junit}", *marks, *options],
                house.log(f"pytest-{results.suite}"), 5400, cwd=house.root, env={**env, **without(env)})
    add_pytest(results, junit)


def without(env):
    """What the caller's environment sets already is kept: MR_BINARY=... tests/run.sh integration."""
    return {key: os.environ[key] for key in env if os.environ.get(key)}


def suite_integration(house, results):
    """The built program against real servers on loopback. MR_BINARY: ASan build; MR_BINARY_RELEASE: the other."""
    asan = house.build(results, "asan")
    release = house.build(results, "release", "-DMR_WERROR=ON")
    if asan and release:
        pytest(house, results, "tests/integration", ["-ra"])


def suite_faults(house, results):
    """Random faults from one seed against the built program, with an oracle that counts every record."""
    python = house.root / "build/venv/bin/python"
    if not (house.root / "build/venv/.requirements").exists():
        results.add(SKIP, "faults", "the Python packages of tests/requirements.txt cannot be had here")
        return
    preset = "release" if house.long or house.hours else "asan"
    if not house.build(results, preset, *(["-DMR_WERROR=ON"] if preset == "release" else [])):
        return
    log, out = house.log("faults"), house.out / "faults.json"
    folders = [house.root / folder for folder in ("tests", "tests/integration", "scripts")]
    env = {"MR_BINARY": str(house.root / "build" / preset / "millrace"), "PYTHONDONTWRITEBYTECODE": "1"}
    options = [*(["--long"] if house.long else []), *(["--seed", house.seed] if house.seed else []),
               *(["--hours", house.hours] if house.hours else [])]
    rc = process.run([python, "-m", "faults", "--out", out, *options], log,
                     int(float(house.hours or 0) * 3600) + (7200 if house.long else 1200), cwd=house.root,
                     env={**env, **without(env), "PYTHONPATH": os.pathsep.join(map(str, folders))})
    if rc == EXIT_SKIPPED:
        results.add(SKIP, "faults", tail(log, 1))
        return
    try:
        told = json.loads(out.read_text())
    except (OSError, ValueError):
        results.add(FAIL, "faults", f"exit {rc}\n{tail(log)}")
        return
    print("\n".join(told["table"]), flush=True)
    for status, name, detail in told["cases"]:
        results.add(status, name, detail)


def suite_demo(house, results):
    """The demo as a newcomer starts it; it checks its tables itself and exits 0 only if they are right."""
    if not house.build(results, "release", "-DMR_WERROR=ON"):
        return
    rc = process.run(DEMO.split(), house.log("demo"), 300, cwd=house.root)
    house.ran[DEMO] = rc
    results.add(PASS if rc == 0 else FAIL, f"{DEMO} ends with the right tables",
                "" if rc == 0 else f"exit {rc}\n{tail(house.log('demo'))}")


def suite_docs(house, results):
    """Printed pages are fresh, and the shell blocks of the README work."""
    from .docs import check_generated, run_readme
    if not house.build(results, "release", "-DMR_WERROR=ON"):
        return
    check_generated(house, results)
    run_readme(house, results)


# name, function, what must be in the tree for the suite to exist
SUITES = (
    ("lint", suite_lint, "tests/lint/check_*"),
    ("unit", suite_unit, "tests/unit/**/*_test.c"),
    ("component", suite_component, "tests/component/**/*_test.c"),
    ("fuzz", suite_fuzz, "tests/fuzz/*_fuzz.c"),
    ("tsan", suite_tsan, "tests/unit/**/*_test.c"),
    ("clang", suite_clang, "CMakeLists.txt"),
    ("release", suite_release, "CMakeLists.txt"),
    ("contract", suite_contract, "tests/contract_coverage*"),
    ("integration", suite_integration, "tests/integration/**/test_*.py"),
    ("faults", suite_faults, "tests/faults/__main__.py"),
    ("demo", suite_demo, "consumer/cmd/demo*.c"),
    ("docs", suite_docs, "README.md"),
)


def run_suite(house, name, function):
    """One suite with its own Results; a suite that breaks is a failed case, and so is a process left behind."""
    results = Results(name)
    try:
        function(house, results)
    except Exception as error:  # the runner must reach its last line whatever a suite does
        results.add(FAIL, f"suite {name}", f"{type(error).__name__}: {error}")
    left = process.end_leftovers()
    if left:
        results.add(FAIL, f"{name}: no process is left behind", "\n".join(f"{pid} {cmd}" for pid, cmd in left))
    if not results.cases:
        results.add(FAIL, f"suite {name}", "it ran no test")
    return results
