#!/usr/bin/env bash
# Builds millrace: installs what is missing, configures, compiles, and says where the program is.
#
#   scripts/build.sh [preset]     a preset of CMakePresets.json, by default release
#
# MR_NO_DEPS=1 leaves out scripts/deps.sh, for machines whose packages are managed otherwise.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=${1:-release}

case $preset in
-h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac

if [ "${MR_NO_DEPS:-}" != 1 ]; then
    case $preset in
    release) "$root/scripts/deps.sh" --build ;;
    *) "$root/scripts/deps.sh" --test ;;
    esac
fi

mkdir -p "$root/build"
log=$root/build/configure-$preset.log
if ! (cd "$root" && cmake --preset "$preset") >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
ninja -C "$root/build/$preset"
program=$root/build/$preset/millrace
[ -x "$program" ] || { echo "build: no program was built at $program" >&2; exit 1; }
echo "build: the program is $program"
