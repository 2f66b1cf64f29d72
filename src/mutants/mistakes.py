#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Builds mistakes into sources.

mistakes.py DIFF SRC OUT: for each file that DIFF names, its copy in OUT with the changes made. DIFF
is a unified diff without line numbers: a hunk belongs where its old lines stand, which must be so in
one place of the file.
"""
import pathlib
import sys

diff, src, out = map(pathlib.Path, sys.argv[1:])
hunks = {}
for line in diff.read_text().splitlines(keepends=True):
    if line.startswith("--- "):
        file = hunks.setdefault(line[4:].strip(), [])
    elif line.startswith("@@"):
        file.append([])
    elif line[0] != "#":
        file[-1].append(line)
for name, changes in hunks.items():
    path = src / name
    text = path.read_text()
    for change in changes:
        old = "".join(line[1:] for line in change if line[0] != "+")
        new = "".join(line[1:] for line in change if line[0] != "-")
        if text.count(old) != 1:
            sys.exit(f"{diff}: not in one place of {path}:\n{old}")
        text = text.replace(old, new)
    copy = out / path.name
    # In place of a link, not through it.
    copy.unlink(missing_ok=True)
    copy.write_text(f'#line 1 "{path}"\n{text}')
