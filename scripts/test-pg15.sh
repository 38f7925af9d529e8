#!/bin/sh
# Runs the engine's tests against PostgreSQL 15, the oldest that it supports, from Debian's binaries.
# The server is temporary: a data folder of its own, 127.0.0.1 only, gone when the tests are over.
# Usage: scripts/test-pg15.sh [file filters]     (default: packages/absurd)
set -eu
cd "$(dirname "$0")/.."

BINARIES=${PG15_BINARIES:-/usr/lib/postgresql/15/bin}
[ -x "$BINARIES/postgres" ] || {
  echo "test-pg15: no $BINARIES/postgres; install the Debian package postgresql-15" >&2
  exit 1
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/absurd-pg15-XXXXXX")
# PostgreSQL refuses to run as root; Debian's package brings the user postgres.
if [ "$(id -u)" = 0 ]; then
  chown postgres "$folder"
  as_user() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
else
  as_user() { "$@"; }
fi
stop() {
  as_user "$BINARIES/pg_ctl" -D "$folder/data" -m immediate -s stop || true
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
(umask 077 && printf '%s\n' "$password" >"$folder/password")
[ "$(id -u)" != 0 ] || chown postgres "$folder/password"
port=$(PATH="$PWD/.tools/bin:$PATH" node -e '
  const server = require("node:net").createServer().listen(0, "127.0.0.1", () => {
    console.log(server.address().port);
    server.close();
  });')
as_user "$BINARIES/initdb" --pgdata="$folder/data" --username=absurd --pwfile="$folder/password" \
  --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync >"$folder/initdb.log"
as_user "$BINARIES/pg_ctl" -D "$folder/data" -l "$folder/data/server.log" -s -w -o \
  "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c fsync=off" \
  start

TEST_DATABASE_URL="postgres://absurd:$password@127.0.0.1:$port/postgres"
export TEST_DATABASE_URL
[ $# -gt 0 ] || set -- packages/absurd
scripts/test.sh "$@"
