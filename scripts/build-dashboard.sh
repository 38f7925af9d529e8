#!/bin/sh
# Builds the dashboard's pages into packages/dashboard/build unless they are of these very sources.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"
export PATH

node --input-type=module --eval '
  const { ensureBuilt } = await import("./packages/dashboard/src/bundle.ts");
  await ensureBuilt();
' >&2
