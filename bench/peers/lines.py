#!/usr/bin/env python3
"""Lines of peers.jsonl that no peer writes itself.
usage: lines.py about <postgres> <windlass>          what this machine is, and the versions
       lines.py ours <round> <what> < bench.json     what `windlass bench --json` found, as lines like a peer's"""
import datetime, json, os, platform, re, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
read = lambda name: open(os.path.join(HERE, name)).read()
said = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE).stdout.strip()


def about(postgres, windlass):
    memory = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read())[1]) / 2**20
    cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())[1]
    versions = json.loads(read("node/package.json"))["dependencies"]
    versions |= dict(line.split("==") for line in read("python/requirements.txt").split())
    versions |= dict(re.findall(r'^(\S+) = "=(\S+)"', read("rust/Cargo.toml"), re.M))
    print(json.dumps({"about": {
        "date": datetime.date.today().isoformat(), "cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(memory),
        "kernel": platform.release(), "postgres": re.search(r"\d+(\.\d+)*", said(postgres, "--version"))[0],
        "node": said("node", "--version"), "python": platform.python_version(), "rust": said("rustc", "--version").split()[1],
        "windlass": said(windlass, "--version").split()[-1] + ", " + said("git", "log", "-1", "--format=%h", "--", "../../engine", "../../workers", "../../workflows"),
        "versions": versions}}))


def line(round_, peer, what, args, **figures):
    print(json.dumps({"round": round_, "peer": peer, "what": what, "args": args} | figures))


def rates(round_, peer, what, args, j):
    line(round_, peer, what, args, jobs=j["jobs"], secs=j["seconds"], per_s=round(j["jobs_per_s"]),
         server_us=j["pg_cpu_us_per_job"], client_us=j["client_cpu_us_per_job"], wal_b=round(j["wal_bytes_per_job"]),
         cores=round(j["cpu_us_per_job"] * j["jobs"] / j["seconds"] / 1e6, 2))
    line(round_, "raw SQL", what, args, jobs=j["jobs"], per_s=round(j["floor_per_s"]))


def ours(round_, what):
    j = json.loads(sys.stdin.read().splitlines()[-1])
    if what == "latency":
        for peer, times in (("windlass, worker elsewhere", j), ("windlass, one process", j["in_process"])):
            line(round_, peer, what, "", jobs=j["jobs"], p50_ms=times["p50_ms"], p99_ms=times["p99_ms"])
        line(round_, "raw SQL", what, "", jobs=j["jobs"], p50_ms=j["floor_p50_ms"], p99_ms=j["floor_p99_ms"])
        return
    rates(round_, "windlass", what, "procs=2" if j["scenario"] == "drain2" else "", j)
    if "ndjson" in j:
        streams = j["ndjson"] | {"scenario": j["scenario"]}
        figures = {"jobs": j["jobs"]} | streams
        rates(round_, "windlass, lines over HTTP", what, "", figures)


if sys.argv[1] == "about":
    about(*sys.argv[2:])
else:
    ours(int(sys.argv[2]), sys.argv[3])
