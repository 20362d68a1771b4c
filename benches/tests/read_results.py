"""Reads what a map run's ResultWriter left in a folder, and holds it against the CSV that the run read.

    python3 read_results.py BUCKET_FOLDER MANIFEST_KEY SOURCE.csv

The first column of the CSV is the row's number, from 0. A child's input is a row or `{"Items": [row, ...]}`; its output
is its input. Everything is read from the files alone, as input-output-resultwriter.html of the Step Functions developer
guide describes them, by Python's own csv and json. Prints the counts as JSON; anything unexpected ends it with an error.
"""

import csv
import json
import os
import re
import sys
from array import array

PIECE_CHARACTERS = 1 << 20

SUCCEEDED_MEMBERS = {
    "ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveStatus",
    "RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate",
}


def require(holds, what):
    if not holds:
        raise SystemExit(f"read_results: {what}")


def elements(path):
    """The elements of a JSON array, one after the other: the file is larger than what should be held."""
    decoder = json.JSONDecoder()
    space = re.compile(r"\s*")
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read(PIECE_CHARACTERS)
        require(text.startswith("["), f"{path} is no array")
        at = 1
        while not text.startswith("]", at):
            try:
                element, end = decoder.raw_decode(text, space.match(text, at).end())
                end = space.match(text, end).end()
            except json.JSONDecodeError:
                end = len(text)
            if end < len(text):
                yield element
                require(text[end] in ",]", f"{path}: {text[end]!r} behind an element")
                at = end + (text[end] == ",")
                continue
            more = file.read(PIECE_CHARACTERS)
            require(more, f"{path} is no whole array")
            text, at = text[at:] + more, 0
        require(at + 1 == len(text) and not file.read(1), f"{path} goes on behind its array")


def result_files(folder, manifest_key):
    """The statuses and records of all files that the manifest names; no other result file lies beside it."""
    with open(os.path.join(folder, manifest_key), encoding="utf-8") as file:
        manifest = json.load(file)
    require(set(manifest) == {"DestinationBucket", "MapRunArn", "ResultFiles"}, f"members {sorted(manifest)}")
    require(set(manifest["ResultFiles"]) == {"FAILED", "PENDING", "SUCCEEDED"}, "statuses of the manifest")
    home = os.path.dirname(manifest_key)
    run = manifest["MapRunArn"].rsplit(":", 1)[1]
    require(home.endswith("/" + run), f"{home} is not named after {manifest['MapRunArn']}")
    named = []
    for status, files in manifest["ResultFiles"].items():
        for number, file in enumerate(files):
            require(file["Key"] == f"{home}/{status}_{number}.json", f"the key {file['Key']}")
            path = os.path.join(folder, file["Key"])
            require(os.path.getsize(path) == file["Size"], f"{path} has not {file['Size']} bytes")
            named.append((status, path))
    there = {name for name in os.listdir(os.path.join(folder, home)) if not name.startswith(".")}
    require(there == {os.path.basename(path) for _, path in named} | {"manifest.json"}, f"files {sorted(there)}")
    return named


def items_of(record, status):
    """The items of a record, whose `Input` and `Output` are JSON in a text."""
    require(record["Status"] == status, f"{record['Status']} among {status}")
    require(isinstance(record["Input"], str), "an Input that is no text")
    given = json.loads(record["Input"])
    if status == "SUCCEEDED":
        require(set(record) == SUCCEEDED_MEMBERS, f"members {sorted(record)}")
        require(isinstance(record["Output"], str), "an Output that is no text")
        require(json.loads(record["Output"]) == given, "an output that is not the input")
        require(record["InputDetails"] == record["OutputDetails"] == {"Included": True}, "details")
    return given["Items"] if "Items" in given else [given]


def main(folder, manifest_key, source):
    with open(source, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        expected = array("q", (hash(tuple(row)) for row in rows))
    seen = bytearray(len(expected))
    counts = {"FAILED": 0, "PENDING": 0, "SUCCEEDED": 0, "children": 0}
    names = set()
    for status, path in result_files(folder, manifest_key):
        for record in elements(path):
            counts["children"] += 1
            names.add(record.get("Name", counts["children"]))
            for item in items_of(record, status):
                require(len(item) == len(header), f"the item {item}")
                row = tuple(item[name] for name in header)
                number = int(row[0])
                require(hash(row) == expected[number], f"the item {item} is not the row {number}")
                require(not seen[number], f"the row {number} stands there twice")
                seen[number] = 1
                counts[status] += 1
    require(len(names) == counts["children"], "two children have one name")
    require(all(seen), f"the row {seen.find(0)} is missing")
    print(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
