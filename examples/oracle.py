#!/usr/bin/env python3
"""An oracle outside the product: counts incidents and cost per origin state from the CSV file and compares them
with what a batch of state briefs and a batch of the national report have kept. Python 3.11, nothing to install.

    oracle.py --api http://127.0.0.1:7411/v1 --object-batch b_X --combined-batch b_Y
    oracle.py DEMO.json           what `windlass demo --headless --json` printed: {"results": {...}, ...}
    oracle.py --results FILE      a JSON file {"object": [{...result}], "combined": {...result}}
    oracle.py --figures           prints the figures as JSON and compares nothing

Exit: 0 all equal, 1 differences (one a line), 2 the results could not be read.
"""

import argparse
import csv
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

DATA = pathlib.Path(__file__).resolve().parent / "data" / "birdstrikes.csv"
TIMEOUT_SECONDS = 60


def main():
    arguments = parse_arguments()
    figures = expected(arguments.csv)
    if arguments.figures:
        print(json.dumps(figures, indent=1))
        return 0
    try:
        briefs, report, problems = results(arguments)
    except (OSError, ValueError) as error:
        print(f"the results could not be read: {error}", file=sys.stderr)
        return 2
    differences = problems + compare_states(figures["states"], briefs) + compare_total(figures, report)
    for difference in differences:
        print(difference)
    if not differences:
        print(f"{len(figures['states'])} states, {figures['incidents']} incidents, cost {figures['cost']}: all equal")
    return 1 if differences else 0


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compares the results of two batches with the CSV file.")
    parser.add_argument("demo", nargs="?", type=pathlib.Path, metavar="DEMO.json", help="the output of the demo")
    parser.add_argument("--csv", type=pathlib.Path, default=DATA, help="the data file (default: %(default)s)")
    parser.add_argument("--api", help="address of the API, such as http://127.0.0.1:7411/v1")
    parser.add_argument("--object-batch", help="id of the batch with one job per state")
    parser.add_argument("--combined-batch", help="id of the batch with the national report")
    parser.add_argument("--results", type=pathlib.Path, help="read the results from this JSON file instead of the API")
    parser.add_argument("--figures", action="store_true", help="print the expected figures and stop")
    arguments = parser.parse_args()
    by_api = [arguments.api, arguments.object_batch, arguments.combined_batch]
    arguments.results = arguments.results or arguments.demo
    if not (arguments.figures or arguments.results or all(by_api)):
        parser.error("give DEMO.json or --results FILE, or --api with --object-batch and --combined-batch")
    return arguments


def expected(path):
    """Incidents and cost per state and in total. A blank cost is zero."""
    states = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            state = states.setdefault(row["Origin State"], {"incidents": 0, "cost": 0})
            state["incidents"] += 1
            state["cost"] += int(row["Cost Total $"] or 0)
    return {
        "incidents": sum(state["incidents"] for state in states.values()),
        "cost": sum(state["cost"] for state in states.values()),
        "states": dict(sorted(states.items())),
    }


def results(arguments):
    """The results of both batches, and what was wrong with their rows."""
    if arguments.results:
        with open(arguments.results, encoding="utf-8") as file:
            document = json.load(file)
        if isinstance(document, dict):
            document = document.get("results", document)  # The demo's output holds more than results.
        if not isinstance(document, dict) or not isinstance(document.get("object"), list):
            raise ValueError(f"{arguments.results} must hold {{ \"object\": [...], \"combined\": {{...}} }}")
        return document["object"], document.get("combined"), []
    briefs, brief_problems = from_manifest(manifest(arguments.api, arguments.object_batch), "object")
    reports, report_problems = from_manifest(manifest(arguments.api, arguments.combined_batch), "figures")
    if len(reports) != 1:
        report_problems.append(f"combined: {len(reports)} different results instead of 1")
    return briefs, reports[0] if reports else None, brief_problems + report_problems


def manifest(api, batch):
    """The rows of a batch's manifest, a member each."""
    headers = {"Accept": "application/x-ndjson"}
    if token := os.environ.get("WINDLASS_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{api.rstrip('/')}/batches/{batch}/manifest", headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        return [json.loads(line) for line in response if line.strip()]


def from_manifest(rows, kind):
    """Each different result once: the members of a job share its result, so most rows repeat one."""
    found, problems = {}, []
    if not rows:
        problems.append(f"{kind}: the manifest is empty")
    for row in rows:
        result = row.get("result")
        if row.get("state") != "completed":
            problems.append(f"member {row.get('n')} of {row.get('object')}: state {row.get('state')}")
        elif isinstance(result, dict) and (kind in result or kind == "object"):
            found.setdefault(json.dumps(result, sort_keys=True), result)
            if kind == "object" and result.get("state") != row.get("object"):
                problems.append(f"member {row.get('n')} of {row.get('object')}: result of {result.get('state')}")
    return list(found.values()), problems


def compare_states(states, briefs):
    differences, seen = [], set()
    for brief in briefs:
        name = brief.get("state")
        if name in seen:
            differences.append(f"{name}: more than one result")
        elif name not in states:
            differences.append(f"{name}: no such state in the data")
        else:
            differences += compare(name, states[name], brief)
            differences += [] if brief.get("brief") else [f"{name}: the brief is empty"]
        seen.add(name)
    return differences + [f"{name}: no result" for name in states if name not in seen]


def compare_total(figures, report):
    if not isinstance(report, dict) or not isinstance(report.get("figures"), dict):
        return ["combined: no figures"]
    differences = compare("combined", figures, report["figures"])
    return differences + ([] if report.get("report") else ["combined: the report is empty"])


def compare(name, wanted, given):
    """Exact: a number that is equal but not an integer in JSON is a difference too."""
    return [
        f"{name}: {key} {json.dumps(given.get(key))} instead of {wanted[key]}"
        for key in ("incidents", "cost")
        if type(given.get(key)) is not int or given[key] != wanted[key]
    ]


if __name__ == "__main__":
    sys.exit(main())
