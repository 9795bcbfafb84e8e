#!/usr/bin/env python3
"""An oracle outside the product: what a batch over a file must come to, computed from the file and the recipe alone,
and compared with what the API says. Python 3.11, nothing to install.

    batch_oracle.py RECIPE.json FILE SHOWN.json MANIFEST.ndjson [OUTPUTS.ndjson]

RECIPE is a JobConfiguration over FILE (NDJSON or CSV), whose filter, if any, is `.field != number`. SHOWN is what
`windlass batch show -o json` printed, MANIFEST what `windlass batch manifest` did. The template must answer
`{ "given": its whole input }` and fail where a document's `fail` is true; OUTPUTS has `{ "job", "output" }` of jobs that
several members share.

Exit: 0 all equal, 1 differences (one a line), 2 something could not be read.
"""

import csv
import hashlib
import json
import re
import struct
import sys

DOCUMENT_BYTES_MAX = 1 << 20
SEPARATOR = "\x1f"


def main():
    if not 5 <= len(sys.argv) <= 6:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        recipe, shown = (json.load(open(path, encoding="utf-8")) for path in (sys.argv[1], sys.argv[3]))
        manifest = lines(sys.argv[4])
        outputs = {one["job"]: one["output"] for one in (lines(sys.argv[5]) if len(sys.argv) == 6 else [])}
        plan = Plan(recipe, read(sys.argv[2]))
    except (OSError, ValueError, KeyError) as error:
        print(f"not readable: {error!r}", file=sys.stderr)
        return 2
    differences = list(compare_figures(plan, shown)) + list(compare_rows(plan, manifest, outputs))
    for difference in differences[:50]:
        print(difference)
    if not differences:
        print(f"{len(plan.members)} members, {len(plan.jobs)} jobs, {len(plan.left_out)} left out: all equal")
    return 1 if differences else 0


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read(path):
    """Rows of a file, from 1: a document, or None where there is none."""
    if path.endswith(".csv"):
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
        cell = lambda text: text if text != "" else None
        return [dict(zip(header, map(cell, row))) if len(row) == len(header) else None for row in rows]
    with open(path, encoding="utf-8") as file:
        texts = [line for line in file if line.strip()]
    # A line that is too long is not even parsed by the product.
    return [json.loads(text) if len(text.encode()) <= DOCUMENT_BYTES_MAX else None for text in texts]


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def size_of(text):
    number, unit = re.fullmatch(r"(\d+)(B|KiB|MiB)", text).groups()
    return int(number) * {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[unit]


def text_of(value):
    """A key as text: numbers that are equal are one key."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    return value if isinstance(value, str) else None


class Plan:
    """Members in order, the jobs that they make, and the rows that were left out."""

    def __init__(self, recipe, documents):
        self.strategy, self.chunk = recipe["strategy"], recipe.get("chunk")
        if self.chunk:
            self.chunk = {"max_items": 1000, "max_bytes": "1MiB"} | self.chunk
            self.chunk["max_bytes"] = size_of(self.chunk["max_bytes"])
        self.left_out, self.chunks = [], 0
        rows = self.once(recipe, self.keyed(recipe["selection"], documents))
        self.members = self.kept(recipe["selection"], rows)
        self.jobs = self.grouped()

    def keyed(self, selection, documents):
        """Rows with a key and an object; (n, key, object, document)."""
        fields = selection.get("key", [])
        fields = [fields] if isinstance(fields, str) else fields
        for n, document in enumerate(documents, 1):
            parts = [text_of((document or {}).get(field)) for field in fields]
            key = SEPARATOR.join(parts) if all(part is not None for part in parts) else None
            place = (document or {}).get(selection["object"]) if "object" in selection else None
            is_odd = isinstance(place, (list, dict))
            if document is None or key is None or is_odd or len(compact(document).encode()) > DOCUMENT_BYTES_MAX:
                self.left_out.append((n, "", "invalid"))
            else:
                yield n, key if fields else str(n), text_of(place), document

    def once(self, recipe, rows):
        """One row a key, the first or the last."""
        rows, kept = list(rows), {}
        for row in rows:
            if row[1] not in kept or recipe["selection"]["rows"]["duplicate"] == "last":
                kept[row[1]] = row[0]
        for row in rows:
            if kept[row[1]] != row[0]:
                self.left_out.append((row[0], row[1], "duplicate"))
        return [row for row in rows if kept[row[1]] == row[0]]

    def kept(self, selection, rows):
        """What the filter keeps, in the order of the strategy, numbered anew."""
        condition = re.fullmatch(r"\.(\w+) != (\d+)", selection.get("filter", ".n != 0"))
        field, number = condition[1], int(condition[2])
        rows = [row for row in rows if row[3].get(field) != number]
        if self.strategy == "object":
            self.left_out += [(n, key, "invalid") for n, key, place, _ in rows if place is None]
            rows = [row for row in rows if row[2] is not None]
            rows.sort(key=lambda row: (row[2].encode(), row[0]))
        self.left_out.sort()
        rows = rows[: selection.get("limit")]
        return [Member(n, *row[1:]) for n, row in enumerate(rows, 1)]

    def grouped(self):
        """The input of every job."""
        groups = []
        for member in self.members:
            alone = self.strategy == "individual" or not groups
            if alone or self.strategy == "object" and groups[-1][0].object != member.object:
                groups.append([])
            groups[-1].append(member)
            member.job = len(groups) - 1
        return [self.given(group) for group in groups]

    def given(self, group):
        if self.strategy == "individual":
            return group[0].document
        of = {"object": group[0].object} if self.strategy == "object" else {}
        if self.chunk:
            return of | {"count": len(group), "chunks": self.cut(group)}
        keys, items = [one.key for one in group], [one.document for one in group]
        return of | {"count": len(group), "keys": keys, "items": items}

    def cut(self, group):
        """Numbers the chunks of one job; how many there are."""
        chunk = items = size = 0
        for member in group:
            length = len(compact(member.document).encode())
            if not chunk or items >= self.chunk["max_items"] or size + length > self.chunk["max_bytes"]:
                chunk, items, size = chunk + 1, 0, 0
            items, size, member.chunk = items + 1, size + length, chunk
        self.chunks += chunk
        return chunk

    def fails(self, job):
        documents = [member.document for member in self.members if member.job == job]
        return not (self.chunk and self.strategy != "individual") and any(one.get("fail") is True for one in documents)

    def selection_hash(self):
        """SHA-256 over key, object and document of each member, each with its length before it."""
        digest = hashlib.sha256()
        for member in self.members:
            for part in (member.key, member.object, compact(member.document)):
                bytes_ = b"" if part is None else part.encode()
                digest.update(struct.pack(">Q", 2**64 - 1 if part is None else len(bytes_)) + bytes_)
        return digest.hexdigest()


class Member:
    def __init__(self, n, key, place, document):
        self.n, self.key, self.object, self.document = n, key, place, document
        self.chunk = self.job = None


def compare_figures(plan, shown):
    failed = sum(plan.fails(job) for job in range(len(plan.jobs)))
    wanted = {
        "state": "completed_with_errors" if failed else "completed",
        "planned.members": len(plan.members),
        "planned.jobs": len(plan.jobs),
        "planned.chunks": plan.chunks,
        "planned.left_out": len(plan.left_out),
        "progress.settled": len(plan.jobs),
        "progress.now.completed": len(plan.jobs) - failed or None,
        "progress.now.failed": failed or None,
        "selection_hash": plan.selection_hash(),
    }
    for path, value in wanted.items():
        found = shown
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if found != value:
            yield f"{path}: {found!r} instead of {value!r}"


def compare_rows(plan, manifest, outputs):
    if len(manifest) != len(plan.members) + len(plan.left_out):
        yield f"{len(manifest)} rows in the manifest instead of {len(plan.members)} and {len(plan.left_out)} left out"
        return
    jobs = {}
    for row, member in zip(manifest, plan.members):
        failed = plan.fails(member.job)
        wanted = {"n": member.n, "key": member.key, "object": member.object, "chunk": member.chunk}
        wanted["state"] = "failed" if failed else "completed"
        yield from differences(f"member {member.n}", row, wanted)
        if jobs.setdefault(member.job, row["job"]) != row["job"]:
            yield f"member {member.n}: job {row['job']} instead of {jobs[member.job]}"
        result = row.get("result") if plan.strategy == "individual" else outputs.get(row["job"])
        given = {"given": plan.jobs[member.job]}
        if not failed and result != given:
            yield f"member {member.n}: {compact(result)[:200]} instead of {compact(given)[:200]}"
    if len(set(jobs.values())) != len(plan.jobs):
        yield f"{len(set(jobs.values()))} jobs in the manifest instead of {len(plan.jobs)}"
    for row, (n, key, code) in zip(manifest[len(plan.members):], plan.left_out):
        wanted = {"n": n, "key": key, "state": "left_out", "code": code, "job": None}
        yield from differences(f"row {n}", row, wanted)


def differences(name, row, wanted):
    for field, value in wanted.items():
        if row.get(field) != value:
            yield f"{name}: {field} {row.get(field)!r} instead of {value!r}"


if __name__ == "__main__":
    sys.exit(main())
