#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""uncovered.py - every line and branch is taken by a test, but for those that are listed.

uncovered.py LIST COVERAGE.json FOLDER/

The list has, under each reason (a line that ends with a colon), the lines excused by it, indented:
"file: text of the line". Exit 1 if a line that is not listed was not executed or not in full, and
if a listed one was, or is not there any more.
"""
import json
import sys


def read_list(name):
    excused, reason = {}, None
    for number, line in enumerate(open(name), 1):
        line = line.rstrip("\n")
        if not line.strip() or line.startswith("#"):
            continue
        if not line[0].isspace():
            reason = line
            continue
        file, _, text = line.strip().partition(": ")
        if not text or reason is None:
            sys.exit(f"{name}:{number}: not 'file: text' under a reason")
        excused[(file, text)] = 0
    return excused


def partly(line):
    return line["count"] == 0 or any(branch["count"] == 0 for branch in line["branches"])


def main():
    excused = read_list(sys.argv[1])
    wrong = lines = branches = 0
    for file in json.load(open(sys.argv[2]))["files"]:
        if not file["file"].startswith(sys.argv[3]):
            continue
        source = open(file["file"]).read().split("\n")
        for line in file["lines"]:
            if line.get("gcovr/noncode"):
                continue
            lines += 1
            branches += len(line["branches"])
            text = source[line["line_number"] - 1].strip()
            if not partly(line):
                continue
            if (file["file"], text) in excused:
                excused[(file["file"], text)] += 1
                continue
            taken = sum(branch["count"] > 0 for branch in line["branches"])
            print(f"{file['file']}:{line['line_number']}: executed {line['count']} times, "
                  f"{taken} of {len(line['branches'])} branches: {text}")
            wrong += 1
    for (file, text), times in excused.items():
        if not times:
            print(f"{file}: listed, but covered or gone: {text}")
            wrong += 1
    if not lines:
        sys.exit(f"no lines of {sys.argv[3]} were counted")
    print(f"figure: {sys.argv[3]} {lines} lines and {branches} branches, all taken but on "
          f"{len(excused)} lines that are listed with the reason" if not wrong else
          f"{wrong} lines are not as they should be")
    return 1 if wrong else 0


sys.exit(main())
