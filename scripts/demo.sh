#!/usr/bin/env bash
# From a fresh clone to loaded tables: installs what is missing, builds, and runs `millrace demo` with the
# arguments given here. The demo needs no server: its broker and its records live in the process.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/build.sh" release
exec "$root/build/release/millrace" demo "$@"
