"""The suite's own runner can fail: counts, crashes, leftovers and the exit code are seen to go wrong here."""
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from runner import __main__ as command  # noqa: E402
from runner import docs, results as r, suites  # noqa: E402


def run_python(tmp_path, text):
    """Runs a script that imports the runner in a process of its own, since adopting orphans is for life."""
    script = tmp_path / "script.py"
    script.write_text("import sys\n" f"sys.path.insert(0, {str(ROOT / 'tests')!r})\n" + textwrap.dedent(text))
    return subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)


def report(tmp_path, *lines):
    path = tmp_path / "x_test.tsv"
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    return path


def junit(tmp_path, status, output=""):
    path = tmp_path / "ctest.xml"
    path.write_text(f"<testsuite><testcase name='x_test' status='{status}'><system-out>{output}</system-out>"
                    "</testcase></testsuite>")
    return path


def test_a_case_that_started_and_did_not_pass_is_a_failure(tmp_path):
    path = report(tmp_path, ("plan", "a"), ("plan", "b"), ("start", "a"), ("pass", "a"), ("start", "b"))
    assert {n: c[0] for n, c in r.read_program_report(path).items()} == {"a": r.PASS, "b": r.FAIL}


def test_the_cases_after_a_crash_are_failures(tmp_path):
    path = report(tmp_path, ("plan", "a"), ("plan", "b"), ("start", "a"))
    assert r.read_program_report(path)["b"] == (r.FAIL, "not run: the program ended before it")


def test_a_skip_keeps_its_reason(tmp_path):
    path = report(tmp_path, ("plan", "a"), ("start", "a"), ("skip", "a", "no server"))
    assert r.read_program_report(path)["a"] == (r.SKIP, "no server")


def test_a_leak_found_after_all_cases_passed_is_a_failure(tmp_path):
    report(tmp_path, ("plan", "a"), ("start", "a"), ("pass", "a"))
    results = r.Results("unit")
    r.add_ctest(results, junit(tmp_path, "fail", "LeakSanitizer: detected memory leaks"), tmp_path)
    assert [(c[0], c[1]) for c in results.cases] == [(r.PASS, "x_test: a"), (r.FAIL, "x_test: the program itself")]


def test_a_program_that_was_not_built_is_a_failure(tmp_path):
    results = r.Results("unit")
    r.add_ctest(results, junit(tmp_path, "notrun"), tmp_path)
    assert results.count(r.FAIL) == 1


def test_a_missing_report_of_ctest_or_pytest_is_a_failure(tmp_path):
    results = r.Results("unit")
    r.add_ctest(results, tmp_path / "absent.xml", tmp_path)
    r.add_pytest(results, tmp_path / "absent.xml")
    assert results.count(r.FAIL) == 2


def test_pytest_failures_errors_and_skips_are_told_apart(tmp_path):
    path = tmp_path / "pytest.xml"
    path.write_text("<testsuites><testsuite><testcase classname='m' name='ok'/>"
                    "<testcase classname='m' name='bad'><failure message='x'>text</failure></testcase>"
                    "<testcase classname='m' name='broken'><error message='y'/></testcase>"
                    "<testcase classname='m' name='off'><skipped message='no broker'/></testcase>"
                    "</testsuite></testsuites>")
    results = r.Results("integration")
    r.add_pytest(results, path)
    assert results.cases == [(r.PASS, "m::ok", ""), (r.FAIL, "m::bad", "text"), (r.FAIL, "m::broken", "y"),
                             (r.SKIP, "m::off", "no broker")]


def test_a_process_that_a_suite_leaves_behind_fails_it_and_is_ended(tmp_path):
    done = run_python(tmp_path, """
        import subprocess
        from runner import process, suites
        process.adopt_orphans()
        def leaving(house, results):
            results.add("pass", "x")
            subprocess.run(["sh", "-c", "setsid sleep 300 >/dev/null 2>&1 &"])
        results = suites.run_suite(None, "s", leaving)
        print([c[0] for c in results.cases], "sleep 300" in results.cases[1][2], process.descendants())
        """)
    assert done.stdout.split() == ["['pass',", "'fail']", "True", "[]"], done.stderr


def test_a_program_that_hangs_is_ended_at_its_deadline(tmp_path):
    done = run_python(tmp_path, f"""
        from runner import process
        print(process.run(["sleep", "300"], {str(tmp_path / 'log')!r}, 0.2), process.descendants())
        """)
    assert done.stdout.split() == ["124", "[]"], done.stderr


def test_a_suite_that_raises_or_runs_nothing_is_a_failure():
    def raising(house, results):
        raise ValueError("broken")
    assert suites.run_suite(None, "s", raising).count(r.FAIL) == 1
    assert suites.run_suite(None, "s", lambda house, results: None).count(r.FAIL) == 1


def test_the_exit_code_is_zero_only_with_passes_and_no_failure(capsys):
    def outcome(*statuses):
        results = r.Results("s")
        for status in statuses:
            results.add(status, "case", "reason")
        code = command.print_summary([results])
        return code, capsys.readouterr().out.splitlines()[-1]
    assert outcome(r.PASS, r.SKIP) == (0, "1 passed, 0 failed, 1 skipped")
    assert outcome(r.PASS, r.FAIL) == (1, "1 passed, 1 failed, 0 skipped")
    assert outcome(r.SKIP) == (1, "0 passed, 0 failed, 1 skipped")


def test_readme_blocks_run_and_a_skipped_one_says_why(tmp_path):
    (tmp_path / "README.md").write_text("```sh\ntrue\n```\n```sh\nfalse\ntrue\n```\n"
                                        "<!-- not run: needs docker -->\n```sh\nfalse\n```\n```text\nfalse\n```\n")
    results = r.Results("docs")
    docs.run_readme(suites.House(root=tmp_path, long=False, out=tmp_path), results)
    assert [c[0] for c in results.cases] == [r.PASS, r.FAIL, r.SKIP]
    assert results.cases[2][2] == "needs docker"


def test_a_readme_block_that_a_suite_ran_well_is_not_run_again(tmp_path):
    (tmp_path / "README.md").write_text("```sh\ntouch again\n```\n```sh\ntouch anew\n```\n")
    house = suites.House(root=tmp_path, long=False, out=tmp_path, ran={"touch again": 0, "touch anew": 1})
    results = r.Results("docs")
    docs.run_readme(house, results)
    assert [c[0] for c in results.cases] == [r.PASS, r.PASS]
    assert not (tmp_path / "again").exists()
    assert (tmp_path / "anew").exists()
