#!/usr/bin/env bash
# Other engines on the same work, on a durable Postgres of their own. Installs what is missing, runs
# every peer once a round, rounds interleaved, and prints a table.
#   bench/peers/run.sh [rounds] [peer…]      default: 3 rounds of all peers
# Everything is built and kept below WINDLASS_PEERS (default: target/peers).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${WINDLASS_PEERS:-$here/../../target/peers}
rounds=${1:-3}
[ $# -eq 0 ] || shift
all=(pgboss graphile graphile-rs apalis awa underway procrastinate pgqueuer dbos dbos-py absurd restate)
peers=("${@:-${all[@]}}")
mkdir -p "$work/sock"
work=$(cd "$work" && pwd)
out=$work/peers.jsonl
: > "$out"

needs() { printf '%s\n' "${peers[@]}" | grep -qxE "$1"; }
install() {
  if needs 'pgboss|graphile|dbos|absurd|restate'; then
    mkdir -p "$work/node"
    cp "$here/node/package.json" "$work/node/"
    (cd "$work/node" && npm install --no-audit --no-fund --silent)
  fi
  if needs 'procrastinate|pgqueuer|dbos-py|absurd'; then
    [ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --requirement "$here/python/requirements.txt"
  fi
  if needs 'graphile-rs|apalis|awa|underway'; then
    CARGO_TARGET_DIR=$work/cargo cargo build --release --locked --manifest-path "$here/rust/Cargo.toml"
  fi
}

# The programs, newest first; the same places as engine/src/local/find.rs.
programs() {
  local folder
  for folder in "${WINDLASS_PG_BIN:-}" "$(dirname "$(command -v initdb || echo /nonexistent/x)")" \
    $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin 2> /dev/null | sort -rV); do
    if [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ]; then echo "$folder"; return; fi
  done
  echo "no Postgres programs found: .ci/install brings them" >&2
  exit 69
}

# Postgres does not run as root; the socket's folder is short, for its path is limited.
as=()
serve() {
  local bin
  bin=$(programs)
  sockets=$(mktemp -d /tmp/windlass-peers-XXXXXX)
  data=$sockets/data
  if [ "$(id -u)" -eq 0 ]; then
    local account
    account=$(id -un postgres 2> /dev/null || echo nobody)
    chown "$account" "$sockets"
    as=(setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups)
  fi
  (cd / && "${as[@]}" "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C > /dev/null)
  (cd / && exec "${as[@]}" "$bin/postgres" -D "$data" -k "$sockets" -p "$port" -c listen_addresses=127.0.0.1 \
    -c fsync=on -c synchronous_commit=on -c full_page_writes=on -c shared_buffers=2GB -c max_wal_size=8GB \
    -c min_wal_size=2GB -c max_connections=200 -c checkpoint_timeout=15min -c random_page_cost=1.1 \
    2> "$work/postgres.log") &
  server=$!
  for _ in $(seq 200); do
    [ "$(sed -n 8p "$data/postmaster.pid" 2> /dev/null | tr -d ' ')" = ready ] && return
    kill -0 "$server" 2> /dev/null || { cat "$work/postgres.log" >&2; exit 1; }
    sleep 0.1
  done
  echo "Postgres is not ready" >&2
  exit 1
}
finish() {
  [ -z "${server:-}" ] || { kill -INT "$server" 2> /dev/null && wait "$server"; } || true
  [ -z "${sockets:-}" ] || rm -rf "$sockets"
}
trap finish EXIT

run() {
  local lines status=0
  lines=$(timeout 110 "$@" 2>> "$work/errors.log") || status=$?
  grep '^{' <<< "$lines" | sed "s/^{/{\"round\":$round,/" >> "$out" || true
  [ "$status" -eq 0 ] || echo "  exit $status: $*" >&2
}
node_() { run node "$here/node/peers.mjs" "$@"; }
python_() { run "$work/venv/bin/python" "$here/python/peers.py" "$@"; }
rust() { run "$work/cargo/release/$1" "${@:2}"; }
# The settings are the best of a search, within each peer's own documentation.
peer() {
  case $1 in
    pgboss)
      node_ pgboss bulk n=100000
      node_ pgboss drain n=100000 batch=250 lc=8
      node_ pgboss drain n=100000 batch=250 lc=8 procs=2
      node_ pgboss latency batch=1 lc=1 notify=1 ;;
    graphile)
      node_ graphile bulk n=100000
      node_ graphile drain n=100000 conc=24 lq=2000 cb=5
      node_ graphile drain n=100000 conc=24 lq=2000 cb=5 procs=2
      node_ graphile latency conc=10 lq=0 cb=-1 ;;
    graphile-rs)
      rust graphile bulk n=100000
      rust graphile drain n=100000 conc=32 lq=2000 cb=1
      rust graphile drain n=100000 conc=32 lq=2000 cb=1 procs=2
      rust graphile latency lq=0 cb=0 conc=10 poll=1000 ;;
    apalis)
      rust apalis bulk n=100000
      rust apalis drain n=100000 batch=5000 conc=1000
      rust apalis drain n=100000 batch=5000 conc=1000 procs=2
      rust apalis latency ;;
    awa)
      rust awa bulk n=100000 chunk=1000
      rust awa drain n=100000 conc=2000
      rust awa drain n=100000 conc=2000 procs=2
      rust awa latency ;;
    underway)
      rust underway bulk n=100000
      rust underway drain n=20000 conc=16
      rust underway latency conc=4
      rust underway workflow n=2000 conc=16 ;;
    procrastinate)
      python_ procrastinate bulk n=100000
      python_ procrastinate drain n=20000 conc=50
      python_ procrastinate drain n=20000 conc=50 procs=2
      python_ procrastinate latency conc=10 ;;
    pgqueuer)
      python_ pgqueuer bulk n=100000
      python_ pgqueuer drain n=50000 batch=500
      python_ pgqueuer drain n=50000 batch=500 procs=2
      python_ pgqueuer latency batch=10 ;;
    dbos)
      node_ dbos bulk n=10000
      node_ dbos drain n=10000
      node_ dbos drain n=10000 procs=2
      node_ dbos latency poll=10
      node_ dbos workflow n=5000
      node_ dbos workflow n=5000 procs=2 ;;
    dbos-py)
      python_ dbos drain n=5000
      python_ dbos workflow n=3000
      python_ dbos latency ;;
    absurd)
      node_ absurd bulk n=20000 prod=32
      node_ absurd drain n=20000 conc=100
      node_ absurd drain n=20000 conc=100 procs=2
      node_ absurd latency conc=4
      node_ absurd workflow n=5000 conc=100
      node_ absurd workflow n=5000 conc=100 procs=2 ;;
    restate)
      run node "$here/node/restate.mjs" workflow n=10000 prod=128
      run node "$here/node/restate.mjs" drain n=20000 prod=128
      run node "$here/node/restate.mjs" latency ;;
    *) echo "no peer is called $1; there are: ${all[*]}" >&2; exit 2 ;;
  esac
}

port=${WINDLASS_PEERS_PORT:-54330}
install
serve
export PEER_URL=postgres://postgres@127.0.0.1:$port PEER_SOCK="host=$sockets port=$port user=postgres"
export PEER_MODULES=$work/node ABSURDCTL=$work/venv/bin/absurdctl RESTATE_DIR=$work/restate
for round in $(seq "$rounds"); do
  for name in "${peers[@]}"; do
    echo "round $round: $name" >&2
    peer "$name"
  done
done
python3 "$here/table.py" "$out"
