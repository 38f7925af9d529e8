#!/bin/sh
# Builds the dashboard's pages into packages/dashboard/build when something they are made of is newer.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"
export PATH

BUILT=packages/dashboard/build/index.html
# shellcheck disable=SC2046 # the files that exist, as words
sources() {
  for path in packages/dashboard/src packages/dashboard/public packages/dashboard/index.html \
    packages/dashboard/vite.config.ts packages/contract/src packages/astro/src package-lock.json; do
    [ ! -e "$path" ] || printf '%s ' "$path"
  done
}

# shellcheck disable=SC2046
if [ -e "$BUILT" ] && [ -z "$(find $(sources) -newer "$BUILT" -type f -print -quit)" ]; then
  exit 0
fi
printf 'building the dashboard\n' >&2
node node_modules/vite/bin/vite.js build packages/dashboard --outDir build --emptyOutDir \
  --logLevel warn >&2
touch "$BUILT"
