#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""No circles: the files of a library stand above one another, each using only what is below.

floors.py NM LIBRARY|FOLDER...: a file uses another one if its object, in a library or in the folder
of a program's own, needs a symbol that only the other one's defines. Rings of such files are
findings, unless ALLOWED names them with a reason, which only the upper rooms of the house may have.
"""
import collections
import pathlib
import re
import subprocess
import sys

# No exception in these, ever.
STRICT = {"abi", "host", "machine", "seam", "vmm"}
# Library: [(files of one ring, why it is one)].
ALLOWED: dict[str, list[tuple[set[str], str]]] = {}


def symbols(nm, place):
    """Per object: what it defines and what it needs."""
    defines, needs = collections.defaultdict(set), collections.defaultdict(set)
    files = sorted(place.glob("*.o")) if place.is_dir() else [place]
    text = subprocess.run([nm, *files], check=True, capture_output=True, text=True).stdout
    member = None
    for line in text.splitlines():
        if line.endswith(":"):
            member = re.sub(r"\.[co]$", "", pathlib.PurePath(line[:-1]).name.removesuffix(".o"))
            defines[member]
        elif match := re.match(r"[0-9a-f]* *([A-Za-z]) (\S+)$", line.strip()):
            kind, symbol = match.groups()
            (needs if kind in "Uvw" else defines)[member].add(symbol)
    return defines, needs


def uses(defines, needs):
    """Who uses whom."""
    owner = collections.defaultdict(set)
    for member, names in defines.items():
        for name in names:
            owner[name].add(member)
    edges = {member: set() for member in defines}
    for member, names in needs.items():
        for name in names:
            if len(owner[name]) == 1:
                edges[member] |= owner[name] - {member}
    return edges


def reach(edges, start):
    seen, todo = set(), [start]
    while todo:
        for member in edges[todo.pop()] - seen:
            seen.add(member)
            todo.append(member)
    return seen


def rings(edges):
    below = {member: reach(edges, member) for member in edges}
    found = {frozenset(m for m in below[a] if a in below[m]) for a in edges if a in below[a]}
    return sorted(found, key=sorted)


bad, files, links = [], 0, 0
for place in map(pathlib.Path, sys.argv[2:]):
    floor = re.sub(r"^libpamt-|\.[ap]$", "", place.name)
    edges = uses(*symbols(sys.argv[1], place))
    files += len(edges)
    links += sum(map(len, edges.values()))
    allowed = [ring for ring, why in ALLOWED.get(floor, []) if why]
    if floor in STRICT and allowed:
        bad.append(f"{floor}: exceptions are not for this floor")
    found = rings(edges)
    for ring in found:
        if ring not in allowed:
            names = ", ".join(sorted(ring))
            inside = ", ".join(f"{a} uses {b}" for a in sorted(ring)
                               for b in sorted(edges[a] & ring))
            bad.append(f"{floor}: a ring of {names} ({inside})")
    bad += [f"{floor}: no ring of {', '.join(sorted(ring))} any more: take it off the list"
            for ring in allowed if ring not in found]
if links < files or not files:
    bad.append(f"{links} uses among {files} files: the check itself is broken")
print("\n".join(bad) or f"{files} files use one another {links} times and never in a circle")
sys.exit(1 if bad else 0)
