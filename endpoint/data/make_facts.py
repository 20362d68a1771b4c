#!/usr/bin/env python3
"""Makes the facts about the AWS Step Functions API from botocore's service model.

    python3 make_facts.py BOTOCORE_WHEEL_OR_FOLDER DATE > stepfunctions-YYYY-MM.json

Kept: operations with their input and output shapes and declared errors; shapes with members, required, limits, patterns
and enums. Left out: documentation, exceptions, and the shapes that no operation reaches.
"""

import gzip
import io
import json
import pathlib
import re
import sys
import zipfile

MODEL = "botocore/data/stepfunctions/2016-11-23/service-2.json.gz"
KEPT = ("type", "required", "min", "max", "pattern", "enum", "sensitive")


def read(place):
    path = pathlib.Path(place)
    if path.is_dir():
        version = (path / "botocore/__init__.py").read_text()
        return (path / MODEL).read_bytes(), version
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(MODEL), wheel.read("botocore/__init__.py").decode()


def shape(model):
    kept = {name: model[name] for name in KEPT if name in model}
    if "members" in model:
        kept["members"] = {name: member["shape"] for name, member in model["members"].items()}
    if "member" in model:
        kept["member"] = model["member"]["shape"]
    if "key" in model:
        kept["key"], kept["value"] = model["key"]["shape"], model["value"]["shape"]
    return kept


def operation(model):
    kept = {"input": model["input"]["shape"], "output": model["output"]["shape"]}
    kept["errors"] = [error["shape"] for error in model.get("errors", [])]
    if "endpoint" in model:
        kept["hostPrefix"] = model["endpoint"]["hostPrefix"]
    return kept


def reached(shapes, names):
    seen, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            one = shapes[name]
            todo += list(one.get("members", {}).values())
            todo += [one[part] for part in ("member", "key", "value") if part in one]
    return seen


def lines(table):
    rows = [f'    {json.dumps(name)}: {json.dumps(table[name], separators=(",", ":"))}' for name in sorted(table)]
    return "{\n" + ",\n".join(rows) + "\n  }"


def main():
    packed, version = read(sys.argv[1])
    model = json.load(gzip.open(io.BytesIO(packed)))
    version = re.search(r"__version__ = '([^']+)'", version).group(1)
    operations = {name: operation(one) for name, one in model["operations"].items()}
    shapes = {name: shape(one) for name, one in model["shapes"].items()}
    wanted = [one[side] for one in operations.values() for side in ("input", "output")]
    shapes = {name: shapes[name] for name in reached(shapes, wanted)}
    print("{")
    print(f'  "source": {json.dumps(f"botocore {version}, {MODEL}")},')
    print(f'  "date": {json.dumps(sys.argv[2])},')
    print(f'  "targetPrefix": {json.dumps(model["metadata"]["targetPrefix"])},')
    print(f'  "operations": {lines(operations)},')
    print(f'  "shapes": {lines(shapes)}')
    print("}")


main()
