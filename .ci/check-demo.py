#!/usr/bin/env python3
"""Checks the one JSON object that `demo --headless --json` prints.

Usage: check-demo.py DEMO.json ELAPSED_MS

The figures are those of examples/data/birdstrikes.csv: 10,000 rows and 29 origin states.
"""

import json
import sys

MEMBERS = 10_000
JOBS = {"individual": 10_000, "object": 29, "combined": 1}
ELAPSED_MS_MAX = 40_000


def problems(demo, elapsed_ms):
    """Everything that is wrong, in words."""
    batches = demo.get("batches", [])
    for strategy, jobs in JOBS.items():
        found = [batch for batch in batches if batch.get("strategy") == strategy]
        if len(found) != 1:
            yield f"{len(found)} batches with strategy {strategy}, expected 1"
            continue
        expected = {"members": MEMBERS, "jobs": jobs, "completed": jobs, "failed": 0}
        for name, figure in expected.items():
            if found[0].get(name) != figure:
                yield f"{strategy}: {name} is {found[0].get(name)!r}, expected {figure}"
    states = [slot.get("state") for slot in demo.get("slots", [])]
    if "fired" not in states:
        yield f"no slot has fired; states are {states}"
    if not demo.get("database"):
        yield "nothing is said about the database"
    if elapsed_ms > ELAPSED_MS_MAX:
        yield f"took {elapsed_ms} ms, at most {ELAPSED_MS_MAX} are allowed"


def main():
    path, elapsed_ms = sys.argv[1], int(sys.argv[2])
    with open(path, encoding="utf-8") as file:
        demo = json.load(file)  # One object and nothing else, or this fails.
    found = list(problems(demo, elapsed_ms))
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        return 1
    for batch in demo["batches"]:
        print(f"{batch['strategy']}: {batch['completed']} of {batch['jobs']} jobs completed")
    print(f"whole demo in {elapsed_ms} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
