#!/usr/bin/env bash
# The whole test suite, from a clean clone, without standard input.
#
#   tests/run.sh [--long] [--list] [suite...]     without a suite: all that the tree has
#   tests/run.sh [--long] faults [--seed N]       the faults of that seed again
#   tests/run.sh faults --hours N                 a soak of N hours, with memory and descriptors
#
# Suites, what each one does and how its cases are counted: tests/runner/suites.py. --long adds what takes
# longer than a commit should wait for (real fuzzing, integration tests marked `long`). Logs and reports are
# left in build/test-results. The last line is `N passed, N failed, N skipped`; the exit code is 0 only if
# something passed and nothing failed. MR_NO_DEPS=1 leaves out scripts/deps.sh.
set -euo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case " $* " in
*' --help '* | *' -h '*)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit 0
    ;;
*' --list '*) ;;
*)
    if [ "${MR_NO_DEPS:-}" != 1 ]; then
        "$root/scripts/deps.sh" --test
    fi
    ;;
esac
cd "$root"
exec env PYTHONPATH="$root/tests" PYTHONDONTWRITEBYTECODE=1 python3 -m runner "$@"
