#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""A shared library shows the functions of its public headers and nothing else.

Arguments: library, map file, headers. What headers declare, what the map lists and what the dynamic
symbol table of the library defines must be the same.
"""
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import headers

library, map_file, *public = sys.argv[1:]


def listed():
    text = re.sub(r"/\*.*?\*/", " ", pathlib.Path(map_file).read_text(), flags=re.S)
    body = re.search(r"global:(.*?)local:\s*\*;", text, re.S).group(1)
    return {name.strip() for name in body.split(";") if name.strip()}


def defined():
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    rows = [line.split() for line in lines]
    # Type A: the name of the version itself.
    return {row[-1].split("@")[0]: row[-2] for row in rows if row[-2] != "A"}


want = set().union(*(headers.functions(header) for header in public))
in_map, in_library = listed(), defined()
wrong = []
if len(want) < 5:
    wrong.append(f"only {len(want)} declarations found: the check itself is broken")
for name in sorted(want - in_map):
    wrong.append(f"{name} is declared but not in {map_file}")
for name in sorted(in_map - want):
    wrong.append(f"{name} is in {map_file} but in no public header")
for name in sorted(in_map - set(in_library)):
    wrong.append(f"{name} is in {map_file} but not in {library}")
for name in sorted(set(in_library) - in_map):
    wrong.append(f"{library} shows {name}, which is not in {map_file}")
for name, kind in sorted(in_library.items()):
    if kind != "T":
        wrong.append(f"{library} shows {name}, which is no function (nm: {kind})")
print("\n".join(wrong) or f"{len(want)} functions")
sys.exit(1 if wrong else 0)
