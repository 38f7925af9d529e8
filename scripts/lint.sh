#!/bin/sh
# Every check that a compiler can make: format, lint rules, unused code, types. The lint rules take
# as long as all others and run beside them; what they say comes last.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PWD/node_modules/.bin:$PATH"
export PATH

said=$(mktemp)
trap 'rm -f "$said"' EXIT
eslint . >"$said" 2>&1 &
rules=$!

failed=0
prettier --check . || failed=1
knip || failed=1
tsc --noEmit || failed=1
tsc --noEmit -p packages/dashboard || failed=1
wait "$rules" || failed=1
cat "$said"
exit "$failed"
