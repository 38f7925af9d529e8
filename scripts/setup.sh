#!/bin/sh
# Prepares a machine: Debian packages, Node 24, npm packages, native addons. Each step is skipped
# when it is already done, so a second run takes well under a second.
# Usage: scripts/setup.sh run|test     (test adds the independent referees)
set -eu
cd "$(dirname "$0")/.."

PURPOSE=${1:-run}
NODE_MAJOR_MIN=24
RUN_PACKAGES="wsclean casacore-data casacore-dev libhdf5-dev liblzf-dev pkg-config"
TEST_PACKAGES="aoflagger fitsverify python3-casacore python3-h5py python3-astropy python3-numpy
  python3-prometheus-client python3-psycopg postgresql-client pgbouncer chromium"

say() { printf '%s\n' "$*" >&2; }

missing_packages() {
  for package in $1; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
      printf '%s ' "$package"
  done
}

install_debian_packages() {
  command -v dpkg-query >/dev/null || {
    say "setup: not a Debian machine; the science stages need: $1"
    return 0
  }
  missing=$(missing_packages "$1")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo"; else
    say "setup: not root, so the science stages stay off until you run:"
    say "  sudo apt-get install --no-install-recommends $missing"
    return 0
  fi
  say "setup: installing Debian packages: $missing"
  log=.cache/apt.log
  mkdir -p .cache
  # shellcheck disable=SC2086 # the lists are words on purpose
  { $as_root apt-get update -q &&
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends $missing; } \
    >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    say "setup: apt-get failed (log: $log); the science stages stay off until you run:"
    say "  apt-get install --no-install-recommends $missing"
  }
}

node_major() { "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

# Leaves the Node that runs everything at .tools/bin/node.
install_node() {
  mkdir -p .tools/bin
  [ "$(node_major .tools/bin/node)" -ge "$NODE_MAJOR_MIN" ] && return 0
  if [ "$(node_major node)" -ge "$NODE_MAJOR_MIN" ]; then
    ln -sf "$(node -p process.execPath)" .tools/bin/node
    return 0
  fi
  say "setup: this machine's Node is older than $NODE_MAJOR_MIN; installing npm package node@24 into .tools"
  mkdir -p .tools/node
  printf '%s\n' '{"private":true,"dependencies":{"node":"24.21.0"},"allowScripts":{"node":true}}' \
    >.tools/node/package.json
  npm install --prefix .tools/node --no-audit --no-fund --loglevel=error >&2
  ln -sf ../node/node_modules/node/bin/node .tools/bin/node
  [ "$(node_major .tools/bin/node)" -ge "$NODE_MAJOR_MIN" ] || {
    say "setup: npm package node@24 did not give a Node $NODE_MAJOR_MIN; install Node 24 yourself"
    exit 1
  }
}

install_npm_packages() {
  [ node_modules/.package-lock.json -nt package-lock.json ] && return 0
  say "setup: npm ci"
  npm ci --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.package-lock.json
}

if [ "$PURPOSE" = test ]; then
  install_debian_packages "$RUN_PACKAGES $TEST_PACKAGES"
else
  install_debian_packages "$RUN_PACKAGES"
fi
install_node
PATH="$PWD/.tools/bin:$PATH"
export PATH
install_npm_packages
node scripts/build-addons.ts
