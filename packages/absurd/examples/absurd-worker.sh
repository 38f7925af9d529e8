#!/usr/bin/env bash
# A worker made of psql: runs a command for each task of one name.
#
#   DATABASE_URL=postgres://... absurd-worker.sh TASK_NAME COMMAND [ARGUMENT...]
#
# The command gets the params as JSON on its standard input and prints the result as JSON, or nothing.
# Exit 0 completes the task, 65 (EX_DATAERR) fails it for good, anything else has it tried again;
# the last line of standard error is the message. What it writes to the file $ABSURD_PROGRESS, as
# "0.5 half way", is its progress. $ABSURD_FENCE says who may write. When the task is cancelled or its
# lease is lost the command and its children get SIGTERM, and SIGKILL after 5 s.
#
# SIGTERM or SIGINT to the worker: it lets the command end, reports it, and leaves.
# QUEUE (default), LEASE_SECONDS (30), POLL_SECONDS (1) may be set.
set -u

[ $# -ge 2 ] || { echo "usage: absurd-worker.sh TASK_NAME COMMAND [ARGUMENT...]" >&2; exit 64; }
TASK_NAME=$1
shift
QUEUE=${QUEUE:-default}
LEASE_SECONDS=${LEASE_SECONDS:-30}
POLL_SECONDS=${POLL_SECONDS:-1}
LEASE_MS=$(awk "BEGIN { printf \"%d\", $LEASE_SECONDS * 1000 }")
BEAT_SECONDS=$(awk "BEGIN { print $LEASE_SECONDS / 6 }")
DIR=$(mktemp -d)
STOPPING=
trap 'STOPPING=1' TERM INT
trap 'rm -rf "$DIR"' EXIT

say() { printf 'absurd-worker: %s\n' "$*" >&2; }

# query SQL [NAME=VALUE...]: runs a statement; values are psql's variables, never part of the text.
# Not 0: it was refused, or the database is away, as $ERROR_FILE says.
query() {
  local sql=$1 each
  shift
  local -a options=()
  for each in "$@"; do options+=(-v "$each"); done
  psql "$DATABASE_URL" -X -q -A -t -F $'\t' -v ON_ERROR_STOP=1 -v VERBOSITY=verbose "${options[@]}" \
    2>"$ERROR_FILE" 9>&- <<<"$sql"
}

why() { grep -m 1 -E 'ERROR|error' "$ERROR_FILE" || tail -n 1 "$ERROR_FILE"; }

# refused WFxxx: the last statement was refused with this SQLSTATE.
refused() { grep -q "ERROR:  $1:" "$ERROR_FILE"; }

stop_command() {
  local pid
  pid=$(cat "$DIR/command.pid" 2>/dev/null) || return 0
  kill -TERM -- "-$pid" 2>/dev/null || return 0
  for _ in $(seq 50); do
    kill -0 -- "-$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$pid" 2>/dev/null
}

# Keeps the lease until its standard input ends: that is when the worker closes it or dies, however
# it dies. A dead worker's command is stopped, and its lease runs out.
keep_lease() {
  trap '' TERM INT
  ERROR_FILE=$DIR/beat.error
  local status fence reason said=''
  while true; do
    read -r -t "$BEAT_SECONDS"
    status=$?
    if [ $status -ne 0 ] && [ $status -le 128 ]; then
      stop_command
      kill -0 "$$" 2>/dev/null || rm -rf "$DIR"
      return
    fi
    query "select absurd.fence_text(b.task_id, b.claim_no, :id, :epoch), b.reason
             from absurd.beat(:id, :epoch) b;" "id=$1" "epoch=$2" >"$DIR/cancels" || {
      if refused WF002; then
        touch "$DIR/dead.$2"
        stop_command
        return
      fi
      say "a heartbeat failed: $(why)"
      continue
    }
    while IFS=$'\t' read -r fence reason; do
      [ "$fence" = "$(cat "$DIR/fence" 2>/dev/null)" ] && stop_command
    done <"$DIR/cancels"
    send_progress "$1" "$2"
    # Recovers and promotes when no other worker does; 0: never keeps that from others.
    query "select from absurd.maintain(:id, :epoch, 0, 30000);" "id=$1" "epoch=$2" ||
      say "maintenance failed: $(why)"
  done
}

send_progress() {
  local line fraction note
  line=$(tail -n 1 "$DIR/progress" 2>/dev/null) || return 0
  [ -n "$line" ] && [ "$line" != "$said" ] || return 0
  read -r fraction note <<<"$line"
  query "select * from absurd.report_progress(:id, :epoch,
           array[absurd.hex_number(split_part(:'fence', '-', 1))],
           array[split_part(:'fence', '-', 2)::int], array[:'fraction'::real], array[:'note']);" \
    "id=$1" "epoch=$2" "fence=$(cat "$DIR/fence")" "fraction=$fraction" "note=$note" >/dev/null
  said=$line
}

register() {
  exec 9>&- # The end of the heartbeat before.
  EPOCH=$(($(od -An -N8 -td8 /dev/urandom) & 0x7fffffffffffffff))
  until WORKER=$(query "select absurd.register_worker(:'name', :epoch, :lease, array[:'queue'], 1,
                          :'host', :pid);" "name=$HOSTNAME-$$" "epoch=$EPOCH" "lease=$LEASE_MS" \
    "queue=$QUEUE" "host=$HOSTNAME" "pid=$$"); do
    say "$(why)"
    sleep 1
  done
  exec 9> >(keep_lease "$WORKER" "$EPOCH")
}

# Runs the command on the claimed task and leaves how it ended in $DIR/status; no such file: stopped.
run_command() {
  rm -f "$DIR/status" "$DIR/progress"
  printf '%s' "$1" >"$DIR/params"
  shift
  ABSURD_PROGRESS=$DIR/progress ABSURD_FENCE=$FENCE setsid bash -c \
    'status=$1; shift; "$@"; echo $? >"$status.new"; mv "$status.new" "$status"' \
    absurd-command "$DIR/status" "$@" <"$DIR/params" >"$DIR/result" 2>"$DIR/errors" 9>&- &
  local pid=$!
  echo "$pid" >"$DIR/command.pid"
  # A signal to the worker ends the wait, not the command.
  while kill -0 "$pid" 2>/dev/null; do wait "$pid"; done
  rm -f "$DIR/command.pid"
}

# Sends how the task ended until it is answered. Twice is harmless: the second is refused with WF001.
report() {
  local status message class
  status=$(cat "$DIR/status" 2>/dev/null || echo stopped)
  message=$(tail -n 1 "$DIR/errors")
  class=retryable
  [ "$status" != 65 ] || class=fatal
  while true; do
    if [ "$status" = 0 ]; then
      query "\\set result \`cat $DIR/result\`
select absurd.complete_task(:'fence', nullif(:'result', '')::jsonb);" "fence=$FENCE" && return
    else
      query "select absurd.fail_task(:'fence', :'message', :'class');" "fence=$FENCE" \
        "message=${message:-exit $status}" "class=$class" && return
    fi
    if refused WF001; then
      say "task $1 is not ours any more; what it made is dropped"
      return
    elif refused 22P02; then
      status=65 class=fatal message="the command printed no JSON"
    else
      say "$(why)"
      sleep 1
    fi
  done
}

ERROR_FILE=$DIR/main.error
until query "select from absurd.register_kinds(jsonb_build_array(jsonb_build_object(
               'task_name', :'name', 'queue_name', :'queue')));" "name=$TASK_NAME" "queue=$QUEUE"; do
  say "$(why)"
  sleep 1
done
register
while [ -z "$STOPPING" ]; do
  if [ -e "$DIR/dead.$EPOCH" ]; then
    say "was declared dead; registering again"
    register
  fi
  if ! row=$(query "select fence, task_id, params
                      from absurd.claim_tasks(:id, :epoch, array[:'queue'], array[:'name'], 1);" \
    "id=$WORKER" "epoch=$EPOCH" "queue=$QUEUE" "name=$TASK_NAME"); then
    if refused WF002; then
      touch "$DIR/dead.$EPOCH"
    else
      # It may have claimed a task and only its answer is lost: give back what we do not know of.
      say "$(why)"
      sleep 1
      query "select from absurd.revalidate(:id, :epoch, '{}', '{}');" "id=$WORKER" "epoch=$EPOCH"
    fi
    continue
  fi
  if [ -z "$row" ]; then
    sleep "$POLL_SECONDS" &
    wait $!
    continue
  fi
  IFS=$'\t' read -r FENCE task_id params <<<"$row"
  printf '%s' "$FENCE" >"$DIR/fence"
  run_command "$params" "$@"
  report "$task_id"
  rm -f "$DIR/fence"
done
exec 9>&-
query "select absurd.leave_worker(:id, :epoch);" "id=$WORKER" "epoch=$EPOCH" >/dev/null
