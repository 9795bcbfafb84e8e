#!/usr/bin/env python3
"""Makes the tables of docs/benchmarks.md from raw lines: medians of the rounds, with least and most.
usage: table.py [lines]                  prints them; the lines are results/*.ndjson unless named
       table.py --write | --check        puts them into the page; or fails when the page holds anything else"""
import glob, json, os, statistics, sys

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "../../docs/benchmarks.md")
BEGIN, END = "<!-- from here on made by bench/peers/table.py -->\n", "<!-- to here -->\n"
RAW, OURS = "raw SQL", "windlass"
# Cores that other programs may take before rates are no rates.
QUIET = 0.5
# name here, package that has the version
ENGINES = {
    OURS: ("**Windlass**", None),
    "windlass, lines over HTTP": ("**Windlass**, NDJSON over HTTP", None),
    "windlass, worker elsewhere": ("**Windlass**, worker in a process of its own", None),
    "windlass, one process": ("**Windlass**, submits and works in one process", None),
    RAW: ("*raw SQL, no engine*", None),
    "pgboss-node": ("pg-boss", "pg-boss"),
    "graphile-node": ("graphile-worker (Node)", "graphile-worker"),
    "graphile_worker-rs": ("graphile_worker (Rust)", "graphile_worker"),
    "apalis": ("apalis-postgres", "apalis-postgres"),
    "awa": ("awa", "awa"),
    "underway": ("underway", "underway"),
    "procrastinate-py": ("procrastinate", "procrastinate"),
    "pgqueuer-py": ("pgqueuer", "pgqueuer"),
    "dbos-node": ("DBOS Transact (TypeScript)", "@dbos-inc/dbos-sdk"),
    "dbos-py": ("DBOS Transact (Python)", "dbos"),
    "absurd-node": ("Absurd", "absurd-sdk"),
    "restate": ("Restate", "@restatedev/restate-server"),
}
WORKS = [
    ("bulk", 1, "Submission in bulk"),
    ("drain", 1, "Drain, one worker process"),
    ("drain", 2, "Drain, two worker processes"),
    ("workflow3", 1, "Three durable steps"),
    ("latency", 1, "Latency of an idle engine"),
]


def work(line):
    """(what, processes), and whether the peer was stopped before it was through."""
    what = line["what"]
    stopped = what.endswith("timeout")
    what = what.removesuffix("-timeout").rstrip("0123456789-") if what != "workflow3" else what
    what = {"workflow": "workflow3"}.get(what, what)
    return (what, 2 if "procs=2" in line["args"] else 1), stopped


def settings(line):
    """What was asked for besides the amount."""
    words = line["args"].split()
    return " ".join(word for word in words if "=" in word and not word.startswith(("n=", "procs=")))


class Runs:
    """What one engine did in one work, over the rounds."""

    def __init__(self):
        self.lines, self.stopped = [], False

    def spread(self, key, form):
        found = [line[key] for line in self.lines if line.get(key) is not None]
        if not found:
            return ""
        return f"{form(statistics.median(found))} [{form(min(found))}..{form(max(found))}]"

    def median(self, key):
        found = [line[key] for line in self.lines if line.get(key) is not None]
        return statistics.median(found) if found else None


def shown(value, digits=0):
    return "" if value is None else f"{value:,.{digits}f}"


def few(value):
    return shown(value, 1 if value is not None and value < 10 else 0)


def rates(found, is_quiet):
    """Rates only of a quiet machine; what a job costs is hardly changed by other programs."""
    ours = found.get(OURS)
    key = "per_s" if is_quiet else "cpu"
    rows = [(peer, runs) for peer, runs in found.items() if runs.median(key) is not None]
    rows.sort(key=lambda row: row[1].median(key), reverse=is_quiet)
    yield "| Engine |" + (" Jobs/s | Windlass is | Cores busy |" if is_quiet else "") + (
        " CPU µs/job | of Windlass | Server µs | Client µs | WAL B/job | Jobs, rounds |")
    yield "|---|" + "---|" * (9 if is_quiet else 6)
    for peer, runs in rows:
        times = lambda key, ratio: few(ratio(runs.median(key))) + " ×" if ours and runs.median(key) and not peer.startswith(OURS) else ""
        cells = [ENGINES[peer][0] + (" †" if runs.stopped else "")]
        if is_quiet:
            cells += [runs.spread("per_s", shown), times("per_s", lambda rate: ours.median("per_s") / rate), shown(runs.median("cores"), 2)]
        cells += [runs.spread("cpu", few), times("cpu", lambda cpu: cpu / ours.median("cpu")), few(runs.median("server_us")),
                  few(runs.median("client_us")), shown(runs.median("wal_b")), f"{shown(runs.lines[0]['jobs'])}, {len(runs.lines)}"]
        yield f"| {' | '.join(cells)} |"


def latencies(found, _):
    yield "| Engine | p50 ms | p99 ms | Jobs, rounds |"
    yield "|---|---|---|---|"
    tenth = lambda value: shown(value, 1)
    for peer, runs in sorted(found.items(), key=lambda item: item[1].median("p50_ms")):
        yield (f"| {ENGINES[peer][0]} | {runs.spread('p50_ms', tenth)} | {runs.spread('p99_ms', tenth)} "
               f"| {runs.lines[0]['jobs']}, {len(runs.lines)} |")


def versions(about, works):
    yield "| Engine | Version | Settings: submission | drain | three steps | latency |"
    yield "|---|---|---|---|---|---|"
    for peer, (name, package) in ENGINES.items():
        asked = [works.get(key, {}).get(peer) for key in (("bulk", 1), ("drain", 1), ("workflow3", 1), ("latency", 1))]
        if package and any(asked):
            cells = [f"`{settings(runs.lines[0])}`" if runs and settings(runs.lines[0]) else "its own" if runs else "" for runs in asked]
            yield f"| {name} | {about['versions'][package]} | {' | '.join(cells)} |"


def tables(path):
    about, works, other = {}, {}, []
    for text in open(path):
        line = json.loads(text)
        if "about" in line:
            about = line["about"]
            continue
        key, stopped = work(line)
        runs = works.setdefault(key, {}).setdefault(line["peer"], Runs())
        if "server_us" in line:
            line["cpu"] = line["server_us"] + line["client_us"]
        runs.lines.append(line)
        runs.stopped |= stopped
        if "other_cores" in line:
            other.append(line["other_cores"])
    rounds = max(line["round"] for found in works.values() for runs in found.values() for line in runs.lines)
    yield (f"{about['date']}, Windlass {about['windlass']}. {about['cpu']}, {about['cores']} cores shared by client, worker and "
           f"server, {about['memory_gib']} GiB, Linux {about['kernel']}; Postgres {about['postgres']}, Node {about['node'].lstrip('v')}, "
           f"Python {about['python']}, Rust {about['rust']}. rounds: {rounds}.")
    load = statistics.median(other)
    is_quiet = load <= QUIET
    yield f"Load of other programs while a peer was timed, in cores: median {load:.2f}, most {max(other):.2f}."
    if not is_quiet:
        yield "**That is no quiet machine: rates and latencies of this run say nothing and are left out; what a job costs remains.**"
    for what, processes, title in WORKS:
        found = works.get((what, processes)) if is_quiet or what != "latency" else None
        if found:
            yield f"\n### {title}\n"
            yield from (latencies if what == "latency" else rates)(found, is_quiet)
            if any(runs.stopped for runs in found.values()):
                yield "\n† stopped before it was through: the rate is of what it did until then."
    yield "\n### Versions and settings\n"
    yield from versions(about, works)


def main(arguments):
    mode = arguments.pop(0) if arguments and arguments[0].startswith("--") else None
    path = arguments[0] if arguments else max(glob.glob(os.path.join(HERE, "results/*.ndjson")))
    made = "\n".join(tables(path)) + "\n"
    if not mode:
        print(made, end="")
        return
    page = open(PAGE).read()
    head, rest = page.split(BEGIN)
    wanted = head + BEGIN + "\n" + made + "\n" + END + rest.split(END)[1]
    if mode == "--write":
        open(PAGE, "w").write(wanted)
    elif page != wanted:
        sys.exit("docs/benchmarks.md is not what bench/peers/table.py makes of the results: run it with --write")


main(sys.argv[1:])
