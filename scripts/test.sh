#!/bin/sh
# Runs the whole test suite under the private Node and ends with "N passed, N failed".
# Arguments are file filters: scripts/test.sh packages/astro
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"
export PATH
exec node node_modules/vitest/vitest.mjs run "$@"
