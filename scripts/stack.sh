#!/bin/sh
# Starts, shows and stops the servers that millrace needs, on loopback and in the background:
#   scripts/stack.sh up | status | down
# Kafka 9092, registry 8081, PostgreSQL 5432; a port that is taken is replaced and printed. State,
# logs, data and a ready millrace.conf are in build/stack; `down` removes them.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python3}" -m stack "$@"
