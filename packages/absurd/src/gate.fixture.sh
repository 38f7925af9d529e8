#!/bin/sh
# The command of the example's shell worker that waits for a file: for foreign-workers.fault.test.ts.
params=$(cat)
case $params in
*fail*)
  echo "a line before" >&2
  echo "no such field" >&2
  exit 65
  ;;
esac
echo "0.5 half way" >"$ABSURD_PROGRESS"
echo $$ >>"$GO_FILE.pids"
while [ ! -e "$GO_FILE" ]; do sleep 0.05; done
printf '{"passed": %s}\n' "$(echo "$params" | tr -dc 0-9)"
