#!/usr/bin/env python3
"""Medians of the peers' runs as a Markdown table.   usage: table.py peers.jsonl"""
import json, statistics, sys
rows = {}
for l in open(sys.argv[1]):
    j = json.loads(l); a = j.get("args", "")
    what = j["what"].replace("drain0", "drain").replace("workflow3-0", "workflow3")
    a = " ".join(x for x in a.split() if not x.startswith(("bulk", "drain", "latency", "workflow")))
    rows.setdefault((j["peer"], what, a), []).append(j)
print("| peer | what | settings | median | min..max (n) | PG us/job | client us/job | WAL B/job |\n|---|---|---|---|---|---|---|---|")
for (p, w, a), js in rows.items():
    m = lambda k: statistics.median(x[k] for x in js if x.get(k) is not None) if any(x.get(k) is not None for x in js) else None
    f = lambda v: "" if v is None else f"{v:.0f}"
    if "p50_ms" in js[0]: print(f"| {p} | {w} | {a} | p50 {m('p50_ms'):.1f} ms, p99 {m('p99_ms'):.1f} ms | {min(x['p50_ms'] for x in js):.1f}..{max(x['p99_ms'] for x in js):.1f} ({len(js)}) | | | |")
    else: print(f"| {p} | {w} | {a} | {m('per_s'):,.0f}/s | {min(x['per_s'] for x in js):,}..{max(x['per_s'] for x in js):,} ({len(js)}) | {f(m('pg_us_per_job') if 'pg_us_per_job' in js[0] else m('server_us_per_job'))} | {f(m('client_us_per_job'))} | {f(m('wal_b_per_job'))} |")
