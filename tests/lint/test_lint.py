"""Each check is seen to fail: a small tree is clean, one thing is broken in it, and the check must name it."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

HEADER = "#ifndef MR_{0}_H\n#define MR_{0}_H\n\n{1}\n\n#endif\n"
TREE = {
    "consumer/base/ban.h": HEADER.format("BASE_BAN", "#pragma GCC poison strcpy"),
    "consumer/base/err.h": HEADER.format("BASE_ERR", "struct mr_err {\n    int code;\n};"),
    "consumer/base/lock.h": HEADER.format("BASE_LOCK", "struct mr_lock {\n    int rank;\n};"),
    "config/config.h": HEADER.format("CONFIG_CONFIG", "struct mr_config {\n    int n;\n};"),
    "schemas/rows.h": HEADER.format("SCHEMAS_ROWS", '#include "base/err.h"\n\nint mr_rows(struct mr_err *err);'),
    "schemas/rows.c": '#include "schemas/rows.h"\n\n#include "base/ban.h"\n\nint mr_rows(struct mr_err *err)\n{\n'
                      "    return err->code;\n}\n",
    "sinks/pg_err.h": HEADER.format("SINKS_PG_ERR", "int mr_pg_err(void);"),
    "consumer/lane.h": HEADER.format("CONSUMER_LANE", "int mr_lane(void);"),
    "consumer/protocol/step.h": HEADER.format("CONSUMER_PROTOCOL_STEP", "int mr_step(void);"),
    "consumer/protocol/step.c": '#include "consumer/protocol/step.h"\n\n#include "base/err.h"\n\n'
                                '#include "base/ban.h"\n\n'
                                "int mr_step(void)\n{\n    return 0;\n}\n",
    "tests/unit/schemas/rows_test.c": 'MR_TEST("a row is a row")\n{\n}\n',
    "tests/unit/consumer/protocol/step_test.c": 'MR_TEST("a step is a step")\n{\n}\n',
    "tests/lint/owners.txt": "libpq-fe.h sinks/pg_*.c, tests/**\nregex.h sinks/pg_*.c\n",
    "tests/lint/untested.txt": "",
    "README.md": "# millrace\n\nSee [the docs](docs/a.md#two-words).\n",
    "docs/a.md": "# A\n\n## Two words\n\n[up](../README.md)\n",
    "scripts/x.sh": "#!/usr/bin/env bash\nset -euo pipefail\necho ok\n",
}


@pytest.fixture(name="house")
def fixture_house(tmp_path):
    for path, text in TREE.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "scripts/x.sh").chmod(0o755)
    for name in (".clang-format", ".clang-tidy", ".hadolint.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def check(name, root):
    done = subprocess.run([sys.executable, HERE / f"check_{name}.py", "--root", root], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode in (0, 1, 77), done.stderr
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    return done.stdout


def write(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def add_line(root, path, line):
    """An include goes below the guard, or to the top of a source."""
    text = (root / path).read_text()
    at = text.index("\n\n") + 2 if path.endswith(".h") else 0
    write(root, path, text[:at] + line + "\n" + text[at:])


@pytest.mark.parametrize("name", ["includes", "size", "partners", "docs", "text", "format", "shell", "dockerfile",
                                  "compose"])
def test_a_clean_tree_passes(house, name):
    assert check(name, house) == ""


@pytest.mark.parametrize("path, line, says", [
    ("schemas/rows.c", '#include "config/config.h"', "schemas/rows.c:1: schemas must not see config"),
    ("consumer/base/err.h", '#include "schemas/rows.h"', "base must not see schemas"),
    ("config/config.h", '#include "consumer/lane.h"', "config must not see consumer"),
    ("schemas/rows.c", '#include "../config/config.h"', "no ../"),
    ("schemas/rows.c", '#include "err.h"', "is no layer path"),
    ("schemas/rows.c", '#include "schemas/absent.h"', "does not exist"),
    ("consumer/lane.h", '#include "consumer/base/err.h"', 'write "base/err.h"'),
    ("schemas/rows.c", "#include <libpq-fe.h>", "belongs to sinks/pg_*.c"),
    ("sinks/pg_err.h", "#include <libpq-fe.h>", "in a header"),
    ("schemas/rows.c", "#include <yaml.h>", "has no owner"),
    ("consumer/protocol/step.c", "#include <pthread.h>", "the protocol is pure"),
    ("consumer/protocol/step.c", '#include "base/lock.h"', "the protocol is pure"),
    ("consumer/protocol/step.c", '#include "schemas/rows.h"', "the protocol is pure"),
    ("consumer/protocol/step.h", '#include "consumer/lane.h"', "the protocol is pure"),
])
def test_a_forbidden_include_is_found(house, path, line, says):
    add_line(house, path, line)
    assert says in check("includes", house)


def test_a_strategy_that_sees_a_database_is_found(house):
    write(house, "sinks/load_x.c", '#include "sinks/pg_err.h"\n\n#include "base/ban.h"\n')
    assert "a strategy calls sink->ops only" in check("includes", house)


def test_a_source_without_the_refused_calls_is_found(house):
    write(house, "schemas/rows.c", '#include "schemas/rows.h"\n')
    assert '"base/ban.h" is missing' in check("includes", house)


def test_a_header_that_does_not_compile_alone_is_found(house):
    write(house, "sinks/pg_err.h", HEADER.format("SINKS_PG_ERR", "int mr_pg_err(size_t n);"))
    assert "sinks/pg_err.h:1: does not compile alone" in check("includes", house)


def test_a_wrong_guard_is_found(house):
    write(house, "sinks/pg_err.h", HEADER.format("PG_ERR", "int mr_pg_err(void);"))
    assert "the guard must be MR_SINKS_PG_ERR_H" in check("includes", house)


@pytest.mark.parametrize("path, text, says", [
    ("schemas/long.c", "/* x */\n" * 601, "601 lines, at most 600"),
    ("schemas/long.h", "/* x */\n" * 201, "201 lines, at most 200"),
    ("schemas/wide.c", "/* " + "x" * 100 + " */\n", "106 columns"),
    ("schemas/fat.c", "int f(void)\n{\n" + "    g();\n" * 71 + "}\n", "function of 71 lines"),
    ("tests/lint/size_exceptions.txt", "schemas/rows.c | 700 | soon | because\n", "want `path | limit"),
    ("tests/lint/size_exceptions.txt", "schemas/rows.c | 700 | 2026-01-01 | one table of rows\n", "remove this row"),
    ("tests/lint/size_exceptions.txt", "schemas/gone.c | 700 | 2026-01-01 | one table of rows\n", "does not exist"),
])
def test_a_broken_house_number_is_found(house, path, text, says):
    write(house, path, text)
    assert says in check("size", house)


def test_an_exception_with_reason_and_date_is_granted(house):
    write(house, "schemas/long.c", "/* x */\n" * 650)
    write(house, "tests/lint/size_exceptions.txt", "schemas/long.c | 650 | 2026-01-01 | one table of rows\n")
    assert check("size", house) == ""
    write(house, "schemas/long.c", "/* x */\n" * 651)
    assert "at most 650" in check("size", house)


@pytest.mark.parametrize("path, text, says", [
    ("sinks/lonely.c", "\n", "tests/unit/sinks/lonely_test.c is missing"),
    ("consumer/base/map.c", "\n", "tests/unit/base/map_test.c is missing"),
    ("tests/unit/sinks/ghost_test.c", "MR_TEST(", "there is no sinks/ghost.c"),
    ("tests/unit/schemas/rows_limits_test.c", "int x;\n", "holds no MR_TEST"),
    ("tests/lint/untested.txt", "schemas/rows.c: tested by looking\n", "has a test by now"),
    ("tests/lint/untested.txt", "schemas/gone.c: tested by looking\n", "does not exist"),
    ("tests/lint/untested.txt", "schemas/rows.c: no\n", "needs a reason"),
])
def test_a_missing_partner_is_found(house, path, text, says):
    write(house, path, text)
    assert says in check("partners", house)


def test_an_excused_source_needs_no_test(house):
    write(house, "sinks/lonely.c", "\n")
    write(house, "tests/lint/untested.txt", "sinks/lonely.c: a table, read by tests/component/sinks\n")
    assert check("partners", house) == ""


@pytest.mark.parametrize("path, text, says", [
    ("docs/b.md", "[x](absent.md)\n", "docs/b.md:1: link to absent.md"),
    ("docs/b.md", "[x](a.md#three-words)\n", "has no heading #three-words"),
    ("docs/b.md", "[x](/etc/passwd)\n", "which does not exist"),
    ("docs/decisions/001-x.md", "line\n" * 41, "at most 40 lines"),
])
def test_a_broken_page_is_found(house, path, text, says):
    write(house, path, text)
    assert says in check("docs", house)


def test_links_in_code_are_no_links(house):
    write(house, "docs/b.md", "`[x](absent.md)`\n```\n[x](absent.md)\n```\n")
    assert check("docs", house) == ""


@pytest.mark.parametrize("text, says", [
    ("/* /ho" "me/me/x */\n", "a path of one machine"),
    ("/* /wo" "rk/main */\n", "a path of one machine"),
    ("/* https://py" "pi.org */\n", "the host of a package registry"),
    ("/* TO" "DO: later */\n", "work left open"),
    ("int x; \n", "white space at the end"),
    ("\tint x;\n", "a tab"),
    ("int x;", "no newline at the end"),
])
def test_a_malformed_text_is_found(house, text, says):
    write(house, "schemas/rows.c", text)
    assert says in check("text", house)


def test_a_file_that_is_too_large_is_found(house):
    write(house, "docs/big.bin", "x" * (2 * 1024 * 1024 + 1))
    assert "docs/big.bin:1" in check("text", house)


def test_a_badly_formatted_source_is_found(house):
    write(house, "schemas/rows.c", "int  x;\n")
    assert "clang-format-19 -i schemas/rows.c" in check("format", house)


def test_clang_tidy_findings_are_found_and_clean_files_are_remembered(house):
    write(house, "build/clang/compile_commands.json",
          f'[{{"directory": "{house}", "file": "schemas/rows.c", "command": "clang-19 -c schemas/rows.c"}}]')
    write(house, "schemas/rows.h", HEADER.format("SCHEMAS_ROWS", "int mr_rows(int a);"))
    write(house, "schemas/rows.c", "int mr_rows(int a);\nint mr_rows(int a)\n{\n    return a;\n}\n")
    os.remove(house / "consumer/protocol/step.c")
    assert check("tidy", house) == ""
    assert len(list((house / "build/lint-cache").iterdir())) == 1
    write(house, "schemas/rows.c", "int mr_rows(int a);\nint mr_rows(int a)\n{\n    return mr_rows(a + 1);\n}\n")
    assert "misc-no-recursion" in check("tidy", house)


@pytest.mark.parametrize("text, says", [
    ("#!/usr/bin/env bash\necho ok\n", "`set -euo pipefail` is missing"),
    ("#!/bin/sh\necho ok\n", "`set -eu` is missing"),
    ("#!/usr/bin/env bash\nset -euo pipefail\ncd $(pwd)\nlocal x=1\n", "SC2168"),
])
def test_a_bad_script_is_found(house, text, says):
    write(house, "scripts/x.sh", text)
    assert says in check("shell", house)


def test_a_script_that_cannot_be_run_is_found(house):
    (house / "scripts/x.sh").chmod(0o644)
    assert "is not executable" in check("shell", house)


def test_a_bad_dockerfile_is_found(house):
    write(house, "Dockerfile", "FROM debian\nRUN cd /x\n")
    assert "DL3006" in check("dockerfile", house)


GOOD_COMPOSE = """version: "3.8"

services:
  db:
    image: postgres:15
    healthcheck:
      test: ["CMD", "true"]
  app:
    image: app:1
    healthcheck:
      test: ["CMD", "true"]
    depends_on:
      db:
        condition: service_healthy
    volumes:
      - ./README.md:/x:ro
"""


@pytest.mark.parametrize("old, new, says", [
    ("      db:\n        condition: service_healthy\n", "      db:\n        restart: true\n", "does not wait for db"),
    ("./README.md", "./absent.conf", "which does not exist"),
    ("    healthcheck:\n      test: [\"CMD\", \"true\"]\n  app", "  app", "service db has no healthcheck"),
    ("image: app:1", "imago: app:1", "imago"),
])
def test_a_bad_compose_file_is_found(house, old, new, says):
    write(house, "docker-compose.yml", GOOD_COMPOSE)
    assert check("compose", house) == ""
    write(house, "docker-compose.yml", GOOD_COMPOSE.replace(old, new))
    assert says in check("compose", house)


# A stand-in for Docker: a call that FAKE_DOCKER names fails, or says nothing (`run=mute`).
FAKE_DOCKER = """#!/bin/sh
for fault in $FAKE_DOCKER; do
    if [ "$fault" = "$1" ]; then echo "no $1"; exit 1; fi
    if [ "$fault" = "$1=mute" ]; then exit 0; fi
done
if [ "$1" = run ]; then echo "millrace 1.2.3 (abc)"; fi
"""


@pytest.mark.parametrize("fault, says", [("", ""), ("build", "no build\n1 findings\n"), ("run", "no run\n1 findings\n"),
                                         ("run=mute", "the image says nothing\n1 findings\n")])
def test_an_image_that_does_not_build_or_run_is_found(house, monkeypatch, fault, says):
    write(house, "bin/docker", FAKE_DOCKER)
    (house / "bin/docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(house / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_DOCKER", fault)
    assert check("image", house) == says


def test_an_image_is_skipped_where_no_daemon_answers(house, monkeypatch):
    write(house, "bin/docker", FAKE_DOCKER)
    (house / "bin/docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(house / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_DOCKER", "info")
    with pytest.raises(pytest.skip.Exception, match="no Docker daemon"):
        check("image", house)


def find_program(name):
    found = [p for p in ROOT.glob(f"build/*/tests/{name}") if os.access(p, os.X_OK)]
    return found[0] if found else None


@pytest.mark.parametrize("kind", ["check", "ok", "int", "u64", "str", "null", "mem", "fail", "crash"])
def test_every_check_of_the_test_library_can_fail(kind):
    program = find_program("support_mr_test_test")
    if program is None:
        pytest.skip("support_mr_test_test is not built; the suite `unit` builds it")
    done = subprocess.run([program, "provoked"], env={**os.environ, "MR_TEST_PROVOKE": kind, "MR_TEST_REPORT": ""},
                          capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
