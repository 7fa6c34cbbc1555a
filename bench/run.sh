#!/usr/bin/env bash
# Measures, each over servers that it starts itself, with a release build; a table, and one JSON object as the last line.
#
#   bench/run.sh poison [--rows N] [--pairs N]    what one record that the target refuses costs a load of a million
#
# Figures are ratios of runs that take turns. MR_NO_DEPS=1 leaves out scripts/deps.sh, MR_BINARY names another program.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=${1:-}
case "$name" in
poison) shift ;;
*)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    [ "$name" = --help ] && exit 0
    exit 64
    ;;
esac
[ "${MR_NO_DEPS:-}" = 1 ] || "$root/scripts/deps.sh" --test
[ -n "${MR_BINARY:-}" ] || "$root/scripts/build.sh" release
cd "$root"
exec env PYTHONPATH="$root/scripts:$root/tests/integration:$root/bench" PYTHONDONTWRITEBYTECODE=1 \
    MR_BINARY="${MR_BINARY:-$root/build/release/millrace}" "$root/build/venv/bin/python" -m "$name" "$@"
