#!/usr/bin/env bash
# Other engines and this one on the same work, each peer on a durable Postgres that all peers share.
# Installs what is missing, runs every peer once a round, rounds interleaved, and prints the tables.
#   bench/peers/run.sh [rounds] [peer…]      default: 3 rounds of all peers, this engine first
# Peers joined by commas are one piece: nothing else of ours happens between their measurements.
#   WINDLASS_PEERS        where everything is built and kept (target/peers)
#   WINDLASS_PEERS_PORT   port of the Postgres (54330)
#   WINDLASS_PEERS_SCALE  how much work: 1 is two to five seconds a measurement, 0.1 shows that all run (1)
#   WINDLASS_PEERS_QUIET  a command that runs each piece, such as one that keeps other work off the machine
#   WINDLASS_PEERS_OURS   the program `windlass` (target/release/windlass, built when missing)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${WINDLASS_PEERS:-$here/../../target/peers}
scale=${WINDLASS_PEERS_SCALE:-1}
all=(windlass pgboss graphile graphile-rs apalis awa underway procrastinate pgqueuer dbos dbos-py absurd restate)
mkdir -p "$work"
work=$(cd "$work" && pwd)
ours=${WINDLASS_PEERS_OURS:-$here/../../target/release/windlass}
out=$work/peers.jsonl

needs() { printf '%s\n' "${peers[@]}" | tr , '\n' | grep -qxE "$1"; }
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
    # Theirs are checked against descriptions that they bring, not against a database that is ours.
    env -u DATABASE_URL SQLX_OFFLINE=true CARGO_TARGET_DIR="$work/cargo" cargo build --release --locked --manifest-path "$here/rust/Cargo.toml"
  fi
  if needs windlass && [ ! -x "$ours" ]; then
    (cd "$here/../.." && CARGO_TARGET_DIR=target cargo build --release --locked --package windlass)
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

# The settings are those of `windlass bench`. Postgres does not run as root; the socket's folder is short, for its path is limited.
as=()
serve() {
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
    -c min_wal_size=2GB -c max_connections=200 -c checkpoint_timeout=1h -c random_page_cost=1.1 \
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
  lines=$(timeout 60 "$@" 2>> "$work/errors.log") || status=$?
  grep '^{' <<< "$lines" | sed "s/^{/{\"round\":$round,/" >> "$out" || true
  [ "$status" -eq 0 ] || echo "  exit $status: $*" >&2
}
# So many jobs at scale 1.
scaled() { awk "BEGIN { printf \"%d\", $1 * $scale }"; }
n() { echo "n=$(scaled "$1")"; }
# What, scenario, jobs. This engine brings a Postgres of its own with the same settings, and takes turns with raw SQL.
ours() {
  local found
  if found=$(env -i PATH="$PATH" HOME="$HOME" WINDLASS_STATE="$work/state" timeout 110 "$ours" -q bench "$2" --json --rounds 1 --jobs "$3" 2>> "$work/errors.log"); then
    python3 "$here/lines.py" ours "$round" "$1" <<< "$found" >> "$out"
  else
    echo "  failed: windlass bench $2" >&2
  fi
}
node_() { run node "$here/node/peers.mjs" "$@"; }
python_() { run "$work/venv/bin/python" "$here/python/peers.py" "$@"; }
rust() { run "$work/cargo/release/$1" "${@:2}"; }
# The settings are the best of a search, within each peer's own documentation.
peer() {
  case $1 in
    windlass)
      ours bulk submit "$(scaled 400000)"
      ours drain drain "$(scaled 400000)"
      ours drain drain2 "$(scaled 400000)"
      ours workflow3 workflow3 "$(scaled 40000)"
      ours latency latency 100 ;;
    pgboss)
      node_ pgboss bulk "$(n 120000)" chunk=5000
      node_ pgboss drain "$(n 90000)" batch=250 lc=8
      node_ pgboss drain "$(n 90000)" batch=250 lc=8 procs=2
      node_ pgboss latency n=100 batch=1 lc=1 notify=1 ;;
    graphile)
      node_ graphile bulk "$(n 150000)" chunk=5000
      node_ graphile drain "$(n 150000)" conc=24 lq=2000 cb=5
      node_ graphile drain "$(n 150000)" conc=24 lq=2000 cb=5 procs=2
      node_ graphile latency n=100 conc=10 lq=0 cb=-1 ;;
    graphile-rs)
      rust graphile bulk "$(n 100000)" chunk=5000
      rust graphile drain "$(n 150000)" conc=32 lq=2000 cb=1
      rust graphile drain "$(n 150000)" conc=32 lq=2000 cb=1 procs=2
      rust graphile latency n=100 lq=0 cb=0 conc=10 poll=1000 ;;
    apalis)
      rust apalis bulk "$(n 200000)" chunk=5000
      rust apalis drain "$(n 60000)" batch=5000 conc=1000
      rust apalis drain "$(n 60000)" batch=5000 conc=1000 procs=2
      rust apalis latency n=100 batch=10 conc=100 ;;
    awa)
      rust awa bulk "$(n 200000)" chunk=1000
      rust awa drain "$(n 20000)" conc=2000
      rust awa drain "$(n 20000)" conc=2000 procs=2
      rust awa latency n=100 conc=200 ;;
    underway)
      rust underway bulk "$(n 200000)" chunk=5000
      rust underway drain "$(n 1000)" conc=16
      rust underway workflow "$(n 480)" conc=16
      rust underway latency n=100 conc=4 ;;
    procrastinate)
      python_ procrastinate bulk "$(n 25000)" chunk=1000
      python_ procrastinate drain "$(n 2000)" conc=50
      python_ procrastinate drain "$(n 2000)" conc=50 procs=2
      python_ procrastinate latency n=100 conc=10 ;;
    pgqueuer)
      python_ pgqueuer bulk "$(n 150000)" chunk=1000
      python_ pgqueuer drain "$(n 60000)" batch=500
      python_ pgqueuer drain "$(n 60000)" batch=500 procs=2
      python_ pgqueuer latency n=100 batch=10 ;;
    dbos)
      node_ dbos bulk "$(n 10000)" prod=64
      node_ dbos drain "$(n 5000)" wc=500 poll=10
      node_ dbos drain "$(n 5000)" wc=500 poll=10 procs=2
      node_ dbos workflow "$(n 1500)" wc=500 poll=10
      node_ dbos latency n=100 wc=500 poll=10 ;;
    dbos-py)
      python_ dbos drain "$(n 2500)" wc=200 poll=0.01
      python_ dbos workflow "$(n 300)" wc=200 poll=0.01
      python_ dbos latency n=100 wc=200 poll=0.01 ;;
    absurd)
      node_ absurd bulk "$(n 15000)" prod=32
      node_ absurd drain "$(n 6000)" conc=100
      node_ absurd drain "$(n 6000)" conc=100 procs=2
      node_ absurd workflow "$(n 1600)" conc=100
      node_ absurd latency n=100 conc=4 ;;
    restate)
      run node "$here/node/restate.mjs" drain "$(n 6000)" prod=128
      run node "$here/node/restate.mjs" workflow "$(n 3500)" prod=128
      run node "$here/node/restate.mjs" latency n=100 ;;
    *) echo "no peer is called $1; there are: ${all[*]}" >&2; exit 2 ;;
  esac
}
# Peers that follow one another in one round; this script calls itself for it.
piece() {
  local name
  round=$1
  for name in ${2//,/ }; do
    echo "round $round: $name" >&2
    peer "$name"
  done
}

if [ "${1:-}" = piece ]; then
  piece "$2" "$3"
  exit
fi
rounds=${1:-3}
[ $# -eq 0 ] || shift
peers=("${@:-${all[@]}}")
port=${WINDLASS_PEERS_PORT:-54330}
bin=$(programs)
install
serve
# An address without the database's name, by socket, as ours is reached.
export PEER_URL=postgres://postgres@${sockets//\//%2F}:$port PEER_SOCK="host=$sockets port=$port user=postgres"
export PEER_POSTMASTER=$server PEER_MODULES=$work/node ABSURDCTL=$work/venv/bin/absurdctl RESTATE_DIR=$work/restate
export WINDLASS_PEERS=$work
python3 "$here/lines.py" about "$bin/postgres" "$ours" > "$out"
for round in $(seq "$rounds"); do
  for names in "${peers[@]}"; do
    ${WINDLASS_PEERS_QUIET:-} "$0" piece "$round" "$names"
  done
done
python3 "$here/table.py" "$out"
