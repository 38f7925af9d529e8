#!/bin/sh
# Runs the whole test suite under the private Node and ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
exec node node_modules/vitest/vitest.mjs run "$@"
